"""Networks in torch, built from their declaration."""

from itertools import takewhile

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from memlib.base.errors import InputError
from memlib.base.seeds import stream
from memlib.training.checks import check_whole
from memlib.training.layers import (
    Architecture,
    BatchNorm,
    Conv,
    Crop,
    Dense,
    Dropout,
    GaussianNoise,
    GlobalAveragePool,
    Layer,
    MaxPool,
    ReLU,
    Residual,
)


class Noise(nn.Module):
    """Gaussian noise of standard deviation `sd`, drawn and added by the training step alone.

    Called as it is, it returns its input: evaluation is free of noise, and torch's global
    generator is never drawn from.
    """

    def __init__(self, sd: float) -> None:
        super().__init__()
        self.sd = sd

    def forward(self, x: Tensor) -> Tensor:
        """Return the input."""
        return x


class ResidualBlock(nn.Module):
    """The basic block of He et al. (2016); see `memlib.training.layers.Residual`.

    (sample, channel, row, column) to (sample, filters, rows / stride, columns / stride), both
    rounded up.
    """

    def __init__(self, n_channels: int, filters: int, stride: int, shortcut: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_channels, filters, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(filters)
        self.stride, self.n_new = stride, filters - n_channels
        self.project: nn.Module | None = None
        if shortcut == "B" and (self.n_new or stride > 1):
            convolution = nn.Conv2d(n_channels, filters, 1, stride, bias=False)
            self.project = nn.Sequential(convolution, nn.BatchNorm2d(filters))

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + self._shortcut(x))

    def _shortcut(self, x: Tensor) -> Tensor:
        if self.project is not None:
            return self.project(x)
        if self.stride > 1:
            x = x[:, :, :: self.stride, :: self.stride]
        return pad(x, (0, 0, 0, 0, 0, self.n_new)) if self.n_new else x


def draw_weights(
    shape: tuple[int, ...], rng: np.random.Generator, kind: str = "glorot"
) -> np.ndarray:
    """Draw initial weights, uniformly within a limit of 0 or normally around it.

    Parameters
    ----------
    shape
        (outputs, inputs) of a dense layer, or (filters, channels, rows, columns) of a convolution.
    rng
        Source of randomness.
    kind
        Uniform, with the limit: ``"glorot"`` sqrt(6 / (fan in + fan out)), Keras' default;
        ``"he"`` sqrt(6 / fan in); ``"torch"`` sqrt(1 / fan in), torch's default. Normal, with the
        standard deviation: ``"he_normal"`` sqrt(2 / fan in), the variance of ``"he"``;
        ``"he_fan_out"`` sqrt(2 / fan out), that of common VGG code.

    Raises
    ------
    InputError
        For another kind.
    """
    window = int(np.prod(shape[2:]))
    fan_out, fan_in = shape[0] * window, shape[1] * window
    squares = {"glorot": 6 / (fan_in + fan_out), "he": 6 / fan_in, "torch": 1 / fan_in}
    variances = {"he_normal": 2 / fan_in, "he_fan_out": 2 / fan_out}
    if kind in variances:
        return rng.normal(0, np.sqrt(variances[kind]), shape).astype(np.float32)
    if kind not in squares:
        kinds = ", ".join([*squares, *variances])
        raise InputError(f"initial_weights is {kind!r}: take one of {kinds}")
    limit = np.sqrt(squares[kind])
    return rng.uniform(-limit, limit, shape).astype(np.float32)


def build_network(
    architecture: Architecture,
    *,
    image_shape: tuple[int, ...] = (28, 28),
    n_classes: int = 2,
    initial_weights: str = "glorot",
    seed: int = 0,
) -> nn.Sequential:
    """Build a network of (sample, [channel,] row, column) images with one logit a class.

    The output layer is linear: the paper's sigmoid outputs are ``torch.sigmoid`` of the logits.

    Parameters
    ----------
    architecture
        Declared hidden layers, see `memlib.training.layers`.
    image_shape
        Rows and columns of an image, or channels, rows and columns of one in colour.
    n_classes
        Number of outputs, 2 or more.
    initial_weights
        See `draw_weights`; biases start at 0, batch normalization at scale 1 and shift 0.
    seed
        Base seed; each layer with weights has its own stream ``weights``, so that panels which
        begin with the same layer begin with the same weights.

    Raises
    ------
    InputError
        When layers do not fit each other or the images, or for another value out of its range.
    """
    check_whole("n_classes", n_classes, 2)
    if len(image_shape) not in (2, 3):
        raise InputError(f"image_shape = {image_shape}: take (rows, columns), or channels first")
    for size in image_shape:
        check_whole("a size in image_shape", size, 1)
    gray = len(image_shape) == 2
    shape = (1, *image_shape) if gray else tuple(image_shape)
    modules: list[nn.Module] = []
    if gray and _begins_with_images(architecture):
        modules.append(nn.Unflatten(1, (1, image_shape[0])))
    for layer in (*architecture.layers, Dense(n_classes, relu=False)):
        if isinstance(layer, Dense) and len(shape) == 3:
            modules.append(nn.Flatten())
            shape = (int(np.prod(shape)),)
        built, shape = _build_layer(layer, shape)
        modules += built
        if min(shape) < 1:
            raise InputError(f"images of {image_shape} are too small for this network")
    network = nn.Sequential(*modules)
    _draw_all_weights(network, initial_weights, seed)
    return network


