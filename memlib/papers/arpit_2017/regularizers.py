"""Regularized trainings on real and on random labels (section 5, Figs. 10 and 11)."""

from typing import Any

from torch import Tensor, from_numpy, nn

from memlib.base.errors import InputError
from memlib.papers.arpit_2017.critical import find_critical_samples
from memlib.papers.arpit_2017.networks import Regularizer
from memlib.training.factory import make_step
from memlib.training.layers import Architecture
from memlib.training.networks import build_network
from memlib.training.steps import Step

ADVERSARIAL_RADIUS = 8.0  # gray levels: few samples of an MLP are critical within 0.3
ADVERSARIAL_STEPS = 3


class AdversarialStep(Step):
    """A step whose loss is partly that of points that LASS finds near each image (footnote 7).

    ``(1 - weight) loss(x, y) + weight loss(x-hat, y)``: x-hat is the last point that the search
    visited, of another class where x is critical. The search is in eval mode and follows the
    class that the network gives x, the loss its label y.

    Parameters
    ----------
    network
        Trained in place.
    weight
        Of the points found, 0 to 1.
    gray_level
        One gray level in the units of the inputs.
    radius, n_steps
        Of the search, see `find_critical_samples`.
    choices
        The other parameters of `Step`.
    """

    def __init__(
        self,
        network: nn.Sequential,
        *,
        weight: float,
        gray_level: float,
        radius: float = ADVERSARIAL_RADIUS,
        n_steps: int = ADVERSARIAL_STEPS,
        **choices: Any,
    ) -> None:
        if not 0 <= weight <= 1:
            raise InputError(f"weight = {weight!r}: take a number from 0 to 1")
        self.weight, self.gray_level = weight, gray_level
        self.radius, self.n_steps = radius, n_steps
        super().__init__(network, **choices)

    def find(self, x: Tensor) -> Tensor:
        """Return the last points that the search around a mini-batch visited."""
        search = find_critical_samples(
            self.network,
            x.cpu().numpy(),
            [self.radius],
            gray_level=self.gray_level,
            n_steps=self.n_steps,
            seed=int(self.rng.random_raw()),
        )
        return from_numpy(search.points[0]).to(x.device)

    def gradients(self, x: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mixed loss of a mini-batch and its gradient by parameter name."""
        points = self.find(x)
        loss, own = super().gradients(x, y)
        other_loss, other = super().gradients(points, y)
        share = self.weight
        mixed = {name: (1 - share) * own[name] + share * other[name] for name in own}
        return (1 - share) * loss + share * other_loss, mixed


def make_regularized_step(
    architecture: Architecture,
    regularizer: Regularizer,
    *,
    image_shape: tuple[int, ...],
    n_classes: int,
    gray_level: float,
    initial_weights: str = "glorot",
    device: str = "cpu",
    seed: int = 0,
    **choices: Any,
) -> Step:
    """Return the step of a regularized network, for `memlib.training.loop.train_network`.

    Parameters
    ----------
    architecture
        Without the regularizer's layers, which are added here.
    gray_level
        One gray level in the units of the inputs, for adversarial training.
    image_shape, n_classes, initial_weights, seed
        See `memlib.training.networks.build_network`.
    device, choices
        See `memlib.training.factory.make_step`; adversarial training runs on ``"cpu"``.

    Raises
    ------
    InputError
        For adversarial training on another device, or a choice that a step refuses.
    """
    network = build_network(
        regularizer.apply(architecture),
        image_shape=image_shape,
        n_classes=n_classes,
        initial_weights=initial_weights,
        seed=seed,
    )
    choices["weight_decay"] = regularizer.weight_decay
    if regularizer.name == "adversarial":
        if device != "cpu":
            raise InputError(f"device = {device!r}: adversarial training runs on cpu")
        weight = regularizer.strength
        return AdversarialStep(network, weight=weight, gray_level=gray_level, **choices)
    return make_step(network, device=device, **choices)
