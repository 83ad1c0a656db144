"""Batch normalization, noise and dropout of inputs: what they compute, and going on with them."""

import numpy as np
import pytest
import torch
from torch import nn

from memlib.base.errors import InputError
from memlib.base.seeds import stream_integer
from memlib.training.factory import make_step
from memlib.training.fast.cuda_graph import GraphStep
from memlib.training.fast.dense import DenseStep
from memlib.training.layers import (
    Architecture,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    GaussianNoise,
    MaxPool,
    ReLU,
    Residual,
)
from memlib.training.loop import train_network
from memlib.training.networks import Noise, build_network

pytestmark = pytest.mark.usefixtures("one_thread")
NORM = (BatchNorm(), ReLU())
NETWORKS = {
    "norm": (Dense(8, relu=False), *NORM, Dense(6)),
    "norm of channels": (Conv(4, relu=False), *NORM, MaxPool(), Residual(6, 2)),
    "noise on inputs": (GaussianNoise(0.5), Dense(8)),
    "noise on hidden": (Dense(8), GaussianNoise(0.5), Dense(6), Dropout(0.3)),
    "noise on images": (GaussianNoise(0.5), Conv(4), MaxPool(), Dense(6)),
    "dropout of inputs": (Dropout(0.5), Dense(8)),
    "dropout of images": (Dropout(0.5), Conv(4), MaxPool(), Dense(6)),
    "all": (Dropout(0.2), GaussianNoise(1.0), Dense(8, relu=False), *NORM, Dropout(0.5)),
}


def data(n=48, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n, 6, 6), dtype=np.float32), rng.integers(0, 3, n)


