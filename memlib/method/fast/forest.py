"""Random forests for the permutation null: one set of features, many label vectors.

The trees are those of scikit-learn's ``RandomForestClassifier`` (Breiman 2001): Gini, grown out,
bootstrap, ``max_features`` drawn at each node. Permutations change labels only, so all that hangs
on the features alone (columns, their distinct values, each row's rank among these) is computed
once, and trees are grown on the ranks (`forest_split`, `forest_trees`).
"""

from numbers import Integral
from typing import Literal

import numpy as np

from memlib.base.errors import InputError
from memlib.method.fast.forest_trees import forest_votes
from memlib.method.names import MAX_ROWS


def _as_columns(features: np.ndarray, n_features: int | None = None) -> np.ndarray:
    """Return checked features (row, feature) as float32 (feature, row)."""
    array = np.asarray(features)
    if array.ndim != 2 or array.shape[1] != (n_features or max(1, array.shape[1])):
        raise InputError(
            f"features of shape {array.shape}: (rows, {n_features or 'features'}) is needed"
        )
    with np.errstate(over="ignore"):
        # always a copy: the caller may change the array, and a read-only one would be compiled anew
        columns = np.array(array.T, np.float32, order="C")
    if not np.isfinite(columns).all():
        raise InputError("features hold values that are not finite in float32")
    return columns


class ForestEngine:
    """Random forests on fixed features: labels come later, many times.

    Same distribution of predictions as scikit-learn's ``RandomForestClassifier`` with the same
    parameters. The one rule left out is its tolerance: it takes values within 1e-7 of each other
    for equal, here only equal float32 values are.

    Parameters
    ----------
    features
        Finite, (row, feature), 1 to 65,535 rows; used as float32.
    n_trees
        Trees of each forest; default 500.
    max_features
        Features drawn at each node, or ``"sqrt"`` (default): the square root of their number,
        rounded down.

    Raises
    ------
    InputError
        When a parameter or the features are not as said.

    Examples
    --------
    >>> engine = ForestEngine([[0.0], [1.0], [2.0], [3.0]], n_trees=100)
    >>> engine.predict([0, 0, 1, 1], [[-1.0], [4.0]], seed=0)
    array([0, 1])
    """

    def __init__(
        self,
        features: np.ndarray,
        *,
        n_trees: int = 500,
        max_features: int | Literal["sqrt"] = "sqrt",
        _bootstrap: bool = True,
    ) -> None:
        self._columns = _as_columns(features)
        n_features, n_rows = self._columns.shape
        if not 1 <= n_rows <= MAX_ROWS:
            raise InputError(f"{n_rows} rows of features: 1 to {MAX_ROWS} are needed")
        if not isinstance(n_trees, Integral) or n_trees < 1:
            raise InputError(f"n_trees = {n_trees!r}: an integer of at least 1 is needed")
        if max_features == "sqrt":
            max_features = int(np.sqrt(n_features))
        if not isinstance(max_features, Integral) or not 1 <= max_features <= n_features:
            raise InputError(
                f"max_features = {max_features!r}: 'sqrt' or an integer from 1 to {n_features}"
            )
        self.n_trees: int = int(n_trees)
        self.max_features = int(max_features)
        self._bootstrap = _bootstrap
        self._values = np.zeros((n_features, n_rows), np.float32)
        self._ranks = np.empty((n_features, n_rows), np.uint16)
        for j, column in enumerate(self._columns):
            distinct, self._ranks[j] = np.unique(column, return_inverse=True)
            self._values[j, : distinct.size] = distinct

    def _forest(self, labels: np.ndarray, n_classes: int | None, seed: int) -> tuple:
        """Return what the kernels need to grow the trees of one forest."""
        labels = np.asarray(labels)
        if labels.shape != self._columns.shape[1:] or not np.issubdtype(labels.dtype, np.integer):
            raise InputError(
                f"labels of shape {labels.shape} and type {labels.dtype}: "
                f"{self._columns.shape[1]} integers are needed"
            )
        n_classes = int(labels.max()) + 1 if n_classes is None else n_classes
        if labels.min() < 0 or labels.max() >= n_classes:
            raise InputError(f"labels go from {labels.min()} to {labels.max()}: 0 to n_classes - 1")
        if not isinstance(seed, Integral) or not 0 <= seed < 2**64:
            raise InputError(f"seed = {seed!r}: an integer from 0 to 2**64 - 1 is needed")
        fixed = self._columns, self._values, self._ranks
        codes = np.array(labels, np.uint32)
        return *fixed, codes, n_classes, self.max_features, self._bootstrap, np.uint64(seed)

    def predict_proba(
        self, labels: np.ndarray, sets: np.ndarray, *, seed: int, n_classes: int | None = None
    ) -> np.ndarray:
        """Grow a forest on the labels; return the mean of its leaves' class shares.

        Parameters
        ----------
        labels
            Integers 0 to n_classes - 1, (row,).
        sets
            Rows to predict, (m, feature); any number of sets on top of each other.
        seed
            0 to 2**64 - 1. The forest depends on features, labels and seed only, and each row's
            result on that row only.
        n_classes
            Default: the largest label + 1.

        Returns
        -------
        float64 (m, n_classes)

        Raises
        ------
        InputError
            When an argument is not as said.
        """
        evaluation = _as_columns(sets, self._columns.shape[0])
        forest = self._forest(labels, n_classes, seed)
        return forest_votes(*forest, self.n_trees, evaluation) / self.n_trees

    def predict(
        self, labels: np.ndarray, sets: np.ndarray, *, seed: int, n_classes: int | None = None
    ) -> np.ndarray:
        """Grow a forest on the labels; return the labels, int64 (m,), it gives the rows of `sets`.

        See `predict_proba` for the parameters. Ties go to the lowest label.
        """
        return self.predict_proba(labels, sets, seed=seed, n_classes=n_classes).argmax(axis=1)
