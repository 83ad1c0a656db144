"""The paper's 22 claims: each holds on curves made so, and fails on curves that contradict it."""

import json

import numpy as np
import pytest
from builders import (
    CNN_EPOCHS,
    EPOCHS,
    make_result,
    make_results,
    panel_curves,
    paper_curves,
    through,
)

from memlib.claim import Check, Outcome
from memlib.claims import CLAIMS, check_claims
from memlib.quantities import (
    distance_from_chance,
    forgetting_epoch,
    memorization_level,
    null_mean,
    onset_epoch,
)
from memlib.results import panels_of
from memlib.tables import (
    claims_table,
    markdown_table,
    provenance_table,
    spread_text,
    summary_table,
)

FIGURES_OF = {  # claim: figures its check needs (figures.md, "What the text claims")
    **dict.fromkeys(range(1, 11), ("fig1",)),
    **dict.fromkeys((11, 12), ("fig2",)),
    **dict.fromkeys((13, 14), ("fig1", "fig3")),
    15: ("fig3",),
    16: ("fig1", "fig4"),
    **dict.fromkeys(range(17, 23), ("fig5",)),
}


@pytest.fixture(scope="module")
def results():
    return make_results()


def outcome(results, number):
    return next(one for one in check_claims(results) if one.claim.number == number)


def one_panel(letter, curves):
    return panels_of(make_result("fig5", {letter: curves}))[letter]


def test_all_22_claims_of_the_paper_with_their_figures():
    assert {number: claim.needs for number, claim in CLAIMS.items()} == FIGURES_OF


@pytest.mark.parametrize(
    ("figure", "numbers"),
    [
        ("fig1", range(1, 11)),
        ("fig2", (11, 12)),
        ("fig3", (13, 14, 15)),
        ("fig4", (16,)),
        ("fig5", range(17, 23)),
    ],
)
def test_claims_of_a_figure(results, figure, numbers):
    found = [one.claim.number for one in check_claims(results, figure=figure)]
    assert found == list(numbers)


@pytest.mark.parametrize("number", CLAIMS)
def test_claim_holds_where_it_should(results, number):
    found = outcome(results, number)
    assert [check for check in found.checks if not check.holds] == []
    assert found.verdict == "reproduced"


def flat(value):
    return np.full(len(EPOCHS), value)


def swing(low, high):
    return np.where(np.arange(len(EPOCHS)) % 2, low, high)


def rising(f):
    f["fig1"]["a"].null[0.05] = through(EPOCHS, (1, 0.6), (1e5, 0.8))


def late_peak(f):
    f["fig1"]["a"].null[0.05] = through(EPOCHS, (1, 0.6), (1e4, 0.8), (1e5, 0.7))


def same_as_sgd(f):
    for panel in f["fig4"]:
        f["fig4"][panel] = f["fig1"][panel]


def learned_but_for_a_blip(f):
    e = f["fig5"]["e"]
    e.observed[0.05] = flat(0.99)
    e.observed[0.05][4] = e.null[0.05][4]


def no_early_fall(f):
    d = f["fig5"]["d"]
    d.null[0.05] = flat(0.6)
    d.observed[0.05] = np.where(np.array(EPOCHS) < 30, 0.6, 0.99)


def put(figure, panel, kind, strength, value):
    """Return a change of one curve; `value` may be a function of all figures."""

    def change(figures):
        curves = figures[figure][panel]
        new = value(figures) if callable(value) else value
        if kind == "validation":
            curves.validation[:] = new
        else:
            getattr(curves, kind)[strength] = np.broadcast_to(new, len(curves.epochs)).copy()

    return change


def null_of(figure, panel, strength, plus=0.0):
    return lambda figures: figures[figure][panel].null[strength] + plus


