"""Functions compiled by numba, kept on disk where there is a place for them."""

from collections.abc import Callable
from typing import Any

from numba import njit


def jit(function: Callable, **options: Any) -> Any:
    """Return ``numba.njit`` of a function, cached on disk where there is a writable directory."""
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # numba found nowhere to put its cache: compiled anew in every process
        return njit(**options)(function)


def is_kept() -> bool:
    """Say whether compiled code is kept on disk, for the next process to find."""
    try:
        njit(cache=True)(is_kept)
    except RuntimeError:
        return False
    return True
