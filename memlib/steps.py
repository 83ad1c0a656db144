"""Training steps on one CPU core, in float32: gradients, optimizers and dropout masks.

`Step` trains a stack of layers by autograd, `DenseStep` one of dense layers by a hand-written
backward pass; `ConvReluPool` stands for a convolution, its ReLU and 2 x 2 max-pooling in a `Step`.
With the same masks they differ by rounding only; `make_step` picks. The loss is the mean binary
cross-entropy over the sigmoids of the logits.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, conv2d

from memlib.errors import InputError
from memlib.models import load_network_arrays, network_arrays

Update = Callable[[Tensor, Tensor, Tensor | None], None]
CHANNELS, LANES = 32, 16  # input channels of the fused convolution; float32 values in a vector
GROUP = 3  # pooled rows in a block of its backward pass, whose inputs fit the first-level cache


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
    layers
        What stands for the network's layers in training; the layers themselves by default.
    """

    def __init__(
        self,
        network: nn.Sequential,
        *,
        optimizer: str,
        learning_rate: float,
        layers: list[Callable[[Tensor], Tensor]] | None = None,
    ) -> None:
        if optimizer not in ("sgd", "rmsprop"):
            raise InputError(f"optimizer is {optimizer!r}, not 'sgd' or 'rmsprop'")
        self.network = network.train()
        self.layers = list(network) if layers is None else layers
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
        for layer in self.layers:
            if isinstance(layer, nn.Dropout):
                raw, threshold, scale = self.draw_bytes(x.shape, layer.p)
                x = x * (torch.from_numpy(raw) >= threshold) * scale
            else:
                x = layer(x)
        loss = binary_cross_entropy_with_logits(x, y)
        gradients = torch.autograd.grad(loss, list(self.weights.values()))
        return loss.detach(), dict(zip(self.weights, gradients, strict=True))


