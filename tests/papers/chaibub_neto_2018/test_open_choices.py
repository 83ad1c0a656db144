"""The open choices: each run as declared, its effect against the same seeds, flips of claims."""

import numpy as np
import pytest
import xarray as xr
from tiny_runs import TINY_CHOICE

from memlib.base.errors import ResultError
from memlib.papers.chaibub_neto_2018.choice_plots import show_choices
from memlib.papers.chaibub_neto_2018.choice_runs import measure_choices, write_choices
from memlib.papers.chaibub_neto_2018.choice_tables import (
    change_text,
    checks_of,
    choices_table,
    describe_choices,
    effect,
    flips,
    robustness_table,
    run_of,
)
from memlib.papers.chaibub_neto_2018.choices import CHOICES, RUNS, changes_of, read_choices
from memlib.runs.study import resolve

SOME = (
    *("default", "loss", "rmsprop", "rmsprop_torch", "raw", "strides", "rotate", "untrained"),
    "shuffled",
)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("choices")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMLIB_RESULTS", str(folder / "results"))
        tree = measure_choices(SOME, n_seeds=2, n_jobs=1, say=str, **TINY_CHOICE)
    return read_choices(write_choices(tree, folder / "choices.nc"))


@pytest.mark.parametrize("choice", CHOICES.values(), ids=list(CHOICES))
def test_every_choice_is_a_run_that_may_be_asked_for(choice):
    assert choice.against in CHOICES
    for run in choice.runs:
        figure, panels = RUNS[run].figure, [RUNS[run].panel]
        settings = resolve(figure, "teaching", panels=panels, **choice.settings(run))
        changed = settings != resolve(figure, "teaching", panels=panels, **RUNS[run].changes)
        assert changed == (choice.name != "default")
        assert run in CHOICES[choice.against].runs
        assert len(settings.perturbations) == 3


def test_each_choice_is_measured_as_declared(measured):
    assert tuple(measured.children) == SOME
    assert changes_of(measured["raw"]) == {"pixel_scale": "raw"}
    assert set(measured["raw"].children) == {"images"}
    assert list(measured["rotate/noise"]["perturbation"]) == [5, 10, 90]
    assert list(measured["loss/images"]["seed"]) == [0, 1]
    assert measured.attrs["n_seeds"] == 2


def test_effect_is_a_difference_of_the_same_seeds(measured):
    new, old = (measured[f"{name}/noise"].to_dataset() for name in ("loss", "default"))
    expected = [
        float(
            new["null_accuracy"].sel(seed=s, perturbation=0.05).mean()
            - old["null_accuracy"].sel(seed=s, perturbation=0.05).mean()
        )
        for s in (0, 1)
    ]
    np.testing.assert_allclose(effect(measured, "loss", "noise").null_change, expected)
    assert effect(measured, "raw", "noise") is None
    assert not effect(measured, "default", "images").null_change.any()


def test_rmsprop_constants_are_held_against_rmsprop(measured):
    new, old = (
        float(
            measured[f"{name}/images"]["observed_accuracy"]
            .sel(seed=1, perturbation=0.05)
            .isel(epoch=-1)
        )
        for name in ("rmsprop_torch", "rmsprop")
    )
    change = effect(measured, "rmsprop_torch", "images").observed_change
    assert change[1] == pytest.approx(new - old)


def test_a_check_that_turns_is_found(measured):
    tree = measured.copy(deep=True)
    noise = run_of(tree, "default", "noise")
    keys = checks_of(noise, "noise")
    assert (18, "d") in keys
    for name, p_value in (("default", 0.5), ("loss", 0.001)):
        node = tree[f"{name}/noise"]
        tree[f"{name}/noise"] = node.assign(p_value=xr.full_like(node["p_value"], p_value))
    assert (18, "d") in flips(tree, "loss")
    assert "18 (d)" in next(r for r in choices_table(tree).splitlines() if "categorical" in r)
    row = next(row for row in robustness_table(tree).splitlines() if "Observed scores lie" in row)
    by_open, by_stated, _ = row.split(" | ")[3:]
    assert "loss: categorical" in by_open
    assert "loss" not in by_stated
    assert flips(tree, "default") == []


def test_what_is_said_of_shuffling_all_pixels_is_not_asked_of_rotations(measured):
    tree = measured.copy(deep=True)
    for name, level in (("default", 0.5), ("loss", 0.9), ("rotate", 0.9)):
        node = tree[f"{name}/images"]
        null = xr.full_like(node["null_accuracy"], level)  # at chance, or far from it
        tree[f"{name}/images"] = node.assign(null_accuracy=null)
    asked = {name: {number for number, _ in flips(tree, name)} for name in ("loss", "rotate")}
    assert 4 in asked["loss"]
    assert 4 not in asked["rotate"]


def test_robustness_is_told_against_the_default_and_apart_for_what_the_paper_states(measured):
    """rmsProp's constants overturn a check here just as rmsProp itself does; neither is open."""
    tree = measured.copy(deep=True)
    for name, p_value in (("default", 0.001), ("rmsprop", 0.5), ("rmsprop_torch", 0.5)):
        node = tree[f"{name}/noise"]
        tree[f"{name}/noise"] = node.assign(p_value=xr.full_like(node["p_value"], p_value))
    assert (18, "d") not in flips(tree, "rmsprop_torch")
    row = next(row for row in robustness_table(tree).splitlines() if "Observed scores lie" in row)
    by_open, by_stated, _ = row.split(" | ")[3:]
    assert "optimizer" not in by_open
    assert "rmsProp" not in by_open
    assert "optimizer: rmsProp" in by_stated
    assert "rmsProp's constants" in by_stated
    table = choices_table(tree).splitlines()
    assert any(row.startswith("| optimizer (stated) |") for row in table)
    assert any(row.startswith("| loss |") for row in table)


def test_robustness_tells_what_holds_without_any_training(measured):
    tree = measured.copy(deep=True)
    for p_value, said in ((0.001, "holds"), (0.5, "fails")):
        node = tree["untrained/noise"]
        tree["untrained/noise"] = node.assign(p_value=xr.full_like(node["p_value"], p_value))
        table = robustness_table(tree).splitlines()
        row = next(row for row in table if "Observed scores lie" in row)
        assert row.split(" | ")[-1] == f"{said} |"


def test_pages_name_every_choice(measured):
    table, picture = choices_table(measured), show_choices(measured)
    for (
        name
    ) in SOME:  # strides are tried on a CNN alone, see memlib.papers.chaibub_neto_2018.puzzle
        assert (CHOICES[name].label in table) == (name != "strides")
    assert "categorical cross-entropy" in picture.alt
    assert "2 seeds" in describe_choices(measured, "x")
    assert "No dataset x is stored" in describe_choices(None, "x")


def test_damaged_or_foreign_file_is_told(tmp_path):
    path = tmp_path / "choices.nc"
    assert read_choices(path) is None
    path.write_text("nothing")
    with pytest.raises(ResultError, match="is damaged"):
        read_choices(path)
    xr.Dataset(attrs={"a": 1}).to_netcdf(path, engine="h5netcdf")
    with pytest.raises(ResultError, match="no dataset of the open choices"):
        read_choices(path)


def test_change_is_told_with_its_range_over_several_seeds():
    assert change_text(np.array([-0.25])) == "−0.250"
    assert change_text(np.array([-0.25, 0.5, 0.125])) == "+0.125 (−0.250 to +0.500)"
