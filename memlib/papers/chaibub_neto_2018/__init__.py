"""Chaibub Neto (2018): its figures, networks, quantities, claims, open choices and plots."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
