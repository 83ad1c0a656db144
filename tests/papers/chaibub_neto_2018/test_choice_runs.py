"""Measuring the open choices: on which runs, how long it takes, and what joins a stored file."""

import re
from pathlib import Path

import jupytext
import pytest
import xarray as xr
from click.testing import CliRunner
from tiny_runs import TINY_CHOICE

from memlib.base.errors import InputError
from memlib.base.words import duration
from memlib.cli.main import main
from memlib.papers.chaibub_neto_2018 import choices
from memlib.papers.chaibub_neto_2018.choice_runs import measure_choices, write_choices
from memlib.papers.chaibub_neto_2018.choice_tables import describe_choices, effect, robustness_table
from memlib.papers.chaibub_neto_2018.choices import read_choices
from memlib.papers.chaibub_neto_2018.one_thing import change_cards
from memlib.papers.chaibub_neto_2018.study import STEP_SECONDS

ASK = {"runs": ("noise",), "n_seeds": 1, "n_jobs": 1} | TINY_CHOICE


ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """Return the dataset of the default and one choice, made at an older commit."""
    monkeypatch.setenv("MEMLIB_RESULTS", str(tmp_path / "results"))
    path = write_choices(measure_choices(("loss",), say=str, **ASK), tmp_path / "choices.nc")
    tree = read_choices(path)
    tree.attrs |= {"git_commit": "0123abc"}
    for name in ("default/noise", "loss/noise"):
        del tree[name].attrs["made"]  # as in files from before choices could join
    for place in ("papers.chaibub_neto_2018.choices", "cli.choices"):
        monkeypatch.setattr(f"memlib.{place}.choices_path", lambda name="choices": path)
    write_choices(tree, path)
    return tree


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "los", "--output", "x.nc"], "'--only': 'los': take some of default, loss"),
        (["--only", "validation", "--runs", "cnn"], "validation is tried on images, noise only"),
        (["-p", "n_seeds=2"], "-p n_seeds: give it with --seeds"),
        (["-p", "scale=smoke"], "-p scale: give it with --scale"),
        (["-p", "panels=['b']"], "-p panels: give it with --runs"),
        (["-p", "perturbations=[0.05]"], "perturbations = [0.05]: choices compare lists of three"),
        (["-p", "n_tree=5"], "unknown parameter 'n_tree'"),
        (["--runs", "sound"], "'--runs': 'sound': take some of images, noise, cnn"),
        (["--runs", "images,noise"], "--runs needs an --output, or --only"),
        (["--output", "x.csv"], "x.csv: name a file that ends in .nc"),
    ],
)
def test_bad_arguments_are_one_line(arguments, said):
    done = CliRunner().invoke(main, ["choices", *arguments])
    assert done.exit_code == (2 if "take some of" in said else 1)  # an option, or a value
    assert said in done.output
    assert done.output.count("\n") == 1


def test_time_left_counts_only_what_is_still_to_be_computed(monkeypatch, tmp_path):
    monkeypatch.setenv("MEMLIB_RESULTS", str(tmp_path))
    measure_choices(("default", "he"), say=str, **ASK)
    monkeypatch.setitem(STEP_SECONDS, "d", 100.0)  # so that an estimate is told from none
    said = []
    measure_choices(("default", "loss", "he"), say=said.append, **ASK)
    n_steps = ASK["epochs"] * ASK["n_images"] / 128  # of whole batches
    left = [re.search("about (.*) left", line)[1] for line in said]
    assert left == [duration(100.0 * n_steps), "0 s", "0 s"]


def test_choices_may_be_tried_on_some_runs_only(monkeypatch, tmp_path):
    monkeypatch.setenv("MEMLIB_RESULTS", str(tmp_path))
    names = ("default", "loss", "raw", "strides")
    tree = measure_choices(names, say=str, **ASK)
    assert {name: set(group.children) for name, group in tree.children.items()} == {
        "default": {"noise"},
        "loss": {"noise"},
    }
    assert "Observed scores lie" in robustness_table(tree)
    (card,) = change_cards(tree, "loss")
    assert "On noise the null" in card.text
    assert "On images" not in card.text


def test_default_is_measured_where_the_choices_are_tried(monkeypatch, tmp_path):
    monkeypatch.setenv("MEMLIB_RESULTS", str(tmp_path))
    ask = {**ASK, "runs": ("images", "noise")}
    for names, runs in (
        (("noise_half",), {"noise"}),
        (("raw",), {"images"}),
        (("default",), {"images", "noise"}),
    ):
        assert set(measure_choices(names, say=str, **ask)["default"].children) == runs


def test_choices_join_what_is_stored_and_say_when(stored):
    joined = measure_choices(("rmsprop_decay",), before=stored, say=str, **ASK)
    # What rmsProp's decay is held against comes with it, and the order is that of CHOICES.
    assert tuple(joined.children) == ("default", "loss", "rmsprop", "rmsprop_decay")
    for name in ("default", "loss"):
        xr.testing.assert_identical(joined[name], stored[name])
    assert joined.attrs == stored.attrs
    assert effect(joined, "rmsprop_decay", "noise").null_change.any()
    told = describe_choices(joined, "choices")
    assert f"at commit 0123abc ({stored.attrs['device']}): 4 choices, 4 runs" in told
    assert "): optimizer: rmsProp, Keras' constants; rmsProp's constants: decay 0.99." in told


