"""Results on disk: whole or not at all, refused in one line when anything is wrong."""

import json
import os
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from builders import make_result, paper_curves

from memlib import store
from memlib.errors import ResultError
from memlib.results import (
    COORDINATES,
    PANEL_ATTRIBUTES,
    ROOT_ATTRIBUTES,
    VARIABLES,
    assemble,
    check_schema,
    panels_of,
    read_result,
    write_result,
)
from memlib.status import describe_store


@cache
def made():
    panels = paper_curves()["fig5"]
    return make_result("fig5", {"d": panels["d"], "f": panels["f"]}, seeds=(3, 4))


def small():
    return made().copy(deep=True)


def parts(tree):
    return panels_of(tree), dict(tree.attrs)


# Round trip


def test_round_trip_is_identical(tmp_path):
    tree = small()
    path = write_result(tree, tmp_path / "deep" / "fig5.nc")
    again = read_result(path)
    xr.testing.assert_identical(again, tree)
    for panel, dataset in panels_of(tree).items():
        read = panels_of(again)[panel]
        assert read.attrs == dataset.attrs
        for name in (*VARIABLES, *COORDINATES):
            assert read[name].dims == dataset[name].dims
            assert read[name].dtype == dataset[name].dtype
            np.testing.assert_equal(read[name].attrs, dataset[name].attrs)
    assert os.listdir(path.parent) == ["fig5.nc"]


def test_panels_keep_their_own_epoch_grids(tmp_path):
    panels = panels_of(read_result(write_result(small(), tmp_path / "fig5.nc")))
    assert panels["d"]["epoch"].values[-1] == 100_000
    assert panels["f"]["epoch"].values[-1] == 10_000


def test_a_reread_result_can_be_written_again(tmp_path):
    first = read_result(write_result(small(), tmp_path / "1.nc"))
    xr.testing.assert_identical(read_result(write_result(first, tmp_path / "2.nc")), first)


def test_every_variable_says_what_it_is():
    for dataset in panels_of(small()).values():
        assert set(dataset.data_vars) == set(VARIABLES)
        for name, (dims, long_name, *_) in VARIABLES.items():
            assert dataset[name].dims == dims
            assert dataset[name].attrs["long_name"] == long_name
            assert dataset[name].attrs["units"] == "1"
        meanings = dataset["verdict"].attrs["flag_meanings"].split()
        assert len(meanings) == len(dataset["verdict"].attrs["flag_values"]) == 5


def test_parameters_are_stored_as_json(tmp_path):
    tree = read_result(write_result(small(), tmp_path / "fig5.nc"))
    assert json.loads(tree.attrs["parameters"])["perturbations"] == [0.05, 0.1, 1.0]


# The schema


def refused(tree, words, tmp_path):
    """Writing refuses, in one line, and leaves nothing."""
    path = tmp_path / "fig5.nc"
    with pytest.raises(ResultError, match=words) as caught:
        write_result(tree, path)
    assert "\n" not in str(caught.value)
    assert not path.exists()


def test_reading_refuses_as_writing_does(tmp_path):
    panels, attributes = parts(small())
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
    panels, attributes = parts(small())
    panels["f"] = change(panels["f"])
    return tree_of(panels, attributes)


def tree_of(panels, attributes):
    groups = {f"/panel_{panel}": dataset for panel, dataset in panels.items()}
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs=attributes)} | groups)


@pytest.mark.parametrize("name", VARIABLES)
def test_missing_variable(name, tmp_path):
    tree = spoilt(lambda dataset: dataset.drop_vars(name))
    refused(tree, f"panel f, {name} is missing", tmp_path)


@pytest.mark.parametrize("name", VARIABLES)
def test_wrong_dims(name, tmp_path):
    tree = spoilt(
        lambda dataset: dataset.assign(
            {name: dataset[name].transpose(*reversed(dataset[name].dims))}
        )
    )
    refused(tree, f"panel f, {name} has dims .*it should have", tmp_path)


@pytest.mark.parametrize("name", COORDINATES)
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


@pytest.mark.parametrize("name", ROOT_ATTRIBUTES)
def test_missing_attribute(name, tmp_path):
    panels, attributes = parts(small())
    del attributes[name]
    refused(tree_of(panels, attributes), f"attribute '{name}' is missing", tmp_path)
    with pytest.raises(ResultError, match=name):
        assemble(panels, attributes)


