"""What the paper leaves open: each choice does what its name says."""

import numpy as np
import pytest
import torch

from memlib.base.errors import InputError
from memlib.method.features import extract_learned_features
from memlib.method.perturb import make_s_validation_set
from memlib.papers.chaibub_neto_2018.measures import features_of
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.training.factory import make_step
from memlib.training.images import load_data
from memlib.training.losses import LOSSES
from memlib.training.networks import build_network, draw_weights
from memlib.training.steps import rmsprop


def logits_and_targets(n_classes):
    rng = np.random.default_rng(n_classes)
    labels = rng.integers(0, n_classes, 11)
    return 3 * rng.standard_normal((11, n_classes)), np.eye(n_classes)[labels]


def binary(z, t):
    p = 1 / (1 + np.exp(-z))
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()


def categorical(z, t):
    return -np.log((np.exp(z) * t).sum(1) / np.exp(z).sum(1)).mean()


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize(("name", "formula"), [("binary", binary), ("categorical", categorical)])
def test_loss_is_its_formula_and_its_gradient_that_of_autograd(name, formula, n_classes):
    z, t = logits_and_targets(n_classes)
    logits = torch.tensor(z, requires_grad=True)
    targets = torch.tensor(t)
    loss = LOSSES[name].mean(logits, targets)
    assert loss.item() == pytest.approx(formula(z, t), rel=1e-12)
    (expected,) = torch.autograd.grad(loss, logits)
    with torch.no_grad():
        torch.testing.assert_close(LOSSES[name].gradient(logits, targets), expected)


@pytest.mark.parametrize(
    ("kind", "limit"),
    [("glorot", (6 / 21) ** 0.5), ("he", (6 / 18) ** 0.5), ("torch", (1 / 18) ** 0.5)],
)
def test_first_weights_fill_their_limit(kind, limit):
    # (filters, channels, rows, columns): 2 x 9 inputs, here 1/3 x 9 = 3 outputs each
    weights = np.concatenate(
        [draw_weights((1, 6, 3, 1), np.random.default_rng(i), kind) for i in range(500)]
    )
    assert limit * 0.999 < np.abs(weights).max() <= limit


def test_networks_start_from_the_weights_asked_for():
    built = {k: build_network(ARCHITECTURES["a"], initial_weights=k) for k in ("glorot", "he")}
    glorot, he = (network[1].weight.detach() for network in built.values())
    torch.testing.assert_close(he, glorot * ((784 + 256) / 784) ** 0.5)


def test_rmsprop_constants_by_hand():
    weight, memory = torch.tensor([1.0]), torch.tensor([0.04])
    rmsprop(0.1, decay=0.5, epsilon=0.3)(weight, torch.tensor([0.2]), memory)
    assert memory.item() == pytest.approx(0.5 * 0.04 + 0.5 * 0.04)
    assert weight.item() == pytest.approx(1 - 0.1 * 0.2 / (0.2 + 0.3))


def test_pixel_scales_are_the_same_images():
    unit, standardized, raw = (
        load_data(n_images=200, n_validation_images=50, pixel_scale=scale)
        for scale in ("unit", "standardized", "raw")
    )
    assert unit.train_images.max() == 1
    np.testing.assert_array_equal(raw.train_images, np.round(unit.train_images * 255))
    train, validation = standardized.train_images, standardized.validation_images
    assert train.mean(dtype=float) == pytest.approx(0, abs=1e-6)
    assert train.std(dtype=float) == pytest.approx(1, abs=1e-6)
    spread = raw.train_images.std(dtype=float)  # of the training images, for both
    expected = (raw.validation_images - raw.train_images.mean(dtype=float)) / spread
    np.testing.assert_allclose(validation, expected, atol=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_labels_shuffled_before_training(share):
    usual = load_data(n_images=2000, n_validation_images=50)
    data = load_data(n_images=2000, n_validation_images=50, shuffled_labels=share)
    np.testing.assert_array_equal(data.train_images, usual.train_images)
    np.testing.assert_array_equal(data.validation_labels, usual.validation_labels)
    assert np.bincount(data.train_labels).tolist() == [1000, 1000]
    # of the permuted ones about a half meet their own class again
    changed = (data.train_labels != usual.train_labels).mean()
    assert changed == pytest.approx(share / 2, abs=0.05)


@pytest.mark.parametrize(
    "choice", [{"pixel_scale": "log"}, {"shuffled_labels": 1.5}, {"inputs": "sound"}]
)
def test_unknown_choice_of_data_is_named(choice):
    ((name, value),) = choice.items()
    with pytest.raises(InputError, match=rf"^{name} = .*{value}.*: take"):
        load_data(**choice)


def test_shared_shuffle_moves_the_same_pixels_in_all_images():
    places = np.arange(784, dtype=np.float32).reshape(1, 28, 28)
    images = np.concatenate([places, places + 1000])
    first, second = make_s_validation_set(images, 0.1, kind="shuffle_shared").reshape(2, -1)
    np.testing.assert_array_equal(first, second - 1000)
    np.testing.assert_array_equal(np.sort(first), np.arange(784))
    assert 60 <= (first != np.arange(784)).sum() <= 78


def test_features_of_the_layer_asked_for():
    images = load_data(n_images=20, n_validation_images=2).train_images
    network = build_network(ARCHITECTURES["b"]).eval()
    np.testing.assert_array_equal(
        features_of(network, images), extract_learned_features(network, images)
    )
    with torch.no_grad():
        hidden = torch.relu(network[1](torch.from_numpy(images).flatten(1))).numpy()
    np.testing.assert_allclose(features_of(network, images, "first_hidden"), hidden, atol=1e-6)
    np.testing.assert_array_equal(features_of(network, images, "pixels"), images.reshape(20, 784))
    with pytest.raises(InputError, match=r"feature_layer = 'middle': take one of last_hidden"):
        features_of(network, images, "middle")


@pytest.mark.parametrize(("stride", "sides", "inputs"), [(1, (26, 24), 9216), (3, (9, 3), 64)])
def test_stride_of_the_convolutions(stride, sides, inputs):
    network = build_network(ARCHITECTURES["c"].with_stride(stride))
    x, seen = torch.zeros(1, 28, 28), []
    for layer in network:
        x = layer(x)
        if isinstance(layer, torch.nn.Conv2d):
            seen.append(tuple(x.shape[1:]))
    assert seen == [(32, sides[0], sides[0]), (64, sides[1], sides[1])]
    assert next(m for m in network if isinstance(m, torch.nn.Linear)).in_features == inputs


def test_stride_trains_without_the_fused_convolution():
    network = build_network(ARCHITECTURES["f"].with_stride(3))
    step = make_step(network, optimizer="sgd", learning_rate=0.01)
    data = load_data(n_images=64, n_validation_images=2)
    targets = torch.eye(2)[torch.from_numpy(data.train_labels)]
    losses = [step.run(torch.from_numpy(data.train_images), targets, 16) for _ in range(2)]
    assert np.isfinite(losses).all()
