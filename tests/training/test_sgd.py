"""Momentum, weight decay and rates by epoch against torch's own optimizers and schedulers."""

import json
import pickle
from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch import nn

from memlib.base.errors import InputError
from memlib.training.factory import make_step
from memlib.training.fast.cuda_graph import GraphStep
from memlib.training.fast.dense import DenseStep
from memlib.training.layers import Architecture, Conv, Dense, Dropout
from memlib.training.loop import train_network
from memlib.training.networks import build_network
from memlib.training.rates import StepDecay
from memlib.training.steps import Step

pytestmark = pytest.mark.usefixtures("one_thread")
DENSE = Architecture("dense", (Dense(12), Dense(7)))
DROPPED = Architecture("dropped", (Dense(12), Dropout(0.5), Dense(7)))
CONVOLVED = Architecture("convolved", (Conv(4, padding=1), Conv(3), Dense(5)))


def data(n=40, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n, 6, 6), dtype=np.float32), rng.integers(0, 3, n)


def network_of(architecture, seed=0):
    return build_network(architecture, image_shape=(6, 6), n_classes=3, seed=seed)


def step_of(architecture, make=make_step, seed=0, **choices):
    given = {"optimizer": "sgd", "learning_rate": 0.1, "loss": "categorical"} | choices
    return make(network_of(architecture, seed), **given)


def on_device(network, **choices):
    return GraphStep(network, device="cpu", **choices)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weight_decay", [0.0, 0.02])
def test_updates_equal_those_of_torch_bit_for_bit(momentum, weight_decay):
    """100 updates, each by the gradients that the step found."""
    step = step_of(DENSE, Step, momentum=momentum, weight_decay=weight_decay)
    theirs = network_of(DENSE)
    options = {"momentum": momentum, "weight_decay": weight_decay}
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1, foreach=False, **options)
    images, labels = data()
    targets = torch.eye(3)[torch.from_numpy(labels)]
    for _ in range(100):
        _, gradients = step.gradients(torch.from_numpy(images), targets)
        for name, parameter in theirs.named_parameters():
            parameter.grad = gradients[name].clone()
        optimizer.step()
        step.apply(gradients)
        for name, parameter in theirs.named_parameters():
            assert torch.equal(step.weights[name], parameter), name


@pytest.mark.parametrize("architecture", [DENSE, CONVOLVED], ids=lambda a: a.panel)
@pytest.mark.parametrize("make", [make_step, Step, on_device])
def test_training_equals_a_loop_in_torch(architecture, make):
    """Thirty epochs with everything switched on, against plain torch from end to end."""
    options = {"momentum": 0.8, "weight_decay": 0.01}
    step = step_of(architecture, make, learning_rate=StepDecay(0.1, 0.5, every=10), **options)
    theirs = network_of(architecture)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1, **options)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 10, 0.5)
    images, labels = (torch.from_numpy(x) for x in data(32))
    for epoch in range(1, 31):
        step.start_epoch(0, epoch)
        step.run(images, torch.eye(3)[labels], 32)
        optimizer.zero_grad()
        nn.functional.cross_entropy(theirs(images), labels).backward()
        optimizer.step()
        scheduler.step()
    start = network_of(architecture).state_dict()
    for name, expected in theirs.state_dict().items():
        assert (expected - start[name]).abs().max() > 0.01
        np.testing.assert_allclose(step.arrays()[name], expected, atol=1e-5)


def test_weight_decay_joins_the_gradient_of_rmsprop_too():
    step = step_of(DENSE, Step, optimizer="rmsprop", learning_rate=0.001, weight_decay=0.1)
    theirs = network_of(DENSE)
    optimizer = torch.optim.RMSprop(
        theirs.parameters(), lr=0.001, alpha=0.9, eps=1e-7, weight_decay=0.1
    )
    images, labels = (torch.from_numpy(x) for x in data(32))
    for _ in range(20):
        step.run(images, torch.eye(3)[labels], 32)
        optimizer.zero_grad()
        nn.functional.cross_entropy(theirs(images), labels).backward()
        optimizer.step()
    for name, expected in theirs.state_dict().items():
        np.testing.assert_allclose(step.arrays()[name], expected, atol=1e-5)


def test_fast_path_is_kept_with_momentum_decay_and_rates():
    choices = {"momentum": 0.9, "weight_decay": 0.01, "learning_rate": StepDecay(0.1, 0.5, every=2)}
    fast, plain = (step_of(DROPPED, make, **choices) for make in (make_step, Step))
    assert isinstance(fast, DenseStep)
    for step in (fast, plain):
        list(train_network(step, *data(), epochs=[6], batch_size=16))
    for name, expected in plain.arrays().items():
        np.testing.assert_allclose(fast.arrays()[name], expected, atol=1e-6)


