"""Training steps on one CPU core, in float32: gradients, optimizers and dropout masks.

`Step` trains a network by autograd. `DenseStep` trains one of dense layers by a hand-written
backward pass into the network's own parameters, with the same masks, so that the two differ by
rounding only; `make_step` picks. Loss: mean binary cross-entropy over the sigmoids of the logits.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from memlib.errors import InputError
from memlib.models import load_network_arrays, network_arrays

Update = Callable[[Tensor, Tensor, Tensor | None], None]


def sgd(learning_rate: float) -> Update:
    """Return the update ``w -= learning_rate g`` of (weight, gradient, memory), in place."""

    def update(weight: Tensor, gradient: Tensor, memory: Tensor | None) -> None:
        weight.sub_(gradient, alpha=learning_rate)

    return update


def rmsprop(learning_rate: float, *, decay: float = 0.9, epsilon: float = 1e-7) -> Update:
    """Return Keras 3's rmsProp update of (weight, gradient, memory v), in place.

    ``v = decay v + (1 - decay) g^2; w -= learning_rate g / sqrt(v + epsilon)``: epsilon stands
    inside the root (keras/src/optimizers/rmsprop.py); Keras 2.2 of 2018 had ``sqrt(v) + epsilon``
    (keras/optimizers.py).
    """

    def update(weight: Tensor, gradient: Tensor, memory: Tensor | None) -> None:
        assert memory is not None
        memory.mul_(decay).addcmul_(gradient, gradient, value=1 - decay)
        weight.addcdiv_(gradient, (memory + epsilon).sqrt_(), value=-learning_rate)

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
    """

    def __init__(self, network: nn.Sequential, *, optimizer: str, learning_rate: float) -> None:
        if optimizer not in ("sgd", "rmsprop"):
            raise InputError(f"optimizer is {optimizer!r}, not 'sgd' or 'rmsprop'")
        self.network = network.train()
        self.update = (sgd if optimizer == "sgd" else rmsprop)(learning_rate)
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
        memory = {f"memory.{name}": value.numpy().copy() for name, value in self.memory.items()}
        return network_arrays(self.network) | memory

    def load_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Set what `arrays` returned; other entries are ignored."""
        load_network_arrays(self.network, {n: arrays[n] for n in self.network.state_dict()})
        for name, value in self.memory.items():
            value.copy_(torch.from_numpy(arrays[f"memory.{name}"]))

    def draw_mask(self, shape: torch.Size, rate: float) -> Tensor:
        """Draw a mask: 0 with probability `rate` (in steps of 1/256), else 1 / (1 - rate)."""
        size, dropped = shape.numel(), round(256 * rate)
        bits = self.rng.random_raw(-(-size // 8)).view(np.uint8)[:size].reshape(shape)
        return (torch.from_numpy(bits) >= dropped).float().mul_(256 / (256 - dropped))

    def run(self, inputs: Tensor, targets: Tensor, batch_size: int) -> float:
        """Train on mini-batches in the order given and return the mean loss.

        Parameters
        ----------
        inputs, targets
            float32 (sample, row, column) and (sample, output).
        batch_size
            Images in a mini-batch; the last one may be smaller.
        """
        total = 0.0
        self.network.train()
        for x, y in zip(inputs.split(batch_size), targets.split(batch_size), strict=True):
            loss, gradients = self.gradients(x, y)
            with torch.no_grad():
                for name, gradient in gradients.items():
                    self.update(self.weights[name], gradient, self.memory.get(name))
            total += float(loss) * len(x)
        return total / len(inputs)

    def gradients(self, x: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a mini-batch and its gradient by parameter name."""
        for layer in self.network:
            dropout = isinstance(layer, nn.Dropout)
            x = x * self.draw_mask(x.shape, layer.p) if dropout else layer(x)
        loss = nn.functional.binary_cross_entropy_with_logits(x, y)
        gradients = torch.autograd.grad(loss, list(self.weights.values()))
        return loss.detach(), dict(zip(self.weights, gradients, strict=True))


def make_step(network: nn.Sequential, *, optimizer: str, learning_rate: float) -> Step:
    """Return the fastest step for a network; parameters as in `Step`."""
    return Step(network, optimizer=optimizer, learning_rate=learning_rate)
