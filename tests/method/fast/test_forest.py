"""The forest engine against scikit-learn's trees and forests, and against exact probabilities."""

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from samples import one_tree, relu_features
from scipy import stats
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from memlib.base.errors import InputError
from memlib.method.fast.forest import ForestEngine
from memlib.method.fast.forest_split import SMALL_NODE
from memlib.method.fast.forest_trees import forest_votes
from memlib.method.names import MAX_ROWS


def around_midpoints(column):
    """All training values, the float32 values at the midpoints between them, and neighbours."""
    column = np.unique(column.astype(np.float32))
    middle = np.float32((column[1:].astype(float) + column[:-1]) / 2)
    neighbours = [np.nextafter(middle, np.float32(side)) for side in (-np.inf, np.inf)]
    return np.concatenate([column, middle, *neighbours])[:, np.newaxis]


@pytest.mark.parametrize("n", [2, 3, 17, SMALL_NODE, SMALL_NODE + 1, 700])
@pytest.mark.parametrize("n_classes", [2, 3, 7])
@pytest.mark.parametrize("decimals", [1, 9])
def test_one_feature_gives_scikit_learns_tree_exactly(n, n_classes, decimals):
    # with one feature no draw is left; one decimal makes impure leaves
    rng = np.random.default_rng(n + n_classes)
    column = rng.normal(size=(n, 1)).round(decimals).astype(np.float32)
    labels = np.append(rng.integers(n_classes, size=n - 1), n_classes - 1)
    new = around_midpoints(column[:, 0])
    tree = DecisionTreeClassifier(random_state=0).fit(column, labels)
    expected = np.zeros((len(new), n_classes))
    expected[:, tree.classes_] = tree.predict_proba(new)
    got = one_tree(column, max_features=1).predict_proba(labels, new, seed=0)
    np.testing.assert_allclose(got, expected, atol=1e-12)


def best_gains_tie(features, labels):
    """Whether two splits of these rows are best, in exact arithmetic."""
    gains = []
    for column in features.T:
        for threshold in np.unique(column)[:-1]:
            sides = labels[column <= threshold], labels[column > threshold]
            squares = [int(np.sum(np.bincount(side) ** 2)) for side in sides]
            gains.append(sum(map(Fraction, squares, map(len, sides))))
    return gains.count(max(gains)) > 1


@pytest.mark.parametrize("n", [10, 40, 200])
def test_all_features_give_scikit_learns_tree_exactly_where_no_gains_tie(n):
    compared = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        features = rng.normal(size=(n, 3)).astype(np.float32)
        # a step in one feature and a slope over two others: nodes are large, and seldom tie
        slope = features[:, 0] + 0.05 * features[:, 1] > 0.5
        labels = slope * 1 + 2 * (features[:, 2] > rng.normal())
        tree = DecisionTreeClassifier(random_state=0).fit(features, labels)
        nodes = tree.decision_path(features).toarray().astype(bool)[:, tree.tree_.feature >= 0].T
        if any(best_gains_tie(features[rows], labels[rows]) for rows in nodes):
            continue  # scikit-learn's draw or a rounding error decides
        compared += 1
        new = rng.normal(size=(1000, 3)).astype(np.float32)
        engine = one_tree(features, max_features=3)
        predicted = engine.predict(labels, new, seed=seed)
        np.testing.assert_array_equal(predicted, tree.predict(new))
        np.testing.assert_array_equal(engine.predict(labels, features, seed=seed), labels)
    assert compared >= 5


@pytest.mark.parametrize("copies", [1, SMALL_NODE], ids=["small", "large"])
def test_equal_gains_of_one_feature_go_to_the_lowest_threshold(copies):
    # cutting off two rows at either end of the first feature gains the same; the second feature
    # then parts the others in another way
    pairs = np.column_stack([np.arange(8), [3, 0, 6, 5, 2, 1, 7, 4]]).astype(np.float32)
    labels = np.array([0, 0, 1, 0, 0, 1, 0, 0])
    new = np.stack(np.meshgrid(np.arange(8), np.arange(8)), axis=-1).reshape(-1, 2)
    lowest, highest = (
        DecisionTreeClassifier(random_state=0).fit(sign * pairs, labels).predict(sign * new)
        for sign in (1, -1)
    )
    assert (lowest != highest).any()
    many, many_labels = np.repeat(pairs, copies, axis=0), np.repeat(labels, copies)
    predicted = one_tree(many, max_features=2).predict(many_labels, new, seed=0)
    np.testing.assert_array_equal(predicted, lowest)


