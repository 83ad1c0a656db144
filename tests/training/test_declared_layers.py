"""Declared layers against torch's own, and against the networks that the papers describe."""

from contextlib import suppress

import numpy as np
import pytest
import torch
from torch import nn

from memlib.base.errors import InputError
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.training.factory import make_step
from memlib.training.layers import (
    Architecture,
    BatchNorm,
    Conv,
    Crop,
    Dense,
    Dropout,
    GaussianNoise,
    GlobalAveragePool,
    MaxPool,
    ReLU,
    Residual,
)
from memlib.training.networks import ResidualBlock, build_network, draw_weights
from memlib.training.steps import Step

pytestmark = pytest.mark.usefixtures("one_thread")


def normal(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def normalized(*layer):
    return (*layer, BatchNorm(), ReLU())


def arpit(padding):
    convolution = *normalized(Conv(200, kernel=5, padding=padding, relu=False)), MaxPool(3)
    dense = *normalized(Dense(384, relu=False)), *normalized(Dense(192, relu=False))
    return Architecture("arpit", (Crop(2), *convolution, *convolution, *dense))


def vgg(*blocks):
    layers = [
        layer for filters, n in blocks for layer in (*[Conv(filters, padding=1)] * n, MaxPool())
    ]
    return Architecture("vgg", tuple(layers))


def resnet32(shortcut):
    blocks = [
        Residual(filters, stride=2 if i == 0 and filters > 16 else 1, shortcut=shortcut)
        for filters in (16, 32, 64)
        for i in range(5)
    ]
    first = normalized(Conv(16, padding=1, bias=False, relu=False))
    return Architecture("resnet32", (*first, *blocks, GlobalAveragePool()))


VGG11 = vgg((64, 1), (128, 1), (256, 2), (512, 2), (512, 2))
VGG13 = vgg((64, 2), (128, 2), (256, 2), (512, 2), (512, 2))
COLOUR = (3, 32, 32)


@pytest.mark.parametrize(
    ("architecture", "n_parameters"),
    [
        (resnet32("A"), 464_154),
        # The two 1 x 1 convolutions of option B, each with scale and shift
        (resnet32("B"), 464_154 + (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64)),
        (VGG11, 9_225_610),
        (VGG13, 9_410_122),
    ],
    ids=["ResNet-32 A", "ResNet-32 B", "VGG11", "VGG13"],
)
def test_published_networks_have_the_published_number_of_parameters(architecture, n_parameters):
    network = build_network(architecture, image_shape=COLOUR, n_classes=10)
    assert sum(p.numel() for p in network.parameters()) == n_parameters
    assert network.eval()(torch.zeros(2, *COLOUR)).shape == (2, 10)


@pytest.mark.parametrize(("padding", "sides"), [(0, [24, 8, 4, 1]), (2, [28, 9, 9, 3])])
def test_footnote_2_network_has_the_sides_that_its_padding_leaves(padding, sides):
    network = build_network(arpit(padding), image_shape=COLOUR, n_classes=10).eval()
    x, seen = torch.zeros(1, *COLOUR), []
    for layer in network:
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            seen.append(x.shape[-1])
    assert seen == sides
    units = [(3 * 25 + 1) * 200, (200 * 25 + 1) * 200, (200 * sides[-1] ** 2 + 1) * 384]
    units += [(384 + 1) * 192, (192 + 1) * 10, 2 * (200 + 200 + 384 + 192)]
    assert sum(p.numel() for p in network.parameters()) == sum(units)


def test_he_weights_keep_a_deep_network_alive_and_glorot_ones_do_not():
    images = normal(16, *COLOUR) / 2
    spread = {}
    for kind in ("he", "he_normal", "glorot"):
        network = build_network(VGG11, image_shape=COLOUR, n_classes=10, initial_weights=kind)
        with torch.no_grad():
            spread[kind] = network(images).std(0).mean().item()  # from image to image
    assert min(spread["he"], spread["he_normal"]) > 0.05
    assert spread["glorot"] < 0.01


@pytest.mark.parametrize(
    ("kind", "variance"), [("he_normal", 2 / (6 * 9)), ("he_fan_out", 2 / (40 * 9))]
)
def test_normal_weights_have_their_variance(kind, variance):
    drawn = [draw_weights((40, 6, 3, 3), np.random.default_rng(i), kind) for i in range(100)]
    values = np.concatenate(drawn).ravel() / variance**0.5
    n = values.size
    assert abs(values.mean()) < 5 / n**0.5
    assert abs(values.var() - 1) < 5 * (2 / n) ** 0.5
    assert 0.04 < (abs(values) > 2).mean() < 0.05  # 4.6 % of a normal variable


def test_unknown_weights_are_refused_with_those_there_are():
    with pytest.raises(InputError, match="'lecun': take one of glorot, he, torch, he_normal, he_f"):
        draw_weights((2, 2), np.random.default_rng(0), "lecun")


# Shapes and places


def test_colour_images_pass_as_they_are_and_gray_ones_get_a_channel():
    convolution = Architecture("c", (Conv(4), Dense(5)))
    dense = Architecture("d", (Dense(5),))
    for architecture in (convolution, dense):
        for shape in ((8, 7), (1, 8, 7), (3, 8, 7)):
            network = build_network(architecture, image_shape=shape, n_classes=4)
            assert network(torch.zeros(6, *shape)).shape == (6, 4)
    gray, colour = (build_network(convolution, image_shape=s) for s in ((8, 7), (1, 8, 7)))
    x = normal(3, 8, 7)
    assert torch.equal(gray(x), colour(x.unsqueeze(1)))


def test_every_layer_knows_the_shape_that_it_leaves():
    """Random stacks run on images of any shape: the output layer fits where sides are right."""
    rng = np.random.default_rng(0)

    def one():
        return [
            Conv(int(rng.integers(1, 6)), *(int(rng.integers(1, 4)) for _ in range(3))),
            MaxPool(int(rng.integers(1, 4)), rng.choice([None, 1, 2, 3])),
            Crop(1),
            BatchNorm(),
            ReLU(),
            Dropout(0.5),
            GaussianNoise(1.0),
            Residual(8, int(rng.integers(1, 4)), "B"),
        ][rng.integers(0, 8)]

    n_built = 0
    for _ in range(150):
        layers = tuple(one() for _ in range(5))
        shape = tuple(int(side) for side in rng.integers((1, 5, 5), (4, 25, 25)))
        with suppress(InputError):  # too small for these layers
            network = build_network(Architecture("any", layers), image_shape=shape).eval()
            n_built += 1
            assert network(torch.zeros(2, *shape)).shape == (2, 2)
    assert n_built > 75


def test_crop_cuts_the_margin_off_and_leaves_the_rest():
    network = build_network(Architecture("c", (Crop(2), Conv(3))), image_shape=(9, 8))
    x = normal(2, 1, 9, 8)
    assert torch.equal(network[1](x), x[:, :, 2:-2, 2:-2])


def test_global_average_is_the_mean_of_each_channel():
    network = build_network(Architecture("g", (Conv(3), GlobalAveragePool())), image_shape=(9, 8))
    x = normal(2, 3, 7, 6)
    torch.testing.assert_close(network[3](x).flatten(1), x.mean((2, 3)))


@pytest.mark.parametrize(
    ("image_shape", "layers", "said"),
    [
        ((28, 28), (Dense(5), Conv(3)), "Conv comes after Dense"),
        ((28, 28), (Dense(5), Residual(3)), "Residual comes after Dense"),
        ((4, 4), (Conv(3), MaxPool(3)), r"images of \(4, 4\) are too small"),
        ((4, 4), (Crop(2), GlobalAveragePool()), r"images of \(4, 4\) are too small"),
        ((3, 8, 8), (Residual(2),), "2 filters after 3 channels"),
        ((8,), (Dense(5),), r"image_shape = \(8,\)"),
        ((8, 0), (Dense(5),), "size in image_shape = 0"),
    ],
)
def test_layers_that_do_not_fit_are_refused(image_shape, layers, said):
    with pytest.raises(InputError, match=said) as error:
        build_network(Architecture("x", layers), image_shape=image_shape)
    assert "\n" not in str(error.value)


# Residual blocks


@pytest.mark.parametrize("stride", [1, 2])
def test_residual_block_by_hand(stride):
    block, x = ResidualBlock(4, 6, stride, "A").eval(), normal(3, 4, 7, 7)
    y = nn.functional.conv2d(x, block.conv1.weight, stride=stride, padding=1)
    y = nn.functional.conv2d((y / (1 + 1e-5) ** 0.5).clamp(min=0), block.conv2.weight, padding=1)
    y = y / (1 + 1e-5) ** 0.5
    y[:, :4] += x[:, :, ::stride, ::stride]  # and nothing to the two new channels
    torch.testing.assert_close(block(x), y.clamp(min=0))


def test_a_block_that_changes_no_shape_adds_what_came_in_with_either_option():
    x = torch.rand(2, 4, 5, 5)
    for shortcut in "AB":
        block = ResidualBlock(4, 4, 1, shortcut).eval()
        nn.init.zeros_(block.conv2.weight)
        torch.testing.assert_close(block(x), x)
        assert sum(p.numel() for p in block.parameters()) == 2 * (4 * 4 * 9 + 2 * 4)


def test_projected_shortcut_is_a_strided_linear_map():
    block = ResidualBlock(4, 6, 2, "B").eval()
    nn.init.zeros_(block.conv2.weight)
    x = normal(2, 4, 5, 5)
    expected = torch.einsum("fc,ncrk->nfrk", block.project[0].weight[:, :, 0, 0], x[..., ::2, ::2])
    torch.testing.assert_close(block(x), (expected / (1 + 1e-5) ** 0.5).clamp(min=0))


def test_residual_network_learns_from_streams_of_its_own():
    architecture = Architecture("r", (Residual(4), Residual(8, 2, "B"), GlobalAveragePool()))
    built = [build_network(architecture, image_shape=(3, 8, 8), seed=s) for s in (0, 0, 1)]
    arrays = [torch.cat([p.flatten() for p in network.parameters()]) for network in built]
    assert torch.equal(arrays[0], arrays[1])
    assert not torch.equal(arrays[0], arrays[2])
    step = make_step(built[0], optimizer="sgd", learning_rate=0.1, momentum=0.9, loss="categorical")
    images = normal(16, 3, 8, 8)
    targets = torch.eye(2).repeat(8, 1)
    losses = [step.run(images, targets, 16) for _ in range(30)]
    assert losses[-1] < 0.2 * losses[0]


@pytest.mark.parametrize(
    ("convolution", "pool"),
    [
        ({}, {}),
        ({"padding": 1}, {}),
        ({"stride": 2}, {}),
        ({"dilation": 2}, {}),
        ({"bias": False}, {}),
        ({}, {"stride": 1}),
        ({}, {"padding": 1}),
        ({}, {"dilation": 2}),
        ({}, {"ceil_mode": True}),
    ],
)
def test_a_convolution_is_fused_only_where_that_is_the_same(convolution, pool):
    layers = nn.Conv2d(32, 4, 3, **convolution), nn.ReLU(), nn.MaxPool2d(2, **pool), nn.Flatten()
    x, targets = normal(6, 32, 9, 9), torch.eye(2).repeat(3, 1)
    n_units = nn.Sequential(*layers)(x).shape[1]
    network = nn.Sequential(*layers, nn.Linear(n_units, 2))
    plain, fast = (make(network, optimizer="sgd", learning_rate=0.1) for make in (Step, make_step))
    assert (len(fast.layers) < 5) == (not convolution and not pool)
    loss, expected = plain.gradients(x, targets)
    found_loss, found = fast.gradients(x, targets)
    torch.testing.assert_close(found_loss, loss)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5)


