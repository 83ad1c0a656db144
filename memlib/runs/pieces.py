"""Pieces of work: what a run is cut into, and carrying them out in a process.

A piece knows its key (a digest of all that its result depends on, code included), where it is
stored, what of it is missing, and how to compute that. Pieces are shared by all runs whose choices
lead to the same key.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from memlib.base import files
from memlib.base.errors import MemlibError, ResultError
from memlib.base.parallel import one_thread

if TYPE_CHECKING:
    from memlib.runs.settings import Settings


class Piece(ABC):
    """One piece of a run; subclasses are frozen dataclasses.

    Attributes
    ----------
    settings, panel, seed
        The run, and which of its networks.
    device
        Where it is computed; as the settings say when None.
    """

    kind: ClassVar[str] = "measures"  # what several of it are called

    settings: "Settings"
    panel: str
    seed: int
    device: str | None

    @property
    @abstractmethod
    def spec(self) -> dict[str, Any]:
        """All that what is stored depends on."""

    @property
    @abstractmethod
    def place(self) -> Path:
        """The folder or file where it is stored; pieces that share it are computed in turn."""

    @property
    def asked(self) -> Hashable:
        """What is asked of the place, where runs may ask different things of one."""
        return None

    @property
    def needs(self) -> "tuple[Piece, ...]":
        """Pieces that have to be stored before this one can be computed."""
        return ()

    @abstractmethod
    def is_stored(self) -> bool:
        """Whether all that is asked for is there."""

    @abstractmethod
    def compute(self) -> None:
        """Compute and store what is missing."""

    @abstractmethod
    def seconds_left(self) -> float:
        """Estimate the time that what is missing takes one core."""

    @abstractmethod
    def seconds_in_all(self) -> float:
        """Estimate the time of all of it, as if nothing were stored."""

    def share_done(self) -> float:
        """Return how much of it is done, from 0 to 1; what is under way counts."""
        return float(self.place.exists() and self.is_stored())

    def on(self, device: str) -> Self:
        """Return the piece for a device, without the keys that were made for another."""
        return replace(self, device=device)  # type: ignore[type-var]

    def depends_on(self) -> dict[str, Any]:
        """Return all that the piece depends on, with what it needs."""
        about: dict[str, Any] = {}
        for piece in self.needs:
            about |= piece.depends_on()
        return about | self.spec


@contextmanager
def told_of(path: Path) -> Iterator[None]:
    """Turn what a piece of other content leads to, keys or shapes, into a line that names it.

    Raises
    ------
    ResultError
        In place of a KeyError, a ValueError and their like.
    """
    try:
        yield
    except MemlibError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise ResultError(
            f"{path} does not hold what memlib writes ({type(error).__name__}): delete it and run "
            "again; the other pieces are kept"
        ) from error


def pieces_folder() -> Path:
    """Return the folder of all pieces."""
    return files.results_dir() / "pieces"


def compute_pieces(pieces: Sequence[Piece], results: str) -> None:
    """Compute what is missing of pieces that share a place; what a process is given.

    Parameters
    ----------
    pieces
        Computed one after the other.
    results
        Results folder; a worker of a cluster does not inherit our environment.
    """
    if files.results_dir().resolve() != Path(results):  # it is in the caller's own process
        os.environ["MEMLIB_RESULTS"] = results
    for piece in pieces:
        with one_thread():
            piece.compute()
