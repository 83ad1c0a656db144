"""Classifiers that are linear in the labels, and their permutation null in closed form.

A smoother scores class c of evaluation sample i by ``sum over j of K_ij [label j is c]``. Its
weights K depend on the features alone, so that all shuffles of the labels are one matrix product
``K @ labels``, and the expected null accuracy follows from K without any shuffle.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from scipy.sparse import csr_array, eye_array
from sklearn.neighbors import NearestNeighbors

from memlib.base.errors import InputError
from memlib.method.names import N_NEIGHBOURS

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
