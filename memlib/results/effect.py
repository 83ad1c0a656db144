"""How much is memorized, comparable between results of any size (no torch)."""

import numpy as np

from memlib.method.verdicts import (
    ROUNDING,
    SIGNIFICANCE,
    permutation_p_value,
)

COMMON_THRESHOLD = 0.02  # of a null's mean above chance, where results of any size are compared


def effect_threshold(n_samples: int) -> float:
    """Return how far a null's mean has to lie above chance for the verdict to call it memorized.

    For two balanced classes: 1.645 standard errors of an accuracy on that many samples, 0.018 for
    2,000 and 0.008 for 10,000. A larger training set makes the rule more sensitive, so a verdict
    *memorized* on one may be of a null that lies lower.
    """
    return 1.645 * 0.5 / float(np.sqrt(n_samples))


def verdict_at(
    p_value: np.ndarray, excess: np.ndarray, threshold: float = COMMON_THRESHOLD
) -> np.ndarray:
    """Return the reading of section 5 at a threshold of the effect, as codes into `VERDICTS`.

    *Memorized* when the null's mean lies above chance by `threshold` or more, whatever the number
    of samples; *learned* as in `decide_verdict`.
    """
    memorized = np.asarray(excess) >= threshold - ROUNDING
    learned = np.asarray(p_value) <= SIGNIFICANCE
    return (memorized + 2 * learned).astype(np.int8)


def below_null(null: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Return (C + 1) / (B + 1), with C the null scores not above the observed one.

    Section 5 has no word for an observed score below its null: the true labels are harder to read
    off perturbed images than shuffled ones. A small value says that this is so.
    """
    return permutation_p_value(-np.asarray(null), -np.asarray(observed))
