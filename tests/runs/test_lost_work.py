"""Damaged pieces, and runs that were killed: nothing lost that was whole."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import xarray as xr
from conftest import ROOT
from tiny_runs import (
    TINY,
    assert_same,
    block_of,
    blocks_of,
    run,
    settings_of,
    times,
    trainings_of,
)

from memlib.base import files, keys
from memlib.base.errors import ResultError
from memlib.runs.plan import plan
from memlib.runs.status import describe_store

pytestmark = pytest.mark.usefixtures("one_thread")


# Damage


def damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "cut":
        content = content[: len(content) // 2]
    elif how == "empty":
        content = bytearray()
    else:
        largest = max(files.read_arrays(path).values(), key=lambda array: array.nbytes)
        content[content.index(largest.tobytes()) + 5] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["cut", "empty", "flipped"])
@pytest.mark.parametrize("kind", ["training", "null"])
def test_damaged_piece_gives_one_line_and_the_others_stay(finished, results_folder, kind, how):
    one = plan(settings_of())
    one.path.unlink()
    null = next(null for null in blocks_of(one) if null.epoch == 2)
    piece = null.place if kind == "null" else null.training.snapshot(2)
    if kind == "training":
        null.place.unlink()  # so that the network is needed again
    damage(piece, how)
    kept = times(results_folder)
    with pytest.raises(ResultError, match="damaged") as error:
        run()
    assert str(piece) in str(error.value)
    assert "\n" not in str(error.value)
    assert {path: time for path, time in times(results_folder).items() if path in kept} == kept
    piece.unlink()  # as the line says
    assert_same(run(), finished)


@pytest.mark.parametrize("how", ["cut", "empty"])
def test_damaged_result_is_put_together_again_from_its_pieces(finished, results_folder, how, work):
    damage(plan(settings_of()).path, how)
    assert_same(run(), finished)
    assert work.trained == work.fitted == []


def test_piece_that_lacks_what_is_asked_for_is_not_read(finished, results_folder):
    training = trainings_of(plan(settings_of()))[0]
    with pytest.raises(ResultError, match="does not hold"):
        block_of(training, 2, 0, (0.77,)).read()
    with pytest.raises(ResultError, match="does not hold"):
        block_of(training, 3, 0, (0.05,)).read()


def test_status_shows_a_damaged_result_in_one_line(finished, results_folder):
    path = plan(settings_of()).path
    damage(path, "cut")
    lines = [line for line in describe_store(results_folder).splitlines() if path.name in line]
    assert len(lines) == 1
    assert "damaged" in lines[0]


# Killed runs

SCRIPT = """
import json, os, signal, sys
from memlib.base import files, keys
from memlib.runs.figure import run_figure

settings, n_jobs, fatal = json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
write_whole, written = files.write_atomically, []

def write_until_killed(path, write):
    def write_half(part):
        write(part)
        written.append(part)
        if len(written) == fatal:
            content = part.read_bytes()
            part.write_bytes(content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
    write_whole(path, write_half)

files.write_atomically = write_until_killed
run_figure("fig1", n_jobs=n_jobs, progress=False, **settings)
"""


def start(folder: Path, *, n_jobs: int = 1, fatal: int = 0) -> subprocess.Popen:
    environment = os.environ | {"MEMLIB_RESULTS": str(folder), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SCRIPT, keys.to_json(TINY), str(n_jobs), str(fatal)]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, start_new_session=True, stderr=subprocess.DEVNULL
    )


def assert_only_whole_files(folder: Path) -> None:
    for path in folder.rglob("*.npz"):
        files.read_arrays(path)  # raises when damaged
    for path in folder.glob("*.nc"):
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            assert set(tree.children) == {"panel_a", "panel_d"}


def test_run_killed_in_the_midst_of_writing_leaves_nothing_that_is_taken_for_whole(
    finished_once, results_folder
):
    for fatal in (3, 5, 8):  # a network, then later ones, then a null
        process = start(results_folder, fatal=fatal)
        assert process.wait(timeout=120) == -signal.SIGKILL
        parts = [path for path in results_folder.rglob("*") if path.name.endswith(".part")]
        assert parts
        assert_only_whole_files(results_folder)
        text = describe_store(results_folder)
        assert "no finished run yet" in text
        assert re.search(r"begun; \d of 2 networks, 6 of 6 null blocks missing; ", text)
    assert_same(run(), finished_once[1])
    assert "begun" not in describe_store(results_folder)


def test_run_killed_at_random_moments_and_started_again_gives_the_same(
    finished_once, results_folder
):
    rng = random.Random()
    for n_jobs in (1, 2) * 5:
        process = start(results_folder, n_jobs=n_jobs)
        begun = len(pieces_of(results_folder))
        deadline = time.monotonic() + 120
        while process.poll() is None and len(pieces_of(results_folder)) <= begun:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.3))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert_only_whole_files(results_folder)
    assert_same(run(), finished_once[1])


def pieces_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.npz") if not path.name.startswith(".")]
