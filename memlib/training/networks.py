"""Networks in torch, built from their declaration."""

import numpy as np
import torch
from torch import nn

from memlib.base.errors import InputError
from memlib.base.seeds import stream
from memlib.training.layers import Architecture, Conv, Dense, Dropout, MaxPool


def draw_weights(
    shape: tuple[int, ...], rng: np.random.Generator, kind: str = "glorot"
) -> np.ndarray:
    """Draw initial weights uniformly within a limit of 0.

    Parameters
    ----------
    shape
        (outputs, inputs) of a dense layer, or (filters, channels, rows, columns) of a convolution.
    rng
        Source of randomness.
    kind
        The limit: ``"glorot"`` sqrt(6 / (fan in + fan out)), Keras' default; ``"he"``
        sqrt(6 / fan in); ``"torch"`` sqrt(1 / fan in), torch's default.

    Raises
    ------
    InputError
        For another kind.
    """
    window = int(np.prod(shape[2:]))
    fan_out, fan_in = shape[0] * window, shape[1] * window
    squares = {"glorot": 6 / (fan_in + fan_out), "he": 6 / fan_in, "torch": 1 / fan_in}
    if kind not in squares:
        raise InputError(f"initial_weights is {kind!r}: take one of {', '.join(squares)}")
    limit = np.sqrt(squares[kind])
    return rng.uniform(-limit, limit, shape).astype(np.float32)


def build_network(
    architecture: Architecture,
    *,
    image_shape: tuple[int, int] = (28, 28),
    n_classes: int = 2,
    initial_weights: str = "glorot",
    seed: int = 0,
) -> nn.Sequential:
    """Build a network of (sample, row, column) images with one logit a class.

    The output layer is linear: the paper's sigmoid outputs are ``torch.sigmoid`` of the logits.

    Parameters
    ----------
    architecture
        Declared hidden layers, see `memlib.training.layers`.
    image_shape
        Rows and columns of an image.
    n_classes
        Number of outputs, 2 or more.
    initial_weights
        See `draw_weights`; biases start at 0.
    seed
        Base seed; each layer with weights has its own stream ``weights``, so that panels which
        begin with the same layer begin with the same weights.
    """
    modules: list[nn.Module] = [nn.Unflatten(1, (1, image_shape[0]))] if architecture.is_cnn else []
    shape: tuple[int, ...] = (1, *image_shape)
    for layer in (*architecture.layers, Dense(n_classes)):
        if isinstance(layer, Conv):
            kernel, stride = layer.kernel, layer.stride
            modules += [nn.Conv2d(shape[0], layer.filters, kernel, stride), nn.ReLU()]
            shape = (layer.filters, *((side - kernel) // stride + 1 for side in shape[1:]))
        elif isinstance(layer, MaxPool):
            modules.append(nn.MaxPool2d(layer.size))
            shape = (shape[0], *(side // layer.size for side in shape[1:]))
        elif isinstance(layer, Dropout):
            modules.append(nn.Dropout(layer.rate))
        else:
            if len(shape) == 3:
                if min(shape) < 1:
                    raise InputError(f"images of {image_shape} are too small for this network")
                modules.append(nn.Flatten())
            modules += [nn.Linear(int(np.prod(shape)), layer.units), nn.ReLU()]
            shape = (layer.units,)
    network = nn.Sequential(*modules[:-1])  # no ReLU on the outputs
    weighted = [module for module in network if isinstance(module, nn.Linear | nn.Conv2d)]
    with torch.no_grad():
        for index, module in enumerate(weighted):
            rng = stream(seed, "weights", index)
            weights = draw_weights(tuple(module.weight.shape), rng, initial_weights)
            module.weight.copy_(torch.from_numpy(weights))
            assert module.bias is not None
            module.bias.zero_()
    return network


def network_arrays(network: nn.Module) -> dict[str, np.ndarray]:
    """Return a network's parameters and buffers as arrays, by name."""
    return {name: value.cpu().numpy().copy() for name, value in network.state_dict().items()}


def load_network_arrays(network: nn.Module, arrays: dict[str, np.ndarray]) -> None:
    """Set a network's parameters and buffers from arrays, by name."""
    network.load_state_dict({name: torch.from_numpy(value) for name, value in arrays.items()})
