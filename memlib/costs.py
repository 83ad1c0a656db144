"""What pieces cost, in seconds of one core of the machine in our benchmark: for time left only."""

from typing import TYPE_CHECKING

from memlib.architectures import ARCHITECTURES

if TYPE_CHECKING:
    from memlib.null_piece import NullBlock
    from memlib.training_piece import Training

STEP_SECONDS = {"a": 0.8e-3, "b": 1.1e-3, "c": 0.13, "d": 0.9e-3, "e": 1.4e-3, "f": 0.13}
TREE_ROW_SECONDS = 3e-7  # one row of one tree, fitted and predicted on four sets
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
