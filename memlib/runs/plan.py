"""A plan of a figure run: which pieces it is put together from, and which of them are missing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from memlib.base import files, keys
from memlib.base.errors import InputError
from memlib.results.files import result_name
from memlib.runs.pieces import Piece
from memlib.runs.settings import Settings
from memlib.runs.study import study_of

RESULT_CODE = ("method/verdicts.py", "papers", "results", "runs")


MOST_PIECES = 1_000_000  # the paper's scale with 1,000 seeds has 600,000


class Cut(Sequence[Piece]):
    """The pieces of a run, cut when they are first looked at."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def _all(self) -> tuple[Piece, ...]:
        return tuple(study_of(self.settings).pieces(self.settings))

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, index: Any) -> Any:
        return self._all[index]


@dataclass(frozen=True)
class Plan:
    """All pieces of one figure run."""

    settings: Settings
    pieces: Sequence[Piece]

    @cached_property
    def digest(self) -> str:
        """Digest of all that the dataset depends on: parameters, data and code."""
        pieces = sorted({keys.digest(piece.spec) for piece in self.pieces})
        parameters = self.settings.model_dump(mode="json")
        return keys.digest([parameters, pieces, keys.code_digest(*RESULT_CODE)])

    @property
    def path(self) -> Path:
        """Where the figure's dataset is stored."""
        name = result_name(self.settings.figure, self.settings.scale, self.digest)
        return files.results_dir() / name

    def missing(self) -> list[Piece]:
        """Return the pieces still to compute: what others need first, the longest of it first.

        What nobody needs any more, since all that is made of it is stored, is left out.
        """
        measures = [one for one in self.pieces if not _only_needed(one) and not one.is_stored()]
        needed = {piece for one in measures for piece in one.needs}
        first = [one for one in self.pieces if one in needed and not one.is_stored()]
        return sorted(first, key=lambda one: one.seconds_left(), reverse=True) + measures

    def seconds_left(self) -> float:
        """Estimate the time of all that is missing, in seconds of one core."""
        return sum(piece.seconds_left() for piece in self.missing())


def _only_needed(piece: Piece) -> bool:
    from memlib.runs.trainings import Training

    return isinstance(piece, Training)


def stages(pieces: Sequence[Piece]) -> tuple[list[Piece], list[Piece]]:
    """Return those pieces that need no other, and those that do."""
    return [one for one in pieces if not one.needs], [one for one in pieces if one.needs]


def plan(settings: Settings) -> Plan:
    """Check a figure run and cut it into pieces.

    Raises
    ------
    InputError
        When the data file does not hold that many images, the run cannot be made of them, or it
        would be of more pieces than can be looked after.
    DataError
        When there is no such file, or it is damaged.
    """
    study = study_of(settings)
    study.check(settings)
    if (n_pieces := study.n_pieces(settings)) > MOST_PIECES:
        raise InputError(
            f"{settings.figure} with these settings is cut into {n_pieces:,} pieces, at most "
            f"{MOST_PIECES:,}: take fewer seeds, measured epochs or permutations"
        )
    return Plan(settings, Cut(settings))


def parts(settings: Settings) -> Iterator[Plan]:
    """Yield the plan of each panel and seed of a run alone, so that few pieces are kept at once."""
    for panel in settings.panels:
        for seed in settings.seeds:
            own = settings.model_copy(update={"panels": (panel,), "seed": seed, "n_seeds": 1})
            yield Plan(own, Cut(own))
