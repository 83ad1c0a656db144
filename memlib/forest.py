"""Random forests for the permutation null: one set of features, many label vectors.

The trees are those of scikit-learn's ``RandomForestClassifier`` (Breiman 2001): Gini, grown out,
bootstrap, ``max_features`` drawn at each node. Permutations change labels only, so all that hangs on
the features alone (float32 columns, their distinct values, each row's rank among these) is computed
once, and trees are grown on the ranks.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

MAX_ROWS = 65_535  # ranks are stored as uint16
SMALL_NODE = 64  # up to here comparing all pairs, many at once, beats ordering the rows
LANES = 16  # 32-bit integers in the widest vector registers
GOLDEN = np.uint64(0x9E3779B97F4A7C15)

Tree = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _jit(function: Callable) -> Any:
    """``numba.njit`` without the GIL, cached on disk where there is a writable directory."""
    try:
        return njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # numba found nowhere to put the cache
        return njit(nogil=True, error_model="numpy")(function)


@intrinsic
def _trailing_zeros(typing_context, bits):  # type: ignore[no-untyped-def]
    """Index of the lowest set bit of a non-zero uint64."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


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
def _partition(ids, start, stop, column, threshold):
    """Bring the rows at or below the threshold to the front of ids[start:stop], without branches."""
    middle = start
    for i in range(start, stop):
        row = ids[i]
        ids[i] = ids[middle]
        ids[middle] = row
        middle += column[row] <= threshold
    return middle


@_jit
def _count_small(ranks, weights, labels, size, width, n_classes, counts):
    """Set counts[c, k] to the weight of class c at or below ranks[k], for every k < width."""
    for c in range(n_classes):
        for k in range(width):
            counts[c, k] = 0
    for i in range(size):
        row, rank, weight = counts[labels[i]], ranks[i], weights[i]
        for k in range(width):
            row[k] += weight if ranks[k] >= rank else 0


@_jit
def _count_large(ranks, weights, labels, size, n_classes, sums, present, counts):
    """Order the distinct ranks, set counts as `_count_small` does, return how many there are.

    sums (rank, class) and present (one bit for each rank) are zero before and after.
    """
    one = np.uint64(1)
    for i in range(size):
        rank = ranks[i]
        sums[rank, labels[i]] += weights[i]
        present[rank >> 6] |= one << np.uint64(rank & 63)
    k = 0
    for word in range(present.size):
        bits = present[word]
        present[word] = 0
        while bits:
            rank = 64 * word + _trailing_zeros(bits)
            bits &= bits - one
            ranks[k] = rank
            for c in range(n_classes):
                counts[c, k] = sums[rank, c] + (counts[c, k - 1] if k else 0)
                sums[rank, c] = 0
            k += 1
    return k


@_jit
def _score(counts, totals, total, n_classes, width, gains):
    """Set gains to the fall in Gini impurity, in units that make pure children exact.

    total * sum_c (left_c^2 / left + right_c^2 / right) - sum_c total_c^2, as one quotient of whole
    numbers: equal gains compare equal, so that ties go to the first candidate.
    """
    for k in range(width):
        left = 0.0
        for c in range(n_classes):
            left += counts[c, k]
        numerator = 0.0
        for c in range(n_classes):
            numerator += (counts[c, k] * total - totals[c] * left) ** 2
        denominator = left * (total - left)
        gains[k] = numerator / denominator if denominator > 0.0 else -1.0


@_jit
def _midpoint(low: np.float32, high: np.float32) -> np.float32:
    """Largest float32 not above the midpoint: it sorts float32 values as the midpoint does."""
    middle = low / 2.0 + high / 2.0
    rounded = np.float32(middle)
    return np.nextafter(rounded, np.float32(-np.inf)) if rounded > middle else rounded


