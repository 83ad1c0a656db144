"""Networks trained together against the same networks trained one by one."""

import numpy as np
import pytest
import torch

from memlib.base.errors import InputError
from memlib.training.factory import make_step
from memlib.training.layers import (
    Architecture,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    GaussianNoise,
    GlobalAveragePool,
    MaxPool,
    ReLU,
    Residual,
)
from memlib.training.loop import train_network
from memlib.training.networks import build_network, network_arrays
from memlib.training.rates import StepDecay
from memlib.training.stacked import make_stack, train_stack

pytestmark = pytest.mark.usefixtures("one_thread")
SEEDS = (3, 0, 7)
NETWORKS = {
    "dense": (Dense(12), Dense(7)),
    "disturbed": (Dropout(0.2), GaussianNoise(0.3), Dense(12), Dropout(0.5), Dense(7)),
    # A bias just before BatchNorm would have no gradient but rounding, and a dead unit's variance
    # of 0 would make rounding large: neither is wanted here.
    "normalized": (Dense(12), BatchNorm(epsilon=0.1), Dense(7)),
    "normalized channels": (Conv(4, bias=False, relu=False), BatchNorm(), ReLU(), Dense(7)),
    "convolved": (Conv(4, padding=1), MaxPool(), Dropout(0.2), Conv(5), Dense(7)),
    "residual": (Conv(4), Residual(6, 2, "B"), Residual(8), GlobalAveragePool()),
}
OPTIONS = {
    "plain": {},
    "all": {
        "learning_rate": StepDecay(0.1, 0.5, every=2),
        "momentum": 0.9,
        "weight_decay": 0.01,
        "loss": "categorical",
    },
    # Its default epsilon would make steps of gradients that are nothing but rounding.
    "rmsprop": {"optimizer": "rmsprop", "learning_rate": 0.001, "epsilon": 1e-3},
}


def data(n=40, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n, 6, 6), dtype=np.float32), rng.integers(0, 3, n)


def options(**choices):
    return {"optimizer": "sgd", "learning_rate": 0.1} | choices


def stack_of(name, seeds=SEEDS, **choices):
    architecture = Architecture(name, NETWORKS[name])
    return make_stack(
        architecture, seeds=seeds, image_shape=(6, 6), n_classes=3, **options(**choices)
    )


def alone(name, seed, images, labels, epochs=4, batch_size=16, **choices):
    """Train one network by itself."""
    architecture = Architecture(name, NETWORKS[name])
    network = build_network(architecture, image_shape=(6, 6), n_classes=3, seed=seed)
    step = make_step(network, **options(**choices))
    list(train_network(step, images, labels, epochs=[epochs], batch_size=batch_size, seed=seed))
    return step.network.eval()


