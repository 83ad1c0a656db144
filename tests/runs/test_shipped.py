"""Results that come with the checkout: added to, described, verified."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
import xarray as xr
from builders import make_result
from click.testing import CliRunner
from conftest import one_line

from memlib.base.errors import InputError, ResultError
from memlib.cli.main import main
from memlib.papers.chaibub_neto_2018.figures import SCALES
from memlib.results.provenance import MADE, account_of, accounts_of
from memlib.results.schema import panels_of
from memlib.runs import shipped
from memlib.runs.figure import run_figure, write_figure
from memlib.runs.shipped import (
    describe_shipped,
    read_shipped,
    ship,
    shipped_path,
    shortfalls,
    what_is_missing,
)
from memlib.runs.verify import Sample, draw_samples, samples_of, verify_sample


@pytest.fixture
def small(results_folder, tmp_path, monkeypatch):
    """A scale of seconds in place of a tenth of the paper's, and a folder of its own."""
    monkeypatch.setattr(shipped, "shipped_folder", lambda: tmp_path / "shipped")
    size = {"n_images": 100, "n_validation_images": 60, "epochs": 4, "cnn_epochs": 1}
    size |= {"n_measured_epochs": 2, "n_permutations": 6, "n_trees": 5, "n_seeds": 2}
    whole = {**SCALES["tenth"].settings, **size}
    monkeypatch.setitem(SCALES, "tenth", replace(SCALES["tenth"], settings=whole))


def run(figure="fig1", **changes):
    return run_figure(figure, "tenth", n_jobs=1, progress=False, **changes)


def test_panels_join_the_shipped_result_as_they_are_run(small):
    assert read_shipped("fig4", "tenth") is None
    assert shortfalls("fig4", "tenth") == ["panels a, b, d, e not yet run"]
    said = describe_shipped("fig4", "tenth")
    assert said.startswith(
        "**Not yet run at a tenth of the paper's epochs.** `memlib run fig4 --scale tenth`"
    )
    path = ship(run("fig4", panels=["d"]))
    assert ship(run("fig4", panels=["a"], epochs=2)) == path == shipped_path("fig4", "tenth")
    tree = read_shipped("fig4", "tenth")
    panels = panels_of(tree)
    assert list(panels) == ["a", "d"]
    assert panels["d"].sizes["seed"] == 2
    assert json.loads(tree.attrs["parameters"])["panels"] == ["a", "d"]
    for panel, epochs in (("a", 2), ("d", 4)):
        (made,) = accounts_of(panels[panel])
        assert made["parameters"]["epochs"] == epochs == panels[panel]["epoch"][-1]
        assert made["git_commit"]
    spent = sum(float(dataset.attrs["compute_seconds"]) for dataset in panels.values())
    assert tree.attrs["compute_seconds"] == pytest.approx(spent)
    assert shortfalls("fig4", "tenth") == [
        "panel a run to epoch 2 of 4",
        "panels b, e not yet run",
    ]
    ship(run("fig4", panels=["e"], n_seeds=1))
    assert shortfalls("fig4", "tenth")[2] == "panel e run with 1 of 2 seeds"
    assert describe_shipped("fig4", "tenth").endswith(
        "This would complete it: `memlib run fig4 --scale tenth --panels a,b` and "
        "`memlib run fig4 --scale tenth --panels e -p n_seeds=1 -p seed=1`, "
        "then `memlib ship` with the same arguments."
    )
    ship(run("fig4", panels=["b"], n_seeds=1))
    assert "panels b, e run with 1 of 2 seeds" in describe_shipped("fig4", "tenth")
    ship(run("fig4", panels=["b"], n_seeds=1, epochs=5))
    assert "panel b run with 1 of 2 seeds (further than asked for, to epoch 5)" in describe_shipped(
        "fig4", "tenth"
    )
    assert what_is_missing("fig4", "tenth")[1:] == [
        "fig4 --scale tenth --panels b -p epochs=5 -p n_seeds=1 -p seed=1",
        "fig4 --scale tenth --panels e -p n_seeds=1 -p seed=1",
    ]
    ship(run("fig4"))
    assert shortfalls("fig4", "tenth") == what_is_missing("fig4", "tenth") == []


