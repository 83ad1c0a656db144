"""Numba kernels of `memlib.method.fast.forest`: random numbers, and the best split of one node.

The rules are scikit-learn's (Breiman 2001): Gini, `max_features` drawn at each node, and more until
one of them varies. Rows are compared by rank within a feature, so that nothing is ever sorted.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from memlib.base import compiled
from memlib.base.keys import code_digest

NO_RANK = np.uint32(65_535)  # above every rank
# Up to here (rows times classes) comparing all pairs, LANES at once, beats putting rows in order.
SMALL_NODE = 128
LANES = 16  # 32-bit integers in the widest vector registers
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def jit(function: Callable) -> Any:
    """``numba.njit`` without the GIL, cached on disk where there is a writable directory."""
    # Numba looks for changes in a function's own file only, not in those of what it calls.
    function.__qualname__ += "_" + code_digest("method/fast")
    return compiled.jit(function, nogil=True, error_model="numpy")


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


@jit
def _mix(word: np.uint64) -> np.uint64:
    """Mix 64 bits (the finalizer of splitmix64; Steele, Lea and Flood 2014)."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@jit
def tree_rng(seed: np.uint64, tree: int) -> np.ndarray:
    """Return the splitmix64 state and (odd) increment of one tree's own stream."""
    key = _mix(seed + GOLDEN)
    rng = np.empty(2, np.uint64)
    rng[0] = _mix(key + np.uint64(2 * tree + 1) * GOLDEN)
    rng[1] = _mix(key + np.uint64(2 * tree + 2) * GOLDEN) | np.uint64(1)
    return rng


@jit
def below(rng: np.ndarray, bound: int) -> int:
    """Draw an integer from [0, bound) without bias (Lemire 2019)."""
    span = np.uint64(bound)
    while True:
        rng[0] += rng[1]
        product = (_mix(rng[0]) >> np.uint64(32)) * span
        low = product & np.uint64(0xFFFFFFFF)
        if low >= span or low >= np.uint64(0x100000000) % span:
            return np.int64(product >> np.uint64(32))


@jit
def partition(
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
#   class_weights  int32 (class, row): the same, 0 where the row has another class; small nodes only
#   counts         int32 (class, candidate): weight at or below the candidate
#   gains          float64 (candidate)
#   lefts          float64 (candidate): weight at or below the candidate, of all classes
#   gain_bits      int64, the same memory: ordered alike, and several compared at once
#   totals, left   int32 (class): weight in the node, and what its best split sends to the left
#   order          int64 (feature): a permutation, shuffled on from node to node
#   sums           int32 (rank, class), zero between uses
#   present        uint64, one bit for each rank, zero between uses


@jit
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


@jit
def _score_two(
    counts: np.ndarray, totals: np.ndarray, gains: np.ndarray, n_candidates: int, total: int
) -> None:
    """Set each candidate's fall in Gini impurity, -1 where a side is empty.

    It is ``total * sum_c (left_c^2 / left + right_c^2 / right) - sum_c total_c^2`` as one quotient
    of whole numbers, so that equal falls compare equal and the first one wins.
    """
    for k in range(n_candidates):
        left = np.float64(counts[0, k]) + counts[1, k]
        numerator = 0.0
        for c in range(2):
            numerator += (counts[c, k] * np.float64(total) - totals[c] * left) ** 2
        denominator = left * (total - left)
        gains[k] = numerator / denominator if denominator > 0.0 else -1.0


@jit
def _score_many(
    counts: np.ndarray,
    totals: np.ndarray,
    gains: np.ndarray,
    lefts: np.ndarray,
    n_candidates: int,
    total: int,
) -> None:
    """Do the same for any number of classes, one after the other: several candidates at once."""
    gains[:n_candidates] = 0.0
    lefts[:n_candidates] = 0.0
    for c in range(totals.size):
        for k in range(n_candidates):
            lefts[k] += counts[c, k]
    for c in range(totals.size):
        for k in range(n_candidates):
            gains[k] += (counts[c, k] * np.float64(total) - totals[c] * lefts[k]) ** 2
    for k in range(n_candidates):
        denominator = lefts[k] * (total - lefts[k])
        gains[k] = gains[k] / denominator if denominator > 0.0 else -1.0


@jit
def best_split(
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
    lefts: np.ndarray,
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
        other = drawn + below(rng, n_features - drawn)
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
        if size * n_classes <= SMALL_NODE:
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
            _score_two(counts, totals, gains, n_candidates, total)
        else:
            _score_many(counts, totals, gains, lefts, n_candidates, total)
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