def assert_same(one, other):
    expected = network_arrays(other)
    for name, value in network_arrays(one).items():
        np.testing.assert_allclose(value, expected[name], atol=1e-5, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("choices", OPTIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_each_network_is_the_one_that_its_seed_gives_alone(name, choices):
    images, labels = data()
    stack = stack_of(name, **OPTIONS[choices])
    begun = stack.arrays()
    list(train_stack(stack, images, labels, epochs=[4], batch_size=16))
    logits = stack.logits(images)
    assert logits.shape == (3, 40, 3)
    assert logits.dtype == np.float32
    for i, seed in enumerate(SEEDS):
        expected = alone(name, seed, images, labels, **OPTIONS[choices])
        assert_same(stack.network(i), expected)
        with torch.no_grad():
            found = expected(torch.from_numpy(images)).numpy()
        np.testing.assert_allclose(logits[i], found, atol=1e-5)
    for key, value in stack.network(0).named_parameters():
        assert np.abs(value.detach().numpy() - begun[key][0]).max() > 1e-3  # it was trained at all


def test_each_network_may_have_images_and_labels_of_its_own():
    several = [data(seed=i) for i in range(3)]
    images, labels = [x for x, _ in several], np.stack([y for _, y in several])
    cases = [(images, labels), (images, labels[0]), (images[0], labels), (images[0], labels[0])]
    for x, y in cases:
        stack = stack_of("dense", seeds=(1, 1, 1))
        list(train_stack(stack, x, y, epochs=[3], batch_size=16))
        for i in range(3):
            own = x[i] if isinstance(x, list) else x, y[i] if y.ndim == 2 else y
            assert_same(stack.network(i), alone("dense", 1, *own, epochs=3))


@pytest.mark.parametrize("name", ["dense", "disturbed"])
def test_each_network_may_have_samples_of_its_own(name):
    images, labels = data()
    positions = np.stack([np.random.default_rng(i).permutation(40)[:20] for i in range(3)])
    mask = np.zeros((3, 40), bool)
    np.put_along_axis(mask, positions, True, axis=1)
    for subsets in (positions, mask):
        stack = stack_of(name)
        list(train_stack(stack, images, labels, epochs=[3], batch_size=8, subsets=subsets))
        for i, (seed, row) in enumerate(zip(SEEDS, subsets, strict=True)):
            own = images[row], labels[row]
            assert_same(stack.network(i), alone(name, seed, *own, epochs=3, batch_size=8))


def test_a_network_sees_nothing_outside_its_subset():
    images, labels = data()
    mask = np.arange(40) < np.full((3, 1), 20)
    spoilt = images.copy()
    spoilt[20:] = np.nan
    for given in (images, spoilt):
        stack = stack_of("dense")
        list(train_stack(stack, given, labels, epochs=[2], batch_size=8, subsets=mask))
        assert np.isfinite(stack.arrays()["1.weight"]).all()


def test_networks_do_not_depend_on_those_beside_them():
    images, labels = data()
    three, one = stack_of("disturbed"), stack_of("disturbed", seeds=SEEDS[1:2])
    for stack in (three, one):
        list(train_stack(stack, images, labels, epochs=[3], batch_size=16))
    assert_same(three.network(1), one.network(0))


@pytest.mark.parametrize("name", ["disturbed", "normalized", "convolved"])
def test_going_on_at_any_epoch_equals_never_stopping(name):
    whole, stored = stack_of(name, **OPTIONS["all"]), {}
    for epoch, stack in train_stack(whole, *data(), epochs=range(1, 6), batch_size=16):
        assert stack is whole
        stored[epoch] = whole.arrays()
        whole.logits(data()[0])  # a look at the networks changes nothing
    for after in range(1, 5):
        resumed = stack_of(name, seeds=SEEDS, **OPTIONS["all"])
        resumed.load_arrays(stored[after])
        list(train_stack(resumed, *data(), epochs=[5], after=after, batch_size=16))
        for key, expected in stored[5].items():
            np.testing.assert_array_equal(resumed.arrays()[key], expected)


def test_logits_do_not_depend_on_the_size_of_their_batches():
    stack = stack_of("normalized")
    images, _ = data()
    np.testing.assert_allclose(stack.logits(images), stack.logits(images, batch_size=7), atol=1e-6)


def test_networks_handed_out_are_copies():
    stack = stack_of("dense")
    before = stack.arrays()
    first, second = stack.network(0), stack.network(1)
    assert not first.training
    with torch.no_grad():
        for parameter in second.parameters():
            parameter.zero_()
    for name, expected in before.items():
        np.testing.assert_array_equal(stack.arrays()[name], expected)
        np.testing.assert_array_equal(network_arrays(first)[name], expected[0])


def test_training_that_runs_away_names_its_seed():
    images = [data()[0] * scale for scale in (1, 1e20, 1)]
    stack = stack_of("dense", learning_rate=10.0, loss="categorical")
    with pytest.raises(InputError, match="seed 0 diverged in epoch 1"):
        list(train_stack(stack, images, data()[1], epochs=[5], batch_size=8))


def train(images=None, labels=None, name="dense", **choices):
    own_images, own_labels = data()
    images, labels = (
        (own_images if images is None else images),
        own_labels if labels is None else labels,
    )
    return list(train_stack(stack_of(name), images, labels, **{"epochs": [1]} | choices))


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda: stack_of("dense", seeds=()), "seeds are empty"),
        (lambda: stack_of("dense", seeds=(1, -1)), "seed = -1"),
        (lambda: stack_of("dense", precision="bfloat16"), "float32 only"),
        (lambda: stack_of("dense", momentum=-0.1), "momentum = -0.1"),
        (lambda: train(images=[data()[0]] * 2), "2 sets of images for 3 networks"),
        (lambda: train(labels=np.zeros((2, 40), int)), "2 sets of labels for 3 networks"),
        (lambda: train(images=[data(n)[0] for n in (40, 40, 39)]), "differ in shape"),
        (lambda: train(labels=np.full(40, 3)), "labels go from 3 to 3"),
        (lambda: train(labels=np.tile([[0], [1], [3]], 40)), "labels go from 3 to 3"),
        (lambda: train(subsets=np.ones((2, 40), bool)), "one row for each network"),
        (lambda: train(subsets=np.ones((3, 39), bool)), "of 39 samples"),
        (lambda: train(subsets=np.arange(40) < [[1], [1], [40]]), "mark 1 to 40 of 40"),
        (lambda: train(subsets=np.zeros((3, 40), bool)), "mark 0 to 0"),
        (lambda: train(subsets=np.full((3, 2), 40)), "samples 40 to 40: there are 0 to 39"),
        (lambda: train(subsets=np.full((3, 2), 0.5)), "subsets are float64"),
        (lambda: train(epochs=[1.5]), "epoch = 1.5"),
        (lambda: train(batch_size=0), "batch_size = 0"),
        (lambda: train(name="normalized", batch_size=13), "of 1 image"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(act, said):
    with pytest.raises(InputError, match=said) as error:
        act()
    assert "\n" not in str(error.value)
