"""Algorithm 1: the statistic, its null, its chance level, and what each depends on."""

from itertools import permutations

import numpy as np
import pytest
import xarray as xr
from builders import CountingClassifier
from samples import labels_of, noise
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from memlib.method.names import CLASSIFIERS
from memlib.method.null import chance_accuracy, compute_null, score_labellings, shuffled_labels
from memlib.method.verdicts import null_dataset
from memlib.papers.chaibub_neto_2018.planted import planted_features

NEAREST = KNeighborsClassifier(1)


# The statistic


def test_each_fit_is_scored_against_the_labels_it_was_fitted_on():
    """By heart, one neighbour scores 1 on its own shuffled labels, 0.5 on the true ones."""
    features, labels = noise(), labels_of(30, 30)
    ds = compute_null(features, labels, {0.0: features}, classifier=NEAREST, n_permutations=9)
    assert (ds["null_accuracy"] == 1).all()
    shuffled = [shuffled_labels(labels, b, seed=0) for b in range(1, 10)]
    assert max((one == labels).mean() for one in shuffled) < 0.8


def test_null_equals_algorithm_1_by_hand():
    train, copies, labels = noise(seed=1), noise(seed=2), labels_of(20, 40)
    ds = compute_null(train, labels, {0.05: copies}, classifier=NEAREST, n_permutations=7, seed=3)
    expected = []
    for b in range(1, 8):
        shuffled = shuffled_labels(labels, b, seed=3)
        predicted = KNeighborsClassifier(1).fit(train, shuffled).predict(copies)
        expected.append((predicted == shuffled).mean())
    np.testing.assert_allclose(ds["null_accuracy"].sel(perturbation=0.05), expected)
    observed = KNeighborsClassifier(1).fit(train, labels).score(copies, labels)
    assert ds["observed_accuracy"].item() == pytest.approx(observed)


def test_labelling_0_is_the_true_one_and_others_keep_the_counts():
    labels = labels_of(10, 20, 30)
    assert shuffled_labels(labels, 0, seed=1) is labels
    first, second = (shuffled_labels(labels, b, seed=1) for b in (1, 2))
    for one in (first, second):
        np.testing.assert_array_equal(np.bincount(one), [10, 20, 30])
        assert not np.array_equal(one, labels)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("classifier", ["random_forest", "random_forest_sklearn"])
def test_memorizing_forest_knows_identical_features_by_heart(classifier):
    features, labels = noise(100), labels_of(50, 50)
    ds = compute_null(
        features, labels, {0.0: features}, classifier=classifier, n_permutations=3, n_trees=100
    )
    assert ds["null_accuracy"].min() > 0.97


@pytest.mark.parametrize("counts", [(100, 100), (180, 20), (70, 70, 70), (150, 30, 20)])
@pytest.mark.parametrize("classifier", ["random_forest", NEAREST, GaussianNB()])
def test_null_without_memory_sits_at_chance_for_any_balance(counts, classifier):
    """Features independent of labels and of the other set: 200 rows, 30 draws of them."""
    labels, off = labels_of(*counts), []
    for seed in range(30):
        train, copies = noise(sum(counts), 2, seed=seed), noise(sum(counts), 2, seed=seed + 100)
        ds = compute_null(
            train,
            labels,
            {1.0: copies},
            classifier=classifier,
            n_permutations=4,
            n_trees=5,
            seed=seed,
        )
        off.append(float((ds["null_accuracy"].mean("permutation") - ds["chance_accuracy"]).item()))
        off.append(float((ds["observed_accuracy"] - ds["chance_accuracy"]).item()))
    assert abs(np.mean(off)) < 4 * np.std(off) / len(off) ** 0.5
    assert np.std(off) < 0.06
    largest = max(counts) / sum(counts)
    chance = float(ds["chance_accuracy"].item())
    assert chance <= largest
    balanced = len(set(counts)) == 1
    assert (chance == pytest.approx(1 / len(counts))) is balanced
    assert balanced or chance > 1 / len(counts) + 0.05


def test_dataset_says_what_its_arrays_are_and_how_they_were_made():
    found = compute_null(
        noise(), labels_of(30, 30), {0.05: noise()}, n_permutations=3, classifier=NEAREST, seed=5
    )
    assert found["null_accuracy"].attrs["long_name"].startswith("accuracy on the s-validation set")
    assert found["verdict"].attrs["flag_meanings"].split()[0] == "neither"
    assert '"seed":5' in found.attrs["parameters"]


def test_dataset_keeps_the_whole_null_and_its_labels():
    null = np.linspace(0.4, 0.6, 2 * 3 * 2 * 19).reshape(2, 3, 2, 19)
    chance = np.linspace(0.3, 0.5, null.size).reshape(null.shape)
    ds = null_dataset(null.max(axis=-1) + 0.1, null, chance, [0.05, 0.10])
    assert ds["null_accuracy"].dims == ("seed", "epoch", "perturbation", "permutation")
    np.testing.assert_array_equal(ds["null_accuracy"], null)
    np.testing.assert_array_equal(ds["permutation"], np.arange(1, 20))
    np.testing.assert_array_equal(ds["perturbation"], [0.05, 0.10])
    np.testing.assert_allclose(ds["p_value"], 1 / 20)
    np.testing.assert_allclose(ds["chance_accuracy"], chance.mean(axis=-1))


# The chance level


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_chance_is_a_half_for_balanced_classes_whatever_is_predicted(share):
    predicted = (np.arange(100) < 100 * share).astype(int)
    assert chance_accuracy(labels_of(50, 50), predicted) == pytest.approx(0.5)


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9])
def test_chance_of_always_naming_one_class_is_its_share(share):
    labels = (np.arange(100) >= 100 * share).astype(int)
    assert chance_accuracy(labels, np.zeros(100, int)) == pytest.approx(share)