def test_null_is_scikit_learns():
    features, sets = relu_features(200)
    rng = np.random.default_rng(1)
    engine = ForestEngine(features, n_trees=100)
    ours, theirs = [], []
    for k in range(40):
        labels = rng.permutation(np.arange(200) % 2)
        other = RandomForestClassifier(100, random_state=k).fit(features, labels)
        for scores, predicted in (
            (ours, engine.predict(labels, sets, seed=k)),
            (theirs, other.predict(sets)),
        ):
            scores.append((predicted.reshape(3, -1) == labels).mean(axis=1))
    ours, theirs = np.array(ours), np.array(theirs)
    assert np.all(ours.mean(axis=0)[:2] > 0.6)  # memory to be measured at all
    np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), atol=0.006)
    for k in range(3):
        assert stats.ks_2samp(ours[:, k], theirs[:, k]).pvalue > 0.01


@pytest.mark.parametrize(
    "shares", [(0.5, 0.5), (0.95, 0.05), (0.4, 0.3, 0.2, 0.1)], ids=["even", "rare", "four"]
)
@pytest.mark.parametrize("decimals", [None, 0], ids=["continuous", "duplicates"])
def test_class_shares_are_scikit_learns_in_mean(shares, decimals):
    features, sets = relu_features(150)
    if decimals is not None:  # few distinct rows, so that leaves are impure; one dead unit
        features, sets = features[:, :4].round(decimals), sets[:, :4].round(decimals)
        features[:, 1] = sets[:, 1] = 0
    labels = np.random.default_rng(2).choice(len(shares), size=150, p=shares)
    ours = ForestEngine(features, n_trees=1500).predict_proba(labels, sets, seed=3)
    other = RandomForestClassifier(1500, random_state=4).fit(features, labels)
    theirs = other.predict_proba(sets)
    np.testing.assert_allclose(ours.sum(axis=1), 1)
    # of two means over independent trees, whose shares vary at most as votes do
    variance = 2 * np.mean(theirs * (1 - theirs)) / 1500
    assert np.mean((ours - theirs) ** 2) < 1.2 * variance
    np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), atol=0.003)


def test_two_rows():
    votes = ForestEngine([[0.0], [1.0]], n_trees=4000).predict_proba([0, 1], [[0], [1]], seed=0)
    # half of the bootstraps hold both rows, the others one of them alone
    np.testing.assert_allclose(votes, [[0.75, 0.25], [0.25, 0.75]], atol=0.025)


def test_one_row_and_one_class():
    assert ForestEngine([[1.0, 2.0]], n_trees=3).predict([0], [[5, 5]], seed=0) == [0]
    features, sets = relu_features(40)
    proba = ForestEngine(features).predict_proba(np.full(40, 2), sets, seed=0, n_classes=4)
    np.testing.assert_array_equal(proba, np.tile([0, 0, 1, 0], (len(sets), 1)))


def test_votes_that_tie_go_to_the_lowest_label():
    # without bootstrap each tree splits at 0.5, and the constant leaf is shared out evenly
    assert one_tree([[1.0], [1.0]], max_features=1).predict([1, 0], [[1]], seed=0) == [0]


def test_forest_knows_distinct_training_rows_by_heart():
    features, _ = relu_features(400)
    assert len(np.unique(features, axis=0)) == 400
    labels = np.random.default_rng(3).permutation(np.arange(400) % 2)
    assert np.mean(ForestEngine(features).predict(labels, features, seed=0) == labels) > 0.98