BROKEN = [  # claim, what contradicts it, the checks that have to fail
    (1, put("fig1", "a", "observed", 0.10, null_of("fig1", "a", 0.10)), {"a, 10%"}),
    (1, put("fig1", "c", "observed", 0.05, null_of("fig1", "c", 0.05, 0.007)), {"c, 5%"}),
    (2, put("fig1", "c", "validation", None, 0.58), {"c"}),
    (3, put("fig1", "d", "null", 0.10, null_of("fig1", "d", 0.05, 0.01)), {"d, 5% > 10%"}),
    (3, put("fig1", "e", "null", 0.10, 0.49), {"e, 10% > 100%"}),
    (4, put("fig1", "b", "null", 1.0, 0.54), {"b, null"}),
    (4, put("fig1", "b", "observed", 1.0, swing(0.3, 0.7)), {"b, observed"}),
    (5, put("fig1", "b", "null", 0.05, null_of("fig1", "a", 0.05, 0.01)), {"a > b"}),
    (6, put("fig1", "f", "null", 0.05, null_of("fig1", "c", 0.05, 0.01)), {"c > f"}),
    (7, rising, {"a"}),
    (7, late_peak, {"a"}),
    (7, put("fig1", "f", "null", 0.05, null_of("fig1", "c", 0.05)), {"f"}),
    (8, put("fig1", "b", "null", 0.05, null_of("fig1", "d", 0.05)), {"b faster than a"}),
    (9, put("fig1", "c", "null", 0.05, 0.6), {"c > a, null", "c > b, null"}),
    (9, put("fig1", "f", "validation", None, 0.6), {"f > d, validation", "f > e, validation"}),
    (10, put("fig1", "e", "validation", None, 0.6), {"range over a, b, d, e"}),
    (11, put("fig2", "a", "null", 0.01, null_of("fig2", "a", 0.05, 0.04)), {"a"}),
    (12, put("fig2", "d", "null", 0.01, null_of("fig2", "a", 0.01, 0.01)), {"a > d"}),
    (13, put("fig3", "a", "null", 0.05, null_of("fig1", "a", 0.05, 0.01)), {"a"}),
    (14, put("fig3", "b", "validation", None, 0.85), {"b"}),
    (15, put("fig3", "a", "observed", 0.05, null_of("fig3", "a", 0.05)), {"a, 5%"}),
    (16, same_as_sgd, {"largest difference, rmsProp minus SGD"}),
    (17, put("fig5", "f", "null", 0.05, 0.52), {"f"}),
    (18, put("fig5", "c", "observed", 0.05, null_of("fig5", "c", 0.05)), {"c"}),
    (19, put("fig5", "a", "validation", None, 0.55), {"a"}),
    (19, put("fig5", "a", "validation", None, swing(0.4, 0.6)), {"a"}),
    (20, put("fig5", "e", "null", 0.05, null_of("fig5", "d", 0.05, 0.01)), {"d > e"}),
    (21, no_early_fall, {"d, early fall"}),
    (21, put("fig5", "d", "observed", 0.05, null_of("fig5", "d", 0.05)), {"d, onset"}),
    (21, learned_but_for_a_blip, {"e, not learned at first"}),
    (22, put("fig5", "f", "observed", 0.05, 0.85), {"f, observed at the end"}),
    (22, put("fig5", "e", "null", 0.05, flat(0.6)), {"e, peak"}),
]


def test_every_claim_has_a_case_that_breaks_it():
    assert {number for number, _, _ in BROKEN} == set(CLAIMS)


@pytest.mark.parametrize(("number", "change", "failing"), BROKEN)
def test_claim_fails_where_it_should(number, change, failing):
    found = outcome(make_results(change, CLAIMS[number].needs), number)
    assert {check.label for check in found.checks if not check.holds} == failing
    assert found.verdict in ("partly", "not reproduced")


@pytest.mark.parametrize(
    ("holds", "left_out", "verdict"),
    [
        ([], (), "not yet run"),
        ([], ("c",), "not yet run"),
        ([True, True], (), "reproduced"),
        ([True, True], ("c",), "partly"),
        ([True, False], (), "partly"),
        ([True, False, False], (), "not reproduced"),
        ([False], ("c",), "not reproduced"),
    ],
)
def test_verdict_follows_from_the_checks(holds, left_out, verdict):
    checks = tuple(Check("a", "0", one) for one in holds)
    assert Outcome(CLAIMS[1], checks, left_out).verdict == verdict


@pytest.mark.parametrize("figure", ["fig1", "fig2", "fig3", "fig4", "fig5"])
def test_claims_of_missing_figures_are_not_yet_run(results, figure):
    rest = {name: tree for name, tree in results.items() if name != figure}
    for found in check_claims(rest):
        assert (found.verdict == "not yet run") == (figure in found.claim.needs)


def test_claims_of_missing_perturbations_are_not_yet_run():
    tree = make_result("fig1", strengths=(0.05,))
    verdicts = {one.claim.number: one.verdict for one in check_claims({"fig1": tree})}
    assert [n for n in range(1, 11) if verdicts[n] == "not yet run"] == [1, 3, 4]


