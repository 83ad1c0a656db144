"""Statistics of the paper's figures: binomial spread, Gini coefficient, averages; no torch."""

import numpy as np
from scipy import stats

from memlib.base.errors import InputError


def compute_dispersion(
    n_correct: np.ndarray, n_trials: int, groups: np.ndarray | None = None
) -> float:
    """Compare the spread of P(correct) over examples with that of a binomial (Fig. 1).

    Null: every example of a group is right with the same probability, independently in each
    training. The value is then 1, up to chance.

    Parameters
    ----------
    n_correct
        (example,): in how many of the trainings an example was classified correctly.
    n_trials
        Number of trainings.
    groups
        (example,): a class of each example; the binomial then has a probability of its own in
        each. Without, one probability for all, as in the paper.

    Returns
    -------
    float
        Standard deviation of P(correct), divided by the binomial's, 0 or more. Both are of means
        over examples; with groups, of the deviations from the group's own mean.

    Raises
    ------
    InputError
        When all examples are always right, or always wrong: the binomial has no spread.
    """
    p = np.asarray(n_correct, float) / n_trials
    codes = np.zeros(len(p), int) if groups is None else np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(codes)
    means = np.bincount(codes, p) / sizes
    # A group's own mean takes one degree of freedom; a group of one example says nothing.
    freedom = len(p) - len(sizes)
    expected = (sizes - 1) @ (means * (1 - means)) / n_trials
    if freedom < 1 or expected == 0:
        raise InputError("every example is always right or always wrong: there is no binomial")
    # The mean is estimated from all trainings of the group; n - 1 of n keeps the null's value 1.
    return float(np.sqrt(((p - means[codes]) ** 2).sum() / expected))


def binomial_curve(
    n_examples: int,
    n_trials: int,
    probabilities: np.ndarray | float,
) -> np.ndarray:
    """Return the curve of sorted P(correct) that equally difficult examples would give (Fig. 1).

    Parameters
    ----------
    n_examples, n_trials
        Points of the curve, and trainings behind each.
    probabilities
        One probability, as in the paper, or (example,): one each, for example its class's mean.

    Returns
    -------
    numpy.ndarray
        float64 (n_examples,), increasing: quantiles of the (mixture of) binomials at
        (i - 1/2) / n_examples.
    """
    values, weights = np.unique(np.atleast_1d(probabilities), return_counts=True)
    at = np.arange(n_trials + 1)
    each = [stats.binom.cdf(at, n_trials, value) for value in values]
    cumulative = np.average(each, axis=0, weights=weights)
    wanted = (np.arange(n_examples) + 0.5) / n_examples
    # Rounding aside: a last value just below 1 still counts as 1.
    found = np.searchsorted(cumulative, wanted - 1e-12)
    return np.minimum(found, n_trials) / n_trials


def compute_gini(values: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return the Gini coefficient of non-negative values: 0 all equal, near 1 all in one (Fig. 3).

    ``sum_ij |x_i - x_j| / (2 n sum x)``, from sorted values in n log n.

    Raises
    ------
    InputError
        For negative or non-finite values, or when all are 0: their inequality is not defined.
    """
    values = np.asarray(values, float)
    if not np.isfinite(values).all() or (values < 0).any():
        raise InputError("the Gini coefficient takes finite values, 0 or more")
    ordered = np.sort(np.moveaxis(values, axis, -1), -1)
    largest = ordered[..., -1:]
    if ordered.shape[-1] == 0 or (largest == 0).any():
        raise InputError("all values are 0: their Gini coefficient is not defined")
    ordered = ordered / largest  # sums neither overflow nor vanish
    n = ordered.shape[-1]
    ranks = 2 * np.arange(1, n + 1) - n - 1
    return (ordered * ranks).sum(-1) / (n * ordered.sum(-1))


def running_mean(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Average over time from the first time to each, weighted by the trapezoid rule.

    Parameters
    ----------
    values
        (time, ...).
    times
        (time,), increasing; they may be spaced unevenly.

    Returns
    -------
    numpy.ndarray
        (time, ...): at the first time the value itself.
    """
    parts = _intervals(values, times)
    sums = np.cumsum(parts, axis=0)
    passed = (times[1:] - times[0]).reshape(-1, *[1] * (values.ndim - 1))
    return np.concatenate([values[:1].astype(float), sums / passed])


def largest_interval_share(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return what share of each running mean comes from one interval of time, float64 (time,).

    Near 1, one moment of a chaotic training is all of the average. At the first time, where there
    is no interval, and at the second, where there is one, it is 1.

    Parameters
    ----------
    values
        (time,), 0 or more and not all 0.
    times
        (time,), increasing.
    """
    parts = _intervals(values, times)
    shares = np.maximum.accumulate(parts) / np.cumsum(parts)
    return np.concatenate([[1.0], shares])


def _intervals(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return the area below the values between neighbouring times, (time - 1, ...)."""
    if len(values) != len(times) or not (np.diff(times) > 0).all():
        raise InputError("times have to increase, one for each value")
    widths = np.diff(times).reshape(-1, *[1] * (values.ndim - 1))
    return widths * (values[1:].astype(float) + values[:-1]) / 2


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Return Spearman's rank correlation; 0 where one of both is constant.

    Infinite values (a run that never converged) rank last, alike.
    """
    ranks = [stats.rankdata(np.asarray(one, float)) for one in (x, y)]
    if any(np.ptp(one) == 0 for one in ranks):
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def kendall(x: np.ndarray, y: np.ndarray) -> float:
    """Return Kendall's rank correlation tau-b; 0 where one of both is constant."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(stats.kendalltau(x, y).statistic)
