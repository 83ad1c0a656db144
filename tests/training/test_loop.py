"""Training: the loop, and one training that is stored and gone on with."""

from types import SimpleNamespace

import numpy as np
import pytest
from conftest import one_line
from tiny_runs import same_arrays, settings_of, times
from torch import nn

import memlib.method.test
import memlib.runs.trainings
import memlib.training.loop
from memlib.base import files
from memlib.base.errors import InputError, ResultError
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.runs.status import describe_store
from memlib.runs.trainings import Training
from memlib.training.factory import make_step
from memlib.training.images import load_data
from memlib.training.loop import train_network
from memlib.training.networks import build_network

pytestmark = pytest.mark.usefixtures("one_thread")
RATES = {"sgd": 0.05, "rmsprop": 0.001}


# The loop


def recorder(n=10):
    """Stand in for a step; keeps what it was given."""
    seen = []

    def take(inputs, targets, batch_size):
        seen.append((inputs.numpy().copy(), targets.numpy().copy(), batch_size))
        return 0.7  # the loss

    step = SimpleNamespace(
        device="cpu",
        network=nn.Sequential(nn.Linear(1, 2)),
        start_epoch=lambda seed, epoch: seen.append(seed),
        run=take,
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


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": np.zeros(9, int)}, "10 images and 9 labels"),
        ({"labels": np.tile([-1, 1], 5)}, "from -1 to 1"),
        ({"labels": np.arange(10) % 3}, "from 0 to 2: the network has outputs for 0 to 1"),
        ({"labels": np.tile([0.0, 1.0], 5)}, "float64"),
        ({"images": np.zeros((10, 1, 1))}, "images are float64"),
        ({"batch_size": 0}, "batch_size = 0"),
    ],
)
def test_what_would_be_trained_on_wrong_targets_is_refused(change, said):
    step, seen, images, labels = recorder()
    given = {"images": images, "labels": labels, "batch_size": 4} | change
    with pytest.raises(InputError, match=said) as error:
        list(train_network(step, epochs=[1], **given))
    one_line(error)
    assert seen == []


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
    accuracy = memlib.papers.chaibub_neto_2018.measures.network_performance(step.network, data)[
        "network_train_accuracy"
    ]
    assert accuracy > 0.75  # chance: 0.5, standard deviation 0.035


# One training, stored


@pytest.mark.parametrize("optimizer", RATES)
def test_training_without_its_later_snapshots_goes_on_to_the_same(results_folder, work, optimizer):
    settings = settings_of(optimizer=optimizer, epochs=8, n_measured_epochs=8)
    training = Training(settings, "d", 0)
    training.compute()
    assert training.missing_epochs() == []
    before = {epoch: files.read_arrays(training.snapshot(epoch)) for epoch in training.epochs}
    for epoch in training.epochs[2:]:
        training.snapshot(epoch).unlink()
    training.compute()
    assert work.trained == [(0, 8), (training.epochs[1], 8)]
    for epoch, arrays in before.items():
        again = files.read_arrays(training.snapshot(epoch))
        assert same_arrays(arrays | {"seconds": 0}, again | {"seconds": 0})


def test_one_missing_snapshot_between_others_is_made_from_the_one_before(results_folder, work):
    training = Training(settings_of(), "a", 0)
    training.compute()
    before, kept = files.read_arrays(training.snapshot(2)), times(results_folder)
    training.snapshot(2).unlink()
    training.compute()
    assert work.trained[1:] == [(1, 2)]
    again = files.read_arrays(training.snapshot(2))
    assert same_arrays(before | {"seconds": 0}, again | {"seconds": 0})
    about = training.place / "about.json"
    untouched = kept.keys() - {training.snapshot(2), about}
    assert {path: times(results_folder)[path] for path in untouched} == {
        path: kept[path] for path in untouched
    }


@pytest.fixture
def cut_off(monkeypatch):
    """Train with a checkpoint at every epoch and end before one."""
    monkeypatch.setattr(memlib.runs.trainings, "CHECKPOINT_SECONDS", -1)
    monkeypatch.setattr(memlib.runs.trainings, "HEARTBEAT_SECONDS", -1)

    def train(training, before):
        watched = memlib.training.loop.train_network

        def until(*arguments, **options):
            for epoch, network in watched(*arguments, **options):
                if epoch == before:
                    raise KeyboardInterrupt
                yield epoch, network

        with monkeypatch.context() as patch:
            patch.setattr(memlib.training.loop, "train_network", until)
            with pytest.raises(KeyboardInterrupt):
                training.compute()

    return train


