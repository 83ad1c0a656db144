"""The fast steps against autograd, the optimizers against hand-computed updates."""

import numpy as np
import pytest
import torch
from torch import nn

from memlib.base.errors import InputError
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.training.factory import make_step
from memlib.training.fast.convolution import ConvReluPool
from memlib.training.fast.dense import DenseStep
from memlib.training.networks import build_network
from memlib.training.steps import Step

OPTIMIZERS = {"sgd": 0.01, "rmsprop": 0.0001}


pytestmark = pytest.mark.usefixtures("one_thread")


def batch(n=40, seed=0):
    rng = np.random.default_rng(seed)
    images = torch.from_numpy(rng.random((n, 28, 28), dtype=np.float32))
    return images, torch.eye(2)[torch.from_numpy(rng.integers(0, 2, n))]


def trained(make, panel, optimizer, n_epochs=2, n=40):
    network = build_network(ARCHITECTURES[panel], seed=1)
    step = make(network, optimizer=optimizer, learning_rate=OPTIMIZERS[optimizer])
    images, targets = batch(n)
    losses = []
    for epoch in range(n_epochs):
        step.start_epoch(epoch)
        losses.append(step.run(images, targets, 16))
    return step, losses


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("panel", "abcdef")
def test_fast_step_equals_autograd(panel, optimizer):
    fast, fast_losses = trained(make_step, panel, optimizer)
    plain, plain_losses = trained(Step, panel, optimizer)
    assert isinstance(fast, DenseStep) == (panel in "abde")
    np.testing.assert_allclose(fast_losses, plain_losses, rtol=1e-5)
    start = dict(build_network(ARCHITECTURES[panel], seed=1).named_parameters())
    for name, expected in plain.arrays().items():
        np.testing.assert_allclose(fast.arrays()[name], expected, rtol=1e-4, atol=1e-5)
        if name in start:
            moved = np.abs(expected - start[name].detach().numpy()).max()
            error = np.abs(fast.arrays()[name] - expected).max()
            assert error < 0.02 * moved


@pytest.mark.parametrize("panel", "abcdef")
def test_gradients_equal_autograd(panel):
    images, targets = batch(24)
    network = build_network(ARCHITECTURES[panel], seed=1)
    plain = Step(network, optimizer="sgd", learning_rate=0.01)
    _, expected = plain.gradients(images, targets)
    fast = make_step(network, optimizer="sgd", learning_rate=0.01)
    _, gradients = fast.gradients(images, targets)
    for name, value in expected.items():
        scale = value.abs().max()
        torch.testing.assert_close(gradients[name] / scale, value / scale, rtol=0, atol=1e-5)


