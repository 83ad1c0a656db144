"""Random forests for the permutation null: one set of features, many label vectors.

The trees are those of scikit-learn's ``RandomForestClassifier`` (Breiman 2001): Gini, grown out,
bootstrap, ``max_features`` drawn at each node. Permutations change labels only, so all that hangs
on the features alone (columns, their distinct values, each row's rank among these) is computed
once, and trees are grown on the ranks.
"""

from collections.abc import Callable
from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from memlib.errors import InputError

MAX_ROWS = 65_535  # ranks are stored as uint16
NO_RANK = np.uint32(65_535)  # above every rank
SMALL_NODE = 64  # up to here comparing all pairs, LANES at once, beats putting the rows in order
LANES = 16  # 32-bit integers in the widest vector registers
GOLDEN = np.uint64(0x9E3779B97F4A7C15)

# feature (-1 in a leaf), float32 threshold, link (right child, or in a leaf the row of the last
# array), class shares. Nodes are in preorder: a left child follows its parent.
Tree = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _jit(function: Callable) -> Any:
    """``numba.njit`` without the GIL, cached on disk where there is a writable directory."""
    try:
        return njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # numba found nowhere to put its cache
        return njit(nogil=True, error_model="numpy")(function)


@intrinsic
def _trailing_zeros(context: Any, bits: Any) -> Any:
    """Index of the lowest set bit of a uint64 that is not zero."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@intrinsic
def _sum_up_to(
    context: Any, ranks: Any, first: Any, size: Any, weights: Any, at: Any, sums: Any, to: Any
) -> Any:
    """Sum each weight whose rank is at most that of a candidate, for LANES candidates at once.

    ``sums.flat[to + k] = sum(weights.flat[at : at + size][ranks[:size] <= ranks[first + k]])`` for
    k < LANES. In LLVM's own vectors, because its vectorizer leaves the sums in memory (8 times
    slower).
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.IntType(32), LANES)
        zeros = ir.Constant(vector, [0] * LANES)
        start = ir.Constant(ir.IntType(64), 0)
        _, first, size, _, at, _, to = arguments

        def item(argument: int, index: Any) -> Any:
            kind = context.make_array(signature.args[argument])
            return builder.gep(kind(context, builder, arguments[argument]).data, [index])

        def lanes(pointer: Any) -> Any:
            return builder.bitcast(pointer, vector.as_pointer())

        def spread(array: Any, index: Any) -> Any:
            value = builder.load(builder.gep(array, [index]))
            return builder.shuffle_vector(
                builder.insert_element(zeros, value, ir.Constant(ir.IntType(32), 0)), zeros, zeros
            )

        ranks, weights = item(0, start), item(3, at)
        candidates = builder.load(lanes(item(0, first)), align=4)
        total = cgutils.alloca_once_value(builder, zeros)
        with cgutils.for_range(builder, size) as loop:
            counted = builder.icmp_unsigned("<=", spread(ranks, loop.index), candidates)
            added = builder.select(counted, spread(weights, loop.index), zeros)
            builder.store(builder.add(builder.load(total), added), total)
        builder.store(builder.load(total), lanes(item(5, to)), align=4)
        return context.get_dummy_value()

    word = types.int64
    return types.void(ranks, word, word, weights, word, sums, word), generate


@_jit
def _mix(word: np.uint64) -> np.uint64:
    """Mix 64 bits (the finalizer of splitmix64; Steele, Lea and Flood 2014)."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@_jit
def _tree_rng(seed: np.uint64, tree: int) -> np.ndarray:
    """Return the splitmix64 state and (odd) increment of one tree's own stream."""
    key = _mix(seed + GOLDEN)
    rng = np.empty(2, np.uint64)
    rng[0] = _mix(key + np.uint64(2 * tree + 1) * GOLDEN)
    rng[1] = _mix(key + np.uint64(2 * tree + 2) * GOLDEN) | np.uint64(1)
    return rng


