"""Features and labels that are always the same, and a forest of one tree, for small tests."""

import numpy as np

from memlib.forest import ForestEngine


def noise(n=60, n_features=4, seed=0):
    """Features that say nothing."""
    return np.random.default_rng(seed).normal(size=(n, n_features)).astype(np.float32)


def labels_of(*counts):
    """Labels 0, 1, ... with these counts, in a random order that is always the same."""
    return np.random.default_rng(9).permutation(np.repeat(np.arange(len(counts)), counts))


def one_tree(features, *, max_features):
    """Engine whose forest is a single tree on all rows, once each."""
    return ForestEngine(features, n_trees=1, max_features=max_features, _bootstrap=False)
