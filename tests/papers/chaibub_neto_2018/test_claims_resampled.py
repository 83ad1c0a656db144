"""Claims with their spread: seeds and permutations drawn again."""

import numpy as np
import pytest
import xarray as xr
from builders import EPOCHS, make_result, make_results, paper_curves

from memlib.base.seeds import stream
from memlib.papers.chaibub_neto_2018.claims import check_claims
from memlib.papers.chaibub_neto_2018.scores import Scores
from memlib.report.tables import spread_text
from memlib.results.schema import panels_of


@pytest.fixture(scope="module")
def results():
    return make_results(seeds=(0, 1))


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
        assert high - low < 0.02
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


def drawn_validation(panels, n=300):
    """Resampled validation accuracies of panels, (panel, resample), at the first epoch."""
    return np.array(
        [
            [
                one.resample(stream(0, f"own {place}", n), stream(0, "shared", n)).validation[0, 0]
                for n in range(n)
            ]
            for place, one in enumerate(panels)
        ]
    )


def test_validation_images_are_drawn_too_the_same_for_all_networks():
    """Two networks of 0.9 that disagree on a tenth of 2,000 images: sqrt(0.1 / 2000) apart."""
    own = panels_of(make_result("fig1", {"a": paper_curves()["fig1"]["a"]}))["a"]
    own["validation_accuracy"][:] = 0.9
    first, second = drawn_validation([Scores.of(own, 2000)] * 2)
    assert first.std() == pytest.approx(np.sqrt(0.9 * 0.1 / 2000), rel=0.15)
    assert (first - second).std() == pytest.approx(np.sqrt(0.1 / 2000), rel=0.15)


def test_stored_hits_are_drawn_image_by_image_alike_in_all_panels():
    own = panels_of(make_result("fig1", {"a": paper_curves()["fig1"]["a"]}))["a"]
    hits = np.random.default_rng(0).random((1, len(EPOCHS), 2000)) < 0.9
    bits = np.packbits(hits, axis=-1)
    own["validation_hits"] = (("seed", "epoch", "validation_byte"), bits)
    scores = Scores.of(own, 2000)
    assert np.array_equal(scores.validation_hits, hits)
    first, second = drawn_validation([scores, scores])
    assert np.array_equal(first, second)
    assert first.std() == pytest.approx(np.sqrt(0.9 * 0.1 / 2000), rel=0.15)


def test_there_is_no_interval_from_one_seed():
    outcomes = check_claims(make_results(names=("fig1",)), figure="fig1", n_resamples=3)
    assert {check.interval for one in outcomes for check in one.checks} == {None}
    assert all(check.support is not None for one in outcomes for check in one.checks)


def test_a_percentile_interval_of_three_seeds_covers_about_two_thirds():
    """As the table of claims says of its ranges."""
    rng = np.random.default_rng(0)
    seeds = rng.normal(size=(400, 3))
    means = seeds[:, rng.integers(0, 3, (500, 3))].mean(-1)
    low, high = np.quantile(means, (0.025, 0.975), axis=1)
    assert ((low <= 0) & (high >= 0)).mean() == pytest.approx(2 / 3, abs=0.1)


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