def test_seed_decides():
    features, sets = relu_features(100)
    labels = np.arange(100) % 3
    first, again, other = (
        ForestEngine(features, n_trees=20).predict_proba(labels, sets, seed=seed)
        for seed in (2**64 - 1, 2**64 - 1, 2**64 - 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("shift", [1, 2**32, 2**63])
def test_every_bit_of_the_seed_counts(shift):
    features, sets = relu_features(60)
    engine = ForestEngine(features, n_trees=5)
    a, b = (engine.predict_proba(np.arange(60) % 2, sets, seed=seed) for seed in (5, 5 ^ shift))
    assert (a != b).any()


def test_rows_do_not_depend_on_each_other():
    features, sets = relu_features(100)
    engine, labels = ForestEngine(features, n_trees=30), np.arange(100) % 2
    whole = engine.predict_proba(labels, sets, seed=5)
    parts = [engine.predict_proba(labels, part, seed=5) for part in np.array_split(sets, 7)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    order = np.random.default_rng(0).permutation(len(sets))
    np.testing.assert_array_equal(engine.predict_proba(labels, sets[order], seed=5), whole[order])
    assert engine.predict(labels, sets[:0], seed=5).shape == (0,)


def test_arrays_of_the_caller_are_copied_and_compiled_for_once():
    features, sets = relu_features(50)
    labels = np.arange(50, dtype=np.uint32) % 2
    expected = ForestEngine(features, n_trees=5).predict_proba(labels, sets, seed=0)
    kept = [np.asfortranarray(features), np.asfortranarray(sets), labels]
    engine = ForestEngine(kept[0], n_trees=5)
    kept[0][:] = 0
    for array in kept:
        array.flags.writeable = False
    np.testing.assert_array_equal(engine.predict_proba(labels, kept[1], seed=0), expected)
    assert len(forest_votes.signatures) == 1


def test_threads_share_an_engine():
    features, sets = relu_features(150)
    engine, labels = ForestEngine(features, n_trees=50), np.arange(150) % 2

    def predict(seed):
        return engine.predict_proba(labels, sets, seed=seed)

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(predict, range(12)))
    np.testing.assert_array_equal(together, [predict(seed) for seed in range(12)])


@settings(max_examples=60, deadline=None)
@given(
    features=arrays(np.int8, (40, 3), elements=st.integers(-8, 8)),
    labels=arrays(np.int64, 40, elements=st.integers(0, 2)),
    seed=st.integers(0, 2**64 - 1),
    transform=st.sampled_from([lambda x: x**3, lambda x: np.exp(x / 2), lambda x: 9.0 * x - 50]),
)
def test_in_bag_rows_are_invariant_to_increasing_transforms(features, labels, seed, transform):
    # in the bag only: elsewhere a row may lie between two training values, on either side of their
    # midpoint
    features = features.astype(float)
    plain, transformed = (
        one_tree(x, max_features=2).predict_proba(labels, x, seed=seed, n_classes=3)
        for x in (features, transform(features))
    )
    np.testing.assert_array_equal(plain, transformed)
    for row in np.unique(features, axis=0):  # a leaf holds the rows that nothing tells apart
        same = (features == row).all(axis=1)
        shares = np.bincount(labels[same], minlength=3) / same.sum()
        np.testing.assert_allclose(plain[same], np.tile(shares, (same.sum(), 1)), atol=1e-12)


@pytest.mark.parametrize(
    ("features", "parameters", "message"),
    [
        ([[1.0, np.nan]], {}, "not finite"),
        ([[1e39]], {}, "not finite"),
        ([1.0, 2.0], {}, "shape \\(2,\\)"),
        (np.empty((0, 2)), {}, "0 rows"),
        (np.empty((3, 0)), {}, "max_features|features"),
        (np.zeros((MAX_ROWS + 1, 1)), {}, "65536 rows"),
        ([[1.0]], {"n_trees": 0}, "n_trees = 0"),
        ([[1.0]], {"n_trees": 2.5}, "n_trees = 2.5"),
        ([[1.0]], {"max_features": 0}, "max_features = 0"),
        ([[1.0]], {"max_features": 2}, "max_features = 2"),
        ([[1.0]], {"max_features": "log2"}, "max_features = 'log2'"),
    ],
)
def test_engine_refuses(features, parameters, message):
    with pytest.raises(InputError, match=message) as raised:
        ForestEngine(features, **parameters)
    assert isinstance(raised.value, ValueError)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": [0, 1, 1]}, "labels of shape \\(3,\\)"),
        ({"labels": [0.0, 1.0]}, "type float64"),
        ({"labels": [0, -1]}, "labels go from -1"),
        ({"labels": [0, 2], "n_classes": 2}, "labels go from 0 to 2"),
        ({"sets": [[1.0]]}, "features of shape \\(1, 1\\)"),
        ({"sets": [[1.0, np.inf]]}, "not finite"),
        ({"seed": -1}, "seed = -1"),
        ({"seed": 2**64}, "seed = 18446744073709551616"),
        ({"seed": None}, "seed = None"),
    ],
)
def test_prediction_refuses(arguments, message):
    engine = ForestEngine([[0.0, 1.0], [1.0, 0.0]], n_trees=2)
    with pytest.raises(InputError, match=message):
        engine.predict(**({"labels": [0, 1], "sets": [[0.0, 0.0]], "seed": 0} | arguments))
