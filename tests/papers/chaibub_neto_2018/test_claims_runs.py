"""Which runs a claim is decided on: figures, panels, perturbations left out, other lengths."""

import json

import pytest
import xarray as xr
from builders import (
    EPOCHS,
    make_result,
    make_results,
    outcome,
    panel_curves,
    paper_curves,
    through,
)

from memlib.base.errors import InputError
from memlib.papers.chaibub_neto_2018.claims import check_claims, choose_runs
from memlib.report.tables import claims_table
from memlib.results.provenance import MADE


@pytest.fixture(scope="module")
def results():
    return make_results(seeds=(0, 1))


@pytest.mark.parametrize("figure", ["fig1", "fig2", "fig3", "fig4", "fig5"])
def test_claims_of_missing_figures_are_not_yet_run(results, figure):
    rest = {name: tree for name, tree in results.items() if name != figure}
    for found in check_claims(rest):
        assert (found.verdict == "not yet run") == (figure in found.claim.needs)


def test_unknown_figure_is_refused(results):
    with pytest.raises(InputError, match="'fig9': take one of fig1"):
        check_claims(results, figure="fig9")


def test_claims_of_missing_perturbations_are_not_yet_run():
    tree = make_result("fig1", strengths=(0.05,))
    verdicts = {one.claim.number: one.verdict for one in check_claims({"fig1": tree})}
    assert [n for n in range(1, 11) if verdicts[n] == "not yet run"] == [1, 3, 4]


def changed(tree, **changes):
    """Say that a result was made with other parameters."""
    tree = tree.copy()
    tree.attrs["parameters"] = json.dumps(json.loads(tree.attrs["parameters"]) | changes)
    return tree


@pytest.mark.parametrize(
    "change",
    [
        {"data": "digits.nc"},
        {"inputs": "noise"},
        {"n_images": 400},
        {"shuffled_labels": 0.5},
        {"optimizer": "rmsprop"},
        {"learning_rate": 0.1},
        {"batch_size": 16},
        {"perturbation_kind": "occlude"},
        {"classifier": "nearest_neighbours"},
        {"feature_layer": "pixels"},
    ],
)
def test_a_run_that_is_no_longer_the_figure_says_nothing_of_its_claims(change):
    outcomes = check_claims({"fig1": changed(make_result("fig1"), **change)}, figure="fig1")
    assert {one.verdict for one in outcomes} == {"not yet run"}


@pytest.mark.parametrize(
    "change", [{"loss": "categorical"}, {"n_trees": 500}, {"epochs": 9}, {"seed": 4}]
)
def test_a_run_with_another_open_choice_is_the_figure_still(results, change):
    outcomes = check_claims({"fig1": changed(results["fig1"], **change)}, figure="fig1")
    assert {one.verdict for one in outcomes} == {"reproduced"}


def test_rmsprop_has_no_stated_learning_rate(results):
    found = results | {"fig4": changed(results["fig4"], learning_rate=0.01)}
    assert outcome(found, 16).verdict == "reproduced"


@pytest.mark.parametrize(
    "change", [{"loss": "categorical"}, {"n_trees": 500}, {"n_validation_images": 500}]
)
def test_figures_that_differ_in_more_than_a_claim_speaks_of_are_not_compared(results, change):
    found = check_claims(results | {"fig3": changed(results["fig3"], **change)}, n_resamples=1)
    verdicts = {one.claim.number: one.verdict for one in found}
    assert {n for n, verdict in verdicts.items() if verdict == "not yet run"} == {13, 14}
    assert verdicts[15] == "reproduced"


@pytest.mark.parametrize(
    ("panel", "undecided"),
    [("c", set()), ("e", {13, 14, 16})],
)
def test_panels_that_were_made_in_another_way_are_not_compared_wherever_they_stand(
    results, panel, undecided
):
    """A shipped file joins runs; the root tells of the last one only."""
    fig1 = results["fig1"].copy()
    own = fig1[f"panel_{panel}"].to_dataset()
    parameters = json.loads(fig1.attrs["parameters"]) | {"precision": "bfloat16"}
    account = dict.fromkeys(MADE, "as it was") | {"compute_seconds": 1.0}
    fig1[f"panel_{panel}"] = xr.DataTree(
        own.assign_attrs(made=json.dumps([account | {"parameters": parameters, "seeds": [0]}]))
    )
    verdicts = {one.claim.number: one.verdict for one in check_claims(results | {"fig1": fig1})}
    assert {n for n in (13, 14, 16) if verdicts[n] == "not yet run"} == undecided


def test_too_few_shuffles_for_a_small_p_value_decide_nothing_by_it():
    for n_permutations, undecided in ((18, {18, 21, 22}), (19, set())):
        tree = make_result("fig5", n_permutations=n_permutations)
        found = check_claims({"fig5": tree}, figure="fig5")
        assert {one.claim.number for one in found if one.verdict == "not yet run"} == undecided


