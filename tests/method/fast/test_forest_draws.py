"""What the forest draws: features, rows and numbers, against exact probabilities."""

from itertools import combinations_with_replacement
from math import factorial

import numpy as np
import pytest
from samples import one_tree
from scipy import stats
from sklearn.tree import DecisionTreeClassifier

from memlib.method.fast.forest import ForestEngine
from memlib.method.fast.forest_split import below, tree_rng


def test_constant_features_use_up_draws_once_one_varies():
    # scikit-learn's rule: of {a, b, constant} two are drawn; a, the better, is among them in 2 of 3
    features = np.array([[0, 0, 5], [1, 0, 5], [2, 1, 5], [3, 1, 5]], np.float32)
    labels, new = [0, 1, 1, 1], [[0, 1, 5]]
    trees = [
        DecisionTreeClassifier(max_features=2, random_state=k).fit(features, labels)
        for k in range(1000)
    ]
    engine = one_tree(features, max_features=2)
    theirs = np.mean([tree.predict(new) for tree in trees])
    ours = np.mean([engine.predict(labels, new, seed=k) for k in range(6000)])
    assert theirs == pytest.approx(1 / 3, abs=0.04)
    assert ours == pytest.approx(1 / 3, abs=0.02)


def test_draws_go_on_until_a_feature_varies():
    features = np.zeros((6, 40))
    features[:, 17] = np.arange(6)
    labels = [0, 1, 0, 1, 1, 0]
    engine = one_tree(features, max_features=1)
    np.testing.assert_array_equal(engine.predict(labels, features, seed=0), labels)


def test_features_are_drawn_with_equal_chances():
    engine = one_tree([[0] * 5, [1] * 5], max_features=1)
    roots = [engine.predict([0, 1], np.eye(5), seed=k) for k in range(4000)]
    assert np.all(np.sum(roots, axis=1) == 1)  # the unit vector of the root's feature goes right
    assert stats.chisquare(np.sum(roots, axis=0)).pvalue > 0.001


def test_draws_from_a_bound_near_the_word_size_are_even():
    # without rejection one in three of these values would be drawn twice as often
    rng = tree_rng(np.uint64(0), 0)
    drawn = [below(rng, 3 * 2**30) for _ in range(3000)]
    assert 0 <= min(drawn) <= max(drawn) < 3 * 2**30
    assert stats.chisquare(np.bincount(np.remainder(drawn, 3))).pvalue > 0.001


def test_bootstrap_counts_are_multinomial():
    # where nothing varies, a tree's class shares are its bootstrap counts
    n = 4
    outcomes = list(combinations_with_replacement(range(n), n))
    counts = np.array([np.bincount(one, minlength=n) for one in outcomes])
    chances = [factorial(n) / np.prod([factorial(k) for k in one]) / n**n for one in counts]
    engine = ForestEngine(np.zeros((n, 1)), n_trees=1)
    drawn = [engine.predict_proba(np.arange(n), [[0]], seed=k)[0] * n for k in range(6000)]
    index = [counts.tolist().index(one) for one in np.rint(drawn).astype(int).tolist()]
    observed = np.bincount(index, minlength=len(counts))
    assert stats.chisquare(observed, np.multiply(chances, 6000)).pvalue > 0.001


def test_trees_of_a_forest_are_independent():
    engine = ForestEngine(np.zeros((10, 1)), n_trees=100)
    labels = np.arange(10) % 2
    shares = [engine.predict_proba(labels, [[0]], seed=k)[0, 0] for k in range(1000)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.002)
    assert np.std(shares) == pytest.approx(np.sqrt(0.25 / 10 / 100), rel=0.08)
