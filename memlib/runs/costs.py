"""What runs cost, in seconds of one core of the machine in our benchmark.

For the time left and for `--dry-run` only: no result depends on these numbers, and other machines
differ by a factor of two or so.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from memlib.base.words import duration
from memlib.runs.pieces import Piece
from memlib.runs.settings import Settings
from memlib.runs.study import study_of
from memlib.runs.trainings import Training

if TYPE_CHECKING:
    from memlib.runs.plan import Plan

PROCESS_GIB = 0.85  # resident memory of one working process: Python, torch, numba and the images


def figure_seconds(settings: Settings) -> tuple[float, float]:
    """Estimate the times of a figure's whole training and of its measures, whatever is stored."""
    training = measures = 0.0
    for piece in study_of(settings).pieces(settings):
        if isinstance(piece, Training):
            training += piece.seconds_in_all()
        else:
            measures += piece.seconds_in_all()
    return training, measures


def describe_plan(one: "Plan", *, n_jobs: int, whole: bool = False) -> str:
    """Return what a run would compute: pieces, core hours, time and memory with `n_jobs`.

    When `whole`, as if nothing were stored: the same on every machine.
    """
    settings, pieces = one.settings, one.pieces if whole else one.missing()

    def seconds(piece: Piece) -> float:
        return piece.seconds_in_all() if whole else piece.seconds_left()

    lines = [f"{settings.figure} at {settings.scale} scale, estimated for one core:"]
    total = longest = 0.0
    for panel in settings.panels:
        own = [piece for piece in pieces if piece.panel == panel]
        trainings = [piece for piece in own if isinstance(piece, Training)]
        training = sum(map(seconds, trainings))
        total += sum(map(seconds, own))
        # The longest training bounds the whole from below, however many processes.
        longest = max([longest, *map(seconds, trainings)])
        last = study_of(settings).last_epoch(settings, panel)
        n_epochs = len(study_of(settings).epochs(settings, panel))
        text = f"  panel {panel}: train {len(trainings)} of {settings.n_seeds} to epoch {last:,} "
        text += f"({duration(training)}), measured at {n_epochs}"
        for kind, of_kind in by_kind([piece for piece in one.pieces if piece.panel == panel]):
            left = [piece for piece in own if type(piece).kind == kind]
            text += f"; {len(left)} of {len(of_kind)} {kind} ({duration(sum(map(seconds, left)))})"
        lines.append(text)
    wall = max(total / n_jobs, longest)
    lines.append(
        f"  in all {duration(total)} of one core; about {duration(wall)} with {n_jobs} "
        f"process{'es' if n_jobs > 1 else ''}, {PROCESS_GIB * n_jobs:.1f} GiB of memory"
    )
    return "\n".join(lines)


def by_kind(pieces: Sequence[Piece]) -> list[tuple[str, list[Piece]]]:
    """Sort pieces other than trainings by what they are called."""
    found: dict[str, list[Piece]] = {}
    for piece in pieces:
        if not isinstance(piece, Training):
            found.setdefault(piece.kind, []).append(piece)
    return list(found.items())
