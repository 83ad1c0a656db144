"""What runs cost, in seconds of one core of the machine in our benchmark.

For the time left and for `--dry-run` only: no result depends on these numbers, and other machines
differ by a factor of two or so.
"""

from typing import TYPE_CHECKING

from memlib.base.words import duration
from memlib.runs.plan import parts
from memlib.runs.settings import Settings
from memlib.runs.study import study_of
from memlib.runs.trainings import Training

if TYPE_CHECKING:
    from memlib.runs.plan import Plan

# Resident memory of one process as a machine's limits count it: Python, torch, numba, scikit-learn.
PROCESS_GIB = 0.8
COPIES = 7  # of a run's samples, as float32, that a process holds at once
PIXELS = 784  # of an image, where the data is not looked at


def memory_gib(settings: Settings) -> float:
    """Estimate the resident memory of one process: what is loaded always, and the samples."""
    n_samples = settings.n_images + settings.n_validation_images
    return PROCESS_GIB + COPIES * n_samples * PIXELS * 4 / 2**30


def figure_seconds(settings: Settings) -> tuple[float, float]:
    """Estimate the times of a figure's whole training and of its measures, whatever is stored."""
    training = measures = 0.0
    for part in parts(settings):
        for piece in part.pieces:
            if isinstance(piece, Training):
                training += piece.seconds_in_all()
            else:
                measures += piece.seconds_in_all()
    return training, measures


class _Tally:
    """Pieces of one kind of a panel: how many there are, how many are to do, and their time."""

    def __init__(self) -> None:
        self.there = self.to_do = 0
        self.seconds = self.longest = 0.0

    def add(self, seconds: float) -> None:
        self.to_do += 1
        self.seconds += seconds
        self.longest = max(self.longest, seconds)


def describe_plan(one: "Plan", *, n_jobs: int, whole: bool = False) -> str:
    """Return what a run would compute: pieces, core hours, time and memory with `n_jobs`.

    When `whole`, as if nothing were stored: the same on every machine.
    """
    settings = one.settings
    tallies: dict[str, dict[str, _Tally]] = {panel: {} for panel in settings.panels}
    for part in parts(settings):
        own = tallies[part.settings.panels[0]]
        for piece in part.pieces:
            own.setdefault(piece.kind, _Tally()).there += 1
        for piece in part.pieces if whole else part.missing():
            own[piece.kind].add(piece.seconds_in_all() if whole else piece.seconds_left())
    lines = [f"{settings.figure} at {settings.scale} scale, estimated for one core:"]
    total = longest = 0.0
    for panel, kinds in tallies.items():
        total += sum(tally.seconds for tally in kinds.values())
        training = kinds.pop(Training.kind, _Tally())
        # The longest training bounds the whole from below, however many processes.
        longest = max(longest, training.longest)
        last = study_of(settings).last_epoch(settings, panel)
        n_epochs = len(study_of(settings).epochs(settings, panel))
        text = f"  panel {panel}: train {training.to_do} of {settings.n_seeds} to epoch {last:,} "
        text += f"({duration(training.seconds)}), measured at {n_epochs}"
        for kind, tally in kinds.items():
            text += f"; {tally.to_do} of {tally.there} {kind} ({duration(tally.seconds)})"
        lines.append(text)
    wall = max(total / n_jobs, longest)
    lines.append(
        f"  in all {duration(total)} of one core; about {duration(wall)} with {n_jobs} "
        f"process{'es' if n_jobs > 1 else ''}, {memory_gib(settings) * n_jobs:.1f} GiB of memory"
    )
    return "\n".join(lines)
