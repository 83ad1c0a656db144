"""Did a network learn, or memorize? Shared structure validation sets (Chaibub Neto 2018)."""

import lazy_loader

# Loaded when first used: torch takes seconds to import, and much here works without it.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
