"""Beyond one machine: a real Dask scheduler and two real workers over TCP on the loopback."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import tiny_runs
import xarray as xr
from conftest import ROOT, one_line

import memlib.runs.cluster
from memlib.base.errors import InputError, ResultError
from memlib.base.words import duration
from memlib.papers.chaibub_neto_2018.null_pieces import null_code
from memlib.results.schema import panels_of
from memlib.runs.costs import describe_plan
from memlib.runs.figure import run_figure
from memlib.runs.plan import plan
from memlib.runs.status import describe_store
from memlib.runs.study import resolve

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
def cluster(folder: Path, *, n_workers: int = 2):
    """Start a scheduler and workers of one process each; yield its address and all processes."""
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
            for _ in range(n_workers)
        ]
        processes += workers
        from distributed import Client

        address = json.loads(file.read_text())["address"]
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(n_workers, timeout=60)
        yield address, processes
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

    with cluster(tmp_path) as (address, (_, *workers)):

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


def test_worker_with_other_code_is_refused(tmp_path, results_folder):
    shutil.copytree(ROOT / "memlib", tmp_path / "memlib")  # what a worker started here imports
    for name in ("data", "pyproject.toml"):  # a checkout of its own
        (tmp_path / name).symlink_to(ROOT / name)
    with (tmp_path / "memlib" / "method" / "fast" / "forest.py").open("a") as file:
        file.write("\nN_CANDIDATES = 1\n")
    settings = SETTINGS | {"panels": ["a"], "n_seeds": 1}
    with cluster(tmp_path, n_workers=1) as (address, _), pytest.raises(ResultError) as error:
        run_figure("fig1", "smoke", scheduler=address, **settings)
    text = one_line(error)
    assert socket.gethostname() in text
    ours = null_code()
    assert re.search(f"code of the null is '[0-9a-f]{{16}}' there and '{ours}'", text)
    assert list(results_folder.rglob("epoch_0000150.npz"))  # the training's code is the same
    assert not list(results_folder.rglob("*block*"))


@pytest.mark.parametrize("there", ["nothing", "no address", "silence", "another server"])
def test_scheduler_that_does_not_answer_is_one_line(there, results_folder, monkeypatch):
    monkeypatch.setattr(memlib.runs.cluster, "SCHEDULER_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        if there == "nothing":
            server.close()
        elif there == "no address":
            address = "banana"
        elif there == "another server":

            def answer():
                with server.accept()[0] as connection:
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

            threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(InputError, match=f"no Dask scheduler answers at {address}") as error:
            run_figure("fig1", "smoke", scheduler=address, **SETTINGS)
    one_line(error)
    assert "no finished run" in describe_store(results_folder)
    assert "begun" not in describe_store(results_folder)  # nothing is left to be gone on with


@pytest.fixture
def local_cluster(results_folder):
    """A cluster of real worker processes of one thread, none at first, that can grow."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=0, threads_per_worker=1, dashboard_address=None, silence_logs="ERROR"
    ) as one:
        yield one


def workers_at_work(local_cluster) -> set[str]:
    """Return the workers that have, at this moment, a piece in hand."""
    state = local_cluster.scheduler.workers
    return {address for address, worker in list(state.items()) if worker.processing}


def test_one_worker_of_one_thread_does_all_the_work(local_cluster, finished_once, work):
    local_cluster.scale(1)
    tree = tiny_runs.run(scheduler=local_cluster.scheduler_address)
    assert work.trained == work.fitted == []  # in this process
    tiny_runs.assert_same(tree, finished_once[1])


def test_workers_that_join_later_take_part(local_cluster, results_folder, work):
    local_cluster.scale(1)
    changes = {"n_seeds": 4, "panels": ["a"], "n_permutations": 25, "n_trees": 50, "epochs": 300}
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(tiny_runs.run, scheduler=local_cluster.scheduler_address, **changes)
        while not (first := workers_at_work(local_cluster)):
            assert not run.done(), run.result()
            time.sleep(0.01)
        local_cluster.scale(2)
        while len(both := workers_at_work(local_cluster)) < 2:
            assert not run.done(), "the second worker has been idle"
            time.sleep(0.01)
        assert first < both
        assert panels_of(run.result())["a"].sizes["seed"] == 4
    assert work.trained == work.fitted == []


