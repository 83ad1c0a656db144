"""bfloat16 products and training on a device: another path, the same test."""

import numpy as np
import pytest
import torch

from memlib.base.errors import InputError
from memlib.base.seeds import stream_integer
from memlib.papers.chaibub_neto_2018.measures import score_network
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.training.devices import choose_device
from memlib.training.factory import make_step
from memlib.training.fast.cuda_graph import GraphStep
from memlib.training.images import load_data
from memlib.training.loop import train_network
from memlib.training.networks import build_network
from memlib.training.steps import Step

pytestmark = pytest.mark.usefixtures("one_thread")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


def batch(n, seed=0):
    data = load_data(n_images=n, n_validation_images=2, seed=seed)
    return torch.from_numpy(data.train_images), torch.eye(2)[torch.from_numpy(data.train_labels)]


@pytest.mark.parametrize("panel", "abcdef")
def test_bfloat16_gradients_are_those_of_float32_but_for_rounding(panel):
    images, targets = batch(64)
    found = {}
    for precision in ("float32", "bfloat16"):
        network = build_network(ARCHITECTURES[panel], seed=1)
        step = make_step(network, optimizer="sgd", learning_rate=0.01, precision=precision)
        found[precision] = step.gradients(images, targets)[1]
    assert all(gradient.dtype == torch.float32 for gradient in found["bfloat16"].values())
    expected, gradient = (torch.cat([g.ravel() for g in one.values()]) for one in found.values())
    # 8 bits in each product, and ReLUs near 0 that open or close
    assert 0 < (gradient - expected).norm() / expected.norm() < 0.15


def null_means(network, data):
    scores = score_network(
        network,
        data,
        range(1, 41),
        perturbations=(0.05, 0.1),
        perturbation_kind="shuffle",
        classifier="random_forest",
        n_trees=100,
        seed=0,
        epoch=0,
    )
    return scores.accuracy.mean(axis=0)


def trained(panel, epochs, data, **choices):
    step = make_step(
        build_network(ARCHITECTURES[panel]), optimizer="sgd", learning_rate=0.01, **choices
    )
    *_, (_, network) = train_network(
        step, data.train_images, data.train_labels, epochs=[epochs], batch_size=128
    )
    return network.cpu()


@pytest.mark.parametrize(("panel", "inputs"), [("a", "images"), ("d", "noise")])
def test_bfloat16_leaves_the_null_unchanged(panel, inputs):
    data = load_data(n_images=1000, n_validation_images=2, inputs=inputs)
    nulls = [
        null_means(trained(panel, 100, data, precision=precision), data)
        for precision in ("float32", "bfloat16")
    ]
    assert (nulls[0] > 0.55).all()
    np.testing.assert_allclose(*nulls, atol=0.01)


def test_unknown_precision_is_named():
    network = build_network(ARCHITECTURES["a"])
    with pytest.raises(InputError, match="precision is 'float16': take one of float32, bfloat16"):
        make_step(network, optimizer="sgd", learning_rate=0.01, precision="float16")


# The code that runs on a GPU, here on the CPU, where nothing is captured


@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 0.01), ("rmsprop", 0.001)])
@pytest.mark.parametrize("panel", "abc")
def test_device_step_equals_the_plain_one(panel, optimizer, rate):
    images, targets = batch(40)
    steps = [
        make(build_network(ARCHITECTURES[panel]), optimizer=optimizer, learning_rate=rate, **more)
        for make, more in ((Step, {}), (GraphStep, {"device": "cpu"}))
    ]
    for epoch in range(2):
        for step in steps:
            step.start_epoch(epoch)
        expected, loss = (step.run(images, targets, 16) for step in steps)
        assert loss == pytest.approx(expected, rel=1e-6)
    for name, expected in steps[0].arrays().items():
        np.testing.assert_allclose(steps[1].arrays()[name], expected, rtol=1e-5, atol=1e-7)


def test_device_step_drops_the_share_asked_for_and_keeps_the_mean():
    step = GraphStep(
        build_network(ARCHITECTURES["d"]), device="cpu", optimizer="sgd", learning_rate=0.01
    )
    dropped = step.drop(torch.ones(1000, 100), 0.25)
    assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert dropped.unique().tolist() == pytest.approx([0, 4 / 3])


def test_device_step_goes_on_bit_for_bit():
    images, targets = batch(40)

    def step(epochs, arrays=None):
        one = GraphStep(
            build_network(ARCHITECTURES["d"]), device="cpu", optimizer="rmsprop", learning_rate=0.01
        )
        if arrays:
            one.load_arrays(arrays)
        for epoch in epochs:
            one.start_epoch(stream_integer(0, "dropout", epoch))
            one.run(images, targets, 16)
        return one.arrays()

    whole, resumed = step(range(4)), step(range(2, 4), step(range(2)))
    for name, value in whole.items():
        np.testing.assert_array_equal(resumed[name], value)


def test_device_is_chosen_by_itself_and_can_be_named():
    assert choose_device("cpu") == "cpu"
    assert choose_device() == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(InputError, match="device = 'tpu': take one of auto, cpu, cuda"):
        choose_device("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_missing_device_is_named():
    with pytest.raises(InputError, match="torch finds no CUDA device here; take cpu or auto"):
        choose_device("cuda")


@needs_cuda
@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 0.01), ("rmsprop", 0.001)])
@pytest.mark.parametrize("panel", "abc")
def test_captured_step_equals_the_plain_one(panel, optimizer, rate):
    images, targets = batch(40)
    choices = {"optimizer": optimizer, "learning_rate": rate}
    plain = make_step(build_network(ARCHITECTURES[panel]), **choices)
    captured = make_step(build_network(ARCHITECTURES[panel]), device="cuda", **choices)
    for step in (plain, captured):
        step.start_epoch(0)
    expected = plain.run(images, targets, 16)
    assert captured.run(images.cuda(), targets.cuda(), 16) == pytest.approx(expected, rel=1e-3)
    for name, value in plain.arrays().items():
        np.testing.assert_allclose(captured.arrays()[name], value, rtol=0.01, atol=1e-3)


@needs_cuda
def test_captured_dropout_differs_from_step_to_step():
    images, targets = (t.cuda() for t in batch(32))
    network = build_network(ARCHITECTURES["d"])
    step = make_step(network, device="cuda", optimizer="sgd", learning_rate=1e-12)
    losses = []
    for epoch in (1, 2, 1):
        step.start_epoch(epoch)
        losses.append(step.run(images, targets, 16))
    assert losses[0] == losses[2] != losses[1]


@needs_cuda
@pytest.mark.parametrize(("panel", "inputs"), [("a", "images"), ("d", "noise")])
def test_cuda_and_cpu_give_the_same_null(panel, inputs):
    data = load_data(n_images=1000, n_validation_images=2, inputs=inputs)
    nulls = [null_means(trained(panel, 100, data, device=d), data) for d in ("cpu", "cuda")]
    np.testing.assert_allclose(*nulls, atol=0.01)