def test_claims_of_missing_panels():
    panels = paper_curves()["fig1"]
    tree = make_result("fig1", {"a": panels["a"], "d": panels["d"]})
    found = {one.claim.number: one for one in check_claims({"fig1": tree}, figure="fig1")}
    assert {n for n, one in found.items() if one.verdict == "not yet run"} == {5, 8, 9}
    assert {n for n, one in found.items() if one.verdict == "partly"} == {1, 2, 3, 4, 6, 7, 10}
    assert found[2].left_out == ("b", "c", "e", "f")
    assert found[7].left_out == ("b", "c", "e", "f")


def at_scales(paper, tenth):
    """Outcomes of Figure 1 with one seed as `paper`, and with two as `tenth`, by scale."""
    found = {
        "paper": check_claims({"fig1": make_result("fig1", paper)}, figure="fig1"),
        "tenth": check_claims({"fig1": make_result("fig1", tenth, seeds=(0, 1))}, figure="fig1"),
    }
    return {one.claim.number: one for one in choose_runs(found)}


def cut_short(curves, n=7):
    return panel_curves(curves.epochs[:n], curves.null[0.05][:n], validation=curves.validation[:n])


def test_each_check_is_taken_from_the_run_that_decides_it():
    """More epochs decide what is said of one network, more seeds what is said of two."""
    curves = paper_curves()["fig1"]
    short = {panel: cut_short(curves[panel]) for panel in "abdecf"}
    best = at_scales({panel: curves[panel] for panel in "abde"}, short)
    assert list(best) == list(range(1, 11))
    own = {check.label: check.scale for check in best[2].checks}
    assert own == dict.fromkeys("abde", "paper") | dict.fromkeys("cf", "tenth")
    assert best[2].left_out == ()
    assert {check.scale for check in best[5].checks} == {"tenth"}
    assert (best[5].scale, best[2].scale) == ("tenth", "paper and tenth")


def test_a_check_that_comes_out_differently_on_another_run_says_so():
    """A peak that the shorter run does not reach."""
    curves = paper_curves()["fig1"]
    short = {"a": cut_short(curves["a"], 5)}
    (check,) = at_scales({"a": curves["a"]}, short)[7].checks
    assert (check.scale, check.state) == ("paper", "holds")
    assert (check.elsewhere.scale, check.elsewhere.state) == ("tenth", "fails")
    table = claims_table([at_scales({"a": curves["a"]}, short)[7]])
    assert "at paper scale; at tenth scale it fails" in table
    assert "by the first form: " in table
    assert "First form: " in table


def test_mlps_alone_decide_the_claims_on_mlps():
    mlps = {p: one for p, one in paper_curves()["fig1"].items() if p in "abde"}
    verdicts = {
        one.claim.number: one.verdict
        for one in check_claims({"fig1": make_result("fig1", mlps)}, figure="fig1")
    }
    assert {n for n, verdict in verdicts.items() if verdict == "reproduced"} == {5, 8, 10}


def test_rmsprop_claim_is_decided_by_one_panel(results):
    only = {"a": paper_curves()["fig4"]["a"]}
    assert (
        outcome(results | {"fig4": make_result("fig4", only, seeds=(0, 1))}, 16).verdict
        == "reproduced"
    )


def test_cnns_and_mlps_are_compared_at_the_same_epochs():
    """The same curve on two grids is no difference, however the grids lie."""
    epochs = (1, 10, 30)
    curve = ((1, 0.6), (1e5, 0.9))
    panels = {
        "a": panel_curves(EPOCHS, through(EPOCHS, *curve), validation=0.9),
        "c": panel_curves(epochs, through(epochs, *curve), validation=0.95),
    }
    checks = outcome({"fig1": make_result("fig1", panels)}, 9).checks
    assert checks[0].label == "c > a, null"
    assert checks[0].estimate == pytest.approx(0, abs=0.0011)


def test_panels_of_different_length_are_compared_at_epochs_that_both_reach():
    """The deeper network lies lower and falls faster, but its run ended early, near the peak."""
    short = EPOCHS[:8]
    shallow, deep = ((1, 0.60), (300, 0.80), (1e5, 0.50)), ((1, 0.58), (300, 0.78), (3000, 0.60))
    panels = {
        "a": panel_curves(EPOCHS, through(EPOCHS, *shallow), validation=0.9),
        "b": panel_curves(short, through(short, *deep), validation=0.9),
    }
    found = {"fig1": make_result("fig1", panels)}
    for number in (5, 8, 10):
        assert [check for check in outcome(found, number).checks if not check.holds] == []


def test_a_run_too_short_for_the_pattern_makes_no_exception_of_panel_c():
    for epochs, verdict, left_out in (
        (EPOCHS[:6], "partly", ("c",)),
        (EPOCHS[:7], "reproduced", ()),
    ):
        panels = paper_curves()["fig1"]
        panels["c"] = panel_curves(epochs, through(epochs, (1, 0.6), (1e5, 0.9)))
        found = outcome({"fig1": make_result("fig1", panels)}, 7)
        assert (found.verdict, found.left_out) == (verdict, left_out)
        assert ("c, not so" in {one.label for one in found.checks}) is not bool(left_out)