class DenseStep(Step):
    """The step of a stack of dense layers with ReLU and dropout, without autograd; see `Step`."""

    @torch.inference_mode()
    def gradients(self, x: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a mini-batch and its gradient by parameter name."""
        layers: list[Any] = [x for x in self.layers if isinstance(x, nn.Linear | nn.Dropout)]
        stack: list[tuple[Tensor, Tensor, float]] = []  # a dense layer's weights, input, scale
        x, scale = x.flatten(1), 1.0
        for layer, following in zip(layers, [*layers[1:], None], strict=True):
            if isinstance(layer, nn.Dropout):
                raw, threshold, scale = self.draw_bytes(x.shape, layer.p)
                _drop(x.numpy(), raw, threshold, np.float32(scale))
                continue
            stack.append((layer.weight.data, x, scale))
            x, scale = torch.addmm(layer.bias.data, x, layer.weight.data.t()), 1.0
            if following is not None:
                x.relu_()
        loss = binary_cross_entropy_with_logits(x, y)
        delta, gradients = torch.sigmoid(x).sub_(y).div_(y.numel()), list[Tensor]()
        for depth, (weight, h, scale) in reversed(list(enumerate(stack))):
            gradients += [delta.sum(0), delta.t() @ h]
            if depth:  # no gradient of the images; h is 0 where ReLU or dropout stopped it
                delta = delta @ weight
                _stop(delta.numpy(), h.numpy(), np.float32(scale))
        return loss, dict(zip(self.weights, reversed(gradients), strict=True))


@njit(cache=True)
def _drop(h: Any, raw: Any, threshold: Any, scale: Any) -> None:
    """Dropout in place; `h` float32, `raw` uint8, both (sample, unit)."""
    for i in range(h.shape[0]):
        for j in range(h.shape[1]):
            h[i, j] = h[i, j] * scale if raw[i, j] >= threshold else np.float32(0)


@njit(cache=True)
def _stop(delta: Any, h: Any, scale: Any) -> None:
    """Rescale a gradient in place, and set it to 0 where `h` is; float32 (sample, unit)."""
    for i in range(h.shape[0]):
        for j in range(h.shape[1]):
            delta[i, j] = delta[i, j] * scale if h[i, j] > 0 else np.float32(0)


class ConvReluPool(torch.autograd.Function):
    """3 x 3 convolution of CHANNELS channels, ReLU, 2 x 2 max-pooling.

    A pooled value passes its gradient to one of four positions, or to none where ReLU stops it.
    The backward pass walks over these alone: an exact gradient for a sixth of the products.
    (sample, channel, row, column) in and out; at ties the first position wins, as in torch.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return the pooled activations."""
        x = x.contiguous(memory_format=torch.channels_last)
        weight = weight.contiguous(memory_format=torch.channels_last)
        y = conv2d(x, weight, bias).permute(0, 2, 3, 1).contiguous()
        n, rows, columns, channels = y.shape
        out = torch.empty(n, channels, rows // 2, columns // 2)
        corner = torch.empty(out.shape, dtype=torch.uint8)
        _pool(y.numpy(), out.numpy(), corner.numpy())
        ctx.save_for_backward(x, weight, corner)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients of input, weight and bias."""
        x, weight, corner = (t.permute(0, 2, 3, 1) for t in ctx.saved_tensors)
        corner, gradient = ctx.saved_tensors[2], gradients[0].contiguous()
        dx, dw = torch.zeros(x.shape), torch.zeros(weight.shape)
        arrays = (t.numpy() for t in (gradient, corner, x, weight, dx, dw))
        _conv_backward(*arrays)
        bias = (gradient * (corner < 4)).sum((0, 2, 3))
        return dx.permute(0, 3, 1, 2), dw.permute(0, 3, 1, 2), bias


@njit(cache=True)
def _pool(y: Any, out: Any, corner: Any) -> None:
    """ReLU and pool (sample, row, column, channel); `corner` 0-3 holds the largest, 4: none > 0."""
    for n in range(y.shape[0]):
        for i in range(out.shape[2]):
            for j in range(out.shape[3]):
                for c in range(y.shape[3]):
                    out[n, c, i, j], corner[n, c, i, j] = 0, 4
                    for k in range(4):
                        value = y[n, 2 * i + (k >> 1), 2 * j + (k & 1), c]
                        if value > out[n, c, i, j]:
                            out[n, c, i, j], corner[n, c, i, j] = value, k


def _vector_loop(scatter: bool) -> Any:
    """Build the inner loop of `_conv_backward`, with `held` (3, 3 * CHANNELS) kept in registers.

    For t below n, gather adds ``values[t] * rows[offsets[t]]`` to `held`, scatter adds
    ``values[t] * held`` to ``rows[offsets[t]]``; an entry of `rows` is three runs of 3 * CHANNELS
    floats, `stride` apart. Arrays are addresses. A plain numba loop stores `held` at every t,
    and takes twice as long.
    """

    @intrinsic
    def loop(typing, held, rows, offsets, values, n, stride):  # type: ignore[no-untyped-def]
        def generate(context: Any, b: Any, signature: Any, args: Any) -> Any:
            held, rows, offsets, values, n, stride = args
            i64, f32 = ir.IntType(64), ir.FloatType()
            vector = ir.VectorType(f32, LANES)
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), None)
            fma_type = ir.FunctionType(vector, [vector] * 3)
            fma = cgutils.get_or_insert_function(b.module, fma_type, f"llvm.fma.v{LANES}f32")

            def at(array: Any, index: Any, kind: Any, size: int = 4) -> Any:
                return b.inttoptr(b.add(array, b.mul(index, i64(size))), kind.as_pointer())

            parts = [(row, k) for row in range(3) for k in range(0, 3 * CHANNELS, LANES)]
            own = [at(held, i64(row * 3 * CHANNELS + k), vector) for row, k in parts]
            kept = [cgutils.alloca_once_value(b, b.load(place, align=4)) for place in own]
            with cgutils.for_range(b, n, intp=i64) as each:
                value = b.load(at(values, each.index, f32))
                offset = b.load(at(offsets, each.index, i64, 8))
                first = b.insert_element(ir.Constant(vector, ir.Undefined), value, i64(0))
                spread = b.shuffle_vector(first, first, zeros)
                for (row, k), part in zip(parts, kept, strict=True):
                    place = at(rows, b.add(b.add(offset, b.mul(stride, i64(row))), i64(k)), vector)
                    here, there = b.load(part), b.load(place, align=4)
                    if scatter:
                        b.store(b.call(fma, [spread, here, there]), place, align=4)
                    else:
                        b.store(b.call(fma, [spread, there, here]), part)
            for place, part in zip(own, kept, strict=True):
                b.store(b.load(part), place, align=4)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 6), generate

    return loop


