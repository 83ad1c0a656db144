"""Files of a results folder: whole or not at all; the keys that name them."""

import ast
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from builders import make_result, small_result

from memlib.base import files, keys
from memlib.base.errors import ResultError
from memlib.runs.figure import read_result, write_figure
from memlib.runs.status import describe_store


def test_old_halves_of_killed_writers_go_and_young_ones_stay(tmp_path):
    path = tmp_path / "piece[0].json"
    old, young, other = (
        tmp_path / f".{name}.part" for name in ("piece[0].json.1", "piece[0].json.2", "x.3")
    )
    for part in (old, young, other):
        part.write_text("half")
    for part in (old, other):
        os.utime(part, (0, 0))
    files.write_text(path, "{}")
    assert [part.exists() for part in (old, young, other)] == [False, True, True]


def test_arrays_round_trip_and_damage(tmp_path):
    path = tmp_path / "piece.npz"
    assert files.read_arrays(path) is None
    arrays = {"x": np.arange(1000.0), "y": np.array(3)}
    files.write_arrays(path, arrays)
    np.testing.assert_equal(files.read_arrays(path), arrays)
    content = bytearray(path.read_bytes())
    for damage in (content[:-100], content[:500] + bytes([content[500] ^ 1]) + content[501:], b""):
        path.write_bytes(bytes(damage))
        with pytest.raises(ResultError, match=r"piece\.npz is damaged .*delete it"):
            files.read_arrays(path)


# Whole or not at all


def test_arrays_that_another_run_takes_away_meanwhile_are_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "is_file", lambda self: True)  # as a share of files may say for long
    assert files.read_arrays(tmp_path / "none.npz") is None


def test_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "text"
    files.write_text(path, "old")

    def fail(part):
        part.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.write_atomically(path, fail)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["text"]


def test_failed_first_write_leaves_nothing(tmp_path):
    def fail(part):
        part.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(ResultError, match="text could not be written: No space left on device"):
        files.write_atomically(tmp_path / "text", fail)
    assert os.listdir(tmp_path) == []


def test_writers_with_one_process_id_do_not_share_a_file(tmp_path):
    """As in containers of two machines: two threads have one process id."""
    path, both = tmp_path / "text", threading.Barrier(2)

    def write(letter):
        def in_halves(part):
            with open(part, "w", buffering=1) as file:
                both.wait()
                file.write(letter * 4)
                file.flush()
                both.wait()
                file.write(letter * 4)

        files.write_atomically(path, in_halves)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, "ab"))
    assert path.read_text() in ("a" * 8, "b" * 8)
    assert os.listdir(tmp_path) == ["text"]


KILLED = """
import sys, time
from pathlib import Path
from memlib.base import files, keys
source, target = map(Path, sys.argv[1:])
def write(part):
    content = source.read_bytes()
    with open(part, "wb") as file:
        file.write(content[: len(content) // 2])
        file.flush()
        print("half", flush=True)
        time.sleep(60)
files.write_atomically(target, write)
"""


@pytest.mark.parametrize("old_exists", [True, False])
def test_kill_in_the_middle_of_writing_leaves_the_old_file_or_none(old_exists, tmp_path):
    source, folder = write_figure(small_result(), tmp_path / "new.nc"), tmp_path / "results"
    old, target = make_result("fig4"), folder / "fig5.nc"
    if old_exists:
        write_figure(old, target)
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
    write_figure(small_result(), target)  # what is left does not stand in the way
    xr.testing.assert_identical(read_result(target), small_result())


FULL = """
import resource, sys
from pathlib import Path
from memlib.base import files, keys
from memlib.base.errors import ResultError
from memlib.runs.figure import write_figure
from memlib.runs.figure import read_result
source, target = sys.argv[1], Path(sys.argv[2])
tree = read_result(source)
values = tree["panel_d"]["null_accuracy"].values
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, unlimited[1]))
for write in (
    lambda: write_figure(tree, target),
    lambda: files.write_arrays(target, {"x": values}),
    lambda: files.write_text(target, "x" * 10_000),
):
    try:
        write()
    except ResultError as error:
        print(error)
# What the interpreter itself writes at its end (coverage's count) is not what is tested.
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
"""


def test_full_disk_is_one_line_and_keeps_the_old_file(tmp_path):
    source = write_figure(small_result(), tmp_path / "source.nc")
    target = tmp_path / "results" / "fig5.nc"
    files.write_text(target, "old")
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
            files.require_writable(folder)
        assert str(folder) in str(caught.value)
        assert "\n" not in str(caught.value)
        with pytest.raises(ResultError, match=r"x\.nc could not be written") as caught:
            write_figure(small_result(), folder / "x.nc")
        assert "\n" not in str(caught.value)


def test_writable_folder_is_made_and_left_empty(tmp_path):
    files.require_writable(tmp_path / "new" / "results")
    assert os.listdir(tmp_path / "new" / "results") == []


def test_results_folder_can_be_named(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMLIB_RESULTS", str(tmp_path))
    assert files.results_dir() == tmp_path
    monkeypatch.delenv("MEMLIB_RESULTS")
    assert files.results_dir() == Path(files.__file__).parents[2] / "results"


# Keys


def test_digest_is_stable_across_key_order_and_tells_values_apart():
    assert keys.digest({"a": 1, "b": [1, 2]}) == keys.digest({"b": [1, 2], "a": 1})
    values = [{"a": 1}, {"a": 2}, {"b": 1}, {"a": [1]}, {"a": "1"}, {"a": 1.5}, {"a": None}]
    assert len({keys.digest(value) for value in values}) == len(values)
    assert len(keys.digest(1)) == 16


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
    monkeypatch.setattr(keys, "PACKAGE", tmp_path)
    keys.code_digest.cache_clear()
    digest = keys.code_digest("shape.py")
    keys.code_digest.cache_clear()
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
    both = keys.code_digest("method/null.py", "base/seeds.py")
    assert both == keys.code_digest("base/seeds.py", "method/null.py")
    assert len({both, keys.code_digest("method/null.py"), keys.code_digest()}) == 3


def test_code_digest_leaves_out_fields_that_only_some_versions_of_python_have():
    tree = ast.parse("def f(x): return None")
    before = keys._syntax(tree)
    assert "decorator_list" not in before
    function = tree.body[0]
    others = tuple(name for name in function._fields if name != "type_params")
    for fields in (others, (*others, "type_params")):  # Python 3.11, and from 3.12 on
        function._fields, function.type_params = fields, []
        assert keys._syntax(tree) == before