@pytest.mark.parametrize("side", [8, 9, 11])
def test_fused_convolution_equals_layers(side):
    generator = torch.Generator().manual_seed(side)
    x = torch.randn(3, 32, side, side, generator=generator).requires_grad_()
    weight = torch.randn(5, 32, 3, 3, generator=generator).requires_grad_()
    bias = torch.randn(5, generator=generator).requires_grad_()
    expected = nn.functional.max_pool2d(torch.relu(nn.functional.conv2d(x, weight, bias)), 2)
    out = ConvReluPool.apply(x, weight, bias)
    upstream = torch.randn(out.shape, generator=generator)
    upstream[:, 1] = 0
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-4)
    inputs = (x, weight, bias)
    found = torch.autograd.grad(out, inputs, upstream)
    for got, wanted in zip(found, torch.autograd.grad(expected, inputs, upstream), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("panel", "ad")
def test_loss_is_mean_binary_cross_entropy(panel):
    images, targets = batch(16)
    step = make_step(build_network(ARCHITECTURES[panel]), optimizer="sgd", learning_rate=0.01)
    with torch.no_grad():
        p = torch.sigmoid(step.network.eval()(images)).double()
    expected = -(targets * p.log() + (1 - targets) * (1 - p).log()).mean()
    if panel == "d":  # without its dropout
        step.draw_bytes = lambda shape, rate: (np.full(shape, 255, np.uint8), 0, 1.0)
    assert step.run(images, targets, 16) == pytest.approx(float(expected), rel=1e-5)


def test_last_batch_counts_by_its_size():
    images, targets = batch(20)
    step = Step(build_network(ARCHITECTURES["a"]), optimizer="sgd", learning_rate=1e-12)
    parts = slice(0, 16), slice(16, 20)
    first, last = (float(step.gradients(images[s], targets[s])[0]) for s in parts)
    assert step.run(images, targets, 16) == pytest.approx((16 * first + 4 * last) / 20, rel=1e-6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_updates_by_hand(optimizer):
    network = nn.Sequential(nn.Linear(1, 1, bias=False))
    step = Step(network, optimizer=optimizer, learning_rate=0.1)
    step.weights["0.weight"].data[:] = w = 0.5
    x, y, v = torch.tensor([[0.001]]), torch.tensor([[1.0]]), 0.0
    for _ in range(3):
        g = (1 / (1 + np.exp(-w * 0.001)) - 1) * 0.001  # about -5e-4: epsilon's place matters
        v = 0.9 * v + 0.1 * g * g
        w -= 0.1 * g if optimizer == "sgd" else 0.1 * g / (np.sqrt(v) + 1e-7)
        step.run(x, y, 1)
        assert step.weights["0.weight"].item() == pytest.approx(w, rel=1e-6)


@pytest.mark.parametrize("panel", "adf")
def test_repeats_bit_for_bit_and_resumes(panel):
    whole, _ = trained(make_step, panel, "rmsprop", n_epochs=2)
    half, _ = trained(make_step, panel, "rmsprop", n_epochs=1)
    network = build_network(ARCHITECTURES[panel], seed=9)
    resumed = make_step(network, optimizer="rmsprop", learning_rate=OPTIMIZERS["rmsprop"])
    resumed.load_arrays(half.arrays() | {"epoch": np.array(1)})
    resumed.start_epoch(1)
    resumed.run(*batch(), 16)
    for name, expected in whole.arrays().items():
        np.testing.assert_array_equal(resumed.arrays()[name], expected)


def test_masks_depend_on_the_seed_and_keep_the_mean():
    step = make_step(build_network(ARCHITECTURES["d"]), optimizer="sgd", learning_rate=0.01)
    drawn = {}
    for seed in (1, 2, 1):
        step.start_epoch(seed)
        raw, threshold, scale = step.draw_bytes(torch.Size((500, 257)), 0.25)
        kept = raw >= threshold
        assert (seed not in drawn) or np.array_equal(drawn[seed], kept)
        drawn[seed] = kept
        assert abs(kept.mean() - 0.75) < 0.006  # 5 standard errors
        assert scale == 1 / 0.75
    assert not np.array_equal(drawn[1], drawn[2])
    first, second = (
        step.draw_bytes(torch.Size((64, 16)), 0.5),
        step.draw_bytes(torch.Size((64, 16)), 0.5),
    )
    assert not np.array_equal(first[0], second[0])


def _linear(n_inputs: int, n_outputs: int, **options) -> nn.Linear:
    return nn.Linear(n_inputs, n_outputs, **options)


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [_linear(9, 5), _linear(5, 2)],
        lambda: [_linear(9, 5, bias=False), nn.ReLU(), _linear(5, 2)],
        lambda: [nn.Dropout(0.5), _linear(9, 5), nn.ReLU(), _linear(5, 2)],
        lambda: [_linear(9, 5), nn.Dropout(0.5), nn.ReLU(), _linear(5, 2)],
        lambda: [_linear(9, 5), nn.ReLU(), _linear(5, 2), nn.ReLU()],
        lambda: [_linear(9, 5), nn.ReLU(), nn.BatchNorm1d(5), _linear(5, 2)],
    ],
    ids=["linear", "no bias", "dropout first", "dropout before ReLU", "ReLU last", "batch norm"],
)
def test_any_other_stack_is_trained_as_torch_runs_it(layers):
    """Only stacks that the hand-written backward pass knows may take it."""
    found = []
    for make in (Step, make_step):
        torch.manual_seed(0)
        step = make(nn.Sequential(nn.Flatten(), *layers()), optimizer="sgd", learning_rate=0.1)
        step.start_epoch(3)
        inputs = torch.arange(72.0).reshape(8, 3, 3) / 72
        before = inputs.clone()
        losses = [step.run(inputs, torch.eye(2).repeat(4, 1), 4) for _ in range(3)]
        assert torch.equal(inputs, before)
        found.append((losses, step.arrays()))
    (losses, arrays), (other_losses, other_arrays) = found
    assert losses == pytest.approx(other_losses, rel=1e-5)
    for name, value in arrays.items():
        np.testing.assert_allclose(other_arrays[name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (nn.Linear(4, 2), "is a Linear"),
        (nn.Sequential(nn.Sequential(nn.Linear(4, 4), nn.Dropout()), nn.Linear(4, 2)), "0.1 is Dr"),
        (nn.Sequential(nn.Linear(4, 4), nn.AlphaDropout(), nn.Linear(4, 2)), "1 is AlphaDropout"),
        (nn.Sequential(nn.Linear(4, 2).requires_grad_(False)), "parameter 0.weight"),
    ],
)
def test_networks_that_would_be_trained_otherwise_than_they_say_are_refused(network, said):
    with pytest.raises(InputError, match=said):
        make_step(network)


def test_unknown_optimizer():
    with pytest.raises(ValueError, match="adam"):
        make_step(build_network(ARCHITECTURES["a"]), optimizer="adam", learning_rate=0.01)
