"""The paper's 22 claims: each holds on curves made so, and fails on curves that contradict it."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from builders import (
    EPOCHS,
    flat,
    make_result,
    make_results,
    null_of,
    outcome,
    panel_curves,
    paper_curves,
    put,
    through,
)

from memlib.papers.chaibub_neto_2018.claims import CLAIMS, check_claims
from memlib.papers.chaibub_neto_2018.image_claims import similar_range
from memlib.papers.chaibub_neto_2018.scores import Scores
from memlib.results.claim import Check, Outcome
from memlib.results.schema import panels_of

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
    if number == 16:  # takes seeds to compare the difference with
        results = make_results(names=CLAIMS[16].needs, seeds=(0, 1))
    found = outcome(results, number)
    assert [check for check in found.checks if not check.holds] == []
    assert found.verdict == "reproduced"


def swing(low, high):
    return np.where(np.arange(len(EPOCHS)) % 2, low, high)


def rising(f):
    f["fig1"]["a"].null[0.05] = through(EPOCHS, (1, 0.6), (1e5, 0.8))


def late_peak(f):
    f["fig1"]["a"].null[0.05] = through(EPOCHS, (1, 0.6), (1e4, 0.8), (1e5, 0.7))


def falls_and_rises_again(f):
    f["fig1"]["a"].null[0.05] = through(EPOCHS, (1, 0.6), (100, 0.8), (1e4, 0.65), (1e5, 0.7))


def forgets_before_it_learns(f):
    e = f["fig5"]["e"]
    e.null[0.05] = through(EPOCHS, (1, 0.63), (30, 0.60), (1000, 0.75), (1e5, 0.55))
    e.observed[0.05] = np.where(np.array(EPOCHS) < 3000, e.null[0.05], 0.99)


def lower_from_the_start(f):
    f["fig3"]["a"].null[0.05] = f["fig1"]["a"].null[0.05] - 0.02


def high_before_training(f):
    f["fig5"]["a"].null[0.05] = flat(0.95)


def highest_at_first(f):
    f["fig1"]["e"].null[0.05] = through(EPOCHS, (1, 0.64), (10, 0.56), (100, 0.63), (1e5, 0.52))


def significant_at_some_epochs_before(f):
    """At two of ten epochs: half of them would have passed by the first form of the rule."""
    e = f["fig5"]["e"]
    e.observed[0.05] = e.null[0.05].copy()
    e.observed[0.05][[0, 3, -1]] = 0.99


def off_at_single_epochs(f):
    """On average within reach of chance, but not at two epochs of eleven."""
    null = flat(0.5)
    null[[2, 7]] = 0.56
    f["fig1"]["a"].null[1.0] = null


def same_as_sgd(f):
    for panel in f["fig4"]:
        f["fig4"][panel] = f["fig1"][panel]


def learned_but_for_a_blip(f):
    e = f["fig5"]["e"]
    e.observed[0.05] = flat(0.99)
    e.observed[0.05][4] = e.null[0.05][4]


def unlearns_in_the_end(f):
    c = f["fig5"]["c"]
    c.observed[0.05][-1] = c.null[0.05][-1]


def scores_less_in_the_end(f):
    f["fig5"]["f"].observed[0.05][-1] = 0.85


def no_early_fall(f):
    d = f["fig5"]["d"]
    d.null[0.05] = flat(0.6)
    d.observed[0.05] = np.where(np.array(EPOCHS) < 30, 0.6, 0.99)


def better_with_less(f):
    for panel, validation in {"a": 0.900, "b": 0.904, "d": 0.906, "e": 0.908}.items():
        f["fig1"][panel].validation[:] = validation


def generalizes_less_in_the_end(f):
    f["fig1"]["c"].validation[-1] = 0.58


LOWER_CNN = {f"c > {mlp}, null{since}" for mlp in "ab" for since in ("", " since epoch 1")}
BROKEN = [  # claim, what contradicts it, the checks that have to fail
    (1, put("fig1", "a", "observed", 0.10, null_of("fig1", "a", 0.10)), {"a, 10%"}),
    (1, put("fig1", "c", "observed", 0.05, null_of("fig1", "c", 0.05, 0.007)), {"c, 5%"}),
    (2, put("fig1", "c", "validation", None, 0.58), {"c"}),
    (2, generalizes_less_in_the_end, {"c"}),
    (3, put("fig1", "d", "null", 0.10, null_of("fig1", "d", 0.05, 0.01)), {"d, 5% > 10%"}),
    (3, put("fig1", "e", "null", 0.10, 0.47), {"e, 10% > 100%"}),
    (4, put("fig1", "b", "null", 1.0, 0.54), {"b, null"}),
    (4, put("fig1", "b", "observed", 1.0, swing(0.3, 0.7)), {"b, observed"}),
    (4, off_at_single_epochs, {"a, null"}),
    (5, put("fig1", "b", "null", 0.05, null_of("fig1", "a", 0.05, 0.01)), {"a > b"}),
    (6, put("fig1", "f", "null", 0.05, null_of("fig1", "c", 0.05, 0.01)), {"c > f"}),
    (7, rising, {"a"}),
    (7, highest_at_first, {"e"}),
    (7, late_peak, {"a"}),
    (7, falls_and_rises_again, {"a"}),
    (7, put("fig1", "f", "null", 0.05, null_of("fig1", "c", 0.05)), {"f"}),
    (7, put("fig1", "c", "null", 0.05, null_of("fig1", "f", 0.05)), {"c, not so"}),
    (8, put("fig1", "b", "null", 0.05, null_of("fig1", "d", 0.05)), {"b faster than a"}),
    (
        9,
        put("fig1", "c", "null", 0.05, 0.6),
        {"c > a, null", "c > a, null since epoch 1", "c > b, null", "c > b, null since epoch 1"},
    ),
    (9, put("fig1", "f", "validation", None, 0.6), {"f > d, validation", "f > e, validation"}),
    (10, put("fig1", "e", "validation", None, 0.6), {"similar validation"}),
    (10, better_with_less, {"less memorized, no better validated"}),
    (11, put("fig2", "a", "null", 0.01, null_of("fig2", "a", 0.05, 0.04)), {"a"}),
    (12, put("fig2", "d", "null", 0.01, null_of("fig2", "a", 0.01, 0.01)), {"a > d"}),
    (
        13,
        put("fig3", "a", "null", 0.05, null_of("fig1", "a", 0.05, 0.01)),
        {"a", "a, since epoch 1"},
    ),
    (13, lower_from_the_start, {"a, since epoch 1"}),
    (14, put("fig3", "b", "validation", None, 0.85), {"b"}),
    (15, put("fig3", "a", "observed", 0.05, null_of("fig3", "a", 0.05)), {"a, 5%"}),
    (15, put("fig3", "d", "null", 0.10, null_of("fig3", "d", 0.05, 0.01)), {"d, 5% > 10%"}),
    (15, put("fig3", "b", "null", 0.05, null_of("fig3", "a", 0.05, 0.01)), {"a > b"}),
    (15, put("fig3", "e", "null", 0.05, null_of("fig3", "b", 0.05, 0.01)), {"b > e"}),
    (16, same_as_sgd, {"largest difference, rmsProp minus SGD"}),
    (17, put("fig5", "f", "null", 0.05, 0.52), {"f", "f, since epoch 1"}),
    (17, put("fig5", "a", "null", 0.05, 0.9), {"a, since epoch 1"}),
    (18, put("fig5", "c", "observed", 0.05, null_of("fig5", "c", 0.05)), {"c"}),
    (18, unlearns_in_the_end, {"c"}),
    (19, put("fig5", "a", "validation", None, 0.55), {"a"}),
    (19, put("fig5", "a", "validation", None, swing(0.4, 0.6)), {"a"}),
    (
        20,
        put("fig5", "e", "null", 0.05, null_of("fig5", "d", 0.05, 0.01)),
        {"d > e", "d > e, since epoch 1"},
    ),
    (20, high_before_training, {"a > b, since epoch 1", "a > d, since epoch 1"}),
    (21, no_early_fall, {"d, early fall"}),
    (21, put("fig5", "d", "observed", 0.05, null_of("fig5", "d", 0.05)), {"d, onset"}),
    (21, learned_but_for_a_blip, {"e, not learned at first"}),
    (21, significant_at_some_epochs_before, {"e, not learned at first", "e, onset"}),
    (22, put("fig5", "f", "observed", 0.05, 0.85), {"f, observed at the end"}),
    (22, scores_less_in_the_end, {"f, observed at the end"}),
    (22, put("fig5", "e", "null", 0.05, flat(0.6)), {"e, peak"}),
    (22, forgets_before_it_learns, {"e, peak"}),
]


def test_every_claim_has_a_case_that_breaks_it():
    assert {number for number, _, _ in BROKEN} == set(CLAIMS)


@pytest.mark.parametrize(("number", "change", "failing"), BROKEN)
def test_claim_fails_where_it_should(number, change, failing):
    found = outcome(make_results(change, CLAIMS[number].needs, seeds=(0, 1)), number)
    assert {check.label for check in found.checks if not check.holds} == failing
    assert found.verdict in ("partly", "not reproduced")


def test_forgetting_faster_tells_how_far_both_have_fallen(results):
    deep = outcome(results, 8).checks[0].value  # b from 0.74 to 0.60, a from 0.80 to 0.74
    assert "(falls by 0.140 against 0.060 until epoch 100,000)" in deep


def test_how_far_noise_is_learned_is_told_for_the_last_epoch():
    curves = paper_curves()["fig5"]["d"]
    (check,) = outcome({"fig5": make_result("fig5", {"d": curves})}, 18).checks
    assert check.estimate == pytest.approx(0.99 - 0.65)


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


@pytest.mark.parametrize(
    ("holds", "support", "state"),
    [
        (True, None, "holds"),
        (False, None, "fails"),
        (True, 0.95, "holds"),
        (True, 0.94, "undecided"),
        (False, 0.06, "undecided"),
        (False, 0.05, "fails"),
        (True, 0.0, "undecided"),  # its resamples contradict it
    ],
)
def test_a_check_that_resamples_do_not_decide_decides_nothing(holds, support, state):
    assert Check("a", "0", holds, support=support).state == state


def test_a_spread_over_seeds_is_not_known_from_one():
    assert Check("a", "0", True, decides=False).state == "undecided"


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        ("hu", "undecided"),  # reproduced or partly
        ("hhfu", "partly"),  # whichever it is
        ("fu", "undecided"),
        ("fffu", "not reproduced"),
        ("u", "undecided"),
    ],
)
def test_a_verdict_is_undecided_only_where_it_hangs_on_undecided_checks(states, verdict):
    support = {"h": 1.0, "f": 0.0, "u": 0.5}
    checks = tuple(Check(str(n), "0", s == "h", support=support[s]) for n, s in enumerate(states))
    assert Outcome(CLAIMS[1], checks).verdict == verdict


def test_what_is_not_run_is_partly_borne_out_whatever_the_undecided_check_is():
    checks = Check("a", "0", True), Check("b", "0", True, support=0.5)
    assert Outcome(CLAIMS[1], checks, ("c",)).verdict == "partly"


def test_the_first_form_of_a_changed_rule_gives_its_own_verdict():
    """Nulls on noise that are high from the start: above chance, but no effect of training."""
    changed = {number for number, claim in CLAIMS.items() if claim.first is not None}
    assert changed == {3, 4, 7, 8, 9, 10, 13, 14, 15, 16, 17, 20, 21, 22}

    def high(f):
        for curves in f["fig5"].values():
            curves.null[0.05] = np.full(len(curves.epochs), 0.9)

    found = outcome(make_results(high, ("fig5",)), 17)
    assert found.first.verdict == "reproduced"
    assert found.verdict == "partly"
    assert outcome(make_results(names=("fig1",)), 1).first is None


def test_an_image_shared_by_all_networks_narrows_what_equally_good_ones_may_differ():
    """3.63 standard errors of networks that disagree on a share of the same images."""
    mlps = [Scores.of(panels_of(make_result("fig1"))[panel], 2000) for panel in "abde"]
    assert similar_range(mlps) == pytest.approx(3.63 * (0.1 / 4000) ** 0.5)
    hits = np.random.default_rng(0).random((1, len(EPOCHS), 2000)) < 0.9
    same = [replace(one, validation_hits=hits) for one in mlps]
    assert similar_range(same) == pytest.approx(0.0)
    other = [replace(mlps[0], validation_hits=~hits), *same[1:]]
    assert similar_range(other) == pytest.approx(3.63 * (0.5 / 4000) ** 0.5)  # 3 of 6 pairs


def test_one_odd_epoch_does_not_decide_who_generalizes():
    curves = paper_curves()["fig1"]
    curves["e"].validation[-1] -= 0.025
    found = outcome({"fig1": make_result("fig1", curves)}, 10)
    assert found.verdict == "reproduced"


def test_peaks_are_those_of_most_seeds():
    """The mean of three seeds falls, since one falls far; two do not."""
    curves = paper_curves()["fig5"]["e"]
    curves.observed = {one: values.clip(max=0.95) for one, values in curves.observed.items()}
    tree = make_result("fig5", {"e": curves}, seeds=(0, 1, 2))
    node = tree["panel_e"]
    null = node["null_accuracy"].copy()
    null[1:] = null[1:, :1].values
    tree["panel_e"] = node.assign(null_accuracy=null)
    checks = {one.label: one for one in outcome({"fig5": tree}, 22).checks}
    assert not checks["e, peak"].holds


def test_networks_that_do_not_memorize_need_no_order():
    """The paper's exception: a null at chance does not depend on the perturbation."""
    e = paper_curves()["fig1"]["e"]
    for strength in (0.05, 0.10):
        e.null[strength] = np.where(np.array(EPOCHS) > 300, 0.5 - strength / 100, 0.6 - strength)
    checks = outcome({"fig1": make_result("fig1", {"e": e})}, 3).checks
    assert [check for check in checks if not check.holds] == []


