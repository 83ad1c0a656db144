"""Loss functions of logits and one-hot targets, each with its gradient written out."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy


@dataclass(frozen=True)
class Loss:
    """A loss: its mean over a mini-batch, and the gradient of that mean.

    Attributes
    ----------
    mean
        Of logits and targets (sample, output), a scalar.
    gradient
        Of the same, (sample, output): how the mean changes with each logit.
    """

    mean: Callable[[Tensor, Tensor], Tensor]
    gradient: Callable[[Tensor, Tensor], Tensor]


def _binary_gradient(logits: Tensor, targets: Tensor) -> Tensor:
    return torch.sigmoid(logits).sub_(targets).div_(targets.numel())


def _categorical_gradient(logits: Tensor, targets: Tensor) -> Tensor:
    return torch.softmax(logits, dim=1).sub_(targets).div_(len(targets))


# "binary" is the mean over samples and sigmoid outputs (our default); "categorical" that over
# samples of the cross-entropy of a softmax. The paper names neither.
LOSSES = {
    "binary": Loss(binary_cross_entropy_with_logits, _binary_gradient),
    "categorical": Loss(cross_entropy, _categorical_gradient),
}
