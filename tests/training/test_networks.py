"""The six networks against the captions of the paper."""

from math import prod

import numpy as np
import pytest
import torch
from networks import PANELS, images_of, network_of, weights_of
from torch import nn

from memlib.base.errors import InputError
from memlib.method.features import extract_learned_features, predict_logits
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.training.networks import load_network_arrays, network_arrays

pytestmark = pytest.mark.usefixtures("one_thread")
# (outputs, inputs) of dense layers, (filters, channels, rows, columns) of convolutions
SHALLOW = [(256, 784), (16, 256), (2, 16)]
DEEP = [(256, 784), (128, 256), (64, 128), (16, 64), (2, 16)]
# 28 - 2 - 2 = 24 rows and columns after two 3 x 3 convolutions, 12 after pooling, 64 filters
CNN = [(32, 1, 3, 3), (64, 32, 3, 3), (16, 64 * 12 * 12), (2, 16)]
SHAPES = {"a": SHALLOW, "b": DEEP, "c": CNN, "d": SHALLOW, "e": DEEP, "f": CNN}
DROPOUT = {
    "a": [],
    "b": [],
    "c": [],
    "d": [0.25, 0.5],
    "e": [0.25, 0.5, 0.5, 0.5],
    "f": [0.25, 0.5],
}
KINDS = {
    "a": "flatten dense relu dense relu dense",
    "b": "flatten dense relu dense relu dense relu dense relu dense",
    "c": "unflatten conv relu conv relu pool flatten dense relu dense",
    "d": "flatten dense relu dropout dense relu dropout dense",
    "e": f"flatten {'dense relu dropout ' * 4}dense",
    "f": "unflatten conv relu conv relu pool dropout flatten dense relu dropout dense",
}
NAMES = {
    nn.Flatten: "flatten",
    nn.Unflatten: "unflatten",
    nn.Linear: "dense",
    nn.Conv2d: "conv",
    nn.MaxPool2d: "pool",
    nn.ReLU: "relu",
    nn.Dropout: "dropout",
}


# The six networks


@pytest.mark.parametrize("panel", PANELS)
def test_weights_have_the_shapes_of_the_caption(panel):
    assert [tuple(m.weight.shape) for m in weights_of(network_of(panel))] == SHAPES[panel]


@pytest.mark.parametrize("panel", PANELS)
def test_layers_stand_in_the_order_of_the_caption(panel):
    assert " ".join(NAMES[type(module)] for module in network_of(panel)) == KINDS[panel]
    rates = [m.p for m in network_of(panel) if isinstance(m, nn.Dropout)]
    assert rates == DROPOUT[panel]


@pytest.mark.parametrize("panel", PANELS)
def test_parameter_count_is_weights_and_one_bias_an_output(panel):
    counted = sum(parameter.numel() for parameter in network_of(panel).parameters())
    assert counted == sum(prod(shape) + shape[0] for shape in SHAPES[panel])


def test_parameter_counts_by_hand():
    counted = [sum(p.numel() for p in network_of(panel).parameters()) for panel in "abc"]
    assert counted == [
        (784 * 256 + 256) + (256 * 16 + 16) + (16 * 2 + 2),
        (784 * 256 + 256) + (256 * 128 + 128) + (128 * 64 + 64) + (64 * 16 + 16) + (16 * 2 + 2),
        (9 * 32 + 32) + (9 * 32 * 64 + 64) + (9216 * 16 + 16) + (16 * 2 + 2),
    ]


@pytest.mark.parametrize("panel", "cf")
def test_9216_values_enter_the_16_unit_layer_of_a_cnn(panel):
    network = network_of(panel)
    sixteen = next(n for n, m in network.named_modules() if getattr(m, "out_features", 0) == 16)
    assert extract_learned_features(network, images_of(2), layer=sixteen).shape == (2, 9216)


def test_convolutions_have_stride_1_and_no_padding_and_pooling_does_not_overlap():
    for module in network_of("c"):
        if isinstance(module, nn.Conv2d):
            assert (module.stride, module.padding, module.kernel_size) == ((1, 1), (0, 0), (3, 3))
        if isinstance(module, nn.MaxPool2d):
            assert (module.kernel_size, module.stride) == (2, 2)


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_network_gives_one_logit_a_class(panel, n_classes):
    network = network_of(panel, n_classes=n_classes)
    with torch.no_grad():
        network[-1].bias[0], network[-1].bias[1] = -9, 9
    logits = predict_logits(network, images_of(5))
    assert logits.shape == (5, n_classes)
    assert (logits[:, 0] < 0).all()  # no ReLU and no sigmoid behind the last layer
    assert (logits[:, 1] > 1).all()


