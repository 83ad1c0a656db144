"""Any classifier can be asked: those with a name, scikit-learn's, pipelines; fast ones agree."""

import numpy as np
import pytest
import xarray as xr
from samples import labels_of, noise
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from memlib.method.classifiers import make_estimator, make_predictor
from memlib.method.names import CLASSIFIERS
from memlib.method.null import compute_null
from memlib.papers.chaibub_neto_2018.planted import planted_features


@pytest.mark.parametrize(
    "classifier",
    [
        *CLASSIFIERS,
        SVC(),
        DecisionTreeClassifier(max_depth=3),
        make_pipeline(StandardScaler(), LogisticRegression()),
        make_pipeline(StandardScaler(), DecisionTreeClassifier()),
    ],
    ids=str,
)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_any_classifier_learns_what_is_there(classifier, n_classes):
    labels = labels_of(*[30] * n_classes)
    centres = 4 * np.eye(3, dtype=np.float32)[labels]
    train, copies = (centres + noise(len(labels), 3, seed=seed) for seed in (1, 2))
    results = [
        compute_null(
            train, labels, {0.1: copies}, classifier=classifier, n_permutations=3, n_trees=10
        )
        for _ in range(2)
    ]
    assert results[0]["observed_accuracy"].item() > 0.85
    assert results[0]["null_accuracy"].mean() < 1 / n_classes + 0.2
    xr.testing.assert_identical(*results)


def test_classifier_object_is_left_unfitted():
    labels, train, copies = planted_features("both", 40)
    tree = DecisionTreeClassifier(random_state=4)
    compute_null(train, labels, {0: copies}, classifier=tree, n_permutations=2)
    assert not hasattr(tree, "tree_")
    assert tree.random_state == 4


def test_own_forest_and_scikit_learns_give_the_same_null():
    labels, train, copies = planted_features("memorized", 200)
    means = [
        compute_null(train, labels, {0: copies}, classifier=name, n_permutations=10, n_trees=50)[
            "null_accuracy"
        ].mean()
        for name in ("random_forest", "random_forest_sklearn")
    ]
    assert abs(float(means[0] - means[1])) < 0.02


@pytest.mark.parametrize("counts", [(40, 40), (60, 20), (30, 25, 25)])
@pytest.mark.parametrize("name", ["nearest_neighbours", "ridge"])
def test_fast_versions_predict_as_scikit_learns(name, counts):
    labels = labels_of(*counts)
    train, copies = noise(80, seed=1), noise(80, seed=2)
    fast, plain = (
        compute_null(train, labels, {0: copies, 1: train}, classifier=one, n_permutations=9)
        for one in (name, make_estimator(name))
    )
    xr.testing.assert_allclose(fast, plain)


def test_number_of_trees_reaches_the_named_forests():
    for name in ("random_forest_sklearn", "extra_trees"):
        assert make_estimator(name, n_trees=7).n_estimators == 7
    assert make_predictor("random_forest", noise(), n_trees=7).n_trees == 7
