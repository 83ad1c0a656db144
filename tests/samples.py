"""Features and labels that are always the same, and a forest of one tree, for small tests."""

import numpy as np

from memlib.method.fast.forest import ForestEngine

SPREADS = (0.1, 0.3, 1.0)  # of the noise that makes a perturbed copy


def noise(n=60, n_features=4, seed=0):
    """Features that say nothing."""
    return np.random.default_rng(seed).normal(size=(n, n_features)).astype(np.float32)


def labels_of(*counts):
    """Labels 0, 1, ... with these counts, in a random order that is always the same."""
    return np.random.default_rng(9).permutation(np.repeat(np.arange(len(counts)), counts))


def one_tree(features, *, max_features):
    """Engine whose forest is a single tree on all rows, once each."""
    return ForestEngine(features, n_trees=1, max_features=max_features, _bootstrap=False)


def relu_features(n, *, seed=0):
    """Features of a random two-layer network on clustered inputs, and of perturbed copies."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(8, 30))[rng.integers(8, size=n)] + rng.normal(size=(n, 30))
    hidden, last = rng.normal(size=(30, 40)) / 5, rng.normal(size=(40, 16)) / 6

    def network(x):
        return np.maximum(np.maximum(x @ hidden, 0) @ last, 0).astype(np.float32)

    noise = [spread * rng.normal(size=inputs.shape) for spread in SPREADS]
    return network(inputs), np.concatenate([network(inputs + one) for one in noise])
