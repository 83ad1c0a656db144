"""The declared networks against the paper's words, and what regularizers add."""

import numpy as np
import pytest
import torch
from torch import nn

from memlib.base.errors import InputError
from memlib.papers.arpit_2017.networks import (
    FIG_10_REGULARIZERS,
    FIG_11_LABELS,
    TEACHING_CNN,
    Regularizer,
    footnote_cnn,
    mlp,
)
from memlib.training.layers import Dense, Dropout, GaussianNoise, ReLU
from memlib.training.networks import build_network


def n_weights(network):
    return sum(parameter.numel() for parameter in network.parameters())


def sides(network, image_shape):
    """Channels and sides of what each convolution and pooling gives."""
    x, found = torch.zeros(2, *image_shape), []
    for layer in network.eval():
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            found.append(tuple(x.shape[1:]))
    assert x.shape == (2, 10)
    return found


def test_the_cnn_of_footnote_2():
    network = build_network(footnote_cnn(crop=2), image_shape=(3, 32, 32), n_classes=10)
    expected = [(200, 24, 24), (200, 8, 8), (200, 4, 4), (200, 1, 1)]
    assert sides(network, (3, 32, 32)) == expected
    kinds = [type(layer).__name__ for layer in network]
    block = ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"]
    dense = ["Linear", "BatchNorm1d", "ReLU"]
    place = kinds.index("Conv2d")
    assert kinds[place:] == [*block, *block, "Flatten", *dense, *dense, "Linear"]
    # Weights by hand: two convolutions, three dense layers, four normalizations.
    by_hand = (75 + 1) * 200 + (5000 + 1) * 200 + 201 * 384 + 385 * 192 + 193 * 10
    assert n_weights(network) == by_hand + 2 * (200 + 200 + 384 + 192)
    padded = build_network(footnote_cnn(padding=2), image_shape=(28, 28), n_classes=10)
    assert sides(padded, (28, 28)) == [(200, 28, 28), (200, 9, 9), (200, 9, 9), (200, 3, 3)]


def test_the_crop_takes_two_pixels_off_each_side():
    network = build_network(footnote_cnn(4, (4, 4), crop=2), image_shape=(3, 32, 32), n_classes=10)
    network.eval()
    images = torch.rand(2, 3, 32, 32)
    changed = images.clone()
    changed[:, :, :2], changed[:, :, -2:] = 5, 5
    changed[..., :2], changed[..., -2:] = 5, 5
    torch.testing.assert_close(network(images), network(changed))


def test_teaching_cnn_and_mlps():
    network = build_network(TEACHING_CNN, image_shape=(28, 28), n_classes=10)
    assert sides(network, (28, 28))[-1] == (32, 1, 1)
    assert mlp().layers == (Dense(4096), Dense(4096))
    assert mlp(16, n_layers=3).layers == (Dense(16),) * 3


def test_regularizers_add_their_layers_and_nothing_else():
    plain = mlp(8)
    first, second = plain.layers
    places = {
        "dropout": (first, Dropout(0.5), second, Dropout(0.5)),
        "hidden_noise": (first, GaussianNoise(0.5), second, GaussianNoise(0.5)),
        "input_dropout": (Dropout(0.5), first, second),
        "input_noise": (GaussianNoise(0.5), first, second),
        "weight_decay": (first, second),
    }
    for name, layers in places.items():
        assert Regularizer(name, 0.5).apply(plain).layers == layers
    assert Regularizer("weight_decay", 0.5).weight_decay == 0.5
    assert Regularizer("dropout", 0.5).weight_decay == 0
    with_dropout = Regularizer("adversarial", 0.7, 0.3)
    assert with_dropout.apply(plain).layers == (first, Dropout(0.3), second, Dropout(0.3))
    assert Regularizer().apply(plain) == plain


def test_in_the_cnn_dropout_follows_the_dense_relus_alone():
    layers = Regularizer("dropout", 0.5).apply(footnote_cnn(4, (6, 5))).layers
    places = [place for place, layer in enumerate(layers) if layer == Dropout(0.5)]
    assert len(places) == 2
    for place in places:
        assert layers[place - 1] == ReLU()
        assert isinstance(layers[place - 3], Dense)
    network = build_network(
        Regularizer("input_noise", 1.0).apply(footnote_cnn(4, (6, 5))),
        image_shape=(28, 28),
        n_classes=10,
    )
    assert network.eval()(torch.rand(3, 28, 28)).shape == (3, 10)


def test_same_first_weights_whatever_the_regularizer():
    plain = build_network(mlp(8), image_shape=(4, 4), seed=3)
    dropped = build_network(Regularizer("dropout", 0.5).apply(mlp(8)), image_shape=(4, 4), seed=3)
    for one, other in zip(plain.parameters(), dropped.parameters(), strict=True):
        np.testing.assert_array_equal(one.detach(), other.detach())


def test_the_settings_of_fig_10():
    labels = [one.label for one in FIG_10_REGULARIZERS]
    assert len(set(labels)) == 21
    assert set(FIG_11_LABELS) < set(labels)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("early_stopping", 1.0), "take one of none, dropout"),
        (("none", 0.5), "without a regularizer it is 0"),
        (("dropout", 0.5, 0.5), "only with adversarial training"),
        (("adversarial", 1.5), "take a weight from 0 to 1"),
    ],
)
def test_refusals(arguments, words):
    with pytest.raises(InputError, match=words):
        Regularizer(*arguments)
