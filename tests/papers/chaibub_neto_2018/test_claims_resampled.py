"""Claims with their spread: seeds and permutations drawn again."""

import numpy as np
import pytest
import xarray as xr
from builders import EPOCHS, make_result, make_results, paper_curves

from memlib.papers.chaibub_neto_2018.claims import check_claims
from memlib.report.tables import spread_text
from memlib.results.schema import panels_of


@pytest.fixture(scope="module")
def results():
    return make_results()


def test_every_check_is_made_of_the_resamples_too(results):
    outcomes = check_claims(results, n_resamples=1)
    assert all(outcome.checks for outcome in outcomes)
    assert [c.label for o in outcomes for c in o.checks if c.support is None] == []


def test_what_is_far_from_its_rule_holds_in_every_resample(results):
    outcomes = check_claims(results, figure="fig1", n_resamples=20)
    depth = next(one for one in outcomes if one.claim.number == 5)
    for check in depth.checks:
        assert check.support == 1
        low, high = check.interval
        assert 0 < low <= check.estimate <= high
        assert high - low < 0.01
    assert check_claims(results, figure="fig1", n_resamples=20) == outcomes
    assert all(c.support is None for one in check_claims(results) for c in one.checks)


def test_what_is_close_to_its_rule_holds_in_some(results):
    """Two panels whose nulls differ by less than a resampled mean varies."""
    tree = results["fig1"].copy()
    rng = np.random.default_rng(1)
    noisy = panels_of(tree)["a"]
    shape = noisy["null_accuracy"].shape
    for panel in "ab":
        own = noisy.copy()
        own["null_accuracy"] = noisy["null_accuracy"].dims, rng.normal(0.7, 0.05, shape).clip(0, 1)
        tree[f"panel_{panel}"] = tree[f"panel_{panel}"].assign(null_accuracy=own["null_accuracy"])
    (outcome,) = (
        one for one in check_claims({"fig1": tree}, n_resamples=60) if one.claim.number == 5
    )
    check = next(one for one in outcome.checks if one.label == "a > b")
    assert 0 < check.support < 1
    assert check.interval[0] < 0 < check.interval[1]


def test_validation_images_are_drawn_too(results):
    """One seed: without the images drawn, its accuracy would be certain."""
    (found,) = (one for one in check_claims(results, n_resamples=300) if one.claim.number == 2)
    check = next(one for one in found.checks if one.label == "a")
    error = np.sqrt(check.estimate * (1 - check.estimate) / 2000)
    low, high = check.interval
    assert check.estimate - low == pytest.approx(1.96 * error, rel=0.3)
    assert high - check.estimate == pytest.approx(1.96 * error, rel=0.3)


def test_seeds_are_drawn_together_in_all_panels():
    """Where every seed shows the same difference, seeds add nothing to its interval."""
    curves = paper_curves()["fig1"]
    tree = make_result("fig1", {p: curves[p] for p in "ad"}, seeds=(0, 1, 2))
    far = xr.DataArray([-0.05, 0.0, 0.05], dims="seed")
    for name in ("panel_a", "panel_d"):
        node = tree[name]
        tree[name] = node.assign(null_accuracy=node["null_accuracy"] + far)
    found = check_claims({"fig1": tree}, figure="fig1", n_resamples=50)
    (check,) = next(one for one in found if one.claim.number == 6).checks
    low, high = check.interval
    assert high - low < 0.01


def test_an_epoch_that_resamples_do_not_find_is_none_and_others_are_measured_ones():
    curves = paper_curves()["fig5"]["e"]
    tree = make_result("fig5", {"e": curves}, seeds=(0, 1))
    node = tree["panel_e"]
    null = node["null_accuracy"].copy()
    null[1:] = null[1:, :1].values  # the other seed never falls
    tree["panel_e"] = node.assign(null_accuracy=null)
    found = check_claims({"fig5": tree}, figure="fig5", n_resamples=60)
    checks = {c.label: c for o in found if o.claim.number in (21, 22) for c in o.checks}
    low, high = checks["e, peak"].interval
    assert high is None
    assert low in EPOCHS
    assert "to none" in spread_text(checks["e, peak"])
    assert set(checks["e, onset"].interval) <= set(EPOCHS)
