"""Results on disk: read as written, refused in one line when anything is wrong."""

import json
import os

import numpy as np
import pytest
import xarray as xr
from builders import small_result

from memlib.base.errors import ResultError
from memlib.papers.chaibub_neto_2018.schema import SCHEMA
from memlib.results.files import assemble
from memlib.results.schema import ROOT_ATTRIBUTES, panels_of
from memlib.runs.figure import read_result, write_figure
from memlib.runs.status import describe_store

NEEDED = [name for name, one in SCHEMA.variables.items() if not one.optional]
DIMS = sorted({dim for name in NEEDED for dim in SCHEMA.variables[name].dims})


def parts(tree):
    return panels_of(tree), dict(tree.attrs)


# Round trip


def test_round_trip_is_identical(tmp_path):
    tree = small_result()
    path = write_figure(tree, tmp_path / "deep" / "fig5.nc")
    again = read_result(path)
    xr.testing.assert_identical(again, tree)
    for panel, dataset in panels_of(tree).items():
        read = panels_of(again)[panel]
        assert read.attrs == dataset.attrs
        for name in (*NEEDED, *DIMS):
            assert read[name].dims == dataset[name].dims
            assert read[name].dtype == dataset[name].dtype
            np.testing.assert_equal(read[name].attrs, dataset[name].attrs)
    assert os.listdir(path.parent) == ["fig5.nc"]


def test_panels_keep_their_own_epoch_grids(tmp_path):
    panels = panels_of(read_result(write_figure(small_result(), tmp_path / "fig5.nc")))
    assert panels["d"]["epoch"].values[-1] == 100_000
    assert panels["f"]["epoch"].values[-1] == 10_000


def test_a_reread_result_can_be_written_again(tmp_path):
    first = read_result(write_figure(small_result(), tmp_path / "1.nc"))
    xr.testing.assert_identical(read_result(write_figure(first, tmp_path / "2.nc")), first)


def test_every_variable_says_what_it_is():
    for dataset in panels_of(small_result()).values():
        assert set(dataset.data_vars) == set(NEEDED)
        for name in NEEDED:
            variable = SCHEMA.variables[name]
            dims, long_name = variable.dims, variable.long_name
            assert dataset[name].dims == dims
            assert dataset[name].attrs["long_name"] == long_name
            assert dataset[name].attrs["units"] == "1"
        meanings = dataset["verdict"].attrs["flag_meanings"].split()
        assert len(meanings) == len(dataset["verdict"].attrs["flag_values"]) == 5


def test_parameters_are_stored_as_json(tmp_path):
    tree = read_result(write_figure(small_result(), tmp_path / "fig5.nc"))
    assert json.loads(tree.attrs["parameters"])["perturbations"] == [0.05, 0.1, 1.0]


# The schema


def refused(tree, words, tmp_path):
    """Writing refuses, in one line, and leaves nothing."""
    path = tmp_path / "fig5.nc"
    with pytest.raises(ResultError, match=words) as caught:
        write_figure(tree, path)
    assert "\n" not in str(caught.value)
    assert not path.exists()


def test_reading_refuses_as_writing_does(tmp_path):
    panels, attributes = parts(small_result())
    del attributes["scale"]
    trees = {
        "panel f, p_value is missing": spoilt(lambda dataset: dataset.drop_vars("p_value")),
        "attribute 'scale' is missing": tree_of(panels, attributes),
        "panel f, p_value holds .*not numbers": spoilt(words_for_numbers),
    }
    for words, tree in trees.items():
        tree.to_netcdf(tmp_path / "fig5.nc", engine="h5netcdf")
        with pytest.raises(ResultError, match=words):
            read_result(tmp_path / "fig5.nc")


def words_for_numbers(dataset):
    return dataset.assign(p_value=dataset["p_value"].astype(str))


def spoilt(change):
    """Return a result whose panel f went through `change`."""
    panels, attributes = parts(small_result())
    panels["f"] = change(panels["f"])
    return tree_of(panels, attributes)


def tree_of(panels, attributes):
    groups = {f"/panel_{panel}": dataset for panel, dataset in panels.items()}
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs=attributes)} | groups)


@pytest.mark.parametrize("name", NEEDED)
def test_missing_variable(name, tmp_path):
    tree = spoilt(lambda dataset: dataset.drop_vars(name))
    refused(tree, f"panel f, {name} is missing", tmp_path)


@pytest.mark.parametrize("name", NEEDED)
def test_wrong_dims(name, tmp_path):
    tree = spoilt(
        lambda dataset: dataset.assign(
            {name: dataset[name].transpose(*reversed(dataset[name].dims))}
        )
    )
    refused(tree, f"panel f, {name} has dims .*it should have", tmp_path)


@pytest.mark.parametrize("name", DIMS)
def test_missing_coordinate(name, tmp_path):
    refused(spoilt(lambda dataset: dataset.drop_vars(name)), f"no coordinate '{name}'", tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("null_accuracy", 1.01),
        ("observed_accuracy", -0.01),
        ("validation_accuracy", np.nan),
        ("network_train_loss", -1.0),
        ("network_train_loss", np.inf),
        ("p_value", 2.0),
        ("verdict", 5),
        ("verdict", -1),
    ],
)
def test_value_out_of_range(name, value, tmp_path):
    def change(dataset):
        dataset[name].values[..., -1] = value
        return dataset

    refused(spoilt(change), f"panel f, {name} holds a value outside", tmp_path)


