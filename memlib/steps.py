"""Training steps on one CPU core, in float32: gradients, optimizers and dropout masks.

`Step` trains a stack of layers by autograd, `DenseStep` one of dense layers by a hand-written
backward pass. With the same masks they differ by rounding only; `make_step` picks.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from memlib.compiled import jit
from memlib.convolution import fused_layers
from memlib.errors import InputError
from memlib.losses import LOSSES
from memlib.models import load_network_arrays, network_arrays

PRECISIONS = ("float32", "bfloat16")
Update = Callable[[Tensor, Tensor, Tensor | None], None]


def sgd(learning_rate: float) -> Update:
    """Return the update ``w -= learning_rate g`` of (weight, gradient, memory), in place."""

    def update(weight: Tensor, gradient: Tensor, memory: Tensor | None) -> None:
        weight.sub_(gradient, alpha=learning_rate)

    return update


def rmsprop(learning_rate: float, *, decay: float = 0.9, epsilon: float = 1e-7) -> Update:
    """Return Keras' rmsProp update of (weight, gradient, memory v), in place.

    ``v = decay v + (1 - decay) g^2; w -= learning_rate g / (sqrt(v) + epsilon)``, as in Keras 2 of
    2018 (keras/optimizers.py), which the paper used. Keras 3 has epsilon inside the root.
    """

    def update(weight: Tensor, gradient: Tensor, memory: Tensor | None) -> None:
        assert memory is not None
        memory.mul_(decay).addcmul_(gradient, gradient, value=1 - decay)
        weight.addcdiv_(gradient, memory.sqrt().add_(epsilon), value=-learning_rate)

    return update


class Step:
    """A network, its optimizer and its dropout masks; gradients by autograd.

    Parameters
    ----------
    network
        Layers in order, logits last; trained in place.
    optimizer
        ``"sgd"`` or ``"rmsprop"``.
    learning_rate
        Step size, above 0.
    loss
        A name in `memlib.losses.LOSSES`.
    decay, epsilon
        Constants of rmsProp, see `rmsprop`.
    precision
        Of the matrix products: ``"float32"``, or ``"bfloat16"`` (8 bits in place of 24; how much
        faster, `memlib bench` says). Weights, sums and the optimizer stay in float32.
    layers
        What stands for the network's layers in training; the layers themselves by default.
    """

    device = torch.device("cpu")

    def __init__(
        self,
        network: nn.Sequential,
        *,
        optimizer: str,
        learning_rate: float,
        loss: str = "binary",
        decay: float = 0.9,
        epsilon: float = 1e-7,
        precision: str = "float32",
        layers: list[Callable[[Tensor], Tensor]] | None = None,
    ) -> None:
        if optimizer not in ("sgd", "rmsprop"):
            raise InputError(f"optimizer is {optimizer!r}, not 'sgd' or 'rmsprop'")
        if loss not in LOSSES:
            raise InputError(f"loss is {loss!r}: take one of {', '.join(LOSSES)}")
        if precision not in PRECISIONS:
            raise InputError(f"precision is {precision!r}: take one of {', '.join(PRECISIONS)}")
        self.loss, self.precision = LOSSES[loss], precision
        self.network = network.train()
        self.layers = list(network) if layers is None else layers
        self.update = (
            sgd(learning_rate)
            if optimizer == "sgd"
            else rmsprop(learning_rate, decay=decay, epsilon=epsilon)
        )
        self.weights = dict(network.named_parameters())
        self.memory = {
            name: torch.zeros_like(weight.data)
            for name, weight in self.weights.items()
            if optimizer == "rmsprop"
        }
        self.start_epoch(0)

    def start_epoch(self, seed: int) -> None:
        """Seed the dropout masks of an epoch."""
        self.rng = np.random.SFC64(seed)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the network's parameters and the optimizer's memory, by name."""
        memory = {f"memory.{name}": v.cpu().numpy().copy() for name, v in self.memory.items()}
        return network_arrays(self.network) | memory

    def load_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Set what `arrays` returned; other entries are ignored."""
        load_network_arrays(self.network, {n: arrays[n] for n in self.network.state_dict()})
        for name, value in self.memory.items():
            value.copy_(torch.from_numpy(arrays[f"memory.{name}"]))

    def draw_bytes(self, shape: torch.Size, rate: float) -> tuple[np.ndarray, int, float]:
        """Draw uniform bytes; one below the threshold (`rate` in 256ths) drops a value.

        Returns
        -------
        bytes_, threshold, scale
            uint8 of `shape`; the scale of the values that are kept.
        """
        size, threshold = shape.numel(), round(256 * rate)
        raw = self.rng.random_raw(-(-size // 8)).view(np.uint8)[:size].reshape(shape)
        return raw, threshold, 256 / (256 - threshold)

    def run(self, inputs: Tensor, targets: Tensor, batch_size: int) -> float:
        """Train on mini-batches in the order given and return the mean loss.

        Parameters
        ----------
        inputs, targets
            float32 (sample, row, column) and (sample, output).
        batch_size
            Images in a mini-batch; the last one may be smaller.
        """
        self.network.train()
        # rmsProp's memory of rare gradients decays below the normal numbers, which are computed
        # many times slower than a zero.
        torch.set_flush_denormal(True)
        try:
            return self._run(inputs, targets, batch_size)
        finally:
            torch.set_flush_denormal(False)

    def _run(self, inputs: Tensor, targets: Tensor, batch_size: int) -> float:
        total = 0.0
        for x, y in zip(inputs.split(batch_size), targets.split(batch_size), strict=True):
            loss, gradients = self.gradients(x, y)
            self.apply(gradients)
            total += float(loss) * len(x)
        return total / len(inputs)

    @torch.no_grad()
    def apply(self, gradients: dict[str, Tensor]) -> None:
        """Let the optimizer change the weights, in place."""
        for name, gradient in gradients.items():
            self.update(self.weights[name], gradient, self.memory.get(name))

    def drop(self, x: Tensor, rate: float) -> Tensor:
        """Set a random share `rate` of the activations to 0 and scale the others up."""
        raw, threshold, scale = self.draw_bytes(x.shape, rate)
        return x * (torch.from_numpy(raw) >= threshold) * scale

    def gradients(self, x: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a mini-batch and its gradient by parameter name."""
        lower = self.precision == "bfloat16"
        with torch.autocast(x.device.type, torch.bfloat16, enabled=lower, cache_enabled=False):
            for layer in self.layers:
                x = self.drop(x, layer.p) if isinstance(layer, nn.Dropout) else layer(x)
        loss = self.loss.mean(x.float(), y)
        gradients = torch.autograd.grad(loss, list(self.weights.values()))
        return loss.detach(), dict(zip(self.weights, gradients, strict=True))