def step_of(name, make=make_step, seed=0, **choices):
    architecture = Architecture(name, NETWORKS[name])
    network = build_network(architecture, image_shape=(6, 6), n_classes=3, seed=seed)
    given = {"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.5} | choices
    return make(network, **given)


def on_device(network, **choices):
    return GraphStep(network, device="cpu", **choices)


@pytest.mark.parametrize("make", [make_step, on_device])
@pytest.mark.parametrize("name", NETWORKS)
def test_going_on_at_any_epoch_equals_never_stopping(name, make):
    whole = step_of(name, make)
    stored = {}
    for epoch, _ in train_network(whole, *data(), epochs=range(1, 5), batch_size=20):
        stored[epoch] = whole.arrays()
    for after in range(1, 4):
        resumed = step_of(name, make, seed=9)
        resumed.load_arrays(stored[after])
        list(train_network(resumed, *data(), epochs=[4], after=after, batch_size=20))
        for key, expected in stored[4].items():
            np.testing.assert_array_equal(resumed.arrays()[key], expected)


# Noise


def steps_loss(step, images, targets, seed=1):
    """Return the loss of one pass that changes next to nothing."""
    step.start_epoch(seed)
    return step.run(images, targets, len(images))


def test_noise_has_the_sd_asked_for_and_follows_from_the_seed_alone():
    for make in (make_step, on_device):
        step = step_of("noise on inputs", make)
        drawn = {}
        for seed in (1, 2, 1):
            step.start_epoch(seed)
            noise = step.add_noise(torch.ones(400, 500), 0.3) - 1
            assert abs(noise.mean()) < 0.0034  # 5 standard errors
            assert abs(noise.std() - 0.3) < 0.0024
            assert seed not in drawn or torch.equal(drawn[seed], noise)
            drawn[seed] = noise
        assert not torch.equal(drawn[1], drawn[2])


@pytest.mark.parametrize("name", ["noise on inputs", "noise on hidden", "noise on images"])
def test_noise_is_added_while_training_alone(name):
    step = step_of(name, learning_rate=1e-12)
    images, labels = (torch.from_numpy(x) for x in data())
    targets = torch.eye(3)[labels]
    noisy = {steps_loss(step, images, targets, seed) for seed in (1, 2)}
    assert len(noisy) == 2
    state = torch.random.get_rng_state()
    step.network.eval()
    logits = step.network(images)
    assert torch.equal(logits, step.network(images))
    without = nn.Sequential(*(m for m in step.network if not isinstance(m, Noise))).eval()
    assert torch.equal(logits, without(images))
    assert torch.equal(torch.random.get_rng_state(), state)  # nor is a global generator drawn from


def test_noise_on_the_inputs_of_a_linear_network_acts_as_its_formula_says():
    """The expected squared change of a logit w x is sd^2 |w|^2."""
    step = step_of("noise on inputs")
    weight = step.network[2].weight.detach()
    x = torch.zeros(20_000, 36)
    step.start_epoch(3)
    change = step.add_noise(x, 0.5) @ weight.t()
    expected = 0.25 * (weight**2).sum(1)
    torch.testing.assert_close((change**2).mean(0), expected, rtol=0.06, atol=0)  # 6 errors


def test_no_noise_is_no_change():
    silent = Architecture("silent", (GaussianNoise(0.0), Dense(8)))
    plain = Architecture("plain", (Dense(8),))
    arrays = []
    for architecture in (silent, plain):
        network = build_network(architecture, image_shape=(6, 6), n_classes=3)
        step = make_step(network, optimizer="sgd", learning_rate=0.1)
        assert isinstance(step, DenseStep) == (architecture is plain)
        list(train_network(step, *data(), epochs=[3], batch_size=16))
        arrays.append(list(step.arrays().values()))
    for one, other in zip(*arrays, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_inputs_are_dropped_before_anything_else():
    step = step_of("dropout of inputs", learning_rate=1e-12)
    assert not isinstance(step, DenseStep)
    seen = []
    step.network[2].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    images = torch.ones(48, 6, 6)
    steps_loss(step, images, torch.eye(3).repeat(16, 1))
    assert seen[0].unique().tolist() == [0, 2]
    assert abs((seen[0] == 0).float().mean() - 0.5) < 0.06  # 5 standard errors
    assert torch.equal(images, torch.ones(48, 6, 6))


def test_masks_are_the_first_draws_of_the_epochs_stream_as_ever():
    step = step_of("dropout of inputs")
    seed = stream_integer(0, "dropout", 1)
    step.start_epoch(seed, 1)
    kept = step.drop(torch.ones(4, 6, 6), 0.5) > 0
    raw = np.random.SFC64(seed).random_raw(18).view(np.uint8).reshape(4, 6, 6)
    np.testing.assert_array_equal(kept.numpy(), raw >= 128)


# Batch normalization


def test_normalized_network_trains_as_torch_trains_it():
    step = step_of("norm", loss="categorical", momentum=0.0)
    theirs = build_network(Architecture("", NETWORKS["norm"]), image_shape=(6, 6), n_classes=3)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1)
    images, labels = (torch.from_numpy(x) for x in data())
    for _ in range(20):
        step.run(images, torch.eye(3)[labels], 48)
        optimizer.zero_grad()
        nn.functional.cross_entropy(theirs.train()(images), labels).backward()
        optimizer.step()
    for name, expected in theirs.state_dict().items():
        np.testing.assert_allclose(step.arrays()[name], expected, atol=1e-5)


def test_running_statistics_by_hand_and_used_in_evaluation():
    layers = (BatchNorm(momentum=0.25, epsilon=0.5), Dense(4))
    network = build_network(Architecture("b", layers), image_shape=(2, 6, 6), n_classes=3)
    step = make_step(network, optimizer="sgd", learning_rate=1e-12)
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.normal(3, 2, (12, 2, 6, 6)).astype(np.float32))
    step.run(images, torch.eye(3).repeat(4, 1), 12)
    mean, variance = images.mean((0, 2, 3)), images.var((0, 2, 3), correction=1)
    arrays = step.arrays()
    np.testing.assert_allclose(arrays["0.running_mean"], 0.25 * mean, rtol=1e-5)
    np.testing.assert_allclose(arrays["0.running_var"], 0.75 + 0.25 * variance, rtol=1e-5)
    # In evaluation an image's logits do not depend on the images beside it.
    network.eval()
    torch.testing.assert_close(network(images)[:1], network(images[:1]))
    expected = (images[:1] - 0.25 * mean[:, None, None]) / torch.sqrt(
        0.75 + 0.25 * variance[:, None, None] + 0.5
    )
    torch.testing.assert_close(network[0](images[:1]), expected)


def test_training_goes_back_to_the_mini_batchs_statistics_after_an_evaluation():
    ends = []
    for look in (False, True):
        step = step_of("norm")
        for _, network in train_network(step, *data(), epochs=range(1, 4), batch_size=16):
            if look:
                network.eval()(torch.from_numpy(data()[0]))
        ends.append(step.arrays())
    for name, expected in ends[0].items():
        np.testing.assert_array_equal(ends[1][name], expected)


@pytest.mark.parametrize(("n", "batch_size"), [(33, 16), (8, 1)])
def test_a_mini_batch_of_one_image_is_refused_before_any_work(n, batch_size):
    step = step_of("norm")
    before = step.arrays()
    with pytest.raises(InputError, match="of 1 image, which batch normalization cannot take"):
        list(train_network(step, *data(n), epochs=[1], batch_size=batch_size))
    for name, expected in before.items():
        np.testing.assert_array_equal(step.arrays()[name], expected)