def test_rmsprop_differs_only_if_seeds_agree_on_it():
    """A difference of 0.06 counts where the same seeds show it alike, not where it varies."""
    curves = paper_curves()["fig1"]["a"]
    other = panel_curves(EPOCHS, curves.null[0.05] + 0.06)
    rmsprop = make_result("fig4", dict.fromkeys("abde", other), seeds=(0, 1))
    sgd = make_result("fig1", dict.fromkeys("abde", curves), seeds=(0, 1))
    assert outcome({"fig1": sgd, "fig4": rmsprop}, 16).verdict == "reproduced"
    for name in ("panel_a", "panel_b", "panel_d", "panel_e"):
        # Seeds of SGD that differ by as much, in both optimizers alike, change nothing.
        for tree, shift in ((sgd, 0.08), (rmsprop, 0.08)):
            null = tree[name]["null_accuracy"]
            moved = null + xr.DataArray([0.0, shift], dims="seed")
            tree[name] = tree[name].assign(null_accuracy=moved)
    assert outcome({"fig1": sgd, "fig4": rmsprop}, 16).verdict == "reproduced"
    for name in ("panel_a", "panel_b", "panel_d", "panel_e"):
        moved = sgd[name]["null_accuracy"] + xr.DataArray([0.0, -0.16], dims="seed")
        sgd[name] = sgd[name].assign(null_accuracy=moved)
    assert outcome({"fig1": sgd, "fig4": rmsprop}, 16).verdict == "not reproduced"


def test_one_seed_says_nothing_of_a_spread_over_seeds():
    curves = paper_curves()["fig1"]["a"]
    other = panel_curves(EPOCHS, curves.null[0.05] + 0.12)
    for panels, verdict in (("abde", "undecided"), ("abd", "undecided")):
        alone = {
            name: make_result(name, dict.fromkeys(panels, one))
            for name, one in (("fig1", curves), ("fig4", other))
        }
        assert outcome(alone, 16).verdict == verdict
