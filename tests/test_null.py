"""Algorithm 1: the statistic, its null, its p-values and its verdicts."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
import xarray as xr
from builders import CountingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from memlib.classifiers import CLASSIFIERS, make_estimator, make_predictor
from memlib.errors import InputError
from memlib.null import (
    VERDICTS,
    chance_accuracy,
    compute_null,
    decide_verdict,
    memorization_p_value,
    null_dataset,
    permutation_p_value,
    score_labellings,
    shuffled_labels,
)
from memlib.planted import CASES, planted_features, plot_cases

NEAREST = KNeighborsClassifier(1)
VERDICT_OF = dict(zip(CASES, VERDICTS, strict=False)) | {"both": "memorized_and_learned"}


def noise(n=60, n_features=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, n_features)).astype(np.float32)


def labels_of(*counts):
    """Labels 0, 1, ... with these counts, in a random order that is always the same."""
    return np.random.default_rng(9).permutation(np.repeat(np.arange(len(counts)), counts))


def verdict_of(ds):
    return VERDICTS[int(ds["verdict"].item())]


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
    assert chance == pytest.approx(0.5 if counts == (100, 100) else chance)
    assert chance > 1 / len(counts) + 0.05 or len(set(counts)) == 1


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


# p-values and verdicts


@pytest.mark.parametrize(
    ("observed", "p_value"), [(0.9, 1 / 5), (0.7, 2 / 5), (0.65, 2 / 5), (0.5, 4 / 5), (0.1, 1.0)]
)
def test_p_value_by_hand(observed, p_value):
    """(C + 1) / (B + 1) with B = 4; a null score equal to the observed one counts."""
    assert permutation_p_value(np.array([0.4, 0.5, 0.6, 0.7]), observed) == pytest.approx(p_value)


@pytest.mark.parametrize(("chance", "p_value"), [(0.3, 1 / 5), (0.4, 2 / 5), (0.65, 4 / 5), (1, 1)])
def test_memorization_p_value_by_hand(chance, p_value):
    assert memorization_p_value(np.array([0.4, 0.5, 0.6, 0.7]), chance) == pytest.approx(p_value)


def test_p_values_broadcast_over_leading_dims():
    null = np.random.default_rng(0).random((2, 3, 19))
    observed = np.random.default_rng(1).random((2, 3))
    expected = [
        [permutation_p_value(null[i, j], observed[i, j]) for j in range(3)] for i in range(2)
    ]
    np.testing.assert_array_equal(permutation_p_value(null, observed), expected)


@pytest.mark.parametrize("case", ["neither", "memorized"])
def test_p_value_of_learning_is_at_most_uniform_when_nothing_is_learned(case):
    assert_at_most_uniform(draw_p_values(case)["p_value"])


@pytest.mark.parametrize("case", ["neither", "learned"])
def test_p_value_of_memorization_is_at_most_uniform_up_to_a_half_without_memory(case):
    """Chance lies in the middle of the null then, so this p-value gathers around 0.5.

    It is no permutation p-value, and is not uniform: above 0.5 it falls short more often.
    """
    p_values = draw_p_values(case)["memorization_p_value"]
    assert_at_most_uniform(p_values, up_to=0.5)


def test_p_values_have_power_when_there_is_something_to_find():
    draws = draw_p_values("both", 40, n=100)
    assert (draws["p_value"] <= 0.05).mean() > 0.9
    assert (draws["memorization_p_value"] <= 0.05).mean() > 0.9


def draw_p_values(case, n_draws=300, n=40):
    draws = []
    for seed in range(n_draws):
        labels, train, copies = planted_features(case, n, seed=seed)
        draws.append(
            compute_null(train, labels, {0: copies}, n_permutations=19, n_trees=5, seed=seed)
        )
    return xr.concat(draws, dim="draw")


def assert_at_most_uniform(p_values, up_to=1.0):
    for level in np.arange(1, 20) / 20:
        if level <= up_to:
            error = (level * (1 - level) / p_values.size) ** 0.5
            assert float((p_values <= level + 1e-9).mean()) <= level + 3 * error
    assert p_values.std() > 0.05  # a p-value that is always 1 would pass otherwise


@pytest.mark.parametrize("case", CASES)
def test_planted_cases_give_their_verdicts(case):
    found = Counter()
    for seed in range(12):
        labels, train, copies = planted_features(case, 100, seed=seed)
        ds = compute_null(train, labels, {0: copies}, n_permutations=39, n_trees=50, seed=seed)
        found[verdict_of(ds)] += 1
    assert found[VERDICT_OF[case]] >= 10, found  # each p-value errs one time in twenty


@pytest.mark.parametrize(
    ("p_value", "memorization", "n_permutations", "verdict"),
    [
        (0.5, 0.5, 19, "neither"),
        (0.5, 0.05, 19, "memorized"),
        (0.05, 0.5, 19, "learned"),
        (0.05, 0.05, 19, "memorized_and_learned"),
        (0.06, 0.06, 99, "neither"),
        (1 / 19, 1 / 19, 18, "undecided"),
    ],
)
def test_verdict_rule(p_value, memorization, n_permutations, verdict):
    assert VERDICTS[int(decide_verdict(p_value, memorization, n_permutations))] == verdict


@pytest.mark.parametrize(
    ("n_permutations", "verdict"), [(18, "undecided"), (19, "memorized_and_learned")]
)
def test_fewer_than_19_permutations_decide_nothing(n_permutations, verdict):
    labels, train, copies = planted_features("both", 200)
    ds = compute_null(train, labels, {0: copies}, n_permutations=n_permutations, n_trees=50)
    assert verdict_of(ds) == verdict


def test_dataset_keeps_the_whole_null_and_its_labels():
    null = np.linspace(0.4, 0.6, 2 * 3 * 2 * 19).reshape(2, 3, 2, 19)
    chance = np.full((2, 3, 2), 0.5)
    ds = null_dataset(null.max(axis=-1) + 0.1, null, chance, [0.05, 0.10])
    assert ds["null_accuracy"].dims == ("seed", "epoch", "perturbation", "permutation")
    np.testing.assert_array_equal(ds["null_accuracy"], null)
    np.testing.assert_array_equal(ds["permutation"], np.arange(1, 20))
    np.testing.assert_array_equal(ds["perturbation"], [0.05, 0.10])
    np.testing.assert_allclose(ds["p_value"], 1 / 20)


# Labels and classifiers of any kind


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


# Refusals


def test_two_classes_are_the_least():
    with pytest.raises(InputError, match="fewer than two classes"):
        compute_null(noise(), np.zeros(60), {0: noise()})


def with_bad_value(value):
    bad = noise()
    bad[3, 1] = value
    return bad


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_permutations": 0}, "n_permutations = 0"),
        ({"labels": labels_of(30, 29)}, "do not match"),
        ({"labels": np.eye(60)}, "do not match"),
        ({"train": noise()[:, 0]}, "do not match"),
        ({"sets": {}}, "at least one set"),
        ({"sets": {0.05: noise(59)}}, r"set 0\.05 are \(59, 4\)"),
        ({"sets": {0.05: noise(60, 3)}}, r"set 0\.05 are \(60, 3\)"),
        ({"sets": {0.05: noise(), 0.1: with_bad_value(np.nan)}}, r"set 0\.1 .*not finite"),
        ({"train": with_bad_value(np.inf)}, "set 'train' .*not finite"),
        ({"classifier": "perceptron"}, "classifier = 'perceptron': take one of random_forest"),
    ],
)
def test_input_errors_are_one_line_that_names_the_matter(changes, words):
    call = {"train": noise(), "labels": labels_of(30, 30), "sets": {0.05: noise()}} | changes
    with pytest.raises(InputError, match=words) as caught:
        compute_null(call.pop("train"), call.pop("labels"), call.pop("sets"), **call)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("case", "n", "words"), [("all", 10, "case = 'all'"), ("both", 7, "= 7"), ("both", 0, "= 0")]
)
def test_planted_features_refuse(case, n, words):
    with pytest.raises(InputError, match=words):
        planted_features(case, n)


def test_planted_features_are_what_they_say():
    for case in CASES:
        labels, train, copies = planted_features(case, 2000, 0.1, seed=1)
        assert labels.mean() == 0.5
        gap = train[labels == 1].mean() - train[labels == 0].mean()
        assert abs(gap - 2 * (case in ("learned", "both"))) < 0.2
        residuals = [
            one - 2 * labels[:, None] * (case in ("learned", "both")) for one in (train, copies)
        ]
        correlation = np.corrcoef(*(one.ravel() for one in residuals))[0, 1]
        assert (correlation > 0.95) == (case in ("memorized", "both"))
        assert abs(correlation) < 0.1 or correlation > 0.95


def test_cases_are_drawn_with_their_verdicts():
    nulls = {}
    for case in CASES:
        labels, train, copies = planted_features(case, 40)
        nulls[case] = compute_null(train, labels, {case: copies}, n_permutations=19, n_trees=5)
    (ax,) = plot_cases(nulls).axes
    shown = [tick.get_text().split("\nverdict: ") for tick in ax.get_yticklabels()]
    assert shown == [[case, verdict_of(ds).replace("_", " ")] for case, ds in nulls.items()]
    for scatter, ds in zip(ax.collections, nulls.values(), strict=True):
        points = np.sort(scatter.get_offsets()[:, 0])
        np.testing.assert_allclose(points, np.sort(ds["null_accuracy"].values[0]))
    drawn = [line.get_xdata()[0] for line in ax.lines]
    expected = [
        float(ds[name].item())
        for ds in nulls.values()
        for name in ("observed_accuracy", "chance_accuracy")
    ]
    np.testing.assert_allclose(drawn, expected)