# Plain data


def test_the_six_networks_are_described_as_ever():
    """Keys of stored networks depend on it: no option that they do not use is named."""
    named = {
        (one["layer"], *sorted(set(one) - {"layer"}))
        for architecture in ARCHITECTURES.values()
        for one in architecture.as_list()
    }
    assert named == {
        ("Dense", "units"),
        ("Conv", "filters", "kernel", "stride"),
        ("MaxPool", "size"),
        ("Dropout", "rate"),
    }


def test_options_that_were_changed_are_named():
    layers = (Conv(8, padding=2, relu=False), BatchNorm(), MaxPool(3, stride=2), Dense(4))
    assert Architecture("x", layers).as_list() == [
        {"layer": "Conv", "filters": 8, "kernel": 3, "stride": 1, "padding": 2, "relu": False},
        {"layer": "BatchNorm", "momentum": 0.1, "epsilon": 1e-5},
        {"layer": "MaxPool", "size": 3, "stride": 2},
        {"layer": "Dense", "units": 4},
    ]


def test_residual_blocks_count_as_two_hidden_layers():
    architecture = Architecture("r", (Conv(8), Residual(8), Residual(16, 2), Dense(4)))
    assert (architecture.n_hidden, architecture.is_cnn) == (6, True)
    assert architecture.label == "CNN 8-8-16-4"
