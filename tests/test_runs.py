"""Runs: the same whatever was there before, nothing done twice; what is stored, in words."""

import shutil

import numpy as np
import pytest
import torch
import xarray as xr
from tiny_runs import TINY, assert_same, run, settings_of, times

import memlib.runs
from memlib import costs, store
from memlib.errors import ResultError
from memlib.figures import resolve
from memlib.plan import plan
from memlib.progress import Progress
from memlib.results import panels_of
from memlib.runs import run_figure, stored_result
from memlib.scheduling import _record, compute, single_threaded
from memlib.status import describe_store

pytestmark = pytest.mark.usefixtures("one_thread")


def elsewhere(tmp_path, monkeypatch, **changes):
    """Run all at once in a folder that holds nothing."""
    with monkeypatch.context() as patch:
        patch.setenv("MEMLIB_RESULTS", str(tmp_path / "elsewhere"))
        return run(**changes)


# Runs


def test_two_workers_give_the_same_arrays_as_one(finished_once, results_folder):
    assert_same(run(n_jobs=2), finished_once[1])


def test_another_seed_gives_other_arrays(finished, results_folder):
    other = run(seed=1)
    for panel, dataset in panels_of(other).items():
        for name in ("null_accuracy", "observed_accuracy", "network_train_loss"):
            assert (dataset[name].values != panels_of(finished)[panel][name].values).any()


def test_several_seeds_are_the_single_runs_side_by_side(finished, results_folder):
    both, second = run(panels=["a"], n_seeds=2), run(panels=["a"], seed=1)
    xr.testing.assert_equal(panels_of(both)["a"].isel(seed=[0]), panels_of(finished)["a"])
    xr.testing.assert_equal(panels_of(both)["a"].isel(seed=[1]), panels_of(second)["a"])


def test_expense_of_a_run_is_the_sum_of_its_pieces(finished, results_folder):
    pieces = results_folder / "pieces"
    seconds = [
        float(store.read_arrays(path)["seconds"])
        for path in (*pieces.glob("training-*/epoch_0000004.npz"), *pieces.glob("null-*/*.npz"))
    ]
    assert len(seconds) == 2 + 6
    assert float(finished.attrs["compute_seconds"]) == pytest.approx(sum(seconds), abs=0.06)


def test_expense_of_a_figure_is_that_of_all_its_pieces(results_folder):
    settings = resolve("fig4", "teaching", n_seeds=2, panels=["a", "e"])
    trainings, nulls = plan(settings).missing()
    training, null = costs.figure_seconds(settings)
    assert training == pytest.approx(sum(map(costs.training_seconds, trainings)))
    assert null == pytest.approx(sum(map(costs.null_seconds, nulls)))


def test_result_is_reused_when_nothing_changed(finished, results_folder, monkeypatch):
    monkeypatch.setattr(memlib.runs, "compute", None)
    before = times(results_folder)
    again = run()
    assert_same(again, finished)
    assert again.attrs["created"] == finished.attrs["created"]
    assert times(results_folder) == before


def test_result_under_the_right_name_but_of_other_parameters_is_not_taken(finished, results_folder):
    wanted = plan(settings_of(n_permutations=2))
    shutil.copy(plan(settings_of()).path, wanted.path)
    assert stored_result(wanted) is None
    assert panels_of(run(n_permutations=2))["a"].sizes["permutation"] == 2


def test_fig2_after_fig1_trains_and_fits_nothing(finished, results_folder, work):
    before = times(results_folder / "pieces")
    fig2 = run("fig2")
    assert work.trained == work.fitted == []
    assert times(results_folder / "pieces") == before
    for panel, dataset in panels_of(fig2).items():
        assert dataset["perturbation"].values.tolist() == [0.01, 0.05, 0.1, 1.0]
        shared = dataset.sel(perturbation=[0.05, 0.1, 1.0])
        xr.testing.assert_equal(shared, panels_of(finished)[panel])


def test_one_perturbation_more_is_all_that_is_measured(results_folder, tmp_path, monkeypatch, work):
    run(panels=["a"], perturbations=[0.3, 0.05])
    before = times(results_folder / "pieces")
    work.trained.clear(), work.fitted.clear()
    grown = run(panels=["a"], perturbations=[0.3, 0.05, 0.7])
    assert work.trained == []
    assert work.fitted == [(epoch, [0, 1, 2, 3], [0.7]) for epoch in (1, 2, 4)]
    after = times(results_folder / "pieces")
    assert {p for p in before if "training-" in str(p) and after[p] != before[p]} == set()
    at_once = elsewhere(tmp_path, monkeypatch, panels=["a"], perturbations=[0.3, 0.05, 0.7])
    assert_same(grown, at_once)


def test_more_permutations_are_all_that_is_measured(finished, tmp_path, monkeypatch, work):
    grown = run(panels=["a"], n_permutations=27)
    assert work.trained == []
    strengths = [0.01, 0.05, 0.1, 1.0]
    assert sorted(work.fitted) == [
        (epoch, labellings, strengths)
        for epoch in (1, 2, 4)
        for labellings in (list(range(4, 26)), [26, 27])
    ]
    assert_same(grown, elsewhere(tmp_path, monkeypatch, panels=["a"], n_permutations=27))
    first = panels_of(grown)["a"]["null_accuracy"].isel(permutation=slice(3))
    np.testing.assert_array_equal(first, panels_of(finished)["a"]["null_accuracy"])


def test_more_of_both_at_once_equals_all_at_once(finished, tmp_path, monkeypatch):
    changes = {"panels": ["a"], "n_permutations": 5, "perturbations": [0.05, 0.3]}
    assert_same(run(**changes), elsewhere(tmp_path, monkeypatch, **changes))