@_jit
def _below(rng: np.ndarray, bound: int) -> int:
    """Draw an integer from [0, bound) without bias (Lemire 2019)."""
    span = np.uint64(bound)
    while True:
        rng[0] += rng[1]
        product = (_mix(rng[0]) >> np.uint64(32)) * span
        low = product & np.uint64(0xFFFFFFFF)
        if low >= span or low >= np.uint64(0x100000000) % span:
            return np.int64(product >> np.uint64(32))


@_jit
def _partition(
    rows: np.ndarray, start: int, stop: int, column: np.ndarray, threshold: np.float32
) -> int:
    """Bring the rows at or below the threshold to the front of rows[start:stop], branch-free."""
    middle = np.uint64(start)  # unsigned: spares the check for negative indices
    for i in range(middle, np.uint64(stop)):
        row = rows[i]
        rows[i] = rows[middle]
        rows[middle] = row
        middle += np.uint64(column[row] <= threshold)
    return np.int64(middle)


# Working memory of one tree, allocated once a tree and passed on array by array:
#   node_ranks     uint32 (row), later (candidate): ranks within one feature
#   node_labels    uint32 (row)
#   node_weights   int32 (row): how often the bootstrap drew it
#   class_weights  int32 (class, row): the same, 0 where the row has another class
#   counts         int32 (class, candidate): weight at or below the candidate
#   gains          float64 (candidate)
#   gain_bits      int64, the same memory: ordered alike, and several compared at once
#   totals, left   int32 (class): weight in the node, and what its best split sends to the left
#   order          int64 (feature): a permutation, shuffled on from node to node
#   sums           int32 (rank, class), zero between uses
#   present        uint64, one bit for each rank, zero between uses


@_jit
def _count_large(
    node_ranks: np.ndarray,
    node_labels: np.ndarray,
    node_weights: np.ndarray,
    counts: np.ndarray,
    sums: np.ndarray,
    present: np.ndarray,
    size: int,
    n_classes: int,
) -> int:
    """Set the node's distinct ranks, in order, and their counts; return how many there are."""
    one = np.uint64(1)
    for i in range(size):
        rank = node_ranks[i]
        sums[rank, node_labels[i]] += node_weights[i]
        present[rank >> 6] |= one << np.uint64(rank & 63)
    k = 0
    for word in range(present.size):
        bits = present[word]
        present[word] = 0
        while bits:
            rank = np.uint32(64 * word + _trailing_zeros(bits))
            bits &= bits - one
            node_ranks[k] = rank
            k += 1
    for c in range(n_classes):
        running = np.int32(0)
        for i in range(k):
            running += sums[node_ranks[i], c]
            counts[c, i] = running
            sums[node_ranks[i], c] = 0
    return k


@_jit
def _score(
    counts: np.ndarray,
    totals: np.ndarray,
    gains: np.ndarray,
    n_candidates: int,
    n_classes: int,
    total: int,
) -> None:
    """Set each candidate's fall in Gini impurity, -1 where a side is empty.

    It is ``total * sum_c (left_c^2 / left + right_c^2 / right) - sum_c total_c^2`` as one quotient
    of whole numbers, so that equal falls compare equal and the first one wins.
    """
    for k in range(n_candidates):
        left = 0.0
        for c in range(n_classes):
            left += counts[c, k]
        numerator = 0.0
        for c in range(n_classes):
            numerator += (counts[c, k] * np.float64(total) - totals[c] * left) ** 2
        denominator = left * (total - left)
        gains[k] = numerator / denominator if denominator > 0.0 else -1.0


