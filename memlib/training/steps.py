"""Training steps on one CPU core, in float32: gradients, optimizers, dropout masks and noise.

`Step` trains a stack of layers by autograd, `DenseStep` one of dense layers by a hand-written
backward pass. With the same masks they differ by rounding only; `make_step` picks.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from memlib.base.errors import InputError
from memlib.training.checks import check_not_negative, check_positive, check_share, check_whole
from memlib.training.losses import LOSSES
from memlib.training.networks import Noise, load_network_arrays, network_arrays
from memlib.training.rates import LearningRate, check_learning_rate, rate_of

PRECISIONS = ("float32", "bfloat16")
Update = Callable[[Tensor, Tensor, Tensor | None], None]


def sgd(learning_rate: float, *, momentum: float = 0.0) -> Update:
    """Return the update of (weight, gradient g, memory v) by gradient descent, in place.

    ``w -= learning_rate g``; with momentum ``v = momentum v + g; w -= learning_rate v``, as in
    torch.optim.SGD.
    """

    def update(weight: Tensor, gradient: Tensor, memory: Tensor | None) -> None:
        weight.sub_(gradient, alpha=learning_rate)

    def heavy_ball(weight: Tensor, gradient: Tensor, memory: Tensor | None) -> None:
        assert memory is not None
        memory.mul_(momentum).add_(gradient)
        weight.sub_(memory, alpha=learning_rate)

    return heavy_ball if momentum else update


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


def with_weight_decay(update: Update, weight_decay: float) -> Update:
    """Return an update of the gradient ``g + weight_decay w`` in place of g, as torch.optim does.

    It is the gradient of a penalty ``weight_decay / 2`` times the sum of all squared parameters,
    biases and those of batch normalization included. Keras' ``l2(c)`` is a penalty c times that of
    one layer's weights: 2 c here.
    """

    def decayed(weight: Tensor, gradient: Tensor, memory: Tensor | None) -> None:
        update(weight, gradient.add(weight, alpha=weight_decay), memory)

    return decayed if weight_decay else update


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Compute with 0 in place of numbers below the normal ones.

    rmsProp's memory of rare gradients decays so far, and is then computed many times slower than
    a zero.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


class Step:
    """A network, its optimizer, its dropout masks and noise; gradients by autograd.

    Parameters
    ----------
    network
        Layers in order, logits last; trained in place.
    optimizer
        ``"sgd"`` or ``"rmsprop"``.
    learning_rate
        Step size, above 0, or a `memlib.training.rates.StepDecay`.
    momentum
        Of SGD, see `sgd`; in [0, 1).
    weight_decay
        See `with_weight_decay`; 0 or more.
    loss
        A name in `memlib.training.losses.LOSSES`.
    decay, epsilon
        Constants of rmsProp, see `rmsprop`.
    precision
        Of the matrix products: ``"float32"``, or ``"bfloat16"`` (8 bits in place of 24; how much
        faster, `memlib bench` says). Weights, sums and the optimizer stay in float32.
    layers
        What stands for the network's layers in training; the layers themselves by default.

    Raises
    ------
    InputError
        For an unknown name or a number out of its range.
    """

    device = torch.device("cpu")

    def __init__(
        self,
        network: nn.Sequential,
        *,
        optimizer: str,
        learning_rate: LearningRate,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
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
        check_learning_rate(learning_rate)
        check_share("momentum", momentum)
        if momentum and optimizer != "sgd":
            raise InputError(f"momentum = {momentum!r}: only sgd has momentum")
        check_not_negative("weight_decay", weight_decay)
        check_share("decay", decay)
        check_positive("epsilon", epsilon)
        self.loss, self.precision = LOSSES[loss], precision
        self.network = network.train()
        self.layers = list(network) if layers is None else layers
        self.weights: dict[str, Tensor] = dict(network.named_parameters())
        self.memory = {
            name: torch.zeros_like(weight.data)
            for name, weight in self.weights.items()
            if optimizer == "rmsprop" or momentum
        }

        def update_of(rate: float) -> Update:
            if optimizer == "sgd":
                return with_weight_decay(sgd(rate, momentum=momentum), weight_decay)
            return with_weight_decay(rmsprop(rate, decay=decay, epsilon=epsilon), weight_decay)

        self.learning_rate, self.update_of = learning_rate, update_of
        self.rate: float | None = None
        self.start_epoch(0, 1)

    def start_epoch(self, seed: int, epoch: int | None = None) -> None:
        """Seed the dropout masks and noise of an epoch, and set its learning rate.

        Parameters
        ----------
        seed
            Of what is drawn in this epoch.
        epoch
            Its number, from 1; a constant learning rate need not know it.
        """
        self.rng = np.random.SFC64(seed)
        rate = rate_of(self.learning_rate, epoch)
        if rate != self.rate:
            self.rate, self.update = rate, self.update_of(rate)

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
            Images in a mini-batch, 1 or more; the last one may be smaller.
        """
        check_whole("batch_size", batch_size, 1)
        self.network.train()
        with flushed_denormals():
            return self._run(inputs, targets, batch_size)

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
        return x * (torch.from_numpy(raw).to(x.device) >= threshold) * scale

    def add_noise(self, x: Tensor, sd: float) -> Tensor:
        """Add Gaussian noise of a standard deviation."""
        noise = np.random.Generator(self.rng).standard_normal(x.shape, dtype=np.float32)
        return x + sd * torch.from_numpy(noise).to(x.device)

    def gradients(self, x: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a mini-batch and its gradient by parameter name."""
        lower = self.precision == "bfloat16"
        with torch.autocast(x.device.type, torch.bfloat16, enabled=lower, cache_enabled=False):
            for layer in self.layers:
                if isinstance(layer, nn.Dropout):
                    x = self.drop(x, layer.p)
                elif isinstance(layer, Noise):
                    x = self.add_noise(x, layer.sd)
                else:
                    x = layer(x)
        loss = self.loss.mean(x.float(), y)
        gradients = torch.autograd.grad(loss, list(self.weights.values()))
        return loss.detach(), dict(zip(self.weights, gradients, strict=True))
