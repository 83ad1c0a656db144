import numpy as np
import pytest
import torch

from memlib.base.errors import InputError
from memlib.papers.gu_tresp_2019.networks import NETWORKS, declare_network
from memlib.training.networks import build_network


def build(name, shape, width=1.0, weights="he", seed=0, n_classes=10):
    declared = declare_network(name, width=width, image_size=shape[-1])
    return build_network(
        declared, image_shape=shape, n_classes=n_classes, initial_weights=weights, seed=seed
    )


@pytest.mark.parametrize(
    ("name", "n_parameters"), [("vgg11", 9_225_610), ("vgg13", 9_410_122), ("resnet32", 464_154)]
)
@pytest.mark.parametrize("size", [32, 16])
def test_colour_networks_of_ten_classes_have_the_known_number_of_parameters(
    name, n_parameters, size
):
    network = build(name, (3, size, size))
    assert sum(p.numel() for p in network.parameters()) == n_parameters


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", [(16, 16), (32, 32), (3, 16, 16), (3, 32, 32)])
def test_every_size_and_colour_gives_a_logit_a_class(name, shape):
    network = build(name, shape, 1 / 8).eval()
    with torch.no_grad():
        assert network(torch.zeros(2, *shape)).shape == (2, 10)


def test_a_width_multiplies_all_filters():
    whole = declare_network("vgg13").layers
    quarter = declare_network("vgg13", width=1 / 4).layers
    assert [x.filters for x in quarter if hasattr(x, "filters")] == [
        x.filters // 4 for x in whole if hasattr(x, "filters")
    ]


@pytest.mark.parametrize("name", ["vgg11", "vgg13"])
def test_he_weights_do_not_leave_an_untrained_vgg_dead(name):
    # With Glorot's or torch's default weights the logits are thousands of times smaller.
    images = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (64, 16, 16)))
    spread = {}
    for kind in ("he", "torch"):
        network = build(name, (16, 16), 1 / 8, kind).eval()
        with torch.no_grad():
            spread[kind] = float(network(images.float()).std())
    assert spread["he"] > 0.05
    assert spread["torch"] < 0.05 / 10


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("vgg16", {}, "network = 'vgg16': take one of vgg11, vgg13, resnet32"),
        ("vgg11", {"width": 0}, "width = 0"),
        ("resnet32", {"width": 1 / 64}, "width = 0.015625: a layer of 16 filters has none left"),
        ("vgg11", {"image_size": 2}, "image_size = 2"),
    ],
)
def test_what_cannot_be_built_is_refused(name, options, told):
    with pytest.raises(InputError, match=told):
        declare_network(name, **options)
