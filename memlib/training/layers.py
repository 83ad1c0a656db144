"""The six networks of the paper, declared layer by layer (caption of Fig. 1); no torch here."""

from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True)
class Dense:
    """Fully connected hidden layer with ReLU."""

    units: int


@dataclass(frozen=True)
class Conv:
    """2-D convolution with ReLU, square kernel, no padding.

    The caption calls the (3, 3) of Keras' ``Conv2d(filters, (3, 3))`` "strides"; in that argument
    order it is the kernel size, and the stride is 1.
    """

    filters: int
    kernel: int = 3
    stride: int = 1


@dataclass(frozen=True)
class MaxPool:
    """Max-pooling over squares that do not overlap."""

    size: int = 2


@dataclass(frozen=True)
class Dropout:
    """Inverted dropout: a share `rate` of the activations is set to 0 while training."""

    rate: float


Layer = Dense | Conv | MaxPool | Dropout


@dataclass(frozen=True)
class Architecture:
    """Hidden layers between the image and the output layer (one sigmoid output a class)."""

    panel: str
    layers: tuple[Layer, ...]

    @property
    def is_cnn(self) -> bool:
        """Whether it convolves; the paper trains these for a tenth of the epochs."""
        return any(isinstance(layer, Conv) for layer in self.layers)

    @property
    def has_dropout(self) -> bool:
        """Whether it is regularized by dropout."""
        return any(isinstance(layer, Dropout) for layer in self.layers)

    @property
    def n_hidden(self) -> int:
        """Number of hidden layers with weights."""
        return sum(isinstance(layer, Dense | Conv) for layer in self.layers)

    @property
    def label(self) -> str:
        """Short description for a panel's title, for example ``MLP 256-16, dropout``."""
        sizes = "-".join(
            str(layer.units if isinstance(layer, Dense) else layer.filters)
            for layer in self.layers
            if isinstance(layer, Dense | Conv)
        )
        return f"{'CNN' if self.is_cnn else 'MLP'} {sizes}{', dropout' if self.has_dropout else ''}"

    def with_stride(self, stride: int) -> "Architecture":
        """Return the same network with another stride in its convolutions."""
        layers = (replace(x, stride=stride) if isinstance(x, Conv) else x for x in self.layers)
        return replace(self, layers=tuple(layers))

    def as_list(self) -> list[dict[str, object]]:
        """Return the layers as plain data, for keys and attributes."""
        return [{"layer": type(layer).__name__, **asdict(layer)} for layer in self.layers]
