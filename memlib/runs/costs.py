"""What runs cost, in seconds of one core of the machine in our benchmark.

For the time left and for `--dry-run` only: no result depends on these numbers, and other machines
differ by a factor of two or so.
"""

import math
from typing import TYPE_CHECKING

from memlib.method.classifiers import FORESTS
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES

if TYPE_CHECKING:
    from memlib.papers.chaibub_neto_2018.figures import Settings
    from memlib.papers.chaibub_neto_2018.null_pieces import NullBlock
    from memlib.runs.plan import Plan
    from memlib.runs.trainings import Training

STEP_SECONDS = {"a": 1.4e-3, "b": 1.8e-3, "c": 0.075, "d": 1.4e-3, "e": 1.8e-3, "f": 0.075}
# One row of a fit at 2,000 rows, and of one tree where trees are fitted.
ROW_SECONDS = {
    "random_forest": 1.5e-7,
    "random_forest_sklearn": 1.2e-6,
    "extra_trees": 7e-7,
    "nearest_neighbours": 1e-6,
    "ridge": 1e-7,
    "logistic_regression": 1e-6,
    "linear_discriminant": 1e-6,
    "svm": 1.2e-4,
}
PROCESS_GIB = 0.85  # resident memory of one working process: Python, torch, numba and the images
FORWARD_SECONDS = {False: 5e-6, True: 4e-4}  # one image through an MLP, a CNN


def training_seconds(piece: "Training") -> float:
    """Estimate the time of a training's missing epochs."""
    missing = piece.missing_epochs()
    # Later networks may be stored by other runs: all from the first missing epoch on is trained.
    n_epochs = missing[-1] - piece.goes_on_after() if missing else 0
    return training_time(piece.settings, piece.panel, max(n_epochs, 0))


def null_seconds(piece: "NullBlock") -> float:
    """Estimate the time of one null block."""
    training = piece.training
    return fits_seconds(
        training.settings, training.panel, len(piece.labellings), len(piece.strengths)
    )


def missing_seconds(one: "Plan") -> float:
    """Estimate the time of all that a run still has to compute."""
    trainings, nulls = one.missing()
    return sum(map(training_seconds, trainings)) + sum(map(null_seconds, nulls))


def figure_seconds(settings: "Settings") -> tuple[float, float]:
    """Estimate the times of a figure's whole training and of its nulls, whatever is stored."""
    training = null = 0.0
    for panel in settings.panels:
        epochs = settings.epoch_grid(panel)
        training += training_time(settings, panel, epochs[-1])
        null += len(epochs) * fits_seconds(
            settings, panel, settings.n_permutations + 1, len(settings.perturbations)
        )
    return settings.n_seeds * training, settings.n_seeds * null


def training_time(settings: "Settings", panel: str, n_epochs: int) -> float:
    """Estimate the seconds of training a panel for some epochs."""
    batch_size = min(settings.batch_size, settings.n_images)
    n_steps = -(-settings.n_images // batch_size)
    return n_epochs * n_steps * STEP_SECONDS[panel] * batch_size / 128


def fits_seconds(settings: "Settings", panel: str, n_fits: int, n_strengths: int) -> float:
    """Estimate the seconds of fitting classifiers on one network's features and scoring them."""
    n_sets = 2 + n_strengths
    forward = FORWARD_SECONDS[ARCHITECTURES[panel].is_cnn]
    fits = n_fits * _row_seconds(settings) * (1 + n_sets / 4)
    return settings.n_images * (fits + n_sets * forward)


def _row_seconds(settings: "Settings") -> float:
    row, n_rows = ROW_SECONDS[settings.classifier], settings.n_images
    if settings.classifier in FORESTS:
        return row * settings.n_trees * math.log(n_rows) / math.log(2000)
    return row * n_rows / 2000 if settings.classifier == "svm" else row


def describe_plan(one: "Plan", *, n_jobs: int, whole: bool = False) -> str:
    """Return what a run would compute: pieces, core hours, time and memory with `n_jobs`.

    When `whole`, as if nothing were stored: the same on every machine.
    """
    trainings, nulls = (one.trainings, one.nulls) if whole else one.missing()

    def seconds(piece: "Training") -> float:
        if whole:
            return training_time(piece.settings, piece.panel, piece.epochs[-1])
        return training_seconds(piece)

    lines = [f"{one.settings.figure} at {one.settings.scale} scale, estimated for one core:"]
    total = 0.0
    for panel in one.settings.panels:
        own = [piece for piece in trainings if piece.panel == panel]
        blocks = [piece for piece in nulls if piece.training.panel == panel]
        training = sum(map(seconds, own))
        null = sum(map(null_seconds, blocks))
        total += training + null
        epochs = one.settings.epoch_grid(panel)
        n_seeds = one.settings.n_seeds
        n_blocks = sum(piece.training.panel == panel for piece in one.nulls)
        lines.append(
            f"  panel {panel}: train {len(own)} of {n_seeds} to epoch {epochs[-1]:,} "
            f"({duration(training)}); {len(blocks)} of {n_blocks} null blocks at "
            f"{len(epochs)} epochs ({duration(null)})"
        )
    # Seconds of the longest training bound the whole from below, however many processes.
    longest = max(map(seconds, trainings), default=0.0)
    wall = max(total / n_jobs, longest)
    lines.append(
        f"  in all {duration(total)} of one core; about {duration(wall)} with {n_jobs} "
        f"process{'es' if n_jobs > 1 else ''}, {PROCESS_GIB * n_jobs:.1f} GiB of memory"
    )
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """Return a time in words: ``40 s``, ``12 min``, ``3.4 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