@_jit
def _best_split(
    ranks: np.ndarray,
    rows: np.ndarray,
    max_features: int,
    rng: np.ndarray,
    order: np.ndarray,
    node_ranks: np.ndarray,
    node_labels: np.ndarray,
    node_weights: np.ndarray,
    class_weights: np.ndarray,
    counts: np.ndarray,
    gains: np.ndarray,
    gain_bits: np.ndarray,
    totals: np.ndarray,
    left: np.ndarray,
    sums: np.ndarray,
    present: np.ndarray,
) -> tuple[int, int, int]:
    """Return the feature, the highest rank on the left and the next one; feature -1 if none splits.

    At least `max_features` features are drawn, and more until one of them varies in the node.
    """
    n_features, n_classes, size = ranks.shape[0], totals.size, rows.size
    total, squares = np.int64(0), 0.0
    for c in range(n_classes):
        total += totals[c]
        squares += np.float64(totals[c]) ** 2
    perfect = np.float64(total) ** 2 - squares
    width = (size + LANES - 1) // LANES * LANES
    best_bits, best_feature, best_rank, next_rank = np.int64(-1), -1, NO_RANK, NO_RANK
    for drawn in range(n_features):
        if drawn >= max_features and best_feature >= 0:
            break
        other = drawn + _below(rng, n_features - drawn)
        feature = order[other]
        order[other] = order[drawn]
        order[drawn] = feature
        column = ranks[feature]
        differing = np.uint16(0)
        for i in range(size):
            rank = column[rows[i]]
            node_ranks[i] = rank
            differing |= rank ^ column[rows[0]]
        if differing == 0:
            continue
        n_candidates = width
        if size <= SMALL_NODE:
            for i in range(size, width):
                node_ranks[i] = NO_RANK
            for c in range(n_classes):
                at, to = c * class_weights.shape[1], c * counts.shape[1]
                for k in range(0, width, LANES):
                    _sum_up_to(node_ranks, k, size, class_weights, at, counts, to + k)
        elif n_classes == 2:  # a constant that the compiler can use
            n_candidates = _count_large(
                node_ranks, node_labels, node_weights, counts, sums, present, size, 2
            )
        else:
            n_candidates = _count_large(
                node_ranks, node_labels, node_weights, counts, sums, present, size, n_classes
            )
        if n_classes == 2:
            _score(counts, totals, gains, n_candidates, 2, total)
        else:
            _score(counts, totals, gains, n_candidates, n_classes, total)
        bits = np.int64(-1)
        for k in range(n_candidates):
            bits = max(bits, gain_bits[k])
        if bits <= best_bits:
            continue
        best_bits, best_feature, best_rank, next_rank = bits, feature, NO_RANK, NO_RANK
        for k in range(n_candidates):
            best_rank = min(best_rank, node_ranks[k] if gain_bits[k] == bits else NO_RANK)
        for k in range(n_candidates):
            next_rank = min(next_rank, node_ranks[k] if node_ranks[k] > best_rank else NO_RANK)
        k = 0
        while node_ranks[k] != best_rank:
            k += 1
        for c in range(n_classes):
            left[c] = counts[c, k]
        if gains[k] == perfect:  # both children are pure: no later feature can do better
            break
    return best_feature, best_rank, next_rank


@_jit
def _midpoint(low: np.float32, high: np.float32) -> np.float32:
    """Largest float32 not above the midpoint: it parts float32 values as the midpoint does."""
    middle = low / 2.0 + high / 2.0
    rounded = np.float32(middle)
    return np.nextafter(rounded, np.float32(-np.inf)) if rounded > middle else rounded


