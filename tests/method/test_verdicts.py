"""p-values and verdicts, by hand and on planted cases whose answers are known."""

from collections import Counter

import numpy as np
import pytest
import xarray as xr

from memlib.base.errors import InputError
from memlib.method.null import compute_null
from memlib.method.verdicts import (
    VERDICTS,
    decide_verdict,
    null_excess,
    permutation_p_value,
    share_at_chance,
)
from memlib.papers.chaibub_neto_2018.planted import CASES, planted_features, plot_cases
from memlib.results.effect import below_null, effect_threshold, verdict_at

VERDICT_OF = dict(zip(CASES, VERDICTS, strict=False)) | {"both": "memorized_and_learned"}


def verdict_of(ds):
    return VERDICTS[int(ds["verdict"].item())]


@pytest.mark.parametrize(
    ("observed", "p_value"), [(0.9, 1 / 5), (0.7, 2 / 5), (0.65, 2 / 5), (0.5, 4 / 5), (0.1, 1.0)]
)
def test_p_value_by_hand(observed, p_value):
    """(C + 1) / (B + 1) with B = 4; a null score equal to the observed one counts."""
    assert permutation_p_value(np.array([0.4, 0.5, 0.6, 0.7]), observed) == pytest.approx(p_value)


@pytest.mark.parametrize(("chance", "p_value"), [(0.3, 1 / 5), (0.4, 2 / 5), (0.65, 4 / 5), (1, 1)])
def test_share_at_chance_by_hand(chance, p_value):
    assert share_at_chance(np.array([0.4, 0.5, 0.6, 0.7]), chance) == pytest.approx(p_value)


def test_each_null_score_has_a_chance_level_of_its_own():
    null, chance = np.array([0.5, 0.6, 0.7]), np.array([0.6, 0.6, 0.6])
    assert share_at_chance(null, chance) == pytest.approx(3 / 4)
    assert share_at_chance(null, chance[::-1] - [0.2, 0, 0]) == pytest.approx(2 / 4)


@pytest.mark.parametrize(
    ("counts", "classifier"),
    [((180, 20), "ridge"), ((180, 20), "svm"), ((160, 40), "ridge"), ((70, 70, 70), "ridge")],
    ids=str,
)
def test_features_that_say_nothing_of_an_image_are_not_memory(counts, classifier):
    """Neither where a classifier nearly always names the largest class, nor by rounding."""
    labels, found = np.repeat(np.arange(len(counts)), counts), Counter()
    for seed in range(12):
        train, copies = np.random.default_rng(seed).normal(size=(2, len(labels), 4))
        ds = compute_null(
            train, labels, {0: copies}, classifier=classifier, n_permutations=39, seed=seed
        )
        found[verdict_of(ds)] += 1
    assert found["memorized"] + found["memorized_and_learned"] <= 2, found


@pytest.mark.parametrize("classifier", ["ridge", "random_forest"])
def test_features_that_are_all_alike_are_not_memory(classifier):
    """Every score is then exactly its chance level."""
    labels, alike = np.arange(200) % 10, np.ones((200, 3))
    ds = compute_null(alike, labels, {0: alike}, classifier=classifier, n_trees=10)
    assert verdict_of(ds) == "neither"
    assert ds["share_at_chance"].item() == 1


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
def test_the_share_at_chance_is_no_p_value(case):
    """Without memory a p-value is at or below 0.05 in one draw in twenty; this is near a half."""
    shares = np.asarray(draw_p_values(case)["share_at_chance"])
    assert (shares <= 0.05).mean() == 0
    assert np.median(shares) == pytest.approx(0.5, abs=0.1)


def test_a_null_above_chance_comes_with_its_standard_error():
    """Of a mean over shuffles: a thousand draws of a null around 0.53 spread by as much."""
    rng = np.random.default_rng(0)
    nulls = 0.53 + 0.02 * rng.normal(size=(1000, 25))
    excess, error = null_excess(nulls, np.full(nulls.shape, 0.5))
    assert excess.mean() == pytest.approx(0.03, abs=0.001)
    assert error.mean() == pytest.approx(excess.std(), rel=0.1)
    assert np.isnan(null_excess(nulls[:, :1], np.array(0.5))[1]).all()


def test_compute_null_reports_the_excess_and_its_error():
    labels = np.tile([0, 1], 60)
    features = np.random.default_rng(0).normal(size=(120, 4))
    ds = compute_null(features, labels, {0: features}, n_permutations=19, n_trees=10)
    excess = ds["null_accuracy"].mean("permutation") - ds["chance_accuracy"]
    np.testing.assert_allclose(ds["null_excess"], excess)
    assert 0 < ds["null_excess_error"].item() < 0.05


@pytest.mark.parametrize(("n", "threshold"), [(2000, 0.018), (10_000, 0.008)])
def test_the_verdicts_threshold_moves_with_the_number_of_samples(n, threshold):
    """Nulls of which just 5 % lie at or below chance have their mean there."""
    assert effect_threshold(n) == pytest.approx(threshold, abs=5e-4)
    null = np.random.default_rng(0).binomial(n, 0.5 + effect_threshold(n), (200, 199)) / n
    assert np.median(share_at_chance(null, np.array(0.5))) == pytest.approx(0.05, abs=0.01)


def test_at_a_common_threshold_the_same_effect_gets_the_same_verdict():
    excess, p_value = np.array([0.019, 0.02, 0.019, 0.02]), np.array([0.5, 0.5, 0.01, 0.01])
    assert [VERDICTS[code] for code in verdict_at(p_value, excess)] == list(VERDICTS[:4])
    assert verdict_at(p_value, excess, 0.01).tolist() == [1, 1, 3, 3]


def test_an_observed_score_below_its_null():
    null = np.linspace(0.6, 0.7, 19)
    assert below_null(null, 0.5) == pytest.approx(1 / 20)
    assert below_null(null, 0.6) == pytest.approx(2 / 20)
    assert below_null(null, 0.8) == 1


def test_p_values_have_power_when_there_is_something_to_find():
    draws = draw_p_values("both", 40, n=100)
    assert (draws["p_value"] <= 0.05).mean() > 0.9
    assert (draws["share_at_chance"] <= 0.05).mean() > 0.9


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
