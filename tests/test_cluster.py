"""Beyond one machine: a real Dask scheduler and two real workers over TCP on the loopback."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import xarray as xr

from memlib.costs import describe_plan, duration
from memlib.errors import InputError
from memlib.figures import resolve
from memlib.plan import plan
from memlib.runs import run_figure

pytest.importorskip("distributed")
SETTINGS = {
    "panels": ["a", "d"],
    "n_seeds": 2,
    "n_images": 400,
    "n_validation_images": 100,
    "epochs": 150,
    "n_measured_epochs": 4,
    "n_permutations": 30,
    "n_trees": 10,
    "progress": False,
}
QUIET = {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "error"}


def start(*arguments, folder):
    environment = {**os.environ, **QUIET, "MEMLIB_RESULTS": str(folder / "not this one")}
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@contextmanager
def cluster(folder: Path):
    """Start a scheduler and two workers of one process each; yield its address and the workers."""
    file = folder / "scheduler.json"
    processes = [
        start(
            "scheduler",
            *(
                "--host",
                "127.0.0.1",
                "--port",
                "0",
                "--no-dashboard",
                "--scheduler-file",
                str(file),
            ),
            folder=folder,
        )
    ]
    try:
        while not (file.is_file() and file.read_text().endswith("}")):  # it is written in pieces
            assert processes[0].poll() is None
            time.sleep(0.1)
        workers = [
            start(
                "worker",
                *("--scheduler-file", str(file), "--nthreads", "1", "--no-nanny"),
                *("--host", "127.0.0.1", "--no-dashboard"),
                folder=folder,
            )
            for _ in range(2)
        ]
        processes += workers
        import json

        from distributed import Client

        address = json.loads(file.read_text())["address"]
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield address, workers
    finally:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def assert_same(first, second):
    for panel in ("panel_a", "panel_d"):
        one, other = first[panel].to_dataset(), second[panel].to_dataset()
        other.attrs["compute_seconds"] = one.attrs["compute_seconds"]  # all else is the same
        xr.testing.assert_identical(one, other)


def test_cluster_that_loses_a_worker_gives_the_local_dataset(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMLIB_RESULTS", str(tmp_path / "local"))
    local = run_figure("fig1", "smoke", **SETTINGS)
    results = tmp_path / "cluster"
    monkeypatch.setenv("MEMLIB_RESULTS", str(results))
    killed = []

    with cluster(tmp_path) as (address, workers):

        def kill_one():
            while not list(results.rglob("epoch_*.npz")):
                time.sleep(0.02)
            os.killpg(workers[0].pid, signal.SIGKILL)
            killed.append(len(list(results.rglob("*.nc"))))

        thread = threading.Thread(target=kill_one, daemon=True)
        thread.start()
        remote = run_figure("fig1", "smoke", scheduler=address, **SETTINGS)
        thread.join(timeout=10)
        assert killed == [0]  # in mid-run: no result was there yet
        assert workers[0].poll() is not None
        assert workers[1].poll() is None
    assert_same(local, remote)
    assert not (tmp_path / "not this one").exists()  # workers use the caller's folder


def test_scheduler_that_does_not_answer_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMLIB_RESULTS", str(tmp_path))
    with pytest.raises(InputError, match="no Dask scheduler answers"):
        run_figure("fig1", "smoke", scheduler="tcp://127.0.0.1:9", **SETTINGS)


def test_plan_states_pieces_time_and_memory_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMLIB_RESULTS", str(tmp_path))
    text = describe_plan(plan(resolve("fig1", "paper")), n_jobs=2)
    assert "panel a: train 1 of 1 to epoch 100,000" in text
    assert "panel f: train 1 of 1 to epoch 10,000" in text
    assert "100 of 100 null blocks at 25 epochs" in text  # four blocks of 25 permutations each
    assert "with 2 processes" in text
    assert "GiB" in text
    assert not list(tmp_path.iterdir())


def test_plan_counts_only_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMLIB_RESULTS", str(tmp_path))
    changes = {name: value for name, value in SETTINGS.items() if name != "progress"}
    small = changes | {"panels": ["a"], "n_seeds": 1, "epochs": 2}
    run_figure("fig1", "smoke", n_jobs=1, progress=False, **small)
    text = describe_plan(plan(resolve("fig1", "smoke", **small)), n_jobs=1)
    assert "train 0 of 1" in text
    assert "in all 0 s" in text


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (99, "99 s"), (600, "10 min"), (7200, "2.0 h")]
)
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words
