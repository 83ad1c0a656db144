"""Networks declared layer by layer, as plain data; no torch here.

Layers come in the order in which an image passes them; `memlib.training.networks.build_network`
adds the output layer. A network with batch normalization between weights and ReLU is written so:
``Conv(200, kernel=5, relu=False), BatchNorm(), ReLU(), MaxPool(3)``.
"""

from dataclasses import dataclass, field, fields, replace
from typing import Any

from memlib.base.errors import InputError
from memlib.training.checks import (
    check_flag,
    check_not_negative,
    check_positive,
    check_share,
    check_whole,
)

HIGHEST_DROPOUT = 511 / 512  # masks are drawn in 256ths
WHEN_CHANGED = {"named": "when changed"}


def _option(default: Any) -> Any:
    """Declare an option that `Architecture.as_list` names only where it was changed."""
    return field(default=default, metadata=WHEN_CHANGED)


@dataclass(frozen=True)
class Dense:
    """Fully connected hidden layer with ReLU (or without, `relu=False`)."""

    units: int
    relu: bool = _option(True)

    def __post_init__(self) -> None:
        check_whole("units", self.units, 1)
        check_flag("relu", self.relu)


@dataclass(frozen=True)
class Conv:
    """2-D convolution with ReLU, square kernel, by default without padding.

    The caption of Chaibub Neto's Fig. 1 calls the (3, 3) of Keras' ``Conv2d(filters, (3, 3))``
    "strides"; in that argument order it is the kernel size, and the stride is 1.

    Attributes
    ----------
    padding
        Zeros added on each side, in pixels.
    bias, relu
        Whether it has a bias, and whether a ReLU follows at once.
    """

    filters: int
    kernel: int = 3
    stride: int = 1
    padding: int = _option(0)
    bias: bool = _option(True)
    relu: bool = _option(True)

    def __post_init__(self) -> None:
        for name in ("filters", "kernel", "stride"):
            check_whole(name, getattr(self, name), 1)
        check_whole("padding", self.padding, 0)
        check_flag("bias", self.bias)
        check_flag("relu", self.relu)


@dataclass(frozen=True)
class MaxPool:
    """Max-pooling over squares, which do not overlap unless `stride` is below `size`."""

    size: int = 2
    stride: int | None = _option(None)

    def __post_init__(self) -> None:
        check_whole("size", self.size, 1)
        if self.stride is not None:
            check_whole("stride", self.stride, 1)


@dataclass(frozen=True)
class GlobalAveragePool:
    """Mean of each channel over the whole image."""


@dataclass(frozen=True)
class Crop:
    """Cut `margin` pixels off each side of the image."""

    margin: int

    def __post_init__(self) -> None:
        check_whole("margin", self.margin, 1)


@dataclass(frozen=True)
class ReLU:
    """Rectified units, where they do not follow the weights at once."""


@dataclass(frozen=True)
class BatchNorm:
    """Batch normalization of each unit, or of each channel of an image, with scale and shift.

    While training by the mini-batch's mean and variance; in evaluation by running ones, which a
    stored network holds.

    Attributes
    ----------
    momentum
        Weight of the newest mini-batch in the running values (torch's convention and default;
        Keras' default is 0.01).
    epsilon
        Added to the variance (torch's default; Keras' is 1e-3).
    """

    momentum: float = 0.1
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        check_share("momentum", self.momentum)
        check_positive("epsilon", self.epsilon)


@dataclass(frozen=True)
class Residual:
    """Two 3 x 3 convolutions, each with batch normalization, added to what came in; ReLU after.

    The basic block of He et al. (2016), its convolutions without bias and padded by one pixel.

    Attributes
    ----------
    stride
        Of the first convolution.
    shortcut
        What is added where filters or stride change the shape: ``"A"`` every `stride`-th pixel,
        with zeros as the channels that are new, without weights; ``"B"`` a 1 x 1 convolution with
        batch normalization.
    """

    filters: int
    stride: int = 1
    shortcut: str = "A"

    def __post_init__(self) -> None:
        check_whole("filters", self.filters, 1)
        check_whole("stride", self.stride, 1)
        if self.shortcut not in ("A", "B"):
            raise InputError(f"shortcut = {self.shortcut!r}: take one of A, B")


@dataclass(frozen=True)
class Dropout:
    """Inverted dropout: a share `rate` of the activations is set to 0 while training.

    Before the first layer with weights it drops inputs.
    """

    rate: float

    def __post_init__(self) -> None:
        check_share("rate", self.rate)
        if self.rate >= HIGHEST_DROPOUT:
            raise InputError(f"rate = {self.rate!r}: masks are drawn in 256ths, take 255/256")


@dataclass(frozen=True)
class GaussianNoise:
    """Gaussian noise of mean 0 and standard deviation `sd`, added while training."""

    sd: float

    def __post_init__(self) -> None:
        check_not_negative("sd", self.sd)


Layer = (
    Dense
    | Conv
    | MaxPool
    | GlobalAveragePool
    | Crop
    | ReLU
    | BatchNorm
    | Residual
    | Dropout
    | GaussianNoise
)


@dataclass(frozen=True)
class Architecture:
    """Hidden layers between the image and the output layer (one sigmoid output a class)."""

    panel: str
    layers: tuple[Layer, ...]

    @property
    def is_cnn(self) -> bool:
        """Whether it convolves; the paper trains these for a tenth of the epochs."""
        return any(isinstance(layer, Conv | Residual) for layer in self.layers)

    @property
    def has_dropout(self) -> bool:
        """Whether it is regularized by dropout."""
        return any(isinstance(layer, Dropout) for layer in self.layers)

    @property
    def n_hidden(self) -> int:
        """Number of hidden layers with weights."""
        n_weights = {Dense: 1, Conv: 1, Residual: 2}
        return sum(n_weights.get(type(layer), 0) for layer in self.layers)

    @property
    def label(self) -> str:
        """Short description for a panel's title, for example ``MLP 256-16, dropout``."""
        sizes = "-".join(
            str(layer.units if isinstance(layer, Dense) else layer.filters)
            for layer in self.layers
            if isinstance(layer, Dense | Conv | Residual)
        )
        return f"{'CNN' if self.is_cnn else 'MLP'} {sizes}{', dropout' if self.has_dropout else ''}"

    def with_stride(self, stride: int) -> "Architecture":
        """Return the same network with another stride in its convolutions."""
        layers = (replace(x, stride=stride) if isinstance(x, Conv) else x for x in self.layers)
        return replace(self, layers=tuple(layers))

    def as_list(self) -> list[dict[str, object]]:
        """Return the layers as plain data, for keys and attributes."""
        return [{"layer": type(x).__name__, **_as_dict(x)} for x in self.layers]


def _as_dict(layer: Layer) -> dict[str, object]:
    """Return a layer's values; an option that came later only where it was changed.

    So keys and attributes of networks declared before there was such an option stay as they were.
    """
    return {
        one.name: getattr(layer, one.name)
        for one in fields(layer)
        if one.metadata != WHEN_CHANGED or getattr(layer, one.name) != one.default
    }
