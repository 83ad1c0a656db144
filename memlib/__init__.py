"""Did a network learn, or memorize? Shared structure validation sets (Chaibub Neto 2018).

Names are loaded when first used, from the places that ``__init__.pyi`` lists: torch takes seconds
to import, and much here works without it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