def test_cluster_without_a_worker_is_waited_for_and_then_is_one_line(
    local_cluster, results_folder, monkeypatch
):
    address = local_cluster.scheduler_address
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(tiny_runs.run, scheduler=address, panels=["a"])
        time.sleep(3)
        assert not run.done()
        local_cluster.scale(1)
        assert list(panels_of(run.result())) == ["a"]
    local_cluster.scale(0)
    while local_cluster.scheduler.workers:
        time.sleep(0.05)
    monkeypatch.setattr(memlib.runs.cluster, "WORKER_SECONDS", 1)
    with pytest.raises(InputError, match=r"no worker has joined .* within 1 s") as error:
        tiny_runs.run(scheduler=address, panels=["d"])
    one_line(error)


def test_error_of_a_piece_is_that_of_the_run(local_cluster, finished):
    local_cluster.scale(2)
    plan(tiny_runs.settings_of()).path.unlink()
    null = tiny_runs.blocks_of(plan(tiny_runs.settings_of()))[0]
    null.place.unlink()
    network = null.training.snapshot(null.epoch)
    network.write_bytes(network.read_bytes()[:-100])
    with pytest.raises(ResultError, match="damaged") as error:
        tiny_runs.run(scheduler=local_cluster.scheduler_address)
    assert str(network) in one_line(error)


def test_piece_that_loses_all_its_workers_is_one_line(local_cluster, results_folder):
    from distributed import Client

    local_cluster.scheduler.allowed_failures = 0
    local_cluster.scale(1)
    address = local_cluster.scheduler_address
    with ThreadPoolExecutor(1) as pool, Client(address, set_as_default=False) as client:
        run = pool.submit(tiny_runs.run, scheduler=address, panels=["a"], epochs=10_000)
        while not list(results_folder.rglob("progress_*.txt")):
            assert not run.done(), run.result()
            time.sleep(0.01)
        (process,) = client.run(os.getpid).values()
        os.kill(process, signal.SIGKILL)
        with pytest.raises(ResultError, match=r"^1 workers died over one piece") as error:
            run.result()
        one_line(error)


@pytest.mark.parametrize("ended", ["the run", "the scheduler"])
def test_end_of_a_run_on_a_cluster_is_one_line(ended, tmp_path, results_folder):
    command = [
        sys.executable,
        "-m",
        "memlib.cli",
        "run",
        "fig1",
        "--panels",
        "a",
        "--scheduler",
    ]
    with cluster(tmp_path) as (address, (scheduler, *_)):
        process = subprocess.Popen(
            [*command, address],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            start_new_session=True,
            # A test run in the background of a shell inherits that Ctrl-C is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        while not list(results_folder.rglob("epoch_*.npz")):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.1)
        if ended == "the run":
            process.send_signal(signal.SIGINT)
        else:
            os.killpg(scheduler.pid, signal.SIGKILL)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == (130 if ended == "the run" else 1)
    assert "Traceback" not in errors
    said = "memlib: stopped" if ended == "the run" else "memlib: the Dask scheduler was lost"
    assert errors.strip().splitlines()[-1].startswith(said)


def test_plan_states_pieces_time_and_memory_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMLIB_RESULTS", str(tmp_path))
    text = describe_plan(plan(resolve("fig1", "paper")), n_jobs=2)
    assert "panel a: train 1 of 1 to epoch 100,000" in text
    assert "panel f: train 1 of 1 to epoch 10,000" in text
    assert "measured at 25; 100 of 100 null blocks" in text  # four of 25 permutations an epoch
    assert "with 2 processes" in text
    assert "GiB" in text
    assert not list(tmp_path.iterdir())


def test_plan_counts_only_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMLIB_RESULTS", str(tmp_path))
    changes = {name: value for name, value in SETTINGS.items() if name != "progress"}
    small = changes | {"panels": ["a"], "n_seeds": 1, "epochs": 2}
    before = describe_plan(plan(resolve("fig1", "smoke", **small)), n_jobs=1)
    run_figure("fig1", "smoke", n_jobs=1, progress=False, **small)
    text = describe_plan(plan(resolve("fig1", "smoke", **small)), n_jobs=1)
    assert "train 0 of 1" in text
    assert "in all 0 s" in text
    # What a page shows does not depend on what its builder has stored.
    whole = describe_plan(plan(resolve("fig1", "smoke", **small)), n_jobs=1, whole=True)
    assert whole == before != text


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (99, "99 s"), (600, "10 min"), (7200, "2.0 h")]
)
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words
