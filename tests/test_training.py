"""Training, its pieces and the null's: whole, cut off, gone on with, shared, damaged."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import xarray as xr

import memlib.measures
import memlib.runs
import memlib.training
import memlib.training_piece
from memlib import costs, store
from memlib.architectures import ARCHITECTURES
from memlib.data import load_data
from memlib.errors import InputError, ResultError
from memlib.figures import resolve
from memlib.models import build_network
from memlib.null_piece import NullBlock
from memlib.plan import plan
from memlib.results import panels_of
from memlib.runs import run_figure, stored_result
from memlib.scheduling import _record, compute, single_threaded
from memlib.status import describe_store
from memlib.steps import make_step
from memlib.training import train_network
from memlib.training_piece import Training

ROOT = Path(__file__).parent.parent
TINY = {
    "scale": "smoke",
    "panels": ["a", "d"],
    "n_images": 200,
    "n_validation_images": 100,
    "epochs": 4,
    "n_measured_epochs": 3,  # epochs 1, 2, 4
    "n_permutations": 3,
    "n_trees": 5,
}
RATES = {"sgd": 0.05, "rmsprop": 0.001}


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def settings_of(figure="fig1", **changes):
    return resolve(figure, **(TINY | changes))


def run(figure="fig1", *, n_jobs=1, **changes):
    return run_figure(figure, n_jobs=n_jobs, progress=False, **(TINY | changes))


@pytest.fixture(scope="module")
def finished_once(tmp_path_factory):
    """A folder in which the tiny Fig. 1 was run without disturbance, and its result."""
    folder = tmp_path_factory.mktemp("finished") / "results"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMLIB_RESULTS", str(folder))
        return folder, run()


@pytest.fixture
def finished(finished_once, results_folder):
    """The result of the tiny Fig. 1; the test's own folder holds a copy of all its files."""
    shutil.copytree(finished_once[0], results_folder)
    return finished_once[1]


@pytest.fixture
def work(monkeypatch):
    """What is trained (after, last epoch) and fitted (epoch, labellings, strengths)."""
    done = SimpleNamespace(trained=[], fitted=[])
    train, score = memlib.training.train_network, memlib.measures.score_network

    def watched_train(*arguments, epochs, after, **options):
        epochs = list(epochs)
        done.trained.append((after, epochs[-1]))
        return train(*arguments, epochs=epochs, after=after, **options)

    def watched_score(network, data, labellings, *, perturbations, epoch, **options):
        done.fitted.append((epoch, list(labellings), list(perturbations)))
        return score(network, data, labellings, perturbations=perturbations, epoch=epoch, **options)

    monkeypatch.setattr(memlib.training, "train_network", watched_train)
    monkeypatch.setattr(memlib.measures, "score_network", watched_score)
    return done


def elsewhere(tmp_path, monkeypatch, **changes):
    """Run all at once in a folder that holds nothing."""
    with monkeypatch.context() as patch:
        patch.setenv("MEMLIB_RESULTS", str(tmp_path / "elsewhere"))
        return run(**changes)


def assert_same(one: xr.DataTree, other: xr.DataTree) -> None:
    panels, others = panels_of(one), panels_of(other)
    assert list(panels) == list(others)
    for panel in panels:
        xr.testing.assert_equal(panels[panel], others[panel])


