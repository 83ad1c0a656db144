"""Smoothers against scikit-learn, their closed-form null against permutations and enumeration."""

import tracemalloc
from itertools import combinations

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier

from memlib.base.errors import InputError
from memlib.method.classifiers import EstimatorPredictor, make_estimator, make_predictor
from memlib.method.fast.smoothers import NeighboursSmoother, RidgeSmoother
from memlib.method.null import score_labellings
from memlib.papers.chaibub_neto_2018.closed_form import (
    expected_null_accuracy,
    expected_null_accuracy_neighbours,
    margin_moments,
)

NAMES = ("ridge", "nearest_neighbours")


def relu_features(n=300, disturbance=0.1, seed=0, n_features=16):
    """Training features and their copies' as in a last hidden layer: ReLU, correlated, one dead."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(6, n_features))
    hidden = rng.normal(size=(n, 6))
    moved = hidden + disturbance * rng.normal(size=hidden.shape)
    dead = np.arange(n_features) > 0
    return [(np.maximum(one @ mixing, 0) * dead).astype(np.float32) for one in (hidden, moved)]


def labellings_of(*counts, n_labellings=8, seed=1):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.stack([rng.permutation(labels) for _ in range(n_labellings)])


def null_of_weights(weights, n_permutations, seed=2):
    """Mean null accuracy over shuffles of balanced labels and its standard error; no ties."""
    n = len(weights)
    y = np.tile([-1.0, 1.0], n // 2)
    rng = np.random.default_rng(seed)
    shuffles = np.stack([rng.permutation(y) for _ in range(n_permutations)])
    accuracy = ((shuffles @ weights.T) * shuffles > 0).mean(axis=1)
    return accuracy.mean(), accuracy.std() / n_permutations**0.5


@pytest.mark.parametrize("labels", [[-1, 1] * 10, [0.0, 0.5] * 10])
def test_labels_that_are_no_codes_are_refused(labels):
    with pytest.raises(InputError, match="codes 0 to k - 1"):
        RidgeSmoother(relu_features(20)[0]).predict(np.array(labels), np.zeros((2, 16)))


# Predictions are scikit-learn's


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "counts", [(150, 150), (270, 30), (100, 100, 100), (200, 60, 40), (60,) * 5]
)
def test_predictions_equal_scikit_learns(name, counts):
    train, copies = relu_features(disturbance=0.5)
    shuffled = labellings_of(*counts, n_labellings=3)
    learnable = np.sort(shuffled, axis=1)[:, train[:, 1:4].argsort(axis=0).argsort(axis=0)]
    labellings = np.concatenate([shuffled, np.diagonal(learnable, axis1=0, axis2=2).T])
    smoother, estimator = make_predictor(name, train), make_estimator(name)
    assert not isinstance(smoother, EstimatorPredictor)
    predicted = smoother.predict_many(labellings, copies)
    for labels, ours in zip(labellings, predicted, strict=True):
        theirs = estimator.fit(train.astype(float), labels).predict(copies.astype(float))
        np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(smoother.predict(labels, copies, seed=3), ours)
    assert predicted.dtype == np.int64
    assert len(np.unique(predicted)) == len(counts)


@pytest.mark.parametrize("n_features", [2, 16])  # a tree, and brute force
@pytest.mark.parametrize("n_neighbours", [1, 4, 5])
@pytest.mark.parametrize("counts", [(150, 150), (100, 100, 100)])
def test_tied_distances_and_tied_votes_fall_as_in_scikit_learn(n_features, n_neighbours, counts):
    train, copies = (np.round(one) for one in relu_features(n_features=n_features))
    train[:, 1:] *= n_features > 2  # whole numbers: many rows are equal
    copies[:, 1:] *= n_features > 2
    smoother = NeighboursSmoother(train, n_neighbours=n_neighbours)
    labellings = labellings_of(*counts, n_labellings=4)
    predicted = smoother.predict_many(labellings, copies)
    for labels, ours in zip(labellings, predicted, strict=True):
        theirs = KNeighborsClassifier(n_neighbours).fit(train, labels).predict(copies)
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("alpha", [0.01, 1.0, 100.0])
def test_penalty_is_scikit_learns(alpha):
    train, copies = relu_features(seed=4)
    labellings = labellings_of(180, 120)
    predicted = RidgeSmoother(train, alpha=alpha).predict_many(labellings, copies)
    for labels, ours in zip(labellings, predicted, strict=True):
        theirs = RidgeClassifier(alpha=alpha).fit(train.astype(float), labels)
        np.testing.assert_array_equal(ours, theirs.predict(copies.astype(float)))


@pytest.mark.parametrize("alpha", [0.0, 1e-9])
def test_ridge_without_penalty_is_fishers_discriminant_on_balanced_classes(alpha):
    train, copies = (one[:, 1:5].astype(float) for one in relu_features(seed=5))
    smoother = RidgeSmoother(train, alpha=alpha)
    labellings = labellings_of(150, 150)
    predicted = smoother.predict_many(labellings, copies)
    for labels, ours in zip(labellings, predicted, strict=True):
        fisher = LinearDiscriminantAnalysis().fit(train, labels)
        np.testing.assert_array_equal(ours, fisher.predict(copies))
    penalized = RidgeSmoother(train, alpha=1000.0).predict_many(labellings, copies)
    assert (penalized != predicted).any()


def test_dead_features_and_ties_give_the_lowest_label():
    dead = np.zeros((6, 3), np.float32)
    labellings = labellings_of(3, 3)
    for alpha in (0.0, 1.0):
        assert (RidgeSmoother(dead, alpha=alpha).predict_many(labellings, dead) == 0).all()
    assert RidgeSmoother(dead).predict(np.array([0, 1, 1, 1, 1, 1]), dead).tolist() == [1] * 6


def test_a_feature_that_was_constant_in_training_counts_for_nothing():
    train, copies = (one[:, 1:5].astype(float) for one in relu_features())
    labellings = labellings_of(150, 150)
    without = RidgeSmoother(train, alpha=0.0).predict_many(labellings, copies)
    train = np.hstack([train, np.full((300, 1), 0.1)])  # its mean is off by rounding
    copies = np.hstack([copies, np.full((300, 1), 0.2)])
    with_it = RidgeSmoother(train, alpha=0.0).predict_many(labellings, copies)
    np.testing.assert_array_equal(with_it, without)


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_those_of_the_predictions(name):
    train, copies = relu_features()
    smoother = make_predictor(name, train)
    weights = smoother.weights(copies[:100])
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    labellings = labellings_of(100, 120, 80)
    scores = np.einsum("ij,bjk->bik", weights, np.eye(3)[labellings])
    np.testing.assert_array_equal(
        scores.round(9).argmax(axis=2), smoother.predict_many(labellings, copies[:100])
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("counts", [(150, 150), (100, 120, 80)])
def test_scores_at_once_equal_those_one_by_one(name, counts, monkeypatch):
    train, copies = relu_features(disturbance=0.4)
    labels = labellings_of(*counts)[0]
    validation = relu_features(seed=6)[0], labels[::-1]

    def scores(labellings, classifier=name):
        return score_labellings(
            train,
            labels,
            [copies, train],
            labellings,
            classifier=classifier,
            validation=validation,
            seed=3,
        )

    at_once, reference = scores(range(7)), scores(range(7), make_estimator(name))
    singles = [scores([one]) for one in range(7)]
    monkeypatch.setattr("memlib.method.fast.smoothers.BLOCK", 1)  # a block for each labelling
    for other in (reference, scores(range(7))):
        for field in ("accuracy", "chance", "validation_accuracy"):
            np.testing.assert_array_equal(getattr(other, field), getattr(at_once, field))
    for field in ("accuracy", "chance", "validation_accuracy"):
        joined = np.concatenate([getattr(one, field) for one in singles])
        np.testing.assert_array_equal(joined, getattr(at_once, field))
    assert np.isfinite(at_once.validation_accuracy[0])
    assert np.isnan(at_once.validation_accuracy[1:]).all()
    assert len(np.unique(at_once.accuracy)) > 5
    assert scores([]).accuracy.shape == (0, 2)


@pytest.mark.parametrize("name", NAMES)
def test_memory_stays_far_below_the_whole_weights(name):
    """n = 10,000, m = 50,000, B = 100: K alone would hold 4 GB, all scores at once 200 MB."""
    train, copies = relu_features(10_000)
    labellings = labellings_of(*[2_000] * 5, n_labellings=100)
    smoother = make_predictor(name, train)
    tracemalloc.start()
    try:
        predicted = smoother.predict_many(labellings, np.concatenate([copies] * 5))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert predicted.shape == (100, 50_000)
    assert peak < 150e6


def test_too_few_samples_for_the_neighbours_are_named():
    with pytest.raises(InputError, match="5 neighbours of 4 samples"):
        make_predictor("nearest_neighbours", np.eye(4, dtype=np.float32))


# The null in closed form


def all_balanced(n):
    """Every labelling of n samples with half of each class, -1 and 1."""
    rows = [np.isin(np.arange(n), chosen) for chosen in combinations(range(n), n // 2)]
    return np.where(rows, 1.0, -1.0)


def test_moments_are_those_over_every_balanced_labelling():
    weights = np.random.default_rng(0).normal(size=(8, 8)) + 0.5
    y = all_balanced(8)
    margins = (y @ weights.T) * y
    mean, sd = margin_moments(weights)
    np.testing.assert_allclose(mean, margins.mean(axis=0))
    np.testing.assert_allclose(sd, margins.std(axis=0))


@pytest.mark.parametrize("n_neighbours", [1, 2, 3, 4, 5])
def test_neighbours_form_is_exact_over_every_balanced_labelling(n_neighbours):
    rng = np.random.default_rng(n_neighbours)
    train = rng.normal(size=(8, 2))
    copies = train * np.repeat([[1], [-4]], 4, axis=0)  # half of them thrown to the other side
    smoother = NeighboursSmoother(train, n_neighbours=n_neighbours)
    neighbours = smoother.neighbours(copies)
    found = (neighbours == np.arange(8)[:, None]).any(axis=1)
    assert 0 < found.sum() < 8
    labellings = (all_balanced(8) > 0).astype(int)
    accuracy = (smoother.predict_many(labellings, copies) == labellings).mean()
    assert expected_null_accuracy_neighbours(neighbours) == pytest.approx(accuracy, abs=1e-12)


def gaussian_weights(disturbance):
    """A Gaussian kernel, wide enough that several dozen samples share most of the weight."""
    train, copies = (one.astype(float) for one in relu_features(disturbance=disturbance))
    distance = ((copies[:, None] - train) ** 2).sum(axis=2)
    weights = np.exp(-distance / (0.2 * np.median(distance)))
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("disturbance", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(
    ("kind", "approximation"),  # allowed for margins that are not quite normal
    [("ridge", 0.001), ("gaussian", 0.005), ("neighbours", 0.0)],
)
def test_closed_form_agrees_with_permutations(kind, approximation, disturbance):
    train, copies = relu_features(disturbance=disturbance)
    if kind == "neighbours":
        smoother = NeighboursSmoother(train)
        weights = smoother.weights(copies)
        expected = expected_null_accuracy_neighbours(smoother.neighbours(copies))
    else:
        weights = (
            RidgeSmoother(train).weights(copies)
            if kind == "ridge"
            else gaussian_weights(disturbance)
        )
        expected = expected_null_accuracy(weights)
    mean, error = null_of_weights(weights, 4000)
    assert abs(expected - mean) < 3 * error + approximation
    assert error < 0.001
    if disturbance == 0.0:
        assert expected > 0.55


@pytest.mark.parametrize("n", [20, 200])
def test_a_twin_that_weighs_nothing_gives_chance(n):
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(n, n))
    np.fill_diagonal(weights, 0)
    weights -= weights.sum(axis=1, keepdims=True) / (n - 1) * (1 - np.eye(n))  # others sum to 0
    assert expected_null_accuracy(weights) == pytest.approx(0.5, abs=1e-12)
    assert abs(null_of_weights(weights, 20_000 // n)[0] - 0.5) < 0.05
    # A constant in a row changes nothing, for half of the labels are of each class.
    shifted = weights + rng.normal(size=(n, 1))
    assert expected_null_accuracy(shifted) == pytest.approx(0.5, abs=1e-12)


def test_a_twin_left_out_falls_below_chance():
    """Without the sample's own label the others are more often the other one: 1 in n - 1."""
    n = 10
    weights = 1.0 - np.eye(n)
    assert expected_null_accuracy(weights) == 0  # all others: their majority is always wrong
    neighbours = (np.arange(n)[:, None] + 1) % n
    assert expected_null_accuracy_neighbours(neighbours) == pytest.approx((n / 2 - 1) / (n - 1))


