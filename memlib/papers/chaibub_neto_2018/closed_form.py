"""The null of classifiers that are linear in the labels, in closed form: no shuffle is needed."""

import numpy as np
from scipy.special import ndtr
from scipy.stats import hypergeom

from memlib.base.errors import InputError


def margin_moments(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each sample's margin under shuffled labels.

    The margin of sample i is ``y_i sum over j of K_ij y_j`` with labels y of -1 and 1, half of
    each, in random order: above 0 where the prediction is right. Both moments are exact. Given
    y_i, another label has mean ``-y_i / (n - 1)``, and two others are correlated; this leaves

    ``mean = K_ii - k_i`` and ``sd = sqrt(n) s_i``

    with k_i and s_i the mean and the (population) standard deviation of K_ij over j != i.

    Parameters
    ----------
    weights
        K, (n, n), n even: evaluation sample i is the perturbed twin of training sample i.
    """
    n = len(weights)
    if weights.shape != (n, n) or n < 2 or n % 2:
        raise InputError(f"weights {weights.shape}: (n, n) with an even n is needed")
    mean, sd = np.empty(n), np.empty(n)
    for i, row in enumerate(weights):
        others = np.delete(row, i) - row[i]  # as differences, so that equal weights are a tie
        mean[i], sd[i] = -others.mean(), np.sqrt(n) * others.std()
    return mean, sd


def expected_null_accuracy(weights: np.ndarray) -> float:
    """Return the mean null accuracy of a smoother for two balanced classes, without shuffling.

    Sample i is right with probability about ``Phi(mean_i / sd_i)``, see `margin_moments`. Nearly
    ``Phi(K_ii / sqrt(sum over j != i of K_ij^2))`` where the weights of the others sum to about 0.
    The only approximation is that a margin is normal: many samples must share the weight. For few
    neighbours take `expected_null_accuracy_neighbours`.

    Parameters
    ----------
    weights
        K, (n, n), n even, as `Smoother.weights` gives it for one s-validation set.

    Examples
    --------
    >>> expected_null_accuracy(np.eye(4)), expected_null_accuracy(np.full((4, 4), 0.25))
    (1.0, 0.5)
    """
    mean, sd = margin_moments(weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = mean / sd
    return float(ndtr(np.nan_to_num(z, nan=0.0)).mean())  # 0 / 0 is a tie: right half the time


def expected_null_accuracy_neighbours(neighbours: np.ndarray) -> float:
    """Return the mean null accuracy of nearest neighbours for two balanced classes, exactly.

    It depends only on the share of samples whose own twin is among their k neighbours: the other
    votes are drawn without replacement from n - 1 labels, of which n / 2 - 1 are right.

    Parameters
    ----------
    neighbours
        (n, k), n even: training samples nearest to each evaluation sample, see
        `NeighboursSmoother.neighbours`.

    Examples
    --------
    >>> expected_null_accuracy_neighbours(np.arange(4)[:, None])  # each finds its twin
    1.0
    """
    n, k = neighbours.shape
    if n < 2 or n % 2:
        raise InputError(f"{n} samples: balanced classes need an even number")
    found = float((neighbours == np.arange(n)[:, None]).any(axis=1).mean())
    right = []
    for own in (0, 1):
        others = np.arange(k - own + 1)
        share = hypergeom.pmf(others, n - 1, n // 2 - 1, k - own)
        right.append(share @ (np.sign(2 * (others + own) - k) + 1) / 2)  # a tie is right by half
    return float(found * right[1] + (1 - found) * right[0])