def test_seeds_join_one_by_one_each_with_its_account(small):
    whole = run("fig1", panels=["a", "d"], n_seeds=3)
    ship(run("fig1", panels=["a", "d"], n_seeds=1))
    ship(run("fig1", panels=["a"], seed=2, n_seeds=1))
    assert what_is_missing("fig1", "tenth")[0] == "fig1 --scale tenth --panels b,c,e,f"
    ship(run("fig1", panels=["d", "a"], seed=1, n_seeds=1))
    tree = read_shipped("fig1", "tenth")
    panels = panels_of(tree)
    assert panels["d"]["seed"].values.tolist() == [0, 1]
    assert tree.attrs["base_seed"] == json.loads(tree.attrs["parameters"])["seed"] == 0
    assert json.loads(tree.attrs["parameters"])["n_seeds"] == 3
    xr.testing.assert_identical(
        panels["a"].drop_attrs(deep=False), panels_of(whole)["a"].drop_attrs(deep=False)
    )
    accounts = accounts_of(panels["a"])
    assert [account["seeds"] for account in accounts] == [[0], [2], [1]]
    assert [account["parameters"]["seed"] for account in accounts] == [0, 2, 1]
    spent = sum(account["compute_seconds"] for account in accounts)
    assert panels["a"].attrs["compute_seconds"] == pytest.approx(spent, abs=0.001)
    (piece,) = (
        one
        for one in samples_of({("tenth", "fig1"): tree})
        if (one.panel, one.seed, one.epoch) == ("a", 2, 4)
    )
    assert verify_sample(piece, {("tenth", "fig1"): tree}).identical
    ship(run("fig1", panels=["a"], seed=1, n_seeds=2))  # both are made anew
    accounts = accounts_of(panels_of(read_shipped("fig1", "tenth"))["a"])
    assert [account["seeds"] for account in accounts] == [[0], [1, 2]]
    both = accounts[1]["compute_seconds"]
    ship(run("fig1", panels=["a"], seed=2, n_seeds=1))  # the other keeps its share of the time
    accounts = accounts_of(panels_of(read_shipped("fig1", "tenth"))["a"])
    assert [account["seeds"] for account in accounts] == [[0], [1], [2]]
    assert accounts[1]["compute_seconds"] == pytest.approx(both / 2)


def test_two_panels_shipped_at_the_same_time_are_both_there(small, monkeypatch):
    reading, read = threading.Barrier(2), shipped.read_shipped
    results = [run(panels=[panel]) for panel in "ad"]

    def slow(*of):
        with suppress(threading.BrokenBarrierError):
            reading.wait(1)  # until both have read, if both may
        return read(*of)

    monkeypatch.setattr(shipped, "read_shipped", slow)
    with ThreadPoolExecutor() as pool:
        list(pool.map(ship, results))
    assert set(panels_of(read("fig1", "tenth"))) == {"a", "d"}


def test_seeds_at_other_epochs_do_not_join(small):
    ship(run("fig1", panels=["a"], n_seeds=2))
    ship(run("fig1", panels=["a"], seed=2, n_seeds=1, epochs=5))
    panel = panels_of(read_shipped("fig1", "tenth"))["a"]
    assert (panel["seed"].values.tolist(), int(panel["epoch"][-1])) == ([2], 5)


def test_account_of_a_file_from_before_seeds_could_join():
    panel = panels_of(make_result("fig1"))["a"].assign_attrs(compute_seconds=1.0)
    with pytest.raises(ResultError, match="does not say how it was made"):
        accounts_of(panel)
    old = panel.assign_attrs(made=json.dumps(dict.fromkeys(MADE, "abc") | {"parameters": {}}))
    (account,) = accounts_of(old)
    assert account["seeds"] == panel["seed"].values.tolist()
    assert account_of(old, 0) == account
    with pytest.raises(ResultError, match="how its seed 7 was made"):
        account_of(old, 7)
    assert "Figure 4 is complete at a tenth" in describe_shipped("fig4", "tenth")


def test_only_runs_of_the_figure_at_its_scale_are_shipped(small):
    for changes, said in (
        ({"n_trees": 6}, "n_trees = 6: fig1 is shipped with 5"),
        ({"inputs": "noise"}, "inputs = 'noise': fig1 is shipped with 'images'"),
    ):
        with pytest.raises(InputError, match=said):
            ship(run(panels=["a"], **changes))
    size = {"n_images": 50, "epochs": 1, "n_permutations": 1, "n_trees": 1}
    other = run_figure("fig1", "smoke", panels=["a"], n_jobs=1, progress=False, **size)
    with pytest.raises(InputError, match="scale = 'smoke': shipped results are of paper, tenth"):
        ship(other)


def test_run_of_another_memlib_with_other_parameters_is_not_shipped(small):
    tree = run(panels=["a"])
    tree.attrs["parameters"] = json.dumps(json.loads(tree.attrs["parameters"]) | {"margin": 1})
    with pytest.raises(InputError, match="margin: no parameter of this memlib") as error:
        ship(tree)
    one_line(error)
    assert read_shipped("fig1", "tenth") is None


