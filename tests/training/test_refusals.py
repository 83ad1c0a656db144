"""What is refused before any work, in one line: what, which value, what is allowed."""

import numpy as np
import pytest
import torch
from torch import nn

from memlib.base.errors import InputError
from memlib.training import layers
from memlib.training.factory import make_step
from memlib.training.images import load_data
from memlib.training.layers import Architecture, Dense
from memlib.training.loop import train_network
from memlib.training.networks import Noise, build_network
from memlib.training.rates import StepDecay

pytestmark = pytest.mark.usefixtures("one_thread")
NAN, INF = float("nan"), float("inf")


def network():
    return build_network(Architecture("x", (Dense(4),)), image_shape=(3, 3))


def refused(act, said):
    with pytest.raises(InputError, match=said) as error:
        act()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("learning_rate", [0, -0.1, NAN, INF, "0.1", None, True]),
        ("momentum", [-0.1, 1, 1.5, NAN, "0.9", None]),
        ("weight_decay", [-1e-4, NAN, INF, "0", None]),
        ("decay", [-0.1, 1, NAN]),
        ("epsilon", [0, -1e-7, INF]),
    ],
)
def test_numbers_of_the_optimizer(name, values):
    for value in values:
        given = {"optimizer": "sgd", "learning_rate": 0.1, name: value}
        refused(lambda given=given: make_step(network(), **given), f"{name} = {value!r}: take a")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"optimizer": "adam"}, "'adam'"),
        ({"loss": "hinge"}, "'hinge'"),
        ({"precision": "float16"}, "'float16'"),
        ({"device": "tpu"}, "device = 'tpu': take one of auto, cpu, cuda"),
        ({"optimizer": "rmsprop", "momentum": 0.9}, "momentum = 0.9: only sgd"),
    ],
)
def test_names(given, said):
    given = {"optimizer": "sgd", "learning_rate": 0.1} | given
    refused(lambda: make_step(network(), **given), said)


def test_a_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    act = lambda: make_step(network(), optimizer="sgd", learning_rate=0.1, device="cuda")  # noqa: E731
    refused(act, "device = 'cuda': torch finds no CUDA device here")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"start": 0}, "start = 0"),
        ({"start": NAN}, "start = nan"),
        ({"factor": -0.5}, "factor = -0.5"),
        ({"every": 0}, "every = 0"),
        ({"every": 1.5}, "every = 1.5"),
        ({"every": None}, "every = None, at = .*give one of the two"),
        ({"at": (3,)}, "every = 2, at = .*give one of the two"),
        ({"every": None, "at": (0, 3)}, "at = 0"),
        ({"every": None, "at": (3, 3)}, "take increasing epochs"),
        ({"every": None, "at": (5, 3)}, "take increasing epochs"),
    ],
)
def test_rates_by_epoch(given, said):
    refused(lambda: StepDecay(**{"start": 0.1, "factor": 0.5, "every": 2} | given), said)


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("Dense", {"units": 0}, "units = 0"),
        ("Dense", {"units": 4.0}, "units = 4.0"),
        ("Dense", {"units": 4, "relu": 1}, "relu = 1"),
        ("Conv", {"filters": 0}, "filters = 0"),
        ("Conv", {"filters": 4, "kernel": 0}, "kernel = 0"),
        ("Conv", {"filters": 4, "stride": 0}, "stride = 0"),
        ("Conv", {"filters": 4, "padding": -1}, "padding = -1"),
        ("Conv", {"filters": 4, "bias": "no"}, "bias = 'no'"),
        ("MaxPool", {"size": 0}, "size = 0"),
        ("MaxPool", {"stride": 0}, "stride = 0"),
        ("Crop", {"margin": 0}, "margin = 0"),
        ("BatchNorm", {"momentum": 1}, "momentum = 1"),
        ("BatchNorm", {"epsilon": 0}, "epsilon = 0"),
        ("Residual", {"filters": 4, "shortcut": "C"}, "shortcut = 'C': take one of A, B"),
        ("Residual", {"filters": 4, "stride": 0}, "stride = 0"),
        ("Dropout", {"rate": 1}, "rate = 1: take a number from 0 to below 1"),
        ("Dropout", {"rate": -0.1}, "rate = -0.1"),
        ("Dropout", {"rate": NAN}, "rate = nan"),
        ("Dropout", {"rate": 0.999}, "in 256ths"),
        ("GaussianNoise", {"sd": -1}, "sd = -1: take a number, 0 or more"),
        ("GaussianNoise", {"sd": INF}, "sd = inf"),
    ],
)
def test_layers(kind, given, said):
    refused(lambda: getattr(layers, kind)(**given), said)


@pytest.mark.parametrize("n_classes", [1, 0, 2.5])
def test_classes(n_classes):
    architecture = Architecture("x", (Dense(4),))
    refused(lambda: build_network(architecture, n_classes=n_classes), f"n_classes = {n_classes}")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epochs": [1.5]}, "epoch = 1.5: take a whole number, 1 or more"),
        ({"epochs": [0]}, "epoch = 0"),
        ({"epochs": [True]}, "epoch = True"),
        ({"epochs": [1, 3, 2]}, "epoch 2 comes after epoch 3"),
        ({"epochs": [2], "after": 3}, "epoch 2 comes after epoch 3"),
        ({"epochs": [2], "after": -1}, "after = -1"),
        ({"batch_size": 0}, "batch_size = 0"),
        ({"batch_size": 2.5}, "batch_size = 2.5"),
        ({"batch_size": "8"}, "batch_size = '8'"),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_the_loop_refuses_before_it_trains(given, said):
    step = make_step(network(), optimizer="sgd", learning_rate=0.1)
    before = step.arrays()
    samples = np.ones((8, 3, 3), np.float32), np.zeros(8, int)
    refused(lambda: list(train_network(step, *samples, **{"epochs": [1]} | given)), said)
    for name, expected in before.items():
        np.testing.assert_array_equal(step.arrays()[name], expected)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("noise_sd", [0, -1.0, NAN, INF]),
        ("shuffled_labels", [-0.1, 1.1, NAN]),
        ("seed", [-1, 1.5, None]),
    ],
)
def test_data(name, values):
    for value in values:
        given = {"n_images": 100, "n_validation_images": 100, name: value}
        refused(lambda given=given: load_data(**given), f"{name} = {value!r}: take a")


@pytest.mark.parametrize("n_images", [0, -2, 3, 100.0, "100"])
def test_numbers_of_images(n_images):
    said = f"{n_images!r} train images cannot be shared equally by 2 classes: take a multiple of 2"
    refused(lambda: load_data(n_images=n_images), said)


@pytest.mark.parametrize("batch_size", [0, -1, 1.5])
def test_a_step_refuses_batches_of_no_size(batch_size):
    step = make_step(network(), optimizer="sgd", learning_rate=0.1)
    inputs, targets = torch.ones(8, 3, 3), torch.eye(2).repeat(4, 1)
    refused(lambda: step.run(inputs, targets, batch_size), f"batch_size = {batch_size}")


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (
            nn.Sequential(nn.Sequential(nn.Linear(4, 4), Noise(0.1)), nn.Linear(4, 2)),
            "0.1 is Noise",
        ),
        (nn.Sequential(nn.Linear(4, 4), nn.Dropout(1.0), nn.Linear(4, 2)), "layer 1 has rate 1.0"),
    ],
)
def test_networks_that_no_step_can_train(own, said):
    refused(lambda: make_step(own, optimizer="sgd", learning_rate=0.1), said)
