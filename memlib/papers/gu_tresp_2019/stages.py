"""The stages of a training, found by rule in its accuracies: hunting and fitting (no torch).

The rules speak of the running training accuracy: that of the mini-batches of an epoch, each before
the update that it brings.
"""

import numpy as np

FIRST_SIGNS = 0.1  # above chance, where hunting ends
PATIENCE = 3  # epochs in a row with all training images right, after which a training ends


def first_epoch(accuracy: np.ndarray, epochs: np.ndarray, level: float) -> float:
    """Return the first epoch at which an accuracy reaches a level, infinity if it never does.

    Parameters
    ----------
    accuracy, epochs
        (epoch,); NaN where an epoch was not run or not measured.
    level
        0 to 1.
    """
    reached = np.flatnonzero(accuracy >= level)  # NaN never does
    return float(epochs[reached[0]]) if len(reached) else np.inf


def hunting_epochs(running_accuracy: np.ndarray, epochs: np.ndarray, chance: float) -> float:
    """Return T_hunt, at which the hunting stage ends: accuracy 0.1 above chance for the first time.

    Infinity when it never ends.
    """
    return first_epoch(running_accuracy, epochs, chance + FIRST_SIGNS)


def middle_epoch(running_accuracy: np.ndarray, epochs: np.ndarray, chance: float) -> float:
    """Return T_mid: the first epoch half-way between chance and 1; infinity if there is none."""
    return first_epoch(running_accuracy, epochs, (1 + chance) / 2)


def has_fitted(train_accuracy: np.ndarray, patience: int = PATIENCE) -> bool:
    """Whether the last `patience` epochs have all training images right, by an evaluation.

    One epoch is not enough: at a constant learning rate networks bounce.

    Parameters
    ----------
    train_accuracy
        (epoch,), of all epochs so far.
    """
    last = np.asarray(train_accuracy)[-patience:]
    return len(last) == patience and bool((last == 1).all())