def test_chance_of_many_classes():
    assert chance_accuracy(labels_of(10, 10, 10, 10), labels_of(40, 0, 0, 0)) == pytest.approx(0.25)
    labels, predicted = labels_of(5, 3, 2), labels_of(1, 4, 5)
    assert chance_accuracy(labels, predicted) == pytest.approx(0.05 + 0.12 + 0.10)


def test_chance_of_a_class_never_seen_and_of_words():
    assert chance_accuracy(np.array(["a", "a", "b", "b"]), np.array(["c"] * 4)) == 0
    assert chance_accuracy(np.array(["a", "b"]), np.array(["b", "b"])) == pytest.approx(0.5)


def test_chance_is_the_mean_accuracy_over_all_pairings():
    labels, predicted = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 1, 1, 1, 2, 3])
    pairings = [np.mean(np.array(order) == predicted) for order in permutations(labels)]
    assert chance_accuracy(labels, predicted) == pytest.approx(np.mean(pairings))


# Labels of any kind


def test_labels_may_be_words():
    labels, train, copies = planted_features("both", 60)
    words = np.array(["coat", "pullover"])[labels]
    xr.testing.assert_identical(
        *(
            compute_null(train, one, {0: copies}, n_permutations=5, n_trees=5)
            for one in (labels, words)
        )
    )


def test_validation_labels_may_be_words():
    labels, train, copies = planted_features("learned", 100)
    words = np.array(["coat", "pullover"])[labels]
    validation = planted_features("learned", 100, seed=5)
    word_validation = np.array(["coat", "pullover"])[validation[0]]
    scores = [
        score_labellings(train, y, [copies], [0], n_trees=20, validation=(validation[1], v))
        for y, v in ((labels, validation[0]), (words, word_validation))
    ]
    assert 0.8 < scores[0].validation_accuracy[0] == scores[1].validation_accuracy[0]


# What depends on what


@pytest.mark.parametrize("n_sets", [1, 4])
def test_one_fit_serves_all_sets(n_sets):
    CountingClassifier.log.clear()
    labels, train, copies = planted_features("both", 40)
    sets = {k: copies + np.float32(k) for k in range(n_sets)}
    compute_null(train, labels, sets, classifier=CountingClassifier(), n_permutations=6)
    assert len(CountingClassifier.log) == 7
    assert len({tuple(fitted) for fitted in CountingClassifier.log}) == 7


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_a_labellings_score_does_not_depend_on_the_others(classifier):
    labels, train, copies = planted_features("both", 60)

    def scores(labellings, sets):
        return score_labellings(
            train, labels, sets, labellings, classifier=classifier, n_trees=5, seed=2, indices=(7,)
        )

    whole = scores(range(6), [copies, train])
    part = scores([4, 2], [copies, train])
    np.testing.assert_array_equal(part.accuracy, whole.accuracy[[4, 2]])
    np.testing.assert_array_equal(part.chance, whole.chance[[4, 2]])
    alone = scores(range(6), [train])
    np.testing.assert_array_equal(alone.accuracy[:, 0], whole.accuracy[:, 1])
    assert len(np.unique(whole.accuracy)) > 3


def test_validation_is_scored_with_the_true_labels_only_and_changes_nothing_else():
    labels, train, copies = planted_features("learned", 60)
    other = planted_features("learned", 80, seed=3)
    with_it, without = (
        score_labellings(train, labels, [copies], [0, 1, 2], n_trees=5, validation=one)
        for one in ((other[1], other[0]), None)
    )
    np.testing.assert_array_equal(with_it.accuracy, without.accuracy)
    assert 0.7 < with_it.validation_accuracy[0] <= 1
    assert np.isnan(with_it.validation_accuracy[1:]).all()
    assert np.isnan(without.validation_accuracy).all()
    options = {"n_permutations": 2, "n_trees": 5}
    dataset = compute_null(train, labels, {0: copies}, validation=(other[1], other[0]), **options)
    assert dataset["validation_accuracy"] == with_it.validation_accuracy[0]
    assert "validation_accuracy" not in compute_null(train, labels, {0: copies}, **options)


def test_nothing_asked_gives_empty_scores():
    labels, train, copies = planted_features("learned", 10)
    assert score_labellings(train, labels, [copies], []).accuracy.shape == (0, 1)


@pytest.mark.parametrize("classifier", ["random_forest", "random_forest_sklearn", NEAREST])
def test_same_seed_same_arrays_another_differs(classifier):
    labels, train, copies = planted_features("both", 60)
    first, again, other = (
        compute_null(
            train,
            labels,
            {0: copies},
            classifier=classifier,
            n_permutations=9,
            n_trees=5,
            seed=seed,
        )
        for seed in (1, 1, 2)
    )
    xr.testing.assert_identical(first, again)
    assert not first["null_accuracy"].equals(other["null_accuracy"])


def test_shuffles_of_epochs_differ():
    labels = labels_of(30, 30)
    first, second = (shuffled_labels(labels, 1, seed=0, indices=(epoch,)) for epoch in (1, 2))
    assert not np.array_equal(first, second)


def test_streams_of_epochs_differ():
    labels, train, copies = planted_features("both", 60)
    first, second = (
        score_labellings(train, labels, [copies], range(1, 6), n_trees=5, indices=(epoch,)).accuracy
        for epoch in (1, 2)
    )
    assert not np.array_equal(first, second)
