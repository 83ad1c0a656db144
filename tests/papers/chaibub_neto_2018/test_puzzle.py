"""The puzzle of panel f: planted onsets are found, and what explains the paper's is named."""

import pytest
import xarray as xr
from builders import Curves, make_result, panel_curves, through

from memlib.papers.chaibub_neto_2018.puzzle import (
    describe_puzzle,
    explains,
    puzzle_table,
    show_puzzle,
    tried,
)
from memlib.papers.chaibub_neto_2018.quantities import onset_epochs
from memlib.results.schema import panels_of

EPOCHS = (1, 2, 4, 10, 20, 50, 120)
LABELS = {"default": "our defaults", "loss": "categorical", "he": "He uniform"}


def curves(onset: int) -> Curves:
    return panel_curves(EPOCHS, through(EPOCHS, (1, 0.7), (10, 0.58), (120, 0.8)), onset=onset)


def choices(**onsets_by_name: int) -> xr.DataTree:
    groups = {"/": xr.Dataset(attrs={"scale": "teaching", "n_seeds": 2})}
    for name, onset in onsets_by_name.items():
        panels = panels_of(make_result("fig5", {"f": curves(onset)}, seeds=(0, 1)))
        groups[f"/{name}"] = xr.Dataset(attrs={"question": name, "label": LABELS[name]})
        groups[f"/{name}/cnn"] = panels["f"]
    return xr.DataTree.from_dict(groups)


@pytest.mark.parametrize(
    ("onset", "found", "near"), [(4, 4, True), (15, 20, True), (40, 50, False), (500, None, False)]
)
def test_onset_is_the_first_measured_epoch_from_which_it_learns(onset, found, near):
    dataset = tried(choices(default=onset))["default"]
    assert onset_epochs(dataset) == [found, found]
    assert explains(dataset) == near


def test_one_seed_off_explains_nothing():
    near, far = (tried(choices(default=onset))["default"] for onset in (10, 50))
    mixed = xr.concat([near.isel(seed=[0]), far.isel(seed=[1])], "seed")
    assert onset_epochs(mixed) == [10, 50]
    assert not explains(mixed)
    tree = choices(default=50)
    assert "the seed alone" not in describe_puzzle(tree)
    tree["/default/cnn"] = xr.DataTree(mixed)
    assert "1 of 2 are within a factor of three" in describe_puzzle(tree)
    assert "the seed alone can bring it there" in describe_puzzle(tree)


@pytest.mark.parametrize(
    ("planted", "says"),
    [
        (
            {"default": 50, "loss": 50, "he": 10},
            "What brings it there in every seed is he: He uniform.",
        ),
        (
            {"default": 50, "loss": 50, "he": 120},
            "None of the choices below brings it there in every seed.",
        ),
        ({"default": 10, "loss": 50}, "nothing to explain"),
    ],
)
def test_page_names_what_explains_the_onset_and_nothing_else(planted, says):
    tree = choices(**planted)
    assert says in describe_puzzle(tree)
    assert f"at epoch {planted['default']}, {planted['default']}," in describe_puzzle(tree)
    rows = puzzle_table(tree).splitlines()[2:]
    assert [row.split(" | ")[2] for row in rows] == [f"{e}, {e}" for e in planted.values()]
    assert [row.split(" | ")[-1] for row in rows] == [
        "2 of 2 seeds |" if epoch == 10 else "0 of 2 seeds |" for epoch in planted.values()
    ]
    shown = show_puzzle(tree)
    assert all(f"{LABELS[name]}: {e}, {e}" in shown.alt for name, e in planted.items())


def test_choices_without_panel_f_show_no_puzzle():
    tree = xr.DataTree.from_dict({"/default/noise": xr.Dataset()})
    assert "No run of panel f" in describe_puzzle(tree)
    assert show_puzzle(tree) is None
    assert puzzle_table(tree) == ""