def test_a_piece_computed_again_is_the_same_bit_for_bit(small):
    ship(run(panels=["a", "d"]))
    results = {("tenth", "fig1"): read_shipped("fig1", "tenth")}
    pieces = list(samples_of(results))
    assert len(pieces) == 2 * 2 * 2
    drawn = draw_samples(results, 3, seed=1, max_seconds=1e6)
    assert len(set(drawn)) == 3
    assert set(drawn) < set(pieces)
    for piece in drawn:
        agreement = verify_sample(piece, results)
        assert agreement.identical
        assert str(agreement).endswith("bit for bit")
    with pytest.raises(InputError, match=r"--pieces 9: only 8 stored pieces take at most"):
        draw_samples(results, 9, seed=1, max_seconds=1e6)


@pytest.mark.parametrize("name", ["precision", "conv_stride", "n_validation_images"])
def test_result_from_before_a_choice_was_one_is_verified(small, name):
    ship(run(panels=["a"]))
    tree = read_shipped("fig1", "tenth")
    (made,) = accounts_of(panels_of(tree)["a"])
    del made["parameters"][name]
    tree["panel_a"].attrs["made"] = json.dumps([made])
    (piece,) = draw_samples({("tenth", "fig1"): tree}, 1, seed=1, max_seconds=1e6)
    assert verify_sample(piece, {("tenth", "fig1"): tree}).identical


def test_result_of_a_choice_that_is_none_any_more_is_one_line(small):
    ship(run(panels=["a"]))
    tree = read_shipped("fig1", "tenth")
    (made,) = accounts_of(panels_of(tree)["a"])
    made["parameters"]["n_knots"] = 3
    tree["panel_a"].attrs["made"] = json.dumps([made])
    with pytest.raises(InputError, match="unknown parameter 'n_knots'") as error:
        draw_samples({("tenth", "fig1"): tree}, 1, seed=1, max_seconds=1e6)
    one_line(error)


@pytest.mark.parametrize(
    ("name", "shift", "holds"),
    [
        ("null_accuracy", 0.009, True),
        ("null_accuracy", 0.02, False),
        ("observed_accuracy", 0.03, False),
        ("validation_accuracy", 0.02, True),
    ],
)
def test_an_altered_result_is_told(small, name, shift, holds):
    tree = run(panels=["a"])
    ship(tree)
    tree = read_shipped("fig1", "tenth")
    dataset = tree["panel_a"].to_dataset()
    dataset[name] = dataset[name] - shift
    tree["panel_a"] = tree["panel_a"].assign(dataset)
    piece = Sample("tenth", "fig1", "a", 0, 4, 0.0)
    agreement = verify_sample(piece, {("tenth", "fig1"): tree})
    assert not agreement.identical
    assert agreement.differences[name] == pytest.approx(shift)
    assert agreement.holds is holds
    assert ("DIFFERS" in str(agreement)) is not holds


def test_commands_ship_verify_and_check_claims(small):
    def memlib(*arguments):
        return CliRunner().invoke(main, arguments)

    refused = memlib("ship", "fig1", "--scale", "tenth", "--panels", "a")
    assert (refused.exit_code, "has not been run" in refused.output) == (1, True)
    run(panels=["a"])
    assert "shipped" in memlib("ship", "fig1", "--scale", "tenth", "--panels", "a").output
    for scale in ((), ("--scale", "tenth")):
        verified = memlib("verify", *scale, "--pieces", "2")
        assert (verified.exit_code, verified.output.count("bit for bit")) == (0, 2)
        assert verified.output.count("fig1 at tenth scale, panel a") == 2
    assert "only 0 stored pieces" in memlib("verify", "--scale", "paper").output
    assert "'huge' is not one of 'paper', 'tenth'" in memlib("verify", "--scale", "huge").output
    text = memlib("claims", "--scale", "tenth", "--resamples", "3").output
    assert len([line for line in text.splitlines() if line[:2].strip()]) == 22
    assert "not run: panels b, c, d, e, f" in text
    found = json.loads(memlib("claims", "--scale", "tenth", "--figure", "fig1", "--json").output)
    assert [one["number"] for one in found] == list(range(1, 11))
    assert memlib("claims", "--figure", "fig9").exit_code == 2
    assert memlib("claims", "--scale", "huge").exit_code == 2
    best = json.loads(memlib("claims", "--figure", "fig1", "--json", "--resamples", "0").output)
    assert {one["scale"] for one in best if one["checks"]} == {"tenth"}
    assert "(tenth scale)" in memlib("claims", "--figure", "fig1", "--resamples", "0").output


def test_shipped_file_can_be_any_result(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "shipped_folder", lambda: tmp_path)
    write_figure(make_result("fig5"), shipped_path("fig5", "paper"))
    assert list(panels_of(read_shipped("fig5"))) == list("abcdef")
    assert shortfalls("fig5") == []