@pytest.mark.parametrize("name", PANEL_ATTRIBUTES)
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
    panels, attributes = parts(small())
    tree = tree_of(panels, attributes | {"schema_version": version})
    refused(tree, f"schema version {version}, this memlib reads 1", tmp_path)


def test_no_panel(tmp_path):
    refused(tree_of({}, dict(small().attrs)), "holds no panel", tmp_path)


def test_a_good_result_passes():
    check_schema(small())


# Damaged files


@pytest.mark.parametrize("kept", [0, 0.01, 0.3, 0.7, 0.99])
def test_truncated_file_is_refused(kept, tmp_path):
    path = write_result(small(), tmp_path / "fig5.nc")
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


def test_arrays_round_trip_and_damage(tmp_path):
    path = tmp_path / "piece.npz"
    assert store.read_arrays(path) is None
    arrays = {"x": np.arange(1000.0), "y": np.array(3)}
    store.write_arrays(path, arrays)
    np.testing.assert_equal(store.read_arrays(path), arrays)
    content = bytearray(path.read_bytes())
    for damage in (content[:-100], content[:500] + bytes([content[500] ^ 1]) + content[501:], b""):
        path.write_bytes(bytes(damage))
        with pytest.raises(ResultError, match=r"piece\.npz is damaged .*delete it"):
            store.read_arrays(path)


# Whole or not at all


def test_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "text"
    store.write_text(path, "old")

    def fail(part):
        part.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.write_atomically(path, fail)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["text"]


def test_failed_first_write_leaves_nothing(tmp_path):
    def fail(part):
        part.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(ResultError, match="text could not be written: No space left on device"):
        store.write_atomically(tmp_path / "text", fail)
    assert os.listdir(tmp_path) == []


KILLED = """
import sys, time
from pathlib import Path
from memlib import store
source, target = map(Path, sys.argv[1:])
def write(part):
    content = source.read_bytes()
    with open(part, "wb") as file:
        file.write(content[: len(content) // 2])
        file.flush()
        print("half", flush=True)
        time.sleep(60)
store.write_atomically(target, write)
"""


@pytest.mark.parametrize("old_exists", [True, False])
def test_kill_in_the_middle_of_writing_leaves_the_old_file_or_none(old_exists, tmp_path):
    source, folder = write_result(small(), tmp_path / "new.nc"), tmp_path / "results"
    old, target = make_result("fig4"), folder / "fig5.nc"
    if old_exists:
        write_result(old, target)
    command = [sys.executable, "-c", KILLED, str(source), str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "half\n"
        process.send_signal(signal.SIGKILL)
    assert len(list(folder.glob(".*.part"))) == 1  # it was cut off in the middle indeed
    assert ("fig5.nc: " in describe_store(folder)) == old_exists
    assert "damaged" not in describe_store(folder)
    if old_exists:
        xr.testing.assert_identical(read_result(target), old)
    else:
        with pytest.raises(ResultError, match="no result"):
            read_result(target)
    write_result(small(), target)  # what is left does not stand in the way
    xr.testing.assert_identical(read_result(target), small())


FULL = """
import resource, sys
from pathlib import Path
from memlib import store
from memlib.errors import ResultError
from memlib.results import read_result, write_result
source, target = sys.argv[1], Path(sys.argv[2])
tree = read_result(source)
values = tree["panel_d"]["null_accuracy"].values
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, unlimited[1]))
for write in (
    lambda: write_result(tree, target),
    lambda: store.write_arrays(target, {"x": values}),
    lambda: store.write_text(target, "x" * 10_000),
):
    try:
        write()
    except ResultError as error:
        print(error)
# What the interpreter itself writes at its end (coverage's count) is not what is tested.
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
"""


def test_full_disk_is_one_line_and_keeps_the_old_file(tmp_path):
    source = write_result(small(), tmp_path / "source.nc")
    target = tmp_path / "results" / "fig5.nc"
    store.write_text(target, "old")
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(source), str(target)], capture_output=True, text=True
    )
    assert done.stderr == ""
    assert done.stdout == f"{target} could not be written: File too large\n" * 3
    assert target.read_text() == "old"
    assert os.listdir(target.parent) == ["fig5.nc"]


