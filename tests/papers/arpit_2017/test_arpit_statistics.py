"""Statistics against closed forms and second ways to compute them."""

import numpy as np
import pytest

from memlib.base.errors import InputError
from memlib.papers.arpit_2017.statistics import (
    binomial_curve,
    compute_dispersion,
    compute_gini,
    kendall,
    largest_interval_share,
    running_mean,
    spearman,
)


def pairwise_gini(x):
    return np.abs(x[:, None] - x[None]).sum() / (2 * len(x) * x.sum())


@pytest.mark.parametrize("n", [1, 2, 7, 1000])
def test_gini_closed_forms(n):
    assert compute_gini(np.full(n, 3.3)) == pytest.approx(0, abs=1e-12)
    assert compute_gini(np.eye(n)[0]) == pytest.approx((n - 1) / n)
    assert compute_gini(np.arange(1, n + 1)[::-1]) == pytest.approx((n - 1) / (3 * n))


def test_gini_is_the_pairwise_formula_and_has_no_scale():
    x = np.random.default_rng(0).lognormal(0, 2, (3, 50))
    expected = [pairwise_gini(row) for row in x]
    np.testing.assert_allclose(compute_gini(x), expected, rtol=1e-12)
    np.testing.assert_allclose(compute_gini(x * 1e-300), expected, rtol=1e-12)
    np.testing.assert_allclose(compute_gini(x.T * 1e300, axis=0), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "x", [np.zeros(4), np.array([1, -1.0]), np.array([1, np.nan]), np.empty(0)]
)
def test_gini_refuses_what_has_none(x):
    with pytest.raises(InputError, match=r"not defined|finite values"):
        compute_gini(x)


def test_dispersion_is_1_for_a_binomial_within_and_pooled():
    rng = np.random.default_rng(1)
    found = [compute_dispersion(rng.binomial(100, 0.3, 1000), 100) for _ in range(40)]
    assert np.mean(found) == pytest.approx(1, abs=0.02)
    # Classes that are predicted more or less often: the excess is between them, not within.
    groups = rng.integers(10, size=1000)
    p = np.linspace(0.1, 0.6, 10)[groups]
    counts = [rng.binomial(100, p) for _ in range(40)]
    within = [compute_dispersion(one, 100, groups) for one in counts]
    assert np.mean(within) == pytest.approx(1, abs=0.02)
    assert compute_dispersion(counts[0], 100) > 2.5
    # Groups of two: each one's mean takes half of their freedom.
    pairs = np.repeat(np.arange(500), 2)
    counts = [rng.binomial(100, 0.3, 1000) for _ in range(20)]
    within = [compute_dispersion(one, 100, pairs) for one in counts]
    assert np.mean(within) == pytest.approx(1, abs=0.03)


def test_dispersion_sees_easy_examples_within_a_class():
    rng = np.random.default_rng(2)
    p = np.where(np.arange(1000) % 2, 0.2, 0.8)
    groups = np.repeat(np.arange(10), 100)
    expected = np.sqrt((0.16 / 100 + 0.09) / (0.25 / 100))  # law of total variance
    found = compute_dispersion(rng.binomial(100, p), 100, groups)
    assert found == pytest.approx(expected, rel=0.05)


def test_no_binomial_where_nothing_varies():
    with pytest.raises(InputError, match="always right or always wrong"):
        compute_dispersion(np.full(20, 100), 100)


def test_binomial_curve_is_what_sorted_draws_tend_to():
    rng = np.random.default_rng(3)
    one = binomial_curve(1000, 100, 0.37)
    draws = np.sort(rng.binomial(100, 0.37, (200, 1000)), axis=1).mean(0) / 100
    assert np.abs(one - draws)[10:-10].max() < 0.006
    p = rng.choice([0.2, 0.7], 1000)
    mixed = binomial_curve(1000, 100, p)
    draws = np.sort(rng.binomial(100, p, (200, 1000)), axis=1).mean(0) / 100
    near_jump = np.abs(np.arange(1000) - (p == 0.2).sum()) < 10
    assert np.abs(mixed - draws)[10:-10][~near_jump[10:-10]].max() < 0.006
    assert (np.diff(mixed) >= 0).all()
    np.testing.assert_array_equal(binomial_curve(5, 10, 1.0), 1)
    np.testing.assert_array_equal(binomial_curve(5, 10, 0.0), 0)


def test_running_mean_weighs_uneven_times():
    times = np.array([100, 110, 200, 1000])
    # Linear in time: its average from 100 to t is its value half way.
    found = running_mean(times[:, None] * np.array([1.0, -2.0]), times)
    np.testing.assert_allclose(found[:, 0], (times + 100) / 2)
    np.testing.assert_allclose(found[:, 1], -(times + 100))
    with pytest.raises(InputError, match="increase"):
        running_mean(np.ones(3), np.array([1, 1, 2]))


def test_one_interval_is_all_of_an_exploding_average():
    times = np.arange(1, 12) * 10
    even = largest_interval_share(np.ones(11), times)
    np.testing.assert_allclose(even[1:], 1 / np.arange(1, 11))
    spike = np.ones(11)
    spike[-1] = 1e8
    assert largest_interval_share(spike, times)[-1] > 0.999
    assert largest_interval_share(spike, times)[-2] == pytest.approx(1 / 9)


def test_rank_correlations():
    x = np.array([8, 16, 32, 64])
    assert spearman(x, np.array([np.inf, np.inf, 3, 1])) == pytest.approx(-0.9487, abs=1e-4)
    assert spearman(x, np.array([1, 2, 3, 3.5])) == pytest.approx(1)
    assert spearman(x, np.ones(4)) == 0
    assert kendall(x, np.array([1, 3, 2, 4])) == pytest.approx(4 / 6)
    assert kendall(x, np.ones(4)) == 0