@pytest.mark.parametrize("panel", "ac")
def test_images_of_another_shape(panel):
    images = np.random.default_rng(0).random((3, 12, 10), dtype=np.float32)
    network = network_of(panel, image_shape=(12, 10))
    assert weights_of(network)[-2].in_features == {"a": 256, "c": 64 * 4 * 3}[panel]
    assert predict_logits(network, images).shape == (3, 2)


def test_images_too_small_for_a_cnn_are_named():
    with pytest.raises(InputError, match=r"\(5, 5\) are too small"):
        network_of("c", image_shape=(5, 5))


@pytest.mark.parametrize("panel", PANELS)
def test_first_weights_are_glorot_uniform_and_biases_0(panel):
    for module in weights_of(network_of(panel, seed=2)):
        weights, shape = module.weight.detach().numpy(), module.weight.shape
        window = prod(shape[2:])
        limit = (6 / (shape[1] * window + shape[0] * window)) ** 0.5
        assert np.abs(weights).max() <= limit
        # Of n uniform values the largest lies below 1 - c / n with probability exp(-c).
        assert np.abs(weights).max() > limit * (1 - 15 / weights.size)
        spread = limit / 3**0.5
        assert abs(weights.mean()) < 5 * spread / weights.size**0.5
        # (w / limit)^2 of a uniform w has mean 1/3 and variance 4/45
        tolerance = 5 * (4 / 45 / weights.size) ** 0.5
        assert abs(((weights / limit) ** 2).mean() - 1 / 3) < tolerance
        assert (module.bias == 0).all()


@pytest.mark.parametrize(("one", "other", "n_same"), [
    ("a", "d", 3), ("b", "e", 5), ("c", "f", 4), ("a", "b", 1), ("d", "e", 1),
])  # fmt: skip
def test_panels_that_begin_alike_begin_with_the_same_weights(one, other, n_same):
    first, second = (weights_of(network_of(panel, seed=7)) for panel in (one, other))
    for i in range(n_same):
        assert torch.equal(first[i].weight, second[i].weight)


def test_weights_differ_between_seeds_and_layers():
    first, second = (network_of("b", seed=seed) for seed in (0, 1))
    for one, other in zip(weights_of(first), weights_of(second), strict=True):
        assert not torch.equal(one.weight, other.weight)
    two = [m.weight.detach().numpy().ravel()[:1000] for m in weights_of(first)[:2]]
    assert abs(np.corrcoef(*two)[0, 1]) < 0.2


def test_first_weights_do_not_depend_on_torchs_global_seed():
    torch.manual_seed(1)
    first = network_of("a")
    torch.manual_seed(2)
    second = network_of("a")
    for one, other in zip(weights_of(first), weights_of(second), strict=True):
        assert torch.equal(one.weight, other.weight)


@pytest.mark.parametrize("panel", "ef")
def test_arrays_of_a_network_set_another_to_the_same(panel):
    source, target = network_of(panel, seed=0), network_of(panel, seed=1)
    arrays = network_arrays(source)
    load_network_arrays(target, arrays)
    images = images_of()
    np.testing.assert_array_equal(predict_logits(source, images), predict_logits(target, images))
    for value in arrays.values():
        value += 1  # a copy: changing it changes no network
    np.testing.assert_array_equal(predict_logits(source, images), predict_logits(target, images))


@pytest.mark.parametrize(
    ("panel", "label", "n_hidden", "is_cnn", "has_dropout"),
    [
        ("a", "MLP 256-16", 2, False, False),
        ("b", "MLP 256-128-64-16", 4, False, False),
        ("c", "CNN 32-64-16", 3, True, False),
        ("d", "MLP 256-16, dropout", 2, False, True),
        ("e", "MLP 256-128-64-16, dropout", 4, False, True),
        ("f", "CNN 32-64-16, dropout", 3, True, True),
    ],
)
def test_declaration_says_what_the_network_is(panel, label, n_hidden, is_cnn, has_dropout):
    declared = ARCHITECTURES[panel]
    assert (declared.panel, declared.label, declared.n_hidden) == (panel, label, n_hidden)
    assert (declared.is_cnn, declared.has_dropout) == (is_cnn, has_dropout)
