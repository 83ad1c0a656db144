"""The forest engine as a scikit-learn classifier."""

import numpy as np
from samples import relu_features
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from memlib.method.fast.forest import FastForestClassifier, ForestEngine


def test_classifier_grows_the_engines_forest():
    features, sets = relu_features(120)
    labels = np.array(["coat", "pullover", "bag"])[np.arange(120) % 3]
    forest = FastForestClassifier(40, random_state=6).fit(features, labels)
    seed = np.random.RandomState(6).randint(2**32, dtype=np.uint64)
    engine = ForestEngine(features, n_trees=40)
    codes = np.searchsorted(["bag", "coat", "pullover"], labels)
    expected = engine.predict_proba(codes, sets, seed=int(seed))
    np.testing.assert_array_equal(forest.classes_, ["bag", "coat", "pullover"])
    np.testing.assert_array_equal(forest.predict_proba(sets), expected)
    np.testing.assert_array_equal(forest.predict(sets), forest.classes_[expected.argmax(axis=1)])
    again = clone(forest).fit(features, labels)
    np.testing.assert_array_equal(again.predict_proba(sets), expected)


def test_classifier_keeps_scikit_learns_conventions():
    failed = [
        check
        for check in check_estimator(FastForestClassifier(10, random_state=0), on_fail=None)
        if check["status"] == "failed"
    ]
    assert not failed
