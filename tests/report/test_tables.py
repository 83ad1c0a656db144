"""Results as Markdown: valid tables that say what the results say."""

import numpy as np
import pytest
from builders import (
    CNN_EPOCHS,
    make_result,
    make_results,
    panel_curves,
    paper_curves,
    put,
    small_result,
    through,
)

from memlib.base.keys import to_json
from memlib.method.verdicts import VERDICTS
from memlib.papers.chaibub_neto_2018.claims import check_claims
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.papers.chaibub_neto_2018.quantities import null_mean
from memlib.papers.chaibub_neto_2018.tables import networks_table, shipped_summary, summary_table
from memlib.report.tables import (
    claims_data,
    claims_table,
    differing_checks,
    markdown_table,
    provenance_table,
    spread_text,
)
from memlib.results.claim import Check
from memlib.results.schema import panels_of
from memlib.runs.shipped import read_shipped


@pytest.fixture(scope="module")
def results():
    return make_results()


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


def test_rules_changed_after_results_are_marked(results):
    outcomes = check_claims(results)
    rows = claims_table(outcomes).split("\n")[2:]
    told = [number for number, row in enumerate(rows, 1) if "*Rule, changed after results: " in row]
    assert told == [
        one["number"] for one in claims_data(outcomes) if one["rule_changed_after_results"]
    ]
    assert {8, 21} <= set(told) < set(range(1, 23))


def test_checks_that_differ_between_runs_are_told_side_by_side(results):
    lower = make_results(put("fig5", "f", "null", 0.05, 0.52), ("fig5",))
    both = [check_claims(one, figure="fig5") for one in (results, lower)]
    assert differing_checks({"one": both[0], "again": both[0]}) == (
        "No check comes out differently."
    )
    head, _, *rows = differing_checks({"one": both[0], "other": both[1]}).split("\n")
    assert head == "| no. | claim (check) | one | other |"
    differ = {
        (outcome.claim.number, check.label)
        for outcome, other in zip(*both, strict=True)
        for check, same in zip(outcome.checks, other.checks, strict=True)
        if check.holds != same.holds
    }
    assert (17, "f") in differ
    assert len(rows) == len(differ) == sum("✗" in row for row in rows)
    (memorizes,) = (row for row in rows if row.startswith("| 17 |") and "(f)" in row)
    assert memorizes.endswith("| 0.520 ✗ |")


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
        "memorized and learned",
        "0.500 |",
    ]


def test_summary_tells_the_range_of_several_seeds_and_of_one_none():
    tree = read_shipped("fig1", "tenth")
    several, one = (
        [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.split("\n")[2:]]
        for text in (
            shipped_summary("fig1", "tenth"),
            summary_table(
                tree.map_over_datasets(lambda ds: ds.isel(seed=[1], missing_dims="ignore"))
            ),
        )
    )
    for panel, ranges, single in zip(panels_of(tree).values(), several, one, strict=True):
        nulls = panel["null_accuracy"].sel(perturbation=0.05).mean("permutation")
        ends = panel["validation_accuracy"].isel(epoch=-1)
        for cell, seeds in (
            (2, nulls.isel(epoch=0)),
            (3, nulls.isel(epoch=null_mean(panel, 0.05).argmax())),
            (7, ends),
        ):
            low, high = float(seeds.min()), float(seeds.max())
            expected = f"{float(seeds.mean()):.3f} [{low:.3f} to {high:.3f}]"
            assert ranges[cell].split(" (epoch")[0].replace("\N{NO-BREAK SPACE}", " ") == expected
        assert single[2] == f"{float(nulls[1, 0]):.3f}"
        assert not any("[" in cell for cell in single)


def test_summary_counts_the_verdicts_of_several_seeds():
    tree = small_result()
    codes = tree["panel_d"]["verdict"].copy()
    codes[{"seed": 0, "epoch": -1}] = VERDICTS.index("learned")
    tree["panel_d"] = tree["panel_d"].assign(verdict=codes)
    rows = summary_table(tree).split("\n")
    assert "| learned (1 of 2), memorized and learned (1 of 2) |" in rows[2]
    assert "| memorized and learned |" in rows[3]


def test_networks_are_told_as_they_were_built():
    """The layers of the caption of Fig. 1, from the dataset."""
    curves = paper_curves()["fig1"]
    tree = make_result("fig1", curves)
    for panel in curves:
        tree[f"panel_{panel}"].attrs["layers"] = to_json(ARCHITECTURES[panel].as_list())
    tree["panel_c"].attrs["layers"] = to_json(ARCHITECTURES["c"].with_stride(2).as_list())
    table, shared = networks_table(tree).split("\n\n")
    told = [row.split(" | ")[2].removesuffix(" |") for row in table.split("\n")[2:]]
    assert told[0] == "256 units, 16 units"
    assert told[2].startswith(
        "32 filters of 3 × 3, stride 2, 64 filters of 3 × 3, stride 2, maximum"
    )
    assert told[3] == "256 units, dropout 0.25, 16 units, dropout 0.5"
    assert told[5].startswith("32 filters of 3 × 3, 64 filters of 3 × 3, maximum of 2 × 2, dropout")
    assert "2,000 images" in shared
    assert "learning rate of 0.01, in mini-batches of 128" in shared


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