def unwritable_folders(tmp_path):
    """Folders that not even root can write: below a regular file, and in /proc."""
    (tmp_path / "file").write_text("")
    folders = [tmp_path / "file", tmp_path / "file" / "results"]
    return folders + [Path("/proc/results")] * Path("/proc").is_dir()


def test_unwritable_folder_is_one_line(tmp_path):
    for folder in unwritable_folders(tmp_path):
        with pytest.raises(ResultError, match=r"cannot be written \(.*MEMLIB_RESULTS") as caught:
            store.require_writable(folder)
        assert str(folder) in str(caught.value)
        assert "\n" not in str(caught.value)
        with pytest.raises(ResultError, match=r"x\.nc could not be written") as caught:
            write_result(small(), folder / "x.nc")
        assert "\n" not in str(caught.value)


def test_writable_folder_is_made_and_left_empty(tmp_path):
    store.require_writable(tmp_path / "new" / "results")
    assert os.listdir(tmp_path / "new" / "results") == []


def test_results_folder_can_be_named(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMLIB_RESULTS", str(tmp_path))
    assert store.results_dir() == tmp_path
    monkeypatch.delenv("MEMLIB_RESULTS")
    assert store.results_dir() == Path(store.__file__).parent.parent / "results"


# Keys


def test_digest_is_stable_across_key_order_and_tells_values_apart():
    assert store.digest({"a": 1, "b": [1, 2]}) == store.digest({"b": [1, 2], "a": 1})
    values = [{"a": 1}, {"a": 2}, {"b": 1}, {"a": [1]}, {"a": "1"}, {"a": 1.5}, {"a": None}]
    assert len({store.digest(value) for value in values}) == len(values)
    assert len(store.digest(1)) == 16


CODE = '''"""Module."""

import math


def area(r):
    """Return the area."""
    # a circle's
    return math.pi * r**2


class Shape:
    """A shape."""

    sides = 4
'''


def code_digest_of(text, tmp_path, monkeypatch):
    (tmp_path / "shape.py").write_text(text)
    (tmp_path / "other.py").write_text("x = 1\n")
    monkeypatch.setattr(store, "__file__", str(tmp_path / "store.py"))
    store.code_digest.cache_clear()
    digest = store.code_digest(("shape",))
    store.code_digest.cache_clear()
    return digest


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("# a circle's", "# of a circle", True),
        ("    # a circle's\n", "", True),
        ("Return the area", "Return how much it covers", True),
        ('"""Module."""', '"""Module\n\nof two lines.\n"""', True),
        ("A shape.", "Any shape.", True),
        ("math.pi * r**2", "(math.pi * (r ** 2))", True),
        ("\n\n\nclass", "\n\n\n\n\nclass", True),
        ("r**2", "r**3", False),
        ("sides = 4", "sides = 5", False),
        ("sides = 4", 'sides = "4"', False),
        ("area(r)", "surface(r)", False),
        ("import math\n", "import math\nimport os\n", False),
        ("    sides = 4", '    sides = 4\n    """not a docstring"""', False),
    ],
)
def test_code_digest_ignores_comments_and_docstrings_but_not_code(
    old, new, same, tmp_path, monkeypatch
):
    assert CODE.count(old) == 1
    before = code_digest_of(CODE, tmp_path, monkeypatch)
    after = code_digest_of(CODE.replace(old, new), tmp_path, monkeypatch)
    assert (before == after) == same


def test_code_digest_is_of_the_modules_named():
    both = store.code_digest(("null", "seeds"))
    assert both == store.code_digest(("seeds", "null"))
    assert len({both, store.code_digest(("null",)), store.code_digest()}) == 3


def test_every_result_in_a_folder_is_listed(tmp_path):
    write_result(small(), tmp_path / "good.nc")
    (tmp_path / "bad.nc").write_text("x")
    text = describe_store(tmp_path)
    assert "good.nc: panels d, f; seeds from 3 on: 2; 2026-01-02T03:04:05+00:00; 1.5 min" in text
    assert "bad.nc is damaged" in text
    assert "no finished run yet" in describe_store(tmp_path / "empty")
