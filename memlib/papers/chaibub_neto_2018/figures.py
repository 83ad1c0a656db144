"""The paper's five figures and four scales, declared; what a user may change, validated.

A figure is data: which panels, which inputs, which optimizer, which perturbations. A scale says
how much of it: epochs, images, permutations, trees. `resolve` joins both with what the user asks
for into `Settings`, in which every field has a value and a range.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError, model_validator

from memlib.base.errors import InputError
from memlib.method.classifiers import CLASSIFIERS
from memlib.method.perturb import check_strength
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.training.images import BUNDLED_NAME

MLP_PANELS = ("a", "b", "d", "e")
ALL_PANELS = ("a", "b", "c", "d", "e", "f")
Optimizer = Literal["sgd", "rmsprop"]
LEARNING_RATES: Mapping[str, float] = MappingProxyType({"sgd": 0.01, "rmsprop": 0.001})


@dataclass(frozen=True)
class Figure:
    """One figure of the paper: what it shows and how it differs from Fig. 1."""

    name: str
    title: str
    change: str
    panels: tuple[str, ...] = ALL_PANELS
    perturbations: tuple[float, ...] = (0.05, 0.10, 1.0)
    optimizer: Optimizer = "sgd"
    inputs: Literal["images", "noise"] = "images"
    images_factor: int = 1
    by_scale: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


FIGURES = {
    figure.name: figure
    for figure in (
        Figure(
            "fig1",
            "Pullovers against coats: four MLPs and two CNNs",
            "5 %, 10 % and 100 % of the pixels shuffled",
        ),
        Figure(
            "fig2",
            "The same runs with a 1 % s-validation set",
            "a set with 1 % of the pixels shuffled joins the runs of Fig. 1",
            panels=MLP_PANELS,
            perturbations=(0.01, 0.05, 0.10, 1.0),
        ),
        Figure(
            "fig3",
            "Five times as many training images",
            "10,000 training images in place of 2,000",
            panels=MLP_PANELS,
            images_factor=5,
            by_scale={"teaching": {"epochs": 250, "n_measured_epochs": 5}},
        ),
        Figure(
            "fig4",
            "Training with rmsProp",
            "rmsProp in place of stochastic gradient descent",
            panels=MLP_PANELS,
            optimizer="rmsprop",
        ),
        Figure(
            "fig5",
            "Gaussian noise in place of the images",
            "every pixel replaced by Gaussian noise, labels kept",
            inputs="noise",
        ),
    )
}


@dataclass(frozen=True)
class Scale:
    """How much of a figure is run; `expect` tells a reader how long it takes."""

    name: str
    expect: str
    epochs: int
    cnn_epochs: int
    n_measured_epochs: int
    n_images: int
    n_validation_images: int
    n_permutations: int
    n_trees: int
    n_seeds: int = 1


SCALES = {
    scale.name: scale
    for scale in (
        Scale("smoke", "seconds: does it run?", 12, 2, 3, 400, 400, 19, 20),
        Scale("teaching", "minutes: the paper's patterns", 1000, 25, 10, 2000, 2000, 25, 100),
        # For spread over seeds; 25 permutations place a null's mean to within a few thousandths.
        Scale(
            "tenth",
            "hours: a tenth of the paper's epochs, three seeds",
            *(10_000, 1000, 13, 2000, 2000, 25, 500),
            n_seeds=3,
        ),
        Scale("paper", "the paper's own size", 100_000, 10_000, 25, 2000, 2000, 100, 500),
    )
}

Count = Annotated[int, Field(ge=1, le=10**9)]
Panels = Annotated[tuple[Literal["a", "b", "c", "d", "e", "f"], ...], Strict(False)]
Strengths = Annotated[tuple[float, ...], Strict(False), Field(min_length=1)]


class Settings(BaseModel):
    """Every choice behind one figure run, with its range; the same names as in the notebooks."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    figure: str
    scale: str
    seed: Annotated[int, Field(ge=0, lt=2**32, description="base seed of the first run")]
    n_seeds: Annotated[Count, Field(description="runs: seeds seed, seed + 1, ...")]
    panels: Annotated[Panels, Field(min_length=1, description="networks, as lettered in Fig. 1")]
    data: Annotated[str, Field(description="bundled name, or path of a file of labelled images")]
    inputs: Annotated[
        Literal["images", "noise"], Field(description="real images, or Gaussian noise")
    ]
    noise_sd: Annotated[float, Field(gt=0, description="standard deviation of the input noise")]
    n_images: Annotated[int, Field(ge=2, description="training images, all classes together")]
    n_validation_images: Annotated[int, Field(ge=2, description="independent validation images")]
    epochs: Annotated[Count, Field(description="training epochs of the MLPs")]
    cnn_epochs: Annotated[Count, Field(description="training epochs of the CNNs")]
    n_measured_epochs: Annotated[Count, Field(description="epochs measured, log-spaced")]
    optimizer: Annotated[Optimizer, Field(description="sgd, or rmsprop as in Keras")]
    learning_rate: Annotated[float, Field(gt=0, description="step size of the optimizer")]
    batch_size: Annotated[Count, Field(description="images in a mini-batch")]
    perturbation_kind: Annotated[str, Field(description="shuffle, rotate, add_noise or occlude")]
    perturbations: Annotated[Strengths, Field(description="strength of each s-validation set")]
    n_permutations: Annotated[Count, Field(description="shuffles of the labels, B")]
    n_trees: Annotated[Count, Field(description="trees of the random forest")]
    classifier: Annotated[Literal[CLASSIFIERS], Field(description="shallow classifier")]  # type: ignore[valid-type]
    feature_layer: Annotated[
        Literal["last_hidden", "first_hidden", "pixels"],
        Field(description="where the features are taken"),
    ]
    loss: Annotated[Literal["binary", "categorical"], Field(description="cross-entropy")]
    initial_weights: Annotated[
        Literal["glorot", "he", "torch"], Field(description="limit of the uniform first weights")
    ]
    rmsprop_decay: Annotated[float, Field(ge=0, lt=1, description="of rmsProp's memory")]
    rmsprop_epsilon: Annotated[float, Field(gt=0, description="added to rmsProp's root")]
    pixel_scale: Annotated[
        Literal["unit", "standardized", "raw"], Field(description="0 to 1, mean 0, or 0 to 255")
    ]
    shuffled_labels: Annotated[
        float, Field(ge=0, le=1, description="share of labels shuffled before training")
    ]
    conv_stride: Annotated[int, Field(ge=1, le=3, description="stride of the convolutions")]
    precision: Annotated[
        Literal["float32", "bfloat16"], Field(description="of the products in training")
    ]
    device: Annotated[Literal["auto", "cpu", "cuda"], Field(description="where to train")]

    @model_validator(mode="after")
    def _check(self) -> "Settings":
        for strength in self.perturbations:
            check_strength(self.perturbation_kind, strength)
        for name in ("perturbations", "panels"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise InputError(f"{name} = {list(values)}: a value stands there twice")
        return self

    @property
    def seeds(self) -> tuple[int, ...]:
        """The base seeds of the runs."""
        return tuple(range(self.seed, self.seed + self.n_seeds))

    def epoch_grid(self, panel: str) -> tuple[int, ...]:
        """Return the log-spaced epochs at which a panel is measured."""
        last = self.cnn_epochs if ARCHITECTURES[panel].is_cnn else self.epochs
        return epoch_grid(last, self.n_measured_epochs)


CHANGEABLE = tuple(name for name in Settings.model_fields if name not in ("figure", "scale"))


def epoch_grid(last: int, n_epochs: int) -> tuple[int, ...]:
    """Return about `n_epochs` whole epochs from 1 to `last`, evenly spaced on a log scale."""
    grid = np.unique(np.round(np.geomspace(1, last, max(n_epochs, 1))).astype(int))
    return tuple(int(epoch) for epoch in grid) if n_epochs > 1 else (last,)


def resolve(figure: str, scale: str = "teaching", **changes: Any) -> Settings:
    """Join a figure, a scale and a user's changes into validated settings.

    Parameters
    ----------
    figure
        A name in `FIGURES`.
    scale
        A name in `SCALES`.
    changes
        Fields of `Settings` to change; None leaves the figure's or the scale's own value.

    Raises
    ------
    InputError
        For an unknown name, a wrong type or a value out of range; names the field.

    Examples
    --------
    >>> resolve("fig2", "paper", n_trees=100).perturbations
    (0.01, 0.05, 0.1, 1.0)
    """
    if figure not in FIGURES:
        raise InputError(f"figure {figure!r}: take one of {', '.join(FIGURES)}")
    if scale not in SCALES:
        raise InputError(f"scale = {scale!r}: take one of {', '.join(SCALES)}")
    for name in changes:
        if name not in CHANGEABLE:
            raise InputError(f"unknown parameter {name!r}: take one of {', '.join(CHANGEABLE)}")
    declared, size = FIGURES[figure], SCALES[scale]
    values: dict[str, Any] = {
        "figure": figure,
        "scale": scale,
        "seed": 0,
        "n_seeds": size.n_seeds,
        "panels": declared.panels,
        "data": BUNDLED_NAME,
        "inputs": declared.inputs,
        "noise_sd": 1.0,
        "n_images": size.n_images * declared.images_factor,
        "n_validation_images": size.n_validation_images,
        "epochs": size.epochs,
        "cnn_epochs": size.cnn_epochs,
        "n_measured_epochs": size.n_measured_epochs,
        "optimizer": declared.optimizer,
        "batch_size": 128,
        "perturbation_kind": "shuffle",
        "perturbations": declared.perturbations,
        "n_permutations": size.n_permutations,
        "n_trees": size.n_trees,
        "classifier": "random_forest",
        "feature_layer": "last_hidden",
        "loss": "binary",
        "initial_weights": "glorot",
        "rmsprop_decay": 0.9,
        "rmsprop_epsilon": 1e-7,
        "pixel_scale": "unit",
        "shuffled_labels": 0.0,
        "conv_stride": 1,
        "precision": "float32",
        "device": "auto",
    }
    values |= dict(declared.by_scale.get(scale, {}))
    values |= {name: value for name, value in changes.items() if value is not None}
    values.setdefault("learning_rate", LEARNING_RATES.get(str(values["optimizer"]), 0.01))
    for panel in values["panels"] if isinstance(values["panels"], list | tuple) else ():
        if panel not in declared.panels:
            raise InputError(
                f"panels: {panel!r} is not a panel of {figure}, "
                f"which has {', '.join(declared.panels)}"
            )
    try:
        return Settings(**values)
    except ValidationError as error:
        raise InputError(_one_line(error)) from None


def _one_line(error: ValidationError) -> str:
    """Say in one line which field is wrong, with which value, and what is allowed."""
    first = error.errors()[0]
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    location = "".join(
        f"[{part}]" if isinstance(part, int) else str(part) for part in first["loc"][:2]
    )
    name = str(first["loc"][0])
    if first["type"] == "too_short":
        return f"{location} = []: it should hold at least one value"
    message = first["msg"].removeprefix("Input should be ")
    annotation = Settings.model_fields[name].annotation
    if first["type"] == "literal_error":
        message = (
            f"one of {', '.join(map(str, get_args(annotation)))}"
            if get_args(annotation) and isinstance(get_args(annotation)[0], str)
            else message
        )
    return f"{location} = {first['input']!r}: it should be {message}"
