"""One training step: the network with its optimizer. INTERFACE used by memlib.training/pieces.

(founder's note to the engineer of this module: keep this interface - `make_step`, `Step.network`,
`start_epoch`, `run`, `arrays`, `load_arrays` - and replace the inside; EagerStep stays as fall-back.)
"""

from typing import Protocol

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits


class Step(Protocol):
    """A network in training: `run` trains it over one epoch's images, already in order."""

    network: nn.Module

    def start_epoch(self, dropout_seed: int) -> None:
        """Seed the dropout masks of the coming epoch."""

    def run(self, images: torch.Tensor, targets: torch.Tensor, batch_size: int) -> None:
        """Train on mini-batches in the order given."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Return network and optimizer as arrays."""
        ...

    def load_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Set network and optimizer from arrays (others in the dict are ignored)."""


class EagerStep:
    """Plain torch with autograd, for any network."""

    def __init__(self, network: nn.Module, optimizer: str, learning_rate: float) -> None:
        self.network, self.optimizer, self.learning_rate = network, optimizer, learning_rate
        self.parameters = dict(network.named_parameters())
        self.squares = {
            f"square_{name}": torch.zeros_like(value)
            for name, value in self.parameters.items()
            if optimizer == "rmsprop"
        }

    def start_epoch(self, dropout_seed: int) -> None:
        """Seed torch's generator, which draws the dropout masks."""
        torch.manual_seed(dropout_seed)

    def run(self, images: torch.Tensor, targets: torch.Tensor, batch_size: int) -> None:
        """Train on mini-batches in the order given."""
        self.network.train()
        for start in range(0, len(images), batch_size):
            logits = self.network(images[start : start + batch_size])
            loss = binary_cross_entropy_with_logits(logits, targets[start : start + batch_size])
            gradients = torch.autograd.grad(loss, list(self.parameters.values()))
            with torch.no_grad():
                for (name, weight), gradient in zip(
                    self.parameters.items(), gradients, strict=True
                ):
                    if self.optimizer == "rmsprop":
                        square = self.squares[f"square_{name}"]
                        square.mul_(0.9).addcmul_(gradient, gradient, value=0.1)
                        gradient = gradient / (square.sqrt() + 1e-7)
                    weight.sub_(gradient, alpha=self.learning_rate)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return network and optimizer as arrays."""
        tensors = self.network.state_dict() | self.squares
        return {name: value.numpy().copy() for name, value in tensors.items()}

    def load_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Set network and optimizer from arrays."""
        with torch.no_grad():
            for name, value in (self.network.state_dict() | self.squares).items():
                value.copy_(torch.from_numpy(arrays[name]))


def make_step(network: nn.Module, *, optimizer: str, learning_rate: float) -> Step:
    """Return the fastest step for a network."""
    return EagerStep(network, optimizer, learning_rate)