def test_memory_is_stored_only_where_there_is_one():
    def memories(**choices):
        return {name for name in step_of(DENSE, **choices).arrays() if name.startswith("memory.")}

    names = {f"memory.{name}" for name, _ in network_of(DENSE).named_parameters()}
    assert memories(momentum=0.9) == memories(optimizer="rmsprop") == names
    assert memories() == memories(weight_decay=0.1) == set()


@pytest.mark.parametrize("make", [make_step, on_device])
@pytest.mark.parametrize("architecture", [DROPPED, CONVOLVED], ids=lambda a: a.panel)
@pytest.mark.parametrize("decay", [{"every": 2}, {"at": (1, 4)}], ids=["every", "at"])
def test_going_on_at_any_epoch_equals_never_stopping(make, architecture, decay):
    choices = {"learning_rate": StepDecay(0.1, 0.5, **decay), "momentum": 0.9, "weight_decay": 0.01}
    whole = step_of(architecture, make, **choices)
    stored = {}
    for epoch, _ in train_network(whole, *data(), epochs=range(1, 7), batch_size=16):
        stored[epoch] = whole.arrays()
    for after in range(1, 6):
        resumed = step_of(architecture, make, seed=9, **choices)
        resumed.load_arrays(stored[after])
        list(train_network(resumed, *data(), epochs=[6], after=after, batch_size=16))
        for name, expected in stored[6].items():
            np.testing.assert_array_equal(resumed.arrays()[name], expected)


# Rates by epoch


def test_rate_is_multiplied_after_the_epochs_given():
    every = StepDecay(0.01, 0.5, every=15)
    assert [every.rate(e) for e in (1, 15, 16, 30, 31)] == [0.01, 0.01, 0.005, 0.005, 0.0025]
    at = StepDecay(1.0, 0.1, at=(3, 5))
    assert [at.rate(e) for e in range(1, 7)] == pytest.approx([1, 1, 1, 0.1, 0.1, 0.01])


@pytest.mark.parametrize("decay", [StepDecay(0.1, 0.3, every=4), StepDecay(0.1, 0.3, at=(2, 9))])
def test_rates_equal_those_of_torch(decay):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=decay.start)
    if decay.every:
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, decay.every, decay.factor)
    else:
        scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, decay.at, decay.factor)
    for epoch in range(1, 15):
        assert decay.rate(epoch) == pytest.approx(scheduler.get_last_lr()[0], rel=1e-12)
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("decay", [StepDecay(0.1, 0.3, every=4), StepDecay(0.1, 0.3, at=(2, 9))])
def test_declared_rate_survives_storing(decay):
    assert pickle.loads(pickle.dumps(decay)) == decay
    assert StepDecay(**json.loads(json.dumps(asdict(decay)))) == decay


def test_a_constant_rate_equals_a_decay_that_never_comes():
    steps = [
        step_of(DROPPED, learning_rate=r, momentum=0.5) for r in (0.1, StepDecay(0.1, 0.5, every=9))
    ]
    for step in steps:
        list(train_network(step, *data(), epochs=[5], batch_size=16))
    for name, expected in steps[0].arrays().items():
        np.testing.assert_array_equal(steps[1].arrays()[name], expected)


def test_a_changing_rate_has_to_know_the_epoch():
    step = step_of(DENSE, learning_rate=StepDecay(0.1, 0.5, every=2))
    with pytest.raises(InputError, match="epoch = None"):
        step.start_epoch(3)


class Captured(GraphStep):
    """Stands in for a GPU: work made ready goes on with the update of that moment, as a graph."""

    n_captures = 0

    def _prepare(self, x, y):
        super()._prepare(x, y)
        own_x, own_y, work = self.prepared[len(x)]
        update = self.update

        def replay():
            now, self.update = self.update, update
            work()
            self.update = now

        self.prepared[len(x)] = own_x, own_y, replay
        self.n_captures += 1


def test_captured_work_sees_a_changed_rate_and_is_else_captured_once():
    def captured(network, **choices):
        return Captured(network, device="cpu", **choices)

    choices = {"learning_rate": StepDecay(0.1, 0.2, at=(2, 3)), "momentum": 0.9}
    plain, graph = step_of(DENSE, Step, **choices), step_of(DENSE, captured, **choices)
    for step in (plain, graph):
        list(train_network(step, *data(), epochs=[6], batch_size=20))
    assert graph.n_captures == 3  # rates in six epochs
    for name, expected in plain.arrays().items():
        np.testing.assert_allclose(graph.arrays()[name], expected, atol=1e-7)