@pytest.mark.parametrize(
    "change", [{"inputs": "noise"}, {"optimizer": "rmsprop"}, {"perturbation_kind": "occlude"}]
)
def test_a_run_that_is_no_longer_the_figure_says_nothing_of_its_claims(change):
    tree = make_result("fig1")
    tree.attrs["parameters"] = json.dumps(json.loads(tree.attrs["parameters"]) | change)
    outcomes = check_claims({"fig1": tree}, figure="fig1")
    assert {one.verdict for one in outcomes} == {"not yet run"}


def test_claims_of_missing_panels():
    panels = paper_curves()["fig1"]
    tree = make_result("fig1", {"a": panels["a"], "d": panels["d"]})
    found = {one.claim.number: one for one in check_claims({"fig1": tree}, figure="fig1")}
    assert {n for n, one in found.items() if one.verdict == "not yet run"} == {5, 8, 9}
    assert {n for n, one in found.items() if one.verdict == "partly"} == {1, 2, 3, 4, 6, 7, 10}
    assert found[2].left_out == ("b", "c", "e", "f")
    assert found[7].left_out == ("b", "e", "f")


def test_mlps_alone_decide_the_claims_on_mlps():
    mlps = {p: one for p, one in paper_curves()["fig1"].items() if p in "abde"}
    verdicts = {
        one.claim.number: one.verdict
        for one in check_claims({"fig1": make_result("fig1", mlps)}, figure="fig1")
    }
    assert {n for n, verdict in verdicts.items() if verdict == "reproduced"} == {5, 8, 10}


def test_rmsprop_claim_is_decided_by_one_panel(results):
    only = {"a": paper_curves()["fig4"]["a"]}
    assert outcome(results | {"fig4": make_result("fig4", only)}, 16).verdict == "reproduced"


def test_cnns_and_mlps_are_compared_at_the_same_epochs():
    """The same curve on two grids is no difference, however the grids lie."""
    epochs = (1, 10, 30)
    curve = ((1, 0.6), (1e5, 0.9))
    panels = {
        "a": panel_curves(EPOCHS, through(EPOCHS, *curve), validation=0.9),
        "c": panel_curves(epochs, through(epochs, *curve), validation=0.95),
    }
    checks = outcome({"fig1": make_result("fig1", panels)}, 9).checks
    first, second = checks[0].value.split(" against ")
    assert float(first) == pytest.approx(float(second), abs=0.0011)


@pytest.mark.parametrize("learned_from", [1, 30, 100_000])
def test_onset_is_where_learning_sets_in_for_good(learned_from):
    curves = panel_curves(EPOCHS, flat(0.6), onset=learned_from)
    assert onset_epoch(one_panel("d", curves)) == learned_from


def test_onset_skips_an_early_flicker():
    curves = panel_curves(EPOCHS, flat(0.6), onset=300)
    curves.observed[0.05][1] = 0.9
    assert onset_epoch(one_panel("d", curves)) == 300


def test_no_onset_when_not_learned_at_the_end():
    curves = panel_curves(EPOCHS, flat(0.6), onset=30)
    curves.observed[0.05][-1] = 0.6
    assert onset_epoch(one_panel("d", curves)) is None


def test_no_onset_unless_every_seed_learned():
    curves = panel_curves(EPOCHS, flat(0.6), onset=30)
    dataset = panels_of(make_result("fig5", {"d": curves}, seeds=(0, 1)))["d"]
    assert onset_epoch(dataset) == 30
    dataset["p_value"][1, -1] = 0.5
    assert onset_epoch(dataset) is None


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(1, 0.8), (30, 0.6), (300, 0.9), (1e5, 0.7)], 300),
        ([(1, 0.8), (30, 0.6), (300, 0.9), (1e5, 0.5)], 300),  # ends below the early low
        ([(1, 0.95), (30, 0.6), (300, 0.9), (1e5, 0.65)], 300),  # lower than the untrained one
        ([(1, 0.5), (300, 0.9), (1e5, 0.7)], 300),
        ([(1, 0.8), (30, 0.6), (1e5, 0.9)], None),  # still rising
        ([(1, 0.9), (1e5, 0.5)], None),  # falls from the start: never memorized by training
        ([(1, 0.6)], None),
        ([(1, 0.5), (300, 0.605), (1e5, 0.6)], None),  # too small a fall
    ],
)
def test_forgetting_is_the_last_peak(points, expected):
    curves = panel_curves(EPOCHS, through(EPOCHS, *points))
    assert forgetting_epoch(one_panel("d", curves)) == expected


