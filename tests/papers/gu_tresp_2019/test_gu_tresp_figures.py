import pytest

from memlib.base.errors import InputError
from memlib.papers.gu_tresp_2019.claims import CLAIMS
from memlib.papers.gu_tresp_2019.figures import (
    FIGURES,
    SCALES,
    estimate_seconds,
    step_seconds,
)
from memlib.papers.gu_tresp_2019.generator import GanSettings, build_generator
from memlib.papers.gu_tresp_2019.networks import declare_network
from memlib.papers.gu_tresp_2019.schema import VARIABLES
from memlib.training.networks import build_network


def test_figures_have_a_layout_and_claims():
    assert list(FIGURES) == list(VARIABLES)
    assert {name for claim in CLAIMS.values() for name in claim.needs} == set(FIGURES)


@pytest.mark.parametrize("scale", SCALES.values(), ids=lambda scale: scale.name)
def test_every_scale_can_be_built(scale):
    for name in {network for figure in FIGURES.values() for network in figure.networks}:
        declared = declare_network(name, width=scale.width(name), image_size=scale.image_shape[-1])
        build_network(declared, image_shape=scale.image_shape, n_classes=10)
    build_generator(GanSettings(scale.image_shape, scale.gan_base, 100, scale.gan_batch_size))
    assert set(scale.n_seeds) == set(FIGURES)
    assert scale.n_generator_images >= scale.n_images
    if scale.name != "paper":
        assert scale.n_images % 128 == 0  # the last batch of an epoch is a whole one


def test_the_papers_scale_is_the_papers():
    paper = SCALES["paper"]
    assert (paper.n_images, paper.vgg_width, paper.n_epochs_true) == (50_000, 1, 100)
    assert (paper.n_starts, paper.ascent_steps) == (100, 1000)
    assert paper.gan_steps == 30 * 390
    assert paper.n_seeds["fig4"] == 10


@pytest.mark.parametrize(
    ("network", "scale", "measured"),
    [  # seconds of a step of 128, measured on one thread
        ("vgg11", "paper", 0.75),
        ("vgg13", "paper", 1.01),
        ("resnet32", "paper", 0.46),
        ("vgg11", "medium", 0.19),
        ("vgg13", "medium", 0.25),
        ("vgg11", "teaching", 0.007),
        ("resnet32", "teaching", 0.07),
    ],
)
def test_steps_cost_about_what_was_measured(network, scale, measured):
    assert step_seconds(network, SCALES[scale]) == pytest.approx(measured, rel=0.6)


def test_every_step_of_the_scale_costs_more():
    for figure in FIGURES:
        costs = [estimate_seconds(figure, scale) for scale in SCALES]
        assert costs == sorted(costs)
        assert costs[0] < 30


def test_an_unknown_figure_or_scale_is_refused():
    with pytest.raises(InputError, match="figure 'fig6': take one of fig1"):
        estimate_seconds("fig6", "smoke")
    with pytest.raises(InputError, match="scale = 'huge': take one of smoke"):
        estimate_seconds("fig1", "huge")