class DenseStep(Step):
    """The step of a stack of dense layers with ReLU and dropout, without autograd; see `Step`."""

    @torch.inference_mode()
    def gradients(self, x: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a mini-batch and its gradient by parameter name."""
        product = _bfloat16_product if self.precision == "bfloat16" else torch.mm
        layers: list[Any] = [x for x in self.layers if isinstance(x, nn.Linear | nn.Dropout)]
        stack: list[tuple[Tensor, Tensor, float]] = []  # a dense layer's weights, input, scale
        x, scale = x.flatten(1), 1.0
        for layer, following in zip(layers, [*layers[1:], None], strict=True):
            if isinstance(layer, nn.Dropout):
                raw, threshold, scale = self.draw_bytes(x.shape, layer.p)
                _drop(x.numpy(), raw, threshold, np.float32(scale))
                continue
            stack.append((layer.weight.data, x, scale))
            x, scale = product(x, layer.weight.data.t()).add_(layer.bias.data), 1.0
            if following is not None:
                x.relu_()
        loss = self.loss.mean(x, y)
        delta, gradients = self.loss.gradient(x, y), list[Tensor]()
        for depth, (weight, h, scale) in reversed(list(enumerate(stack))):
            gradients += [delta.sum(0), product(delta.t(), h)]
            if depth:  # no gradient of the images; h is 0 where ReLU or dropout stopped it
                delta = product(delta, weight)
                _stop(delta.numpy(), h.numpy(), np.float32(scale))
        return loss, dict(zip(self.weights, reversed(gradients), strict=True))


def _bfloat16_product(a: Tensor, b: Tensor) -> Tensor:
    return torch.mm(a.bfloat16(), b.bfloat16()).float()


@jit
def _drop(h: Any, raw: Any, threshold: Any, scale: Any) -> None:
    """Dropout in place; `h` float32, `raw` uint8, both (sample, unit)."""
    for i in range(h.shape[0]):
        for j in range(h.shape[1]):
            h[i, j] = h[i, j] * scale if raw[i, j] >= threshold else np.float32(0)


@jit
def _stop(delta: Any, h: Any, scale: Any) -> None:
    """Rescale a gradient in place, and set it to 0 where `h` is; float32 (sample, unit)."""
    for i in range(h.shape[0]):
        for j in range(h.shape[1]):
            delta[i, j] = delta[i, j] * scale if h[i, j] > 0 else np.float32(0)


def make_step(network: nn.Sequential, *, device: str = "cpu", **choices: Any) -> Step:
    """Return the fastest step for a network of `memlib.models`.

    Parameters
    ----------
    network
        As for `Step`, and trained in place.
    device
        ``"cpu"`` or ``"cuda"``, see `memlib.devices`.
    choices
        The other parameters of `Step`.

    Raises
    ------
    InputError
        When the network is no flat stack of layers, has dropout that no seed of ours would reach,
        or weights that are not to be trained.
    """
    _check_network(network)
    if device != "cpu":
        from memlib.graph_steps import GraphStep

        return GraphStep(network, device=device, **choices)
    if _is_dense_stack(network):
        return DenseStep(network, **choices)
    network.to(memory_format=torch.channels_last)
    if choices.get("precision") == "bfloat16":  # the fused convolution is float32
        return Step(network, **choices)
    return Step(network, layers=fused_layers(network), **choices)


def _check_network(network: nn.Sequential) -> None:
    if not isinstance(network, nn.Sequential):
        raise InputError(f"the network is a {type(network).__name__}: take an nn.Sequential")
    for name, part in network.named_modules():
        own = type(part) is nn.Dropout and "." not in name
        if isinstance(part, nn.modules.dropout._DropoutNd) and not own:
            raise InputError(
                f"layer {name} is {type(part).__name__}: a run that goes on equals one that never "
                "stopped only with nn.Dropout, as a layer of the outermost nn.Sequential"
            )
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            raise InputError(f"parameter {name} does not require a gradient: all are trained here")


def _is_dense_stack(network: nn.Sequential) -> bool:
    """Whether `DenseStep` knows this order: dense, ReLU, perhaps dropout, again and again."""
    letters = {nn.Flatten: "f", nn.Linear: "l", nn.ReLU: "r", nn.Dropout: "d"}
    order = "".join(letters.get(type(layer), "?") for layer in network)
    biased = all(layer.bias is not None for layer in network if isinstance(layer, nn.Linear))
    return biased and re.fullmatch("f?(lrd?)*l", order) is not None