@_jit
def _grow_tree(columns, ranks, values, labels, n_classes, max_features, bootstrap, rng):
    n_features, n_rows = columns.shape
    row_weights = np.zeros(n_rows, np.int32)
    for i in range(n_rows):
        row_weights[_below(rng, n_rows) if bootstrap else i] += 1
    ids = np.empty(n_rows, np.uint32)
    size = 0
    stack_totals = np.zeros((n_rows + 1, n_classes), np.int32)
    for i in range(n_rows):
        if row_weights[i] > 0:
            ids[size] = i
            stack_totals[0, labels[i]] += row_weights[i]
            size += 1

    features = np.empty(2 * size - 1, np.int32)
    thresholds = np.empty(2 * size - 1, np.float32)
    links = np.empty(2 * size - 1, np.int32)
    shares = np.zeros((n_classes + size // 2, n_classes), np.float64)
    for c in range(n_classes):
        shares[c, c] = 1.0
    n_shares = n_classes

    stack = np.empty((n_rows + 1, 3), np.int32)
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, size, -1
    depth = 1
    node = -1
    order = np.arange(n_features)
    padded = size + LANES
    node_labels = np.empty(padded, np.int32)
    node_weights = np.empty(padded, np.int32)
    node_ranks = np.empty(padded, np.int32)
    gains = np.empty(padded, np.float64)
    counts = np.empty((n_classes, padded), np.int32)
    totals = np.empty(n_classes, np.int32)
    left_totals = np.empty(n_classes, np.int32)
    sums = np.zeros((n_rows, n_classes), np.int32)
    present = np.zeros((n_rows >> 6) + 1, np.uint64)

    while depth > 0:
        depth -= 1
        start, stop, parent = stack[depth, 0], stack[depth, 1], stack[depth, 2]
        node += 1
        if parent >= 0:
            links[parent] = node
        size = stop - start
        total = 0
        squares = 0.0
        largest = 0
        for c in range(n_classes):
            totals[c] = stack_totals[depth, c]
            total += totals[c]
            squares += np.float64(totals[c]) ** 2
            if totals[c] > totals[largest]:
                largest = c
        if totals[largest] == total:
            features[node] = -1
            links[node] = largest
            continue
        perfect = np.float64(total) ** 2 - squares

        for i in range(size):
            row = ids[start + i]
            node_labels[i] = labels[row]
            node_weights[i] = row_weights[row]
        width = (size + LANES - 1) // LANES * LANES

        best_gain = -1.0
        best_feature = -1
        best_rank = 0
        next_rank = 0
        for drawn in range(n_features):
            if drawn >= max_features and best_feature >= 0:
                break
            other = drawn + _below(rng, n_features - drawn)
            feature = order[other]
            order[other] = order[drawn]
            order[drawn] = feature
            lowest = 65535
            highest = 0
            column = ranks[feature]
            for i in range(size):
                rank = np.int32(column[ids[start + i]])
                node_ranks[i] = rank
                lowest = min(lowest, rank)
                highest = max(highest, rank)
            if lowest == highest:
                continue
            if size <= SMALL_NODE:
                for i in range(size, width):
                    node_ranks[i] = 65535
                _count_small(node_ranks, node_weights, node_labels, size, width, n_classes, counts)
                n_candidates = width
            elif n_classes == 2:
                n_candidates = _count_large(
                    node_ranks, node_weights, node_labels, size, 2, sums, present, counts
                )
            else:
                n_candidates = _count_large(
                    node_ranks, node_weights, node_labels, size, n_classes, sums, present, counts
                )
            if n_classes == 2:
                _score(counts, totals, total, 2, n_candidates, gains)
            else:
                _score(counts, totals, total, n_classes, n_candidates, gains)
            gain = -1.0
            for k in range(n_candidates):
                if gains[k] > gain:
                    gain = gains[k]
            if gain <= best_gain:
                continue
            best_gain = gain
            best_feature = feature
            best_rank = 65535
            for k in range(n_candidates):
                if gains[k] == gain and node_ranks[k] < best_rank:
                    best_rank = node_ranks[k]
            next_rank = 65535
            for k in range(n_candidates):
                if node_ranks[k] > best_rank and node_ranks[k] < next_rank:
                    next_rank = node_ranks[k]
                if node_ranks[k] == best_rank:
                    for c in range(n_classes):
                        left_totals[c] = counts[c, k]
            if best_gain == perfect:
                break

        if best_feature < 0:
            features[node] = -1
            links[node] = n_shares
            for c in range(n_classes):
                shares[n_shares, c] = totals[c] / total
            n_shares += 1
            continue
        threshold = _midpoint(values[best_feature, best_rank], values[best_feature, next_rank])
        middle = _partition(ids, start, stop, columns[best_feature], threshold)
        features[node] = best_feature
        thresholds[node] = threshold
        stack[depth, 0], stack[depth, 1], stack[depth, 2] = middle, stop, node
        stack[depth + 1, 0], stack[depth + 1, 1], stack[depth + 1, 2] = start, middle, -1
        for c in range(n_classes):
            stack_totals[depth, c] = totals[c] - left_totals[c]
            stack_totals[depth + 1, c] = left_totals[c]
        depth += 2

    node += 1
    return features[:node], thresholds[:node], links[:node], shares[:n_shares]


@_jit
def _add_votes(tree, columns, votes):
    features, thresholds, links, shares = tree
    n_rows, n_classes = votes.shape
    ids = np.arange(n_rows).astype(np.uint32)
    stack = np.empty((features.size + 1, 3), np.int32)
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, 0, n_rows
    depth = 1
    while depth > 0:
        depth -= 1
        node, start, stop = stack[depth, 0], stack[depth, 1], stack[depth, 2]
        if start == stop:
            continue
        if features[node] < 0:
            share = shares[links[node]]
            for i in range(start, stop):
                row = ids[i]
                for c in range(n_classes):
                    votes[row, c] += share[c]
            continue
        middle = _partition(ids, start, stop, columns[features[node]], thresholds[node])
        stack[depth, 0], stack[depth, 1], stack[depth, 2] = links[node], middle, stop
        stack[depth + 1, 0], stack[depth + 1, 1], stack[depth + 1, 2] = node + 1, start, middle
        depth += 2


@_jit
def _count_votes(
    columns, ranks, values, labels, n_classes, n_trees, max_features, bootstrap, seed, evaluation
):
    votes = np.zeros((evaluation.shape[1], n_classes))
    for tree in range(n_trees):
        rng = _tree_rng(seed, tree)
        _add_votes(
            _grow_tree(columns, ranks, values, labels, n_classes, max_features, bootstrap, rng),
            evaluation,
            votes,
        )
    return votes


class ForestEngine:
    def __init__(self, features, *, n_trees=500, max_features="sqrt", _bootstrap=True):
        features = np.asarray(features, np.float32)
        self.columns = np.ascontiguousarray(features.T)
        p, n = self.columns.shape
        self.ranks = np.empty((p, n), np.uint16)
        self.values = np.zeros((p, n), np.float32)
        for j in range(p):
            v, r = np.unique(self.columns[j], return_inverse=True)
            self.values[j, : v.size] = v
            self.ranks[j] = r
        self.n_trees = n_trees
        self.max_features = max(1, int(np.sqrt(p))) if max_features == "sqrt" else max_features
        self.bootstrap = _bootstrap

    def predict_proba(self, labels, sets, *, seed, n_classes=None):
        labels = np.asarray(labels, np.int32)
        n_classes = n_classes or labels.max() + 1
        ev = np.ascontiguousarray(np.asarray(sets, np.float32).T)
        return (
            _count_votes(
                self.columns,
                self.ranks,
                self.values,
                labels,
                int(n_classes),
                self.n_trees,
                self.max_features,
                self.bootstrap,
                np.uint64(seed),
                ev,
            )
            / self.n_trees
        )

    def predict(self, labels, sets, *, seed, n_classes=None):
        return self.predict_proba(labels, sets, seed=seed, n_classes=n_classes).argmax(1)