def test_quantities_by_hand():
    curves = panel_curves((1, 10, 100), np.array([0.5, 0.6, 0.8]), validation=0.5)
    dataset = one_panel("a", curves)
    np.testing.assert_allclose(null_mean(dataset, 0.05), [0.5, 0.6, 0.8])
    assert memorization_level(dataset, 0.05) == pytest.approx(1.9 / 3)
    assert memorization_level(dataset, 0.05, until=10) == pytest.approx(0.55)
    accuracy, chance = dataset["validation_accuracy"], dataset["chance_accuracy"][..., 0]
    assert distance_from_chance(accuracy + np.array([-0.2, 0.2, 0.1]), chance) == pytest.approx(
        0.5 / 3
    )
    with pytest.raises(KeyError):
        null_mean(dataset, 0.07)


def cells(line):
    return line.replace(r"\|", "").count("|")


@pytest.mark.parametrize("name", ["claims", "partial", "summary", "provenance", "pipes"])
def test_tables_are_valid_markdown(results, name):
    text = {
        "claims": lambda: claims_table(check_claims(results)),
        "partial": lambda: claims_table(check_claims({"fig1": results["fig1"]})),
        "summary": lambda: summary_table(results["fig5"]),
        "provenance": lambda: provenance_table(results["fig2"]),
        "pipes": lambda: markdown_table(["a", "b"], [["x|y", 1], ["", None]]),
    }[name]()
    lines = text.split("\n")
    assert len({cells(line) for line in lines}) == 1
    assert all(line.startswith("| ") and line.endswith(" |") for line in lines)
    assert set(lines[1]) == {"|", " ", "-"}


def test_claims_table_shows_verdicts_and_what_failed(results):
    tables = [
        claims_table(check_claims(make_results(change, ("fig5",)), figure="fig5"))
        for change in (None, put("fig5", "f", "null", 0.05, 0.52))
    ]
    rows = [table.split("\n")[2] for table in tables]
    assert "**reproduced**" in rows[0]
    assert "✗" not in rows[0]
    assert "f: 0.520 ✗" in rows[1]
    assert "**partly**" in rows[1]


def test_claims_table_folds_many_checks_that_hold_and_names_panels_left_out():
    panels = paper_curves()["fig1"]
    panels["a"].observed[0.05] = panels["a"].null[0.05]
    del panels["f"]
    table = claims_table(check_claims({"fig1": make_result("fig1", panels)}, figure="fig1"))
    row = table.split("\n")[2]
    assert "hold: 9 of 10 checks; a, 5%: 0 % of epochs and seeds ✗; not run: f" in row


def test_summary_is_of_the_least_perturbed_set_in_any_order():
    panels = {"c": panel_curves(CNN_EPOCHS, through(CNN_EPOCHS, (1, 0.6), (300, 0.8), (1e4, 0.7)))}
    rows = [
        summary_table(make_result("fig1", panels, strengths=strengths)).split("\n")
        for strengths in ((0.05, 0.10), (0.10, 0.05))
    ]
    assert rows[0] == rows[1]
    assert rows[0][2].split(" | ")[2:] == [
        "0.600",
        "0.800 (epoch 300)",
        "0.700 (epoch 10,000)",
        "0.950",
        "0.500 |",
    ]


def test_provenance_names_parameters_and_versions(results):
    text = provenance_table(results["fig4"])
    assert "| parameter `optimizer` | rmsprop |" in text
    assert "| base seed | 0 |" in text
    assert f"numpy {np.__version__}" in text


@pytest.mark.parametrize(
    ("estimate", "interval", "text"),
    [
        (1, (1, 1), " [1 to 1]"),
        (40, (1, 12_500), " [1 to 12,500]"),
        (1.0, (0.5, 1.0), " [0.500 to 1.000]"),
        (0.02, (-0.01, 0.05), " [-0.010 to 0.050]"),
    ],
)
def test_interval_of_epochs_is_in_whole_epochs_and_any_other_a_share(estimate, interval, text):
    assert spread_text(Check("a", "", True, estimate, interval)) == text
