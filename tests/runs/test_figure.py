"""Runs: the same whatever was there before, nothing done twice."""

import os
import shutil
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr
from tiny_runs import (
    assert_same,
    block_of,
    parted,
    run,
    settings_of,
    times,
    trainings_of,
)

import memlib.runs.figure
from memlib.base import files
from memlib.base.errors import ResultError
from memlib.base.parallel import one_thread
from memlib.papers.chaibub_neto_2018 import measures
from memlib.results.schema import panels_of
from memlib.runs import costs
from memlib.runs.figure import assemble_result, stored_result
from memlib.runs.plan import plan
from memlib.runs.schedule import compute
from memlib.runs.study import resolve

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
        float(files.read_arrays(path)["seconds"])
        for path in (*pieces.glob("training-*/epoch_0000004.npz"), *pieces.glob("null-*/*.npz"))
    ]
    assert len(seconds) == 2 + 6
    assert float(finished.attrs["compute_seconds"]) == pytest.approx(sum(seconds), abs=0.06)


def test_expense_of_a_figure_is_that_of_all_its_pieces(results_folder):
    settings = resolve("fig4", "teaching", n_seeds=2, panels=["a", "e"])
    trainings, nulls = parted(plan(settings).missing())
    training, null = costs.figure_seconds(settings)
    assert training == pytest.approx(sum(one.seconds_left() for one in trainings))
    assert null == pytest.approx(sum(one.seconds_left() for one in nulls))


def test_result_is_reused_when_nothing_changed(finished, results_folder, monkeypatch):
    monkeypatch.setattr(memlib.runs.figure, "compute", None)
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


def test_two_runs_at_once_keep_each_others_scores_of_a_block(results_folder, monkeypatch):
    run(panels=["a"], perturbations=[0.3])
    training = trainings_of(plan(settings_of(panels=["a"])))[0]
    one, other = (block_of(training, 2, 0, (strength,)) for strength in (0.05, 0.7))
    score = measures.score_network

    def meanwhile(*arguments, **options):
        monkeypatch.setattr(measures, "score_network", score)
        other.compute()
        return score(*arguments, **options)

    monkeypatch.setattr(measures, "score_network", meanwhile)
    one.compute()
    both = block_of(training, 2, 0, (0.05, 0.3, 0.7))
    assert both.is_stored()
    found = both.read()["accuracy"]
    both.place.unlink()
    both.compute()
    np.testing.assert_array_equal(found, both.read()["accuracy"])


def test_a_block_knows_which_of_its_scores_are_missing(results_folder):
    """Two shuffles more at one strength leave them open at the other."""
    run(panels=["a"], perturbations=[0.3])
    more = trainings_of(plan(settings_of(panels=["a"], n_permutations=5)))[0]
    block_of(more, 2, 0, (0.7,)).compute()
    assert block_of(more, 2, 0, (0.7,)).is_stored()
    both = block_of(more, 2, 0, (0.3, 0.7))
    assert not both.is_stored()
    both.compute()
    assert both.is_stored()
    found = both.read()["accuracy"]
    both.place.unlink()
    both.compute()
    np.testing.assert_array_equal(found, both.read()["accuracy"])


def test_a_run_leaves_the_callers_results_folder_as_it_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMLIB_RESULTS", "here")
    run(panels=["a"], epochs=1)
    assert os.environ["MEMLIB_RESULTS"] == "here"
    assert list((tmp_path / "here").glob("*.nc"))


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
    assert [one.missing() for one in plans] == [[]] * 3
    xr.testing.assert_equal(panels_of(run(panels=["a"]))["a"], panels_of(finished_once[1])["a"])


def test_pieces_of_a_plan_are_gone_through_once_however_many_networks(finished, results_folder):
    class Watched(tuple):
        times = 0

        def __iter__(self):
            Watched.times += 1
            return super().__iter__()

    one = plan(settings_of())
    watched = replace(one, pieces=Watched(one.pieces))
    assert watched.path == watched.path == one.path
    assert Watched.times == 1
    assert_same(assemble_result(watched), finished)
    assert Watched.times == 2


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

    with pytest.raises(ZeroDivisionError) if fails else nullcontext(), one_thread():
        work()
    assert seen == [1]
    assert torch.get_num_threads() == 2
