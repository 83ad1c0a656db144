"""Classifiers that are linear in the labels, and their permutation null in closed form.

A smoother scores class c of evaluation sample i by ``sum over j of K_ij [label j is c]``. Its
weights K depend on the features alone, so that all shuffles of the labels are one matrix product
``K @ labels``, and the expected null accuracy follows from K without any shuffle.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from scipy.sparse import csr_array, eye_array
from scipy.special import ndtr
from scipy.stats import hypergeom
from sklearn.neighbors import NearestNeighbors

from memlib.base.errors import InputError
from memlib.method.fast.limits import N_NEIGHBOURS

BLOCK = 2**22  # values held at once beside the results: 32 MiB of float64


class Smoother(ABC):
    """Features given once; many labellings follow as one product. No randomness, so no seed.

    Labels are codes 0 to k - 1. Equal scores go to the lowest label, as in scikit-learn.
    """

    @abstractmethod
    def _factors(self, sets: np.ndarray) -> tuple[Any, Any]:
        """Return (m, r) and (r, n), whose product is K for the rows of `sets`, or a multiple."""

    def weights(self, sets: np.ndarray) -> np.ndarray:
        """Return K, float64 (m, n): the weight of each training sample for each row of `sets`."""
        left, right = self._factors(sets)
        return left @ right

    def predict(self, labels: np.ndarray, sets: np.ndarray, *, seed: int = 0) -> np.ndarray:
        """Return the predicted labels, int64 (m,), of the rows of `sets`; `seed` is not used."""
        return self.predict_many(np.asarray(labels)[None], sets)[0]

    def predict_many(self, labellings: np.ndarray, sets: np.ndarray) -> np.ndarray:
        """Return predicted labels, int64 (B, m), for labellings (B, n) and rows (m, feature)."""
        labellings = np.asarray(labellings)
        if labellings.dtype.kind not in "biu" or labellings.min(initial=0) < 0:
            raise InputError(
                f"labels are {labellings.dtype} from {labellings.min()} on: take codes 0 to k - 1"
            )
        left, right = self._factors(sets)
        n_classes = int(labellings.max(initial=1)) + 1
        n_columns = 1 if n_classes == 2 else n_classes
        predicted = np.empty((len(labellings), len(sets)), np.int64)
        size = max(1, BLOCK // (n_columns * max(left.shape[0], right.shape[1])))
        for start in range(0, len(labellings), size):
            part = labellings[start : start + size].T
            if n_classes == 2:  # -1 and 1: half the work, and ties of small integers stay exact
                scores = left @ (right @ (2.0 * part - 1))
                predicted[start : start + size] = scores.T > 0
            else:
                one_hot = (part[:, :, None] == np.arange(n_classes)).astype(float)
                scores = left @ (right @ one_hot.reshape(len(part), -1))
                scores = scores.reshape(len(scores), -1, n_classes)
                predicted[start : start + size] = scores.argmax(axis=2).T
        return predicted


class RidgeSmoother(Smoother):
    """Ridge regression on the labels, as scikit-learn's ``RidgeClassifier`` in float64.

    ``K = 1/n + (x - mean)' (X'X + alpha I)^-1 X'`` with centred training features X (n, feature)
    and a penalty alpha of 0 or more; the intercept is free. For alpha towards 0 and classes of
    one size it is the linear (Fisher) discriminant.
    """

    def __init__(self, features: np.ndarray, *, alpha: float = 1.0) -> None:
        features = np.asarray(features, float)
        self._mean = features.mean(axis=0)
        u, s, vt = np.linalg.svd(features - self._mean, full_matrices=False)
        # Directions in which the features do not vary (dead units) are rounding errors.
        tolerance = np.finfo(float).eps * max(features.shape) * np.linalg.norm(features)
        u, s, vt = u[:, s > tolerance], s[s > tolerance], vt[s > tolerance]
        self._axes = vt.T
        self._right = np.vstack([np.ones(len(u)), (u * (s / (s**2 + alpha))).T])

    def _factors(self, sets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        left = (np.asarray(sets, float) - self._mean) @ self._axes
        # 1/n stands here, not at the right: the sum of balanced labels is then exactly 0.
        share = np.full((len(left), 1), 1 / self._right.shape[1])
        return np.hstack([share, left]), self._right


class NeighboursSmoother(Smoother):
    """Nearest neighbours by Euclidean distance with one vote each, as ``KNeighborsClassifier``.

    The neighbours come from scikit-learn's own search with its defaults, once for all labellings.
    Where training samples are equally far, the search decides as in the classifier; with brute
    force (more than 15 features) that can depend on the number of threads and on which rows are
    asked for together, in scikit-learn as here.
    """

    def __init__(self, features: np.ndarray, *, n_neighbours: int = N_NEIGHBOURS) -> None:
        if not 1 <= n_neighbours <= len(features):
            raise InputError(f"{n_neighbours} neighbours of {len(features)} samples: take 1 to all")
        self._n_samples, self._n_neighbours = len(features), n_neighbours
        self._search = NearestNeighbors(n_neighbors=n_neighbours).fit(features)

    def neighbours(self, sets: np.ndarray) -> np.ndarray:
        """Return the training samples, int64 (m, n_neighbours), nearest to the rows of `sets`."""
        return self._search.kneighbors(sets, return_distance=False)

    def weights(self, sets: np.ndarray) -> np.ndarray:
        """Return K, float64 (m, n): 1 / n_neighbours for each neighbour, 0 for the others."""
        votes, _ = self._factors(sets)
        return votes.toarray() / self._n_neighbours

    def _factors(self, sets: np.ndarray) -> tuple[csr_array, csr_array]:
        columns = self.neighbours(sets).ravel()
        starts = np.arange(0, len(columns) + 1, self._n_neighbours)
        # Votes, not shares of them: sums of whole numbers, so that ties are exact.
        shape = len(sets), self._n_samples
        votes = csr_array((np.ones(len(columns)), columns, starts), shape=shape)
        return votes, eye_array(self._n_samples, format="csr")


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