def _begins_with_images(architecture: Architecture) -> bool:
    """Whether a layer before the first dense one sees rows, columns and channels as such."""
    first = takewhile(lambda layer: not isinstance(layer, Dense), architecture.layers)
    return any(not isinstance(layer, Dropout | GaussianNoise | ReLU) for layer in first)


def _build_layer(layer: Layer, shape: tuple[int, ...]) -> tuple[list[nn.Module], tuple[int, ...]]:
    """Return a layer's modules and the shape that they turn `shape` into.

    A shape is (channels, rows, columns), or (units,) after a dense layer.
    """
    match layer:
        case Dense(units, relu):
            return [nn.Linear(shape[0], units), *([nn.ReLU()] if relu else [])], (units,)
        case ReLU():
            return [nn.ReLU()], shape
        case Dropout(rate):
            return [nn.Dropout(rate)], shape
        case GaussianNoise(sd):
            return [Noise(sd)], shape
        case BatchNorm(momentum, epsilon):
            kind = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
            return [kind(shape[0], eps=epsilon, momentum=momentum)], shape
    if len(shape) == 1:
        raise InputError(f"{type(layer).__name__} comes after Dense: it takes images")
    channels, *sides = shape

    def slid(size: int, stride: int, padding: int = 0) -> list[int]:
        """Return the sides after a window of a size has slid over the image."""
        return [(side + 2 * padding - size) // stride + 1 for side in sides]

    match layer:
        case Conv(filters, kernel, stride, padding, bias, relu):
            convolution = nn.Conv2d(channels, filters, kernel, stride, padding, bias=bias)
            new = (filters, *slid(kernel, stride, padding))
            return [convolution, *([nn.ReLU()] if relu else [])], new
        case MaxPool(size, stride):
            return [nn.MaxPool2d(size, stride)], (channels, *slid(size, stride or size))
        case GlobalAveragePool():
            return [nn.AdaptiveAvgPool2d(1)], (channels, 1, 1)
        case Crop(margin):
            cut = [side - 2 * margin for side in sides]
            return [nn.ZeroPad2d(-margin)], (channels, *cut)
        case Residual(filters, stride, shortcut):
            if shortcut == "A" and filters < channels:
                raise InputError(
                    f"Residual has {filters} filters after {channels} channels: shortcut 'A' "
                    "takes as many or more"
                )
            block = ResidualBlock(channels, filters, stride, shortcut)
            return [block], (filters, *slid(3, stride, 1))
    raise InputError(f"{layer!r} is no layer of memlib.training.layers")


def _draw_all_weights(network: nn.Sequential, kind: str, seed: int) -> None:
    """Draw the weights of dense layers and convolutions, in their order, and set biases to 0."""
    weighted = [module for module in network.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    with torch.no_grad():
        for index, module in enumerate(weighted):
            rng = stream(seed, "weights", index)
            weights = draw_weights(tuple(module.weight.shape), rng, kind)
            module.weight.copy_(torch.from_numpy(weights))
            if module.bias is not None:
                module.bias.zero_()


def network_arrays(network: nn.Module) -> dict[str, np.ndarray]:
    """Return a network's parameters and buffers as arrays, by name."""
    return {name: value.cpu().numpy().copy() for name, value in network.state_dict().items()}


def load_network_arrays(network: nn.Module, arrays: dict[str, np.ndarray]) -> None:
    """Set a network's parameters and buffers from arrays, by name."""
    network.load_state_dict({name: torch.from_numpy(value) for name, value in arrays.items()})