def test_a_choice_measured_again_takes_the_place_of_the_stored_one(stored):
    stored["loss/noise"].attrs["compute_seconds"] = 0.0
    joined = measure_choices(("loss",), before=stored, say=str, **ASK)
    assert tuple(joined.children) == ("default", "loss")
    assert joined["loss/noise"].attrs["compute_seconds"] > 0


def test_what_a_choice_is_held_against_is_measured_on_all_its_runs(monkeypatch, tmp_path):
    monkeypatch.setenv("MEMLIB_RESULTS", str(tmp_path))
    both = {**ASK, "runs": ("images", "noise")}
    whole = measure_choices(("loss",), say=str, **both)
    half = measure_choices(("rmsprop",), before=whole, say=str, **ASK)
    assert set(half["rmsprop"].children) == {"noise"}
    joined = measure_choices(("rmsprop_decay",), before=half, say=str, **both)
    assert set(joined["rmsprop"].children) == {"images", "noise"}
    assert effect(joined, "rmsprop_decay", "images") is not None


def test_choices_that_joined_meanwhile_stay(stored, tmp_path):
    path = choices.choices_path()
    first = measure_choices(("he",), before=stored, say=str, **ASK)
    second = measure_choices(("rmsprop",), before=stored, say=str, **ASK)
    write_choices(first, path, stored)
    write_choices(second, path, stored)
    found = read_choices(path)
    assert tuple(found.children) == ("default", "loss", "he", "rmsprop")
    for name in found.children:
        xr.testing.assert_identical(found[name], (first if name == "he" else second)[name])
    node = found["default/noise"]
    found["default/noise"] = node.assign(null_accuracy=node["null_accuracy"] + 1e-6)
    write_choices(found, path)
    with pytest.raises(InputError, match="another default meanwhile"):
        write_choices(first, path, stored)
    xr.testing.assert_identical(read_choices(path), found)


def test_a_choice_with_runs_of_two_times_says_which_was_added(stored, tmp_path):
    both = measure_choices(("loss",), say=str, **{**ASK, "runs": ("images", "noise")})
    when = {"created": "2026-01-02", "git_commit": "0123abc", "device": "a desk"}
    both.attrs |= when
    for name in ("default/images", "default/noise", "loss/images"):
        del both[name].attrs["made"]
    assert both["loss"].attrs["label"] in describe_choices(both, "choices")
    told = describe_choices(both, "choices").partition(" Added on ")[2]
    assert told.endswith(f"loss: {both['loss'].attrs['label']} (noise).")


def test_chapter_shows_choices_that_were_tried_on_noise_alone(stored, capsys):
    notebook = jupytext.read(ROOT / "notebooks" / "chaibub_neto_2018" / "open_choices.py")
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    scope = {}
    for source in cells:
        exec(source, scope)
    assert scope["choices"].attrs == stored.attrs
    assert "null_accuracy" in capsys.readouterr().out


def test_choices_do_not_join_another_default(stored):
    node = stored["default/noise"]
    stored["default/noise"] = node.assign(null_accuracy=node["null_accuracy"] + 1e-6)
    said = []
    with pytest.raises(InputError, match="null_accuracy of the default on noise is not what is"):
        measure_choices(("he",), before=stored, say=said.append, **ASK)
    assert said == []  # it ends with the default, before any other choice
    with pytest.raises(InputError, match="the stored default was not run on images"):
        measure_choices(("he",), before=stored, say=str, **ASK | {"runs": ("images",)})


def test_command_adds_to_the_file_of_all_choices(stored, monkeypatch):
    path = choices.choices_path()
    stored.attrs |= {"scale": "teaching", "n_seeds": 1}
    write_choices(stored, path)
    before = path.read_bytes()
    for option, said in (
        (("--scale", "smoke"), "--scale smoke: choices.nc is of teaching; name an --output"),
        (("--seeds", "3"), "--seeds 3: choices.nc is of 1; name an --output"),
        (
            ("--seeds", "1", "-p", "n_trees=3"),
            "-p n_trees=3: choices.nc has the scale's parameters",
        ),
    ):
        done = CliRunner().invoke(main, ["choices", "--only", "he", *option])
        assert done.exit_code == 1
        assert said in done.output
        assert done.output.count("\n") == 1
    assert path.read_bytes() == before
    monkeypatch.setattr(
        "memlib.papers.chaibub_neto_2018.choice_runs.measure_choices",
        lambda names, **given: measure_choices(names, **{**given, **ASK}),
    )
    done = CliRunner().invoke(main, ["choices", "--only", "he", "--seeds", "1"])
    assert done.exit_code == 0, done.output
    assert tuple(read_choices(path).children) == ("default", "loss", "he")
