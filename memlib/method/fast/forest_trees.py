"""Numba kernels of the forest: grow trees on ranks, and let rows sink through them."""

import numpy as np

from memlib.method.fast.forest_split import (
    LANES,
    SMALL_NODE,
    below,
    best_split,
    jit,
    partition,
    tree_rng,
)

# feature (-1 in a leaf), float32 threshold, link (right child, or in a leaf the row of the last
# array), class shares. Nodes are in preorder: a left child follows its parent.
Tree = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@jit
def _midpoint(low: np.float32, high: np.float32) -> np.float32:
    """Largest float32 not above the midpoint: it parts float32 values as the midpoint does."""
    middle = low / 2.0 + high / 2.0
    rounded = np.float32(middle)
    return np.nextafter(rounded, np.float32(-np.inf)) if rounded > middle else rounded


@jit
def grow_tree(
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
        weights[below(rng, n_rows) if bootstrap else i] += 1
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
    # A node that is split holds two classes or more, so a small one SMALL_NODE // 2 rows at most.
    class_weights = np.empty((n_classes, SMALL_NODE // 2), np.int32)
    counts = np.empty((n_classes, padded), np.int32)
    gains = np.empty(padded)
    gain_bits = gains.view(np.int64)
    lefts = np.empty(padded)
    totals = np.empty(n_classes, np.int32)
    left = np.empty(n_classes, np.int32)
    # A split is sought among the classes that a node holds, by codes of its own: deep in a tree of
    # ten classes they are two or three.
    codes = np.empty(n_classes, np.uint32)
    classes = np.empty(n_classes, np.int64)
    node_totals = np.empty(n_classes, np.int32)
    node_left = np.empty(n_classes, np.int32)
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
        n_present = 0
        for c in range(n_classes):
            if totals[c] > 0:
                codes[c], classes[n_present], node_totals[n_present] = n_present, c, totals[c]
                n_present += 1
        size = stop - start
        for i in range(size):
            row = rows[start + i]
            node_labels[i] = codes[labels[row]]
            node_weights[i] = weights[row]
        if size * n_present <= SMALL_NODE:
            for c in range(n_present):
                for i in range(size):
                    class_weights[c, i] = node_weights[i] if node_labels[i] == c else 0
        feature, rank, next_rank = best_split(
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
            lefts,
            node_totals[:n_present],
            node_left[:n_present],
            sums,
            present,
        )
        if feature < 0:
            links[node] = n_shares
            for c in range(n_classes):
                shares[n_shares, c] = totals[c] / total
            n_shares += 1
            continue
        left[:] = 0
        for c in range(n_present):
            left[classes[c]] = node_left[c]
        features[node] = feature
        thresholds[node] = _midpoint(values[feature, rank], values[feature, next_rank])
        middle = partition(rows, start, stop, columns[feature], thresholds[node])
        pending[n_pending, 0], pending[n_pending, 1], pending[n_pending, 2] = middle, stop, node
        for c in range(n_classes):
            pending_totals[n_pending, c] = totals[c] - left[c]
            pending_totals[n_pending + 1, c] = left[c]
        n_pending += 1
        pending[n_pending, 0], pending[n_pending, 1], pending[n_pending, 2] = start, middle, -1
        n_pending += 1
    node += 1
    return features[:node], thresholds[:node], links[:node], shares[:n_shares]


@jit
def add_votes(tree: Tree, columns: np.ndarray, votes: np.ndarray) -> None:
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
        middle = partition(rows, start, stop, columns[features[node]], thresholds[node])
        right, left = n_pending, n_pending + 1
        pending[right, 0], pending[right, 1], pending[right, 2] = links[node], middle, stop
        pending[left, 0], pending[left, 1], pending[left, 2] = node + 1, start, middle
        n_pending += 2


@jit
def forest_votes(
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
        rng = tree_rng(seed, i)
        tree = grow_tree(columns, values, ranks, labels, n_classes, max_features, bootstrap, rng)
        add_votes(tree, evaluation, votes)
    return votes
