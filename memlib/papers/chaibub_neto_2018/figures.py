"""The paper's five figures and four scales, and what a run of them may choose.

A figure is data: which panels, which inputs, which optimizer, which perturbations. A scale says
how much of it: epochs, images, permutations, trees.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, Strict, model_validator

from memlib.base.errors import InputError
from memlib.method.names import CLASSIFIERS
from memlib.method.perturb import check_strength
from memlib.runs.settings import Settings
from memlib.runs.study import Figure, Scale

MLP_PANELS = ("a", "b", "d", "e")
ALL_PANELS = ("a", "b", "c", "d", "e", "f")
STRENGTHS = (0.05, 0.10, 1.0)
BLOCK = 25  # labellings in one stored block of a null

FIGURES = {
    figure.name: figure
    for figure in (
        Figure(
            "fig1",
            "Pullovers against coats: four MLPs and two CNNs",
            "5 %, 10 % and 100 % of the pixels shuffled",
            ALL_PANELS,
        ),
        Figure(
            "fig2",
            "The same runs with a 1 % s-validation set",
            "a set with 1 % of the pixels shuffled joins the runs of Fig. 1",
            MLP_PANELS,
            {"perturbations": (0.01, *STRENGTHS)},
        ),
        Figure(
            "fig3",
            "Five times as many training images",
            "10,000 training images in place of 2,000",
            MLP_PANELS,
            times={"n_images": 5},
            by_scale={"teaching": {"epochs": 250, "n_measured_epochs": 5}},
        ),
        Figure(
            "fig4",
            "Training with rmsProp",
            "rmsProp in place of stochastic gradient descent",
            MLP_PANELS,
            {"optimizer": "rmsprop"},
        ),
        Figure(
            "fig5",
            "Gaussian noise in place of the images",
            "every pixel replaced by Gaussian noise, labels kept",
            ALL_PANELS,
            {"inputs": "noise"},
        ),
    )
}


def _scale(name: str, expect: str, *sizes: int, n_seeds: int = 1) -> Scale:
    names: tuple[str, ...] = (
        "epochs",
        "cnn_epochs",
        "n_measured_epochs",
        "n_images",
        "n_validation_images",
    )
    names += ("n_permutations", "n_trees")
    return Scale(name, expect, dict(zip(names, sizes, strict=True)) | {"n_seeds": n_seeds})


SCALES = {
    scale.name: scale
    for scale in (
        _scale("smoke", "seconds: does it run?", 12, 2, 3, 400, 400, 19, 20),
        _scale("teaching", "minutes: the paper's patterns", 1000, 25, 10, 2000, 2000, 25, 100),
        # For spread over seeds; 25 permutations place a null's mean to within a few thousandths.
        _scale(
            "tenth",
            "hours: a tenth of the paper's epochs, three seeds",
            *(10_000, 1000, 13, 2000, 2000, 25, 500),
            n_seeds=3,
        ),
        _scale("paper", "the paper's own size", 100_000, 10_000, 25, 2000, 2000, 100, 500),
    )
}

SHIPPED_SCALES = ("paper", "tenth")  # whose results come with the checkout

LARGEST_STRENGTH = 1e6  # of added noise, in units of the inputs: beyond it nothing else is left

Strengths = Annotated[tuple[float, ...], Strict(False), Field(min_length=1)]


class ShuffleSettings(Settings):
    """Every choice behind one figure of this paper."""

    epochs: int = Field(ge=1, le=10**8, description="training epochs of the MLPs")
    cnn_epochs: int = Field(ge=1, le=10**8, description="training epochs of the CNNs")
    inputs: Literal["images", "noise"] = Field(
        "images", description="images, or Gaussian noise in their place"
    )
    noise_sd: float = Field(
        1.0, gt=0, le=10**6, description="standard deviation of the input noise"
    )
    perturbation_kind: str = Field("shuffle", description="shuffle, rotate, add_noise or occlude")
    perturbations: Strengths = Field(STRENGTHS, description="strength of each s-validation set")
    n_permutations: int = Field(ge=1, le=100_000, description="shuffles of the labels, B")
    n_trees: int = Field(ge=1, le=100_000, description="trees of the random forest")
    classifier: Literal[CLASSIFIERS] = Field(  # type: ignore[valid-type]
        "random_forest", description="shallow classifier"
    )
    feature_layer: Literal["last_hidden", "first_hidden", "pixels"] = Field(
        "last_hidden", description="where the features are taken"
    )
    rmsprop_decay: float = Field(0.9, ge=0, lt=1, description="of rmsProp's memory")
    rmsprop_epsilon: float = Field(1e-7, gt=0, le=1, description="added to rmsProp's root")
    pixel_scale: Literal["unit", "standardized", "raw"] = Field(
        "unit", description="0 to 1, mean 0, or 0 to 255"
    )
    shuffled_labels: float = Field(
        0.0, ge=0, le=1, description="share of labels shuffled before training"
    )
    conv_stride: int = Field(1, ge=1, le=3, description="stride of the convolutions")

    @model_validator(mode="after")
    def _check_strengths(self) -> Self:
        for strength in self.perturbations:
            check_strength(self.perturbation_kind, strength)
            if strength > LARGEST_STRENGTH:
                raise InputError(
                    f"perturbations: {strength:g} should be at most {LARGEST_STRENGTH:g}"
                )
        return self