def times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def same_arrays(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


# The loop


def recorder(n=10):
    """Stand in for a step; keeps what it was given."""
    seen = []

    def take(inputs, targets, batch_size):
        seen.append((inputs.numpy().copy(), targets.numpy().copy(), batch_size))
        return 0.7  # the loss

    step = SimpleNamespace(
        device="cpu", network=object(), start_epoch=lambda seed: seen.append(seed), run=take
    )
    images = np.arange(n, dtype=np.float32).reshape(n, 1, 1)
    return step, seen, images, (np.arange(n) % 2).astype(np.int64)


@pytest.mark.parametrize(("epochs", "after"), [([1, 3, 7], 0), ([5], 0), ([4, 6], 3), ([3, 4], 3)])
def test_network_is_yielded_at_the_epochs_asked_for(epochs, after):
    step, seen, images, labels = recorder()
    n_trained = []
    for epoch, network in train_network(step, images, labels, epochs=epochs, after=after):
        assert network is step.network
        n_trained.append((epoch, len(seen) // 2 + after))
    assert n_trained == [(epoch, epoch) for epoch in epochs]


def test_every_image_is_seen_once_an_epoch_with_its_own_label_in_a_new_order():
    step, seen, images, labels = recorder(50)
    list(train_network(step, images, labels, epochs=[6], batch_size=7))
    epochs = seen[1::2]
    orders = [tuple(inputs.ravel().astype(int)) for inputs, _, _ in epochs]
    assert len(set(orders)) == 6
    for order, (_, targets, batch_size) in zip(orders, epochs, strict=True):
        assert sorted(order) == list(range(50))
        np.testing.assert_array_equal(targets, np.eye(2)[labels[list(order)]])
        assert batch_size == 7
    assert len(set(seen[::2])) == 6  # dropout seeds


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_training_that_runs_away_ends_with_one_line(loss):
    step, seen, images, labels = recorder()
    step.run = lambda inputs, targets, batch_size: loss if len(seen) == 3 else 0.7
    with pytest.raises(InputError) as error:
        list(train_network(step, images, labels, epochs=[9]))
    assert "epoch 3" in str(error.value)
    assert "\n" not in str(error.value)


def test_order_and_dropout_of_an_epoch_follow_from_seed_and_epoch_alone():
    seen = [recorder() for _ in range(3)]
    for (step, _, images, labels), after, seed in zip(seen, (0, 3, 0), (1, 1, 2), strict=True):
        list(train_network(step, images, labels, epochs=[5], after=after, seed=seed))
    whole, later, other = (one[1] for one in seen)
    assert whole[6::2] == later[::2]
    for one, two in zip(whole[7::2], later[1::2], strict=True):
        np.testing.assert_array_equal(one[0], two[0])
    assert not set(whole[::2]) & set(other[::2])


def step_of(panel, optimizer, seed=0):
    network = build_network(ARCHITECTURES[panel], seed=seed)
    return make_step(network, optimizer=optimizer, learning_rate=RATES[optimizer])


@pytest.mark.parametrize("optimizer", RATES)
@pytest.mark.parametrize(("panel", "n", "last"), [("a", 200, 6), ("e", 200, 6), ("f", 24, 3)])
def test_going_on_equals_never_stopping_bit_for_bit(panel, n, last, optimizer):
    data = load_data(n_images=n)
    samples = data.train_images, data.train_labels
    whole = step_of(panel, optimizer)
    stored = {}
    for epoch, _ in train_network(whole, *samples, epochs=range(1, last + 1), batch_size=64):
        stored[epoch] = whole.arrays()
    for after in range(1, last):
        resumed = step_of(panel, optimizer, seed=99)
        resumed.load_arrays(stored[after])
        list(train_network(resumed, *samples, epochs=[last], after=after, batch_size=64))
        assert same_arrays(resumed.arrays(), stored[last])
    assert not same_arrays(stored[1], stored[2])


def test_network_learns_its_training_images():
    data = load_data(n_images=200)
    step = step_of("a", "rmsprop")
    list(train_network(step, data.train_images, data.train_labels, epochs=[30]))
    accuracy = memlib.measures.network_performance(step.network, data)["network_train_accuracy"]
    assert accuracy > 0.75  # chance: 0.5, standard deviation 0.035


# One training, stored


@pytest.mark.parametrize("optimizer", RATES)
def test_training_without_its_later_snapshots_goes_on_to_the_same(results_folder, work, optimizer):
    settings = settings_of(optimizer=optimizer, epochs=8, n_measured_epochs=8)
    training = Training(settings, "d", 0)
    training.compute()
    assert training.missing_epochs() == []
    before = {epoch: store.read_arrays(training.snapshot(epoch)) for epoch in training.epochs}
    for epoch in training.epochs[2:]:
        training.snapshot(epoch).unlink()
    training.compute()
    assert work.trained == [(0, 8), (training.epochs[1], 8)]
    for epoch, arrays in before.items():
        again = store.read_arrays(training.snapshot(epoch))
        assert same_arrays(arrays | {"seconds": 0}, again | {"seconds": 0})


def test_one_missing_snapshot_between_others_is_made_from_the_one_before(results_folder, work):
    training = Training(settings_of(), "a", 0)
    training.compute()
    before, kept = store.read_arrays(training.snapshot(2)), times(results_folder)
    training.snapshot(2).unlink()
    training.compute()
    assert work.trained[1:] == [(1, 2)]
    again = store.read_arrays(training.snapshot(2))
    assert same_arrays(before | {"seconds": 0}, again | {"seconds": 0})
    about = training.folder / "about.json"
    untouched = kept.keys() - {training.snapshot(2), about}
    assert {path: times(results_folder)[path] for path in untouched} == {
        path: kept[path] for path in untouched
    }


def test_training_cut_off_between_snapshots_goes_on_from_its_checkpoint(
    results_folder, monkeypatch, work
):
    monkeypatch.setattr(memlib.training_piece, "CHECKPOINT_SECONDS", -1)
    monkeypatch.setattr(memlib.training_piece, "HEARTBEAT_SECONDS", -1)
    training = Training(settings_of(n_measured_epochs=1, epochs=9), "d", 0)
    watched = memlib.training.train_network

    def cut_off(*arguments, **options):
        for epoch, network in watched(*arguments, **options):
            if epoch == 6:
                raise KeyboardInterrupt
            yield epoch, network

    with monkeypatch.context() as patch:
        patch.setattr(memlib.training, "train_network", cut_off)
        with pytest.raises(KeyboardInterrupt):
            training.compute()
    assert training.missing_epochs() == [9]
    assert training.epochs_done() == 5
    assert "cut off at epoch 5" in describe_store(results_folder)
    training.compute()
    assert work.trained == [(0, 9), (5, 9)]
    assert sorted(path.name for path in training.folder.iterdir()) == [
        "about.json",
        "epoch_0000009.npz",
    ]
    whole = make_step(build_network(ARCHITECTURES["d"]), optimizer="sgd", learning_rate=0.01)
    data = load_data(n_images=200, n_validation_images=100)
    list(train_network(whole, data.train_images, data.train_labels, epochs=[9]))
    stored = store.read_arrays(training.snapshot(9))
    assert same_arrays(whole.arrays(), {name: stored[name] for name in whole.arrays()})


def test_network_of_an_epoch_is_the_one_stored(results_folder):
    training = Training(settings_of(), "d", 0)
    with pytest.raises(ResultError, match="no network of epoch 2"):
        training.network(2)
    training.compute()
    stored = store.read_arrays(training.snapshot(2))
    for name, value in training.network(2).state_dict().items():
        np.testing.assert_array_equal(value.numpy(), stored[name])


CHANGES_TRAINING = {
    "n_images": 202,
    "inputs": "noise",
    "optimizer": "rmsprop",
    "learning_rate": 0.5,
    "batch_size": 64,
    "loss": "categorical",
    "initial_weights": "he",
    "pixel_scale": "standardized",
    "shuffled_labels": 0.5,
    "precision": "bfloat16",
}
CHANGES_NULL = {
    "feature_layer": "pixels",
    "n_validation_images": 50,
    "perturbation_kind": "occlude",
    "classifier": "svm",
    "n_trees": 6,
}
CHANGES_NEITHER = {
    "epochs": 8,
    "n_measured_epochs": 2,
    "n_permutations": 4,
    "perturbations": [0.3],
    "noise_sd": 2.0,  # of noise that is not used
    "rmsprop_decay": 0.5,  # of an optimizer that is not used
    "conv_stride": 3,  # of convolutions that panel a has not
    "device": "cpu",
    "n_seeds": 2,
    "panels": ["a"],
}


@pytest.mark.parametrize(
    "changes", [{k: v} for k, v in (CHANGES_TRAINING | CHANGES_NULL | CHANGES_NEITHER).items()]
)
def test_pieces_are_shared_unless_what_they_depend_on_changes(results_folder, changes):
    trainings = [Training(settings, "a", 0) for settings in (settings_of(), settings_of(**changes))]
    nulls = [NullBlock(training, 1, 0, (0.05,)) for training in trainings]
    name = next(iter(changes))
    assert (trainings[0].folder == trainings[1].folder) is (name not in CHANGES_TRAINING)
    assert (nulls[0].folder == nulls[1].folder) is (name in CHANGES_NEITHER)


def test_pieces_are_kept_apart_by_panel_seed_and_noise(results_folder):
    noise = [settings_of(inputs="noise", noise_sd=sd) for sd in (1.0, 2.0)]
    images = settings_of()
    made = [(images, "a", 0), (images, "d", 0), (images, "a", 1), *((n, "a", 0) for n in noise)]
    assert len({Training(*one).folder for one in made}) == 5


def test_number_of_trees_does_not_matter_to_what_has_none(results_folder):
    folders = {
        NullBlock(Training(settings_of(classifier="svm", n_trees=n), "a", 0), 1, 0, (0.05,)).folder
        for n in (5, 6)
    }
    assert len(folders) == 1


def test_changed_code_changes_the_key_of_every_piece(results_folder, monkeypatch):
    def keys():
        one = plan(settings_of())
        return one.path, one.trainings[0].folder, one.nulls[0].folder

    before = keys()
    monkeypatch.setattr(store, "code_digest", lambda modules=None: "changed")
    assert not set(before) & set(keys())


# The plan


@pytest.mark.parametrize(
    ("n_permutations", "blocks"),
    [
        (1, [(0, 1)]),
        (25, [(0, 25)]),
        (26, [(0, 25), (26, 26)]),
        (60, [(0, 25), (26, 50), (51, 60)]),
    ],
)
def test_labellings_are_cut_into_blocks_without_gap_or_overlap(
    results_folder, n_permutations, blocks
):
    one = plan(settings_of(panels=["a"], n_measured_epochs=1, n_permutations=n_permutations))
    assert [null.labellings for null in one.nulls] == [
        list(range(first, last + 1)) for first, last in blocks
    ]


def test_plan_holds_every_panel_seed_and_epoch(results_folder):
    one = plan(settings_of(n_seeds=2))
    assert [(t.panel, t.seed) for t in one.trainings] == [("a", 0), ("a", 1), ("d", 0), ("d", 1)]
    assert len(one.nulls) == 4 * 3
    trainings, nulls = one.missing()
    assert len(trainings) == 4
    assert len(nulls) == 12
    seconds = [costs.training_seconds(training) for training in trainings]
    assert seconds == sorted(seconds, reverse=True)


def test_figures_that_share_runs_measure_the_union_of_their_perturbations(results_folder):
    assert plan(settings_of()).nulls[0].strengths == (0.01, 0.05, 0.1, 1.0)
    assert plan(settings_of("fig2")).nulls[0].strengths == (0.01, 0.05, 0.1, 1.0)
    assert plan(settings_of("fig3")).nulls[0].strengths == (0.05, 0.1, 1.0)
    assert plan(settings_of(panels=["c"])).nulls[0].strengths == (0.05, 0.1, 1.0)
    assert plan(settings_of(perturbations=[0.3, 0.2])).nulls[0].strengths == (0.3, 0.2)


def test_finished_run_misses_nothing_even_when_its_networks_are_gone(finished, results_folder):
    one = plan(settings_of())
    for folder in (results_folder / "pieces").glob("training-*"):
        shutil.rmtree(folder)
    assert one.missing() == ([], [])


def test_expected_time_shrinks_with_what_is_stored(finished, results_folder):
    done, more, most = (
        costs.training_seconds(Training(settings_of(epochs=n), "b", 0)) for n in (4, 100, 200)
    )
    assert 0 < 25 * done == pytest.approx(more) == pytest.approx(most / 2)
    assert costs.training_seconds(Training(settings_of(), "a", 0)) == 0
    started, new = (Training(settings_of(epochs=16), "a", seed) for seed in (0, 1))
    assert costs.training_seconds(started) == pytest.approx(12 / 16 * costs.training_seconds(new))
    blocks = [
        NullBlock(Training(settings_of(n_permutations=n), "a", 0), 1, 0, (0.05,)) for n in (3, 25)
    ]
    assert costs.null_seconds(blocks[0]) < costs.null_seconds(blocks[1])


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


# Damage


def damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "cut":
        content = content[: len(content) // 2]
    elif how == "empty":
        content = bytearray()
    else:
        largest = max(store.read_arrays(path).values(), key=lambda array: array.nbytes)
        content[content.index(largest.tobytes()) + 5] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["cut", "empty", "flipped"])
@pytest.mark.parametrize("kind", ["training", "null"])
def test_damaged_piece_gives_one_line_and_the_others_stay(finished, results_folder, kind, how):
    one = plan(settings_of())
    one.path.unlink()
    null = next(null for null in one.nulls if null.epoch == 2)
    piece = null.path if kind == "null" else null.training.snapshot(2)
    if kind == "training":
        null.path.unlink()  # so that the network is needed again
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
    training = plan(settings_of()).trainings[0]
    with pytest.raises(ResultError, match="does not hold"):
        NullBlock(training, 2, 0, (0.77,)).read()
    with pytest.raises(ResultError, match="does not hold"):
        NullBlock(training, 3, 0, (0.05,)).read()


# Killed runs

SCRIPT = """
import json, os, signal, sys
from memlib import store
from memlib.runs import run_figure

settings, n_jobs, fatal = json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
write_whole, written = store.write_atomically, []

def write_until_killed(path, write):
    def write_half(part):
        write(part)
        written.append(part)
        if len(written) == fatal:
            content = part.read_bytes()
            part.write_bytes(content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
    write_whole(path, write_half)

store.write_atomically = write_until_killed
run_figure("fig1", n_jobs=n_jobs, progress=False, **settings)
"""


def start(folder: Path, *, n_jobs: int = 1, fatal: int = 0) -> subprocess.Popen:
    environment = os.environ | {"MEMLIB_RESULTS": str(folder), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SCRIPT, store.to_json(TINY), str(n_jobs), str(fatal)]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, start_new_session=True, stderr=subprocess.DEVNULL
    )


def assert_only_whole_files(folder: Path) -> None:
    for path in folder.rglob("*.npz"):
        store.read_arrays(path)  # raises when damaged
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
        assert re.search(r"begun; \d of 2 networks to train, 6 of 6 null blocks missing; ", text)
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


def test_status_of_an_empty_folder_says_what_to_try(tmp_path):
    text = describe_store(tmp_path / "nothing")
    assert "no finished run yet" in text
    assert "0 null blocks; 0 MiB" in text


def test_status_shows_a_damaged_result_in_one_line(finished, results_folder):
    path = plan(settings_of()).path
    damage(path, "cut")
    lines = [line for line in describe_store(results_folder).splitlines() if path.name in line]
    assert len(lines) == 1
    assert "damaged" in lines[0]
