"""What no training can be run with: refused in one line, before any work; no torch here."""

import math
from numbers import Integral, Real

from memlib.base.errors import InputError


def check_whole(name: str, value: object, least: int) -> None:
    """Raise `InputError` unless a value is a whole number, `least` or more."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise InputError(f"{name} = {value!r}: take a whole number, {least} or more")


def check_flag(name: str, value: object) -> None:
    """Raise `InputError` unless a value is True or False."""
    if not isinstance(value, bool):
        raise InputError(f"{name} = {value!r}: take True or False")


def check_positive(name: str, value: object) -> None:
    """Raise `InputError` unless a value is a finite number above 0."""
    if not _is_finite(value) or not value > 0:  # type: ignore[operator]
        raise InputError(f"{name} = {value!r}: take a number above 0")


def check_not_negative(name: str, value: object) -> None:
    """Raise `InputError` unless a value is a finite number, 0 or more."""
    if not _is_finite(value) or value < 0:  # type: ignore[operator]
        raise InputError(f"{name} = {value!r}: take a number, 0 or more")


def check_share(name: str, value: object) -> None:
    """Raise `InputError` unless a value lies in [0, 1)."""
    if not _is_finite(value) or not 0 <= value < 1:  # type: ignore[operator]
        raise InputError(f"{name} = {value!r}: take a number from 0 to below 1")


def check_finite_number(name: str, value: object) -> None:
    """Raise `InputError` unless a value is a finite number."""
    if not _is_finite(value):
        raise InputError(f"{name} = {value!r}: take a finite number")


def _is_finite(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