def test_fewer_permutations_and_perturbations_are_taken_from_what_is_there(
    finished, results_folder, work
):
    less = run(panels=["d"], n_permutations=2, perturbations=[1.0, 0.05])
    assert work.trained == work.fitted == []
    expected = panels_of(finished)["d"].sel(perturbation=[1.0, 0.05])
    found = panels_of(less)["d"]
    for name in ("null_accuracy", "observed_accuracy"):
        wanted = expected[name]
        wanted = wanted.isel(permutation=slice(2)) if "permutation" in wanted.dims else wanted
        np.testing.assert_array_equal(found[name], wanted)


def test_more_epochs_go_on_from_the_last_snapshot(finished, tmp_path, monkeypatch, work):
    grown = run(panels=["d"], epochs=16)  # epochs 1, 4, 16
    assert work.trained == [(4, 16)]
    assert [epoch for epoch, _, _ in work.fitted] == [16]
    assert_same(grown, elsewhere(tmp_path, monkeypatch, panels=["d"], epochs=16))


def test_epochs_measured_in_between_are_trained_from_the_one_before(finished, work):
    run(panels=["a"], n_measured_epochs=4)  # epochs 1, 2, 3, 4
    assert work.trained == [(2, 3)]
    assert [epoch for epoch, _, _ in work.fitted] == [3]


def test_runs_of_other_epochs_and_permutations_are_computed_together(results_folder, finished_once):
    settings = [
        settings_of(panels=["a"]),
        settings_of(panels=["a"], epochs=9),
        settings_of(panels=["a"], n_permutations=2, perturbations=[0.3]),
    ]
    plans = [plan(one) for one in settings]
    compute(plans, n_jobs=1, progress=False)
    assert [one.missing() for one in plans] == [([], [])] * 3
    xr.testing.assert_equal(panels_of(run(panels=["a"]))["a"], panels_of(finished_once[1])["a"])


def test_progress_bar_ends_at_100_percent(results_folder, capfd):
    run_figure("fig1", n_jobs=1, progress=True, **(TINY | {"panels": ["a"], "epochs": 1}))
    shown = capfd.readouterr().err
    assert "1 networks, 1 null blocks: 100%" in shown
    assert "left" in shown


def test_progress_is_the_share_of_missing_work_that_is_stored_since(results_folder):
    one = plan(settings_of(panels=["a"], epochs=9))
    trainings, nulls = one.missing()
    (training,) = trainings
    at = training.folder / "progress.txt"
    at.parent.mkdir(parents=True)
    at.write_text("4")  # where a run was killed; its checkpoint may lie before that
    cost, whole = costs.training_seconds(training), costs.missing_seconds(one)
    progress = Progress(trainings, nulls)
    at.write_text("2")
    assert progress.share() == 0
    at.write_text("6")
    assert progress.share() == pytest.approx(2 / 5 * cost / whole)
    compute([one], n_jobs=1, progress=False)
    assert progress.share() == pytest.approx(1)


def test_results_folder_that_cannot_be_written_is_named_before_any_work(
    tmp_path, monkeypatch, work
):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MEMLIB_RESULTS", str(tmp_path / "file"))
    with pytest.raises(ResultError, match="cannot be written") as error:
        run()
    assert "\n" not in str(error.value)
    assert work.trained == []


@pytest.mark.parametrize("fails", [False, True])
def test_work_runs_on_one_thread_and_threads_come_back(fails):
    torch.set_num_threads(2)
    seen = []

    def work():
        seen.append(torch.get_num_threads())
        if fails:
            raise ZeroDivisionError

    if fails:
        with pytest.raises(ZeroDivisionError):
            single_threaded(work)
    else:
        single_threaded(work)
    assert seen == [1]
    assert torch.get_num_threads() == 2


# What is stored, in words


def test_status_lists_runs_networks_and_blocks(finished, results_folder):
    text = describe_store(results_folder)
    name = plan(settings_of()).path.name
    line = next(line for line in text.splitlines() if name in line)
    assert "panels a, d; seeds from 0 on: 1" in line
    assert text.count("3 networks, up to epoch 4") == 2
    assert "6 null blocks" in text
    assert str(results_folder) in text


def test_status_says_of_a_run_begun_by_other_code_that_it_begins_anew(results_folder, monkeypatch):
    path = _record(plan(settings_of()))
    assert f"{path.stem}: begun; 2 of 2 networks" in describe_store(results_folder)
    monkeypatch.setattr(store, "code_digest", lambda modules=None: "other")
    assert f"{path.stem}: begun by other code" in describe_store(results_folder)
    path.write_text("{}")
    assert f"{path.stem}: begun with parameters" in describe_store(results_folder)


def test_status_goes_on_after_a_run_that_this_machine_cannot_plan(results_folder):
    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    settings = settings_of().model_copy(update={"device": "cuda"})
    store.write_text(results_folder / "begun" / "fig1-other.json", settings.model_dump_json())
    text = describe_store(results_folder)
    assert "fig1-other: begun with parameters, data or a device" in text
    assert "MiB in all" in text


def test_note_of_a_killed_run_goes_when_another_has_completed_its_pieces(finished, results_folder):
    path = _record(plan(settings_of()))
    compute([plan(settings_of())], progress=False)
    assert not path.exists()


def test_status_of_an_empty_folder_says_what_to_try(tmp_path):
    text = describe_store(tmp_path / "nothing")
    assert "no finished run yet" in text
    assert "0 null blocks; 0 MiB" in text