def test_value_that_is_no_number(tmp_path):
    tree = spoilt(words_for_numbers)
    refused(tree, "panel f, p_value holds .*not numbers", tmp_path)


@pytest.mark.parametrize("name", [*ROOT_ATTRIBUTES, *SCHEMA.attributes])
def test_missing_attribute(name, tmp_path):
    panels, attributes = parts(small_result())
    del attributes[name]
    refused(tree_of(panels, attributes), f"attribute '{name}' is missing", tmp_path)
    with pytest.raises(ResultError, match=name):
        assemble(panels, attributes, SCHEMA)


@pytest.mark.parametrize("name", SCHEMA.panel_attributes)
def test_missing_attribute_of_a_panel(name, tmp_path):
    def change(dataset):
        del dataset.attrs[name]
        return dataset

    refused(spoilt(change), f"panel f: attribute '{name}' is missing", tmp_path)


@pytest.mark.parametrize("name", ["p_value", "perturbation"])
@pytest.mark.parametrize("attribute", ["long_name", "units"])
def test_missing_attribute_of_a_variable(name, attribute, tmp_path):
    def change(dataset):
        del dataset[name].attrs[attribute]
        return dataset

    refused(spoilt(change), f"panel f, {name} has no {attribute}", tmp_path)


@pytest.mark.parametrize("order", [[1, 0], [0, 0]])
def test_epochs_that_do_not_increase(order, tmp_path):
    refused(spoilt(lambda dataset: dataset.isel(epoch=order)), "epochs do not increase", tmp_path)


@pytest.mark.parametrize("version", [0, 2, "1"])
def test_another_schema_version(version, tmp_path):
    panels, attributes = parts(small_result())
    tree = tree_of(panels, attributes | {"schema_version": version})
    refused(tree, f"schema version {version}, this memlib reads 1", tmp_path)


def test_no_panel(tmp_path):
    refused(tree_of({}, dict(small_result().attrs)), "holds no panel", tmp_path)


def test_a_good_result_passes():
    SCHEMA.check(small_result())


# Damaged files


@pytest.mark.parametrize("kept", [0, 0.01, 0.3, 0.7, 0.99])
def test_truncated_file_is_refused(kept, tmp_path):
    path = write_figure(small_result(), tmp_path / "fig5.nc")
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ResultError, match=r"fig5\.nc is damaged .*run it again") as caught:
        read_result(path)
    assert "\n" not in str(caught.value)


def test_foreign_and_missing_files_are_refused(tmp_path):
    text = tmp_path / "text.nc"
    text.write_text("not a result")
    with pytest.raises(ResultError, match="is damaged"):
        read_result(text)
    for path in (tmp_path / "none.nc", tmp_path):
        with pytest.raises(ResultError, match="no result"):
            read_result(path)
    xr.Dataset({"x": 1}).to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    with pytest.raises(ResultError, match=r"x\.nc: attribute 'title' is missing"):
        read_result(tmp_path / "x.nc")


def test_every_result_in_a_folder_is_listed(tmp_path):
    write_figure(small_result(), tmp_path / "good.nc")
    (tmp_path / "bad.nc").write_text("x")
    text = describe_store(tmp_path)
    assert "good.nc: panels d, f; seeds from 3 on: 2; 2026-01-02T03:04:05+00:00; 1.5 min" in text
    assert "bad.nc is damaged" in text
    assert "no finished run yet" in describe_store(tmp_path / "empty")


def test_older_files_stay_readable_under_todays_names(tmp_path):
    """The share of the null at or below chance was once called a p-value."""
    tree = small_result()
    node = tree["panel_d"]
    old = node.to_dataset().rename({"share_at_chance": "memorization_p_value"})
    tree["panel_d"] = xr.DataTree(old)
    path = tmp_path / "old.nc"
    tree.to_netcdf(path, engine="h5netcdf")
    panel = panels_of(read_result(path))["d"]
    assert "memorization_p_value" not in panel
    assert np.array_equal(panel["share_at_chance"], old["memorization_p_value"])
    assert "p-value" not in panel["share_at_chance"].attrs["long_name"]


def test_validation_hits_are_optional_bits(tmp_path):
    tree = small_result()
    panel = tree["panel_d"].to_dataset()
    shape = (panel.sizes["seed"], panel.sizes["epoch"], 3)
    bits = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    panel["validation_hits"] = (("seed", "epoch", "validation_byte"), bits)
    panel = panel.assign_coords(validation_byte=np.arange(3))
    tree["panel_d"] = xr.DataTree(SCHEMA.label(panel))
    read = panels_of(read_result(write_figure(tree, tmp_path / "bits.nc")))
    assert np.array_equal(read["d"]["validation_hits"], bits)
    assert "validation_hits" not in read["f"]