def test_training_cut_off_between_snapshots_goes_on_from_its_checkpoint(
    results_folder, work, cut_off
):
    training = Training(settings_of(n_measured_epochs=1, epochs=9), "d", 0)
    cut_off(training, 6)
    assert training.missing_epochs() == [9]
    assert training.epochs_done() == 5
    assert "cut off at epoch 5" in describe_store(results_folder)
    training.compute()
    assert work.trained == [(0, 9), (5, 9)]
    assert sorted(path.name for path in training.place.iterdir()) == [
        "about.json",
        "epoch_0000009.npz",
    ]
    whole = make_step(build_network(ARCHITECTURES["d"]), optimizer="sgd", learning_rate=0.01)
    data = load_data(n_images=200, n_validation_images=100)
    list(train_network(whole, data.train_images, data.train_labels, epochs=[9]))
    stored = files.read_arrays(training.snapshot(9))
    assert same_arrays(whole.arrays(), {name: stored[name] for name in whole.arrays()})


def test_shorter_training_leaves_a_longer_one_where_it_was_stopped(results_folder, work, cut_off):
    long, short = (Training(settings_of(n_measured_epochs=1, epochs=n), "d", 0) for n in (20, 9))
    assert long.place == short.place
    cut_off(long, 16)
    kept = times(results_folder)
    cut_off(short, 5)
    short.compute()
    assert {path: times(results_folder).get(path) for path in kept} == kept | {
        (about := short.place / "about.json"): times(results_folder)[about]
    }
    assert "cut off at epoch 15" in describe_store(results_folder)
    long.compute()
    assert work.trained == [(0, 20), (0, 9), (4, 9), (15, 20)]
    assert sorted(path.name for path in long.place.iterdir()) == [
        "about.json",
        "epoch_0000009.npz",
        "epoch_0000020.npz",
    ]
    whole = make_step(build_network(ARCHITECTURES["d"]), optimizer="sgd", learning_rate=0.01)
    data = load_data(n_images=200, n_validation_images=100)
    for epoch, _ in train_network(whole, data.train_images, data.train_labels, epochs=[9, 20]):
        stored = files.read_arrays(long.snapshot(epoch))
        assert same_arrays(whole.arrays(), {name: stored[name] for name in whole.arrays()})


def test_longer_training_goes_on_where_a_shorter_one_was_stopped(results_folder, work, cut_off):
    long, short = (Training(settings_of(n_measured_epochs=1, epochs=n), "d", 0) for n in (20, 9))
    cut_off(short, 6)
    long.compute()
    short.compute()
    assert work.trained == [(0, 9), (5, 20), (5, 9)]


def test_time_of_a_training_counts_from_where_it_goes_on(results_folder, work, cut_off):
    def seconds(**changes):
        return Training(settings_of(**changes), "d", 0).seconds_left()

    whole = seconds(n_measured_epochs=1, epochs=100)
    cut_off(Training(settings_of(n_measured_epochs=1, epochs=60), "d", 0), 51)
    Training(settings_of(n_measured_epochs=3, epochs=100), "d", 0).compute()  # 1, 10, 100
    cases = {
        (5, 100): 32 - 1,  # 3 and 32 are missing, later ones are stored
        (2, 90): 90 - 50,  # from the checkpoint of the one that was cut off
        (3, 100): 0,
    }
    for (n, last), n_epochs in cases.items():
        assert seconds(n_measured_epochs=n, epochs=last) == pytest.approx(whole * n_epochs / 100)
    Training(settings_of(n_measured_epochs=5, epochs=100), "d", 0).compute()
    assert work.trained[-1] == (1, 32)


def test_network_of_an_epoch_is_the_one_stored(results_folder):
    training = Training(settings_of(), "d", 0)
    with pytest.raises(ResultError, match="no network of epoch 2"):
        training.network(2)
    training.compute()
    stored = files.read_arrays(training.snapshot(2))
    for name, value in training.network(2).state_dict().items():
        np.testing.assert_array_equal(value.numpy(), stored[name])
