"""The paper's networks (section 2) and their regularized versions (section 5); no torch here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from memlib.base.errors import InputError
from memlib.training.layers import (
    Architecture,
    BatchNorm,
    Conv,
    Crop,
    Dense,
    Dropout,
    GaussianNoise,
    Layer,
    MaxPool,
    ReLU,
)

REGULARIZERS: Mapping[str, str] = MappingProxyType(
    {
        "none": "none",
        "dropout": "dropout after each dense hidden layer, rate",
        "input_dropout": "dropout of inputs, rate",
        "input_noise": "Gaussian noise added to standardized inputs, standard deviation",
        "hidden_noise": "Gaussian noise after each dense hidden layer, standard deviation",
        "weight_decay": "weight decay of all parameters, factor (Keras' l2 penalty is half of it)",
        "adversarial": "dropout, and critical samples joining the loss, weight",
    }
)


def mlp(units: int = 4096, n_layers: int = 2) -> Architecture:
    """Return an MLP of equally wide ReLU layers: 2 of 4,096 (section 2), 2 of 16 (Fig. 3)."""
    return Architecture(f"mlp{units}", tuple(Dense(units) for _ in range(n_layers)))


def footnote_cnn(
    filters: int = 200,
    dense: tuple[int, int] = (384, 192),
    *,
    crop: int = 0,
    padding: int = 0,
) -> Architecture:
    """Return the CNN of footnote 2, "a small Alexnet-style CNN".

    Crop - Conv 5x5 - BN - ReLU - MaxPool 3 - Conv 5x5 - BN - ReLU - MaxPool 3 - Dense - BN - ReLU -
    Dense - BN - ReLU. Images of 28 x 28 pass through sides 28-24-8-4-1; the paper does not state
    padding or pooling stride, so Keras' defaults stand (no padding, stride 3).

    Parameters
    ----------
    filters
        Of both convolutions; 200 in the paper, 32 for teaching.
    dense
        Units of the dense layers; (384, 192) in the paper, (96, 48) for teaching.
    crop
        Pixels cut off each side: 2 for CIFAR-10 (32 x 32), none for 28 x 28.
    padding
        Zeros around each convolution; 2 gives sides 28-28-9-9-3.
    """
    layers: list[Layer] = [Crop(crop)] if crop else []
    for _ in range(2):
        convolution = Conv(filters, kernel=5, padding=padding, relu=False)
        layers += [convolution, BatchNorm(), ReLU(), MaxPool(3)]
    for units in dense:
        layers += [Dense(units, relu=False), BatchNorm(), ReLU()]
    return Architecture(f"cnn{filters}", tuple(layers))


TEACHING_CNN = footnote_cnn(32, (96, 48))


@dataclass(frozen=True)
class Regularizer:
    """How a training is regularized: a name in `REGULARIZERS` and its strength.

    Attributes
    ----------
    dropout
        Rate of the dropout that goes with adversarial training; 0 otherwise.
    """

    name: str = "none"
    strength: float = 0.0
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in REGULARIZERS:
            raise InputError(f"regularizer {self.name!r}: take one of {', '.join(REGULARIZERS)}")
        if self.name == "none" and self.strength:
            raise InputError(f"strength = {self.strength!r}: without a regularizer it is 0")
        if self.dropout and self.name != "adversarial":
            raise InputError(f"dropout = {self.dropout!r}: only with adversarial training")
        if self.name == "adversarial" and not 0 <= self.strength <= 1:
            raise InputError(f"strength = {self.strength!r}: take a weight from 0 to 1")

    @property
    def label(self) -> str:
        """Short name, for example ``dropout 0.5`` or ``adversarial 0.7, dropout 0.5``."""
        if self.name == "none":
            return "none"
        more = f", dropout {self.dropout:g}" if self.name == "adversarial" else ""
        return f"{self.name} {self.strength:g}{more}"

    @property
    def weight_decay(self) -> float:
        """Weight decay of the step, in torch's convention."""
        return self.strength if self.name == "weight_decay" else 0.0

    def apply(self, architecture: Architecture) -> Architecture:
        """Return the architecture with the layers that this regularizer adds.

        Dropout and noise follow the ReLU of each dense hidden layer, or come before the first
        layer.
        """
        before: list[Layer] = []
        after: list[Layer] = []
        rate = self.strength if self.name == "dropout" else self.dropout
        if rate:
            after = [Dropout(rate)]
        elif self.name == "hidden_noise":
            after = [GaussianNoise(self.strength)]
        elif self.name == "input_dropout":
            before = [Dropout(self.strength)]
        elif self.name == "input_noise":
            before = [GaussianNoise(self.strength)]
        layers, in_dense = before, False
        for layer in architecture.layers:
            layers.append(layer)
            if isinstance(layer, Dense):
                in_dense = True
            if in_dense and (isinstance(layer, ReLU) or (isinstance(layer, Dense) and layer.relu)):
                layers += after
        return replace(architecture, layers=tuple(layers))


# Values within the "ranges" of section 5 are ours, and so are the pairs of the last one. Dropout
# of 0.9 makes an MLP of 128 units diverge at its rate of 0.1.
FIG_10_REGULARIZERS = (
    Regularizer(),
    *(Regularizer("dropout", rate) for rate in (0.1, 0.25, 0.5, 0.7)),
    *(Regularizer("input_dropout", rate) for rate in (0.25, 0.5, 0.75)),
    *(Regularizer("input_noise", sd) for sd in (0.5, 1.0, 2.0, 5.0)),
    *(Regularizer("hidden_noise", sd) for sd in (0.1, 0.3, 1.0)),
    *(Regularizer("weight_decay", factor) for factor in (0.001, 0.01, 0.1)),
    *(Regularizer("adversarial", w, rate) for w, rate in ((0.2, 0.03), (0.45, 0.25), (0.7, 0.5))),
)
FIG_11_LABELS = (
    "none",
    "dropout 0.5",
    "input_dropout 0.5",
    "input_noise 1",
    "hidden_noise 0.3",
    "weight_decay 0.01",
    "adversarial 0.7, dropout 0.5",
)