def test_equal_weights_are_a_tie_that_chance_decides():
    assert expected_null_accuracy(np.full((6, 6), 1 / 6)) == 0.5


def test_accuracy_rises_with_the_twins_weight_from_0_to_1():
    weights = np.random.default_rng(2).normal(size=(50, 50))
    accuracy = []
    for own in np.linspace(-40, 40, 41):
        np.fill_diagonal(weights, own)
        accuracy.append(expected_null_accuracy(weights))
    assert (np.diff(accuracy) > 0).all()
    assert accuracy[0] < 0.001
    assert accuracy[-1] > 0.999


def test_limits_of_many_samples():
    """A projection on r centred features: Phi(sqrt(r / n)). A twin among five: 11 / 16."""
    rng = np.random.default_rng(3)
    features = rng.normal(size=(2000, 16))
    weights = RidgeSmoother(features, alpha=0.0).weights(features)
    assert np.trace(weights) == pytest.approx(17)
    assert expected_null_accuracy(weights) == pytest.approx(0.53566, abs=5e-4)  # Phi(0.0894)
    n = 100_000
    neighbours = (np.arange(n)[:, None] + np.arange(5)) % n
    assert expected_null_accuracy_neighbours(neighbours) == pytest.approx(11 / 16, abs=1e-4)
    assert expected_null_accuracy_neighbours(neighbours + n) == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize("shape", [(4, 6), (5, 5), (0, 0)])
def test_weights_of_no_twins_are_refused(shape):
    with pytest.raises(InputError, match="even n is needed"):
        expected_null_accuracy(np.ones(shape))


def test_an_odd_number_of_samples_is_refused():
    with pytest.raises(InputError, match="7 samples"):
        expected_null_accuracy_neighbours(np.zeros((7, 1), int))
