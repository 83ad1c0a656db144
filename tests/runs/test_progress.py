"""How far a run has come, and what is stored, in words."""

import shutil
import subprocess
import sys
import time

import pytest
import torch
from conftest import ROOT
from tiny_runs import TINY, parted, run, settings_of, trainings_of

from memlib.base import files, keys
from memlib.runs.figure import run_figure
from memlib.runs.plan import plan
from memlib.runs.progress import Progress, progress_bar
from memlib.runs.schedule import _record, compute
from memlib.runs.status import describe_store

pytestmark = pytest.mark.usefixtures("one_thread")


# Progress


def test_progress_bar_ends_at_100_percent(results_folder, capfd):
    run_figure("fig1", n_jobs=1, progress=True, **(TINY | {"panels": ["a"], "epochs": 1}))
    shown = capfd.readouterr().err
    assert "1 networks, 1 null blocks: 100%" in shown
    assert "left" in shown


def test_progress_is_the_share_of_missing_work_that_is_stored_since(results_folder):
    one = plan(settings_of(panels=["a"], epochs=9))
    ((training,), _) = parted(one.missing())
    at = training.heartbeat
    at.parent.mkdir(parents=True)
    at.write_text("4")  # where a run was killed; its checkpoint may lie before that
    cost, whole = training.seconds_left(), one.seconds_left()
    progress = Progress(one.missing())
    at.write_text("2")
    assert progress.share() == 0
    at.write_text("6")
    assert progress.share() == pytest.approx(2 / 5 * cost / whole)
    compute([one], n_jobs=1, progress=False)
    assert progress.share() == pytest.approx(1)


def test_progress_of_a_training_whose_later_epochs_are_stored_begins_where_it_goes_on(
    results_folder,
):
    run(panels=["a"], epochs=9, n_measured_epochs=2)  # epochs 1, 9
    one = plan(settings_of(panels=["a"], epochs=9, n_measured_epochs=4))  # 1, 2, 4, 9
    (training,), nulls = parted(one.missing())
    progress = Progress(one.missing())
    assert progress.share() == 0
    files.write_text(training.heartbeat, "3")  # of 1 to 4
    cost = training.seconds_left()
    assert cost > 0
    assert progress.share() == pytest.approx(2 / 3 * cost / one.seconds_left())
    training.compute()
    assert progress.share() == pytest.approx(
        cost / (cost + sum(null.seconds_left() for null in nulls))
    )


def test_waiting_for_thousands_of_blocks_takes_little_of_the_processor(results_folder, monkeypatch):
    """With a bar drawn often, as in a terminal; 9,600 blocks."""
    one = plan(settings_of(panels=["a"], n_seeds=400, n_permutations=200))
    monkeypatch.setitem(sys.modules, "ipykernel", sys)  # draws each second
    with progress_bar(one.pieces, shown=False):
        time.sleep(1.5)
        begun = time.process_time()
        time.sleep(3)
        spent = time.process_time() - begun
    assert spent < 0.3


# What is stored, in words


def test_status_lists_runs_networks_and_blocks(finished, results_folder):
    text = describe_store(results_folder)
    name = plan(settings_of()).path.name
    line = next(line for line in text.splitlines() if name in line)
    assert "panels a, d; seeds from 0 on: 1" in line
    assert text.count("3 networks, up to epoch 4") == 2
    assert "6 null blocks" in text
    assert str(results_folder) in text


def test_status_names_what_is_no_run_by_its_title(results_folder):
    results_folder.mkdir()
    for name in ("bench-full", "choices"):
        shutil.copy(ROOT / "data" / "results" / f"{name}.nc", results_folder)
    text = describe_store(results_folder)
    assert "bench-full.nc: memlib against the tools it stands in for; 20" in text
    assert "choices.nc: What the paper leaves open, changed one at a time; 20" in text
    assert "missing" not in text
    assert "damaged" not in text


def test_status_says_of_a_run_begun_by_other_code_that_it_begins_anew(results_folder, monkeypatch):
    path = _record(plan(settings_of()))
    assert f"{path.stem}: begun; 2 of 2 networks" in describe_store(results_folder)
    monkeypatch.setattr(keys, "code_digest", lambda *rooms: "other")
    assert f"{path.stem}: begun by other code" in describe_store(results_folder)
    path.write_text("{}")
    assert f"{path.stem}: begun with parameters" in describe_store(results_folder)


def test_status_goes_on_after_a_run_that_this_machine_cannot_plan(results_folder):
    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    settings = settings_of().model_copy(update={"device": "cuda"})
    files.write_text(results_folder / "begun" / "fig1-other.json", settings.model_dump_json())
    text = describe_store(results_folder)
    assert "fig1-other: begun with parameters, data or a device" in text
    assert "MiB in all" in text


COME_AND_GO = """
import sys
from pathlib import Path
files = [Path(name) for name in sys.argv[1:]]
print("begun", flush=True)
while True:
    for path in files:
        path.write_text("7")
        path.unlink()
"""


def test_status_goes_on_when_a_run_ends_while_it_looks(results_folder):
    training = trainings_of(plan(settings_of()))[0]
    files = [training.heartbeat, results_folder / "begun" / "fig1-ended.json"]
    for path in files:
        path.parent.mkdir(parents=True)
    command = [sys.executable, "-c", COME_AND_GO, *map(str, files)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        try:
            texts = {describe_store(results_folder) for _ in range(1500)}
        finally:
            process.kill()
    assert all("MiB in all" in text for text in texts)
    assert any("at epoch 7" in text for text in texts)
    assert any("fig1-ended: begun" in text for text in texts)


def test_note_of_a_killed_run_goes_when_another_has_completed_its_pieces(finished, results_folder):
    path = _record(plan(settings_of()))
    compute([plan(settings_of())], progress=False)
    assert not path.exists()


def test_status_of_an_empty_folder_says_what_to_try(tmp_path):
    text = describe_store(tmp_path / "nothing")
    assert "no finished run yet" in text
    assert "0 null blocks; 0 MiB" in text