@_jit
def _grow_tree(
    columns: np.ndarray,
    values: np.ndarray,
    ranks: np.ndarray,
    labels: np.ndarray,
    n_classes: int,
    max_features: int,
    bootstrap: bool,
    rng: np.ndarray,
) -> Tree:
    """Grow one tree out: until nodes are pure or all their features constant."""
    n_features, n_rows = columns.shape
    weights = np.zeros(n_rows, np.int32)
    for i in range(n_rows):
        weights[_below(rng, n_rows) if bootstrap else i] += 1
    rows = np.empty(n_rows, np.uint32)
    pending = np.empty((n_rows + 1, 3), np.int32)  # first row, end row, parent if right child
    pending_totals = np.zeros((n_rows + 1, n_classes), np.int32)
    size = 0
    for i in range(n_rows):
        rows[size] = i
        size += weights[i] > 0
        pending_totals[0, labels[i]] += weights[i]
    pending[0, 0], pending[0, 1], pending[0, 2] = 0, size, -1
    n_pending = 1

    features = np.full(2 * size - 1, -1, np.int32)
    thresholds = np.zeros(2 * size - 1, np.float32)
    links = np.empty(2 * size - 1, np.int32)
    shares = np.zeros((n_classes + size // 2, n_classes))  # the pure ones, then each impure leaf's
    for c in range(n_classes):
        shares[c, c] = 1.0
    n_shares = n_classes
    padded = size + LANES
    node_ranks = np.empty(padded, np.uint32)
    node_labels = np.empty(padded, np.uint32)
    node_weights = np.empty(padded, np.int32)
    class_weights = np.empty((n_classes, SMALL_NODE), np.int32)
    counts = np.empty((n_classes, padded), np.int32)
    gains = np.empty(padded)
    gain_bits = gains.view(np.int64)
    totals = np.empty(n_classes, np.int32)
    left = np.empty(n_classes, np.int32)
    order = np.arange(n_features)
    sums = np.zeros((n_rows, n_classes), np.int32)
    present = np.zeros(n_rows // 64 + 1, np.uint64)

    node = -1
    while n_pending > 0:
        n_pending -= 1
        node += 1
        start, stop = np.int64(pending[n_pending, 0]), np.int64(pending[n_pending, 1])
        parent = pending[n_pending, 2]
        if parent >= 0:
            links[parent] = node
        total, largest = 0, 0
        for c in range(n_classes):
            totals[c] = pending_totals[n_pending, c]
            total += totals[c]
            if totals[c] > totals[largest]:
                largest = c
        if totals[largest] == total:
            links[node] = largest
            continue
        size = stop - start
        for i in range(size):
            row = rows[start + i]
            node_labels[i] = labels[row]
            node_weights[i] = weights[row]
        if size <= SMALL_NODE:
            for c in range(n_classes):
                for i in range(size):
                    class_weights[c, i] = node_weights[i] if node_labels[i] == c else 0
        feature, rank, next_rank = _best_split(
            ranks,
            rows[start:stop],
            max_features,
            rng,
            order,
            node_ranks,
            node_labels,
            node_weights,
            class_weights,
            counts,
            gains,
            gain_bits,
            totals,
            left,
            sums,
            present,
        )
        if feature < 0:
            links[node] = n_shares
            for c in range(n_classes):
                shares[n_shares, c] = totals[c] / total
            n_shares += 1
            continue
        features[node] = feature
        thresholds[node] = _midpoint(values[feature, rank], values[feature, next_rank])
        middle = _partition(rows, start, stop, columns[feature], thresholds[node])
        pending[n_pending, 0], pending[n_pending, 1], pending[n_pending, 2] = middle, stop, node
        for c in range(n_classes):
            pending_totals[n_pending, c] = totals[c] - left[c]
            pending_totals[n_pending + 1, c] = left[c]
        n_pending += 1
        pending[n_pending, 0], pending[n_pending, 1], pending[n_pending, 2] = start, middle, -1
        n_pending += 1
    node += 1
    return features[:node], thresholds[:node], links[:node], shares[:n_shares]


@_jit
def _add_votes(tree: Tree, columns: np.ndarray, votes: np.ndarray) -> None:
    """Add the class shares of each row's leaf to votes (row, class): rows sink through the tree."""
    features, thresholds, links, shares = tree
    n_rows, n_classes = votes.shape
    rows = np.empty(n_rows, np.uint32)
    for i in range(n_rows):
        rows[i] = i
    pending = np.empty((features.size + 1, 3), np.int32)  # node, first row, end row
    pending[0, 0], pending[0, 1], pending[0, 2] = 0, 0, n_rows
    n_pending = 1
    while n_pending > 0:
        n_pending -= 1
        node = pending[n_pending, 0]
        start, stop = np.int64(pending[n_pending, 1]), np.int64(pending[n_pending, 2])
        if start == stop:
            continue
        if features[node] < 0:
            leaf = links[node]
            for i in range(start, stop):
                for c in range(n_classes):
                    votes[rows[i], c] += shares[leaf, c]
            continue
        middle = _partition(rows, start, stop, columns[features[node]], thresholds[node])
        right, left = n_pending, n_pending + 1
        pending[right, 0], pending[right, 1], pending[right, 2] = links[node], middle, stop
        pending[left, 0], pending[left, 1], pending[left, 2] = node + 1, start, middle
        n_pending += 2


@_jit
def _forest_votes(
    columns: np.ndarray,
    values: np.ndarray,
    ranks: np.ndarray,
    labels: np.ndarray,
    n_classes: int,
    max_features: int,
    bootstrap: bool,
    seed: np.uint64,
    n_trees: int,
    evaluation: np.ndarray,
) -> np.ndarray:
    """Grow the trees one after the other, let each vote on the evaluation columns, forget it."""
    votes = np.zeros((evaluation.shape[1], n_classes))
    for i in range(n_trees):
        rng = _tree_rng(seed, i)
        tree = _grow_tree(columns, values, ranks, labels, n_classes, max_features, bootstrap, rng)
        _add_votes(tree, evaluation, votes)
    return votes


def _as_columns(features: np.ndarray, n_features: int | None = None) -> np.ndarray:
    """Return checked features (row, feature) as float32 (feature, row)."""
    array = np.asarray(features)
    if array.ndim != 2 or array.shape[1] != (n_features or max(1, array.shape[1])):
        raise InputError(
            f"features of shape {array.shape}: (rows, {n_features or 'features'}) is needed"
        )
    with np.errstate(over="ignore"):
        columns = np.ascontiguousarray(array.T, np.float32)
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
        self.n_trees = int(n_trees)
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
        codes = np.ascontiguousarray(labels, np.uint32)
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
        return _forest_votes(*forest, self.n_trees, evaluation) / self.n_trees

    def predict(
        self, labels: np.ndarray, sets: np.ndarray, *, seed: int, n_classes: int | None = None
    ) -> np.ndarray:
        """Grow a forest on the labels; return the labels, int64 (m,), it gives the rows of `sets`.

        See `predict_proba` for the parameters. Ties go to the lowest label.
        """
        return self.predict_proba(labels, sets, seed=seed, n_classes=n_classes).argmax(axis=1)


class FastForestClassifier(ClassifierMixin, BaseEstimator):
    """Random forest for scikit-learn, on `ForestEngine`'s kernels and with one thread.

    Parameters
    ----------
    n_estimators
        Number of trees.
    max_features
        Features drawn at each node: an integer, or ``"sqrt"``.
    random_state
        Seed, ``RandomState`` or None, as everywhere in scikit-learn.

    Attributes
    ----------
    classes_
        The distinct labels, sorted.
    n_features_in_
        Number of features.
    """

    def __init__(
        self,
        n_estimators: int = 500,
        *,
        max_features: int | Literal["sqrt"] = "sqrt",
        random_state: Any = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_features = max_features
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Grow and keep the trees on X (row, feature) and labels y (row,)."""
        X, y = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        engine = ForestEngine(X, n_trees=self.n_estimators, max_features=self.max_features)
        seed = check_random_state(self.random_state).randint(2**32, dtype=np.uint64)
        *forest, seed = engine._forest(codes, len(self.classes_), int(seed))
        self._trees = [
            tuple(part.copy() for part in _grow_tree(*forest, _tree_rng(seed, i)))
            for i in range(engine.n_trees)
        ]
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the mean class shares of the leaves of X (row, feature), (row, class)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        columns = np.ascontiguousarray(X.T)
        votes = np.zeros((len(X), len(self.classes_)))
        for tree in self._trees:
            _add_votes(tree, columns, votes)
        return votes / len(self._trees)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most likely label of each row of X (row, feature); ties go to the first."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