_gather, _scatter = _vector_loop(False), _vector_loop(True)


@njit(cache=True)
def _conv_backward(gradient: Any, corner: Any, x: Any, weight: Any, dx: Any, dw: Any) -> None:
    """Add to `dx` and `dw` what each pooled gradient passes on; all but the first two NHWC."""
    n, channels, rows, columns = gradient.shape
    stride = x.shape[2] * CHANNELS
    offsets = np.empty((channels, GROUP * columns), np.int64)
    values = np.empty((channels, GROUP * columns), np.float32)
    counts = np.empty(channels, np.int64)
    for image in range(n):
        for top in range(0, rows, GROUP):
            for c in range(channels):
                t = 0
                for i in range(top, min(top + GROUP, rows)):
                    for j in range(columns):
                        k, value = corner[image, c, i, j], gradient[image, c, i, j]
                        row = image * x.shape[1] + 2 * i + (k >> 1)
                        offsets[c, t] = (row * x.shape[2] + 2 * j + (k & 1)) * CHANNELS
                        values[c, t] = value
                        t += (k < 4) & (value != 0)
                counts[c] = t
                if t == 0:
                    continue
                own, at, by = dw[c].ctypes.data, offsets[c].ctypes.data, values[c].ctypes.data
                _gather(own, x.ctypes.data, at, by, t, stride)
            for c in range(channels):
                own, at, by = weight[c].ctypes.data, offsets[c].ctypes.data, values[c].ctypes.data
                _scatter(own, dx.ctypes.data, at, by, counts[c], stride)


def _channel_last(x: Tensor) -> Tensor:
    """Return (sample, 1, row, column) images whose strides say channels-last."""
    return x.unsqueeze(-1).permute(0, 3, 1, 2)


def _fused_layers(network: nn.Sequential) -> list[Callable[[Tensor], Tensor]]:
    """Return a CNN's layers with `ConvReluPool` where it fits."""
    layers: list[Any] = list(network)
    for i, (conv, relu, pool) in enumerate(zip(layers, layers[1:], layers[2:], strict=False)):
        kinds = (
            isinstance(conv, nn.Conv2d),
            isinstance(relu, nn.ReLU),
            isinstance(pool, nn.MaxPool2d),
        )
        if all(kinds) and conv.weight.shape[1:] == (CHANNELS, 3, 3) and pool.kernel_size == 2:
            layers[i : i + 3] = [lambda x, c=conv: ConvReluPool.apply(x, c.weight, c.bias)]
    if isinstance(layers[0], nn.Unflatten):
        layers[0] = _channel_last
    return layers


def make_step(network: nn.Sequential, *, optimizer: str, learning_rate: float) -> Step:
    """Return the fastest step for a network of `memlib.models`; parameters as in `Step`."""
    if all(isinstance(layer, nn.Flatten | nn.Linear | nn.ReLU | nn.Dropout) for layer in network):
        return DenseStep(network, optimizer=optimizer, learning_rate=learning_rate)
    network.to(memory_format=torch.channels_last)
    layers = _fused_layers(network)
    return Step(network, optimizer=optimizer, learning_rate=learning_rate, layers=layers)
