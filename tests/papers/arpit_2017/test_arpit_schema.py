"""What a result may and may not be."""

import numpy as np
import pytest
from arpit_results import EXAMPLES, SIZES, UNITS, make

from memlib.base.errors import InputError, ResultError
from memlib.papers.arpit_2017.schema import (
    COORDINATES,
    SCHEMA,
    check_panel,
    condition_name,
    condition_parts,
)


def test_names_of_training_data():
    pairs = [("randX", 1.0), ("randY", 0.4), ("removed", 0.8), ("none", 0.0)]
    names = [condition_name(*pair) for pair in pairs]
    assert names == ["randX", "randY 0.4", "removed 0.8", "real"]
    assert [condition_parts(name) for name in names] == pairs
    assert condition_name("randY", 0) == "real"
    assert condition_parts("init") == ("none", 0.0)
    for pair in (("noise", 0.4), ("randX", 1.4)):
        with pytest.raises(InputError, match="take"):
            condition_name(*pair)


def test_all_dims_have_names_and_units():
    for panels in SCHEMA.values():
        for variables in panels.values():
            for name, one in variables.items():
                assert set(one.dims) <= COORDINATES.keys(), name
                assert one.long_name
                assert one.low < one.high


def good():
    return make("fig1", "examples", EXAMPLES)


def test_a_labelled_panel():
    panel = good()
    assert panel["p_correct"].attrs["units"] == "1"
    assert panel["noise"].values.tolist() == ["none", "randX", "randY"]
    assert panel["share"].attrs["long_name"].startswith("share of the training examples")
    capacity = make("fig6", "images", SIZES, epochs_to_full=np.nan)
    assert "not reached" in capacity["epochs_to_full"].attrs["missing"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda ds: ds.drop_vars("label"), "label is missing"),
        (lambda ds: ds.assign(p_correct=ds["p_correct"] + 1), "outside 0 to 1"),
        (lambda ds: ds.assign(p_correct=ds["p_correct"] * np.nan), "outside 0 to 1"),
        (lambda ds: ds.transpose(), "it should have"),
        (lambda ds: ds.assign(label=ds["label"].astype(str)), "not numbers"),
        (lambda ds: ds.drop_vars("share"), "coordinate share is missing"),
        (lambda ds: ds.assign(label=ds["label"].drop_attrs()), "lacks its long_name"),
    ],
)
def test_a_spoiled_panel_is_refused(spoil, words):
    check_panel("fig1", "examples", good())
    with pytest.raises(ResultError, match=words):
        check_panel("fig1", "examples", spoil(good()))


def test_panels_and_order():
    with pytest.raises(ResultError, match="no such panel"):
        check_panel("fig1", "left", good())
    units = make("fig6", "units", UNITS)
    with pytest.raises(ResultError, match="units does not increase"):
        check_panel("fig6", "units", units.isel(units=[1, 0]))
