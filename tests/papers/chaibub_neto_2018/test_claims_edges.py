"""Where the rules of the paper's claims end: a little to either side decides otherwise."""

import copy
import re

import pytest
from builders import EPOCHS, make_results, null_of, outcome, put, through

from memlib.papers.chaibub_neto_2018.claims import CLAIMS
from memlib.papers.chaibub_neto_2018.noise_claims import ONSETS, PEAKS, near


def validated(e):
    def change(f):
        for panel, value in {"a": 0.900, "b": 0.904, "d": 0.906, "e": e}.items():
            f["fig1"][panel].validation[:] = value

    return change


def falls_early(by):
    def change(f):
        d = f["fig5"]["d"]
        d.null[0.05] = through(EPOCHS, (1, 0.6 + by), (10, 0.6), (300, 0.8), (1e5, 0.65))

    return change


def learned_at_first_until(place):
    """Epochs before the onset (the last of 11): learned at the first of them, not at the others."""

    def change(f):
        e = f["fig5"]["e"]
        e.observed[0.05] = e.null[0.05].copy()
        e.observed[0.05][[*range(place), -1]] = 0.99

    return change


def only_a_differs(by):
    def change(f):
        f["fig4"] = {panel: copy.deepcopy(f["fig1"][panel]) for panel in "abde"}
        put("fig4", "a", "null", 0.05, null_of("fig1", "a", 0.05, by))(f)

    return change


def not_yet_learned_at(epoch):
    def change(f):
        a = f["fig1"]["a"]
        a.observed[0.05][EPOCHS.index(epoch)] = a.null[0.05][EPOCHS.index(epoch)]

    return change


def peak_at(epoch):
    return put("fig1", "a", "null", 0.05, through(EPOCHS, (1, 0.58), (epoch, 0.8), (1e5, 0.74)))


EDGES = [  # claim, check, the change that a number makes, and where the check's rule ends
    (1, "a, 5%", not_yet_learned_at, {10: False, 3: True}),
    (2, "c", lambda v: put("fig1", "c", "validation", None, v), {0.599: False, 0.601: True}),
    (4, "b, null", lambda v: put("fig1", "b", "null", 1.0, v), {0.531: False, 0.529: True}),
    (4, "b, null", lambda v: put("fig1", "b", "null", 1.0, v), {0.469: False, 0.471: True}),
    (7, "a", peak_at, {1000: False, 300: True}),
    (
        10,
        "similar validation",
        lambda v: put("fig1", "e", "validation", None, 0.905 - v),
        {0.0185: False, 0.0180: True},
    ),
    (10, "less memorized, no better validated", validated, {0.905: False, 0.903: True}),
    (
        11,
        "a",
        lambda v: put("fig2", "a", "null", 0.01, null_of("fig2", "a", 0.05, v)),
        {0.049: False, 0.051: True},
    ),
    (16, "largest difference, rmsProp minus SGD", only_a_differs, {0.049: False, 0.051: True}),
    (17, "f", lambda v: put("fig5", "f", "null", 0.05, v), {0.529: False, 0.531: True}),
    (19, "a", lambda v: put("fig5", "a", "validation", None, v), {0.531: False, 0.529: True}),
    (21, "d, early fall", falls_early, {0.009: False, 0.011: True}),
    (21, "e, not learned at first", learned_at_first_until, {2: False, 1: True}),
    (
        22,
        "f, observed at the end",
        lambda v: put("fig5", "f", "observed", 0.05, v),
        {0.899: False, 0.901: True},
    ),
]


@pytest.mark.parametrize(
    ("number", "label", "change", "value", "holds"),
    [(*edge[:3], *one) for edge in EDGES for one in edge[3].items()],
)
def test_a_check_turns_where_its_rule_says(number, label, change, value, holds):
    found = outcome(make_results(change(value), CLAIMS[number].needs), number)
    assert [check.holds for check in found.checks if check.label == label] == [holds]


@pytest.mark.parametrize(
    ("epoch", "holds"), [(None, False), (13, False), (14, True), (120, True), (121, False)]
)
def test_an_epoch_is_near_the_papers_within_a_factor_of_3(epoch, holds):
    assert near(epoch, 40) == holds


@pytest.mark.parametrize(("number", "epochs"), [(21, ONSETS), (22, PEAKS)])
def test_the_papers_epochs_are_those_of_the_claims_words(number, epochs):
    said = re.findall(r"([\d,]+) \(([def])\)", CLAIMS[number].text)
    assert {panel: int(epoch.replace(",", "")) for epoch, panel in said} == epochs
