import numpy as np
import pytest
import torch
import xarray as xr
from gu_tresp import vgg

from memlib.papers.gu_tresp_2019.course import (
    RunningAccuracy,
    follow_training,
    join_moments,
    measure_accuracy,
    train_until_fitted,
)
from memlib.papers.gu_tresp_2019.data import load_digits, replace_labels
from memlib.papers.gu_tresp_2019.stages import (
    first_epoch,
    has_fitted,
    hunting_epochs,
    middle_epoch,
)
from memlib.training.factory import make_step
from memlib.training.layers import Architecture, Conv, MaxPool
from memlib.training.networks import build_network

DIGITS = load_digits(n_train=48, n_generator=48)
SEEN = (DIGITS.train_images, DIGITS.train_labels, DIGITS.test_images[:50], DIGITS.test_labels[:50])


def small(seed=0):
    declared = Architecture("small", (Conv(4, padding=1), MaxPool(4)))
    return build_network(declared, image_shape=(16, 16), n_classes=10, seed=seed)


def step_of(seed=0, rate=0.01, momentum=0.9):
    options = {"learning_rate": rate, "momentum": momentum, "loss": "categorical"}
    return make_step(small(seed), optimizer="sgd", **options)


def test_stages_are_found_at_the_first_epoch_that_reaches_the_level():
    epochs = np.arange(6)
    accuracy = np.array([np.nan, 0.12, 0.2, 0.19, 0.55, 0.9])
    assert hunting_epochs(accuracy, epochs, 0.1) == 2
    assert middle_epoch(accuracy, epochs, 0.1) == 4
    assert middle_epoch(accuracy, epochs, 0.1 + 1e-9) == 5
    assert first_epoch(accuracy, epochs, 0.91) == np.inf
    assert hunting_epochs(accuracy, epochs, 0.5) == 5  # chance of two classes


def test_three_epochs_in_a_row_with_all_right_end_a_training():
    assert has_fitted(np.array([0.9, 1, 1, 1]))
    assert not has_fitted(np.array([1, 1]))
    assert not has_fitted(np.array([1, 1, 0.998, 1]))


def test_running_accuracy_counts_answers_before_the_updates():
    still = step_of(rate=1e-30, momentum=0.0)  # a network that stays as it is
    running = RunningAccuracy(still)
    inputs = torch.from_numpy(DIGITS.train_images)
    targets = torch.eye(10)[torch.from_numpy(DIGITS.train_labels)]
    still.run(inputs, targets, 16)
    measured = measure_accuracy(still.network, *SEEN)
    assert running.take() == pytest.approx(float(measured["train_accuracy"]))
    assert np.isnan(running.take())


def test_counting_does_not_change_what_is_trained():
    one, other = step_of(), step_of()
    RunningAccuracy(one)
    inputs = torch.from_numpy(DIGITS.train_images)
    targets = torch.eye(10)[torch.from_numpy(DIGITS.train_labels)]
    assert one.run(inputs, targets, 16) == other.run(inputs, targets, 16)
    both = zip(one.arrays().values(), other.arrays().values(), strict=True)
    assert all(np.array_equal(a, b) for a, b in both)


def test_clean_and_wrong_labels_are_told_apart():
    drawn = replace_labels(DIGITS.train_labels, 0.5, 10)
    network = small()
    images, _, *test = SEEN
    measured = measure_accuracy(network, images, drawn.labels, *test, changed=drawn.changed)
    share = drawn.changed.mean()
    joined = (1 - share) * measured["clean_accuracy"] + share * measured["wrong_label_fit"]
    assert float(joined) == pytest.approx(float(measured["train_accuracy"]))
    none = measure_accuracy(network, *SEEN)
    assert np.isnan(none["wrong_label_fit"])
    assert none["clean_accuracy"] == none["train_accuracy"]


def test_a_run_that_goes_on_equals_an_unbroken_one():
    options = {"seed": 3, "n_agreement_images": 16}
    whole = step_of(3)
    moments = [one for _, one in follow_training(whole, *SEEN, epochs=range(6), **options)]
    first = step_of(3)
    broken = [one for _, one in follow_training(first, *SEEN, epochs=range(3), **options)]
    again = step_of(99)
    again.load_arrays(first.arrays())  # momentum included
    assert any(name.startswith("memory.") for name in first.arrays())
    broken += [
        one for _, one in follow_training(again, *SEEN, epochs=range(3, 6), after=2, **options)
    ]
    xr.testing.assert_identical(join_moments(broken), join_moments(moments))
    both = zip(whole.arrays().values(), again.arrays().values(), strict=True)
    assert all(np.array_equal(a, b) for a, b in both)


def test_a_training_ends_once_it_has_fitted_and_says_when_it_has_not():
    network, course = train_until_fitted(
        step_of(rate=0.1), *SEEN, n_epochs=150, agreement=False, seed=0
    )
    assert bool(course["fitted"])
    assert (course["train_accuracy"].values[-3:] == 1).all()
    assert course["epoch"].values[0] == 0
    assert course.sizes["epoch"] < 151
    assert float(measure_accuracy(network, *SEEN)["train_accuracy"]) == 1
    _, short = train_until_fitted(step_of(), *SEEN, n_epochs=2, agreement=False)
    assert not bool(short["fitted"])
    assert short["epoch"].values.tolist() == [0, 1, 2]


def test_gradients_are_compared_early_and_then_at_every_fourth_epoch():
    followed = follow_training(step_of(), *SEEN, epochs=range(10), n_agreement_images=4)
    course = join_moments(one for _, one in followed)
    measured = course["epoch"].values[np.isfinite(course["coherence"].values)]
    assert measured.tolist() == [0, 1, 2, 3, 4, 5, 6, 8]
    assert np.isfinite(course["gradient_magnitude"]).all()
    assert course["layer_gradient_norm"].dims == ("epoch", "layer")
    assert np.isnan(course["running_accuracy"].values[0])


def test_sgd_with_momentum_and_decay_is_torchs():
    """Three steps (v = 0.9 v + g + decay w; w -= rate v) against a second implementation."""
    decayed = make_step(
        vgg(),
        optimizer="sgd",
        learning_rate=0.01,
        momentum=0.9,
        weight_decay=1e-4,
        loss="categorical",
    )
    network = vgg().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9, weight_decay=1e-4)
    inputs = torch.from_numpy(DIGITS.train_images)
    labels = torch.from_numpy(DIGITS.train_labels)
    for x, y in zip(inputs.split(16), labels.split(16), strict=True):
        decayed.run(x, torch.eye(10)[y], 16)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(x), torch.eye(10)[y]).backward()
        optimizer.step()
    for name, value in network.state_dict().items():
        assert np.allclose(decayed.arrays()[name], value.numpy(), rtol=0, atol=1e-6)
    start = vgg().state_dict()
    assert max(abs(v - start[n]).max() for n, v in network.state_dict().items()) > 1e-3
