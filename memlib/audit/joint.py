"""One statement over several strengths, and intervals of a share."""

import numpy as np

from memlib.method.verdicts import ROUNDING, permutation_p_value


def joint_p_value(null: np.ndarray, observed: np.ndarray) -> float:
    """Return one p-value for several sets, by the largest score over them under the same shuffles.

    Scores of each set are put in units of their own spread, over all labellings with the true one
    among them, so that under the null hypothesis every labelling is treated alike (Westfall and
    Young 1993). It counts the shuffles whose largest score is not below that of the true labels.

    Parameters
    ----------
    null
        (set, permutation).
    observed
        (set,).
    """
    scores = np.concatenate([np.asarray(observed)[:, None], np.asarray(null)], axis=1)
    spread = scores.std(axis=1, keepdims=True)
    largest = ((scores - scores.mean(axis=1, keepdims=True)) / np.where(spread, spread, 1)).max(0)
    return float(permutation_p_value(largest[1:], largest[0] - ROUNDING))


def wilson_interval(share: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of n by Wilson's score (1927)."""
    from scipy.stats import binomtest

    interval = binomtest(round(share * n), n).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)
