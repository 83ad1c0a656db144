"""What runs cost, in seconds of one core of the machine in our benchmark.

For the time left and for `--dry-run` only: no result depends on these numbers, and other machines
differ by a factor of two or so.
"""

from typing import TYPE_CHECKING

from memlib.architectures import ARCHITECTURES

if TYPE_CHECKING:
    from memlib.null_piece import NullBlock
    from memlib.plan import Plan
    from memlib.training_piece import Training

STEP_SECONDS = {"a": 1.4e-3, "b": 1.8e-3, "c": 0.075, "d": 1.4e-3, "e": 1.8e-3, "f": 0.075}
TREE_ROW_SECONDS = 1.5e-7  # one row of one tree, fitted
PROCESS_GIB = 0.85  # resident memory of one working process: Python, torch, numba and the images
FORWARD_SECONDS = {False: 5e-6, True: 4e-4}  # one image through an MLP, a CNN


def training_seconds(piece: "Training") -> float:
    """Estimate the time of a training's missing epochs."""
    settings = piece.settings
    missing = piece.missing_epochs()
    n_epochs = (missing[-1] - piece.epochs_done()) if missing else 0
    n_steps = -(-settings.n_images // settings.batch_size)
    return max(n_epochs, 0) * n_steps * STEP_SECONDS[piece.panel] * settings.batch_size / 128


def null_seconds(piece: "NullBlock") -> float:
    """Estimate the time of one null block."""
    settings = piece.training.settings
    n_sets = 2 + len(piece.strengths)
    forward = FORWARD_SECONDS[ARCHITECTURES[piece.training.panel].is_cnn]
    fits = len(piece.labellings) * settings.n_trees * TREE_ROW_SECONDS * (1 + n_sets / 4)
    return settings.n_images * (fits + n_sets * forward)


def describe_plan(one: "Plan", *, n_jobs: int) -> str:
    """Return what a run would compute: pieces, core hours, time and memory with `n_jobs`."""
    trainings, nulls = one.missing()
    lines = [f"{one.settings.figure} at {one.settings.scale} scale, estimated for one core:"]
    total = 0.0
    for panel in one.settings.panels:
        own = [piece for piece in trainings if piece.panel == panel]
        blocks = [piece for piece in nulls if piece.training.panel == panel]
        training = sum(map(training_seconds, own))
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
    longest = max(map(training_seconds, trainings), default=0.0)
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
