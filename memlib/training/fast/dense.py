"""The step of a stack of dense layers by a hand-written backward pass."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from memlib.base.compiled import jit
from memlib.training.steps import Step


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
