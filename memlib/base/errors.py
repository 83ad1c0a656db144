"""Errors that a user can mend: one line each, shown by the command line without a traceback."""

from typing import ClassVar


class MemlibError(Exception):
    """Something a user can mend; its text is one line: what, with which value, what is allowed.

    Attributes
    ----------
    lists_problems
        Whether the text is a list instead, one problem a line.
    """

    lists_problems: ClassVar[bool] = False


class InputError(MemlibError, ValueError):
    """A parameter, an argument or an array is not what the method can work with."""


class DataError(MemlibError):
    """A data file is missing, damaged or altered."""


class ResultError(MemlibError):
    """A stored result cannot be read, written or trusted."""
