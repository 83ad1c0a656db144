"""Many small networks of one architecture trained at once, in batched matrix products.

A small network leaves most of a core's time to the overhead of its many small operations. Here S
networks share each operation: their weights are stacked along a first dimension, ``network``.
Network i is the one that its seed would give alone, to rounding: first weights, order of the
images, dropout masks and noise come from the same named streams.
"""

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from memlib.base.errors import InputError
from memlib.base.seeds import stream, stream_integer
from memlib.training.checks import check_whole
from memlib.training.devices import choose_device
from memlib.training.factory import check_network
from memlib.training.layers import Architecture
from memlib.training.loop import check_batches, check_epochs, check_samples, one_hot_targets
from memlib.training.networks import Noise, build_network
from memlib.training.steps import Step, flushed_denormals


class Stack:
    """Networks of one architecture with their optimizers; made by `make_stack`.

    Parameters
    ----------
    networks
        One for each seed, alike but for their weights.
    seeds
        Of each network's order of images, dropout masks and noise; may repeat.
    device
        ``"cpu"`` or ``"cuda"``.
    choices
        The other parameters of `memlib.training.steps.Step`, but for `precision` and `layers`.
    """

    def __init__(
        self,
        networks: Sequence[nn.Sequential],
        *,
        seeds: Sequence[int],
        device: str = "cpu",
        **choices: Any,
    ) -> None:
        self.seeds, self.device = tuple(seeds), torch.device(device)
        self.template = deepcopy(networks[0]).to(self.device)
        # Optimizers go element by element: that of one network does for the whole stack.
        self.step = Step(self.template, **choices)
        states = [network.state_dict() for network in networks]
        self.state = {  # (network, ...) by name
            name: torch.stack([state[name] for state in states]).to(self.device)
            for name in states[0]
        }
        self.step.weights = {n: self.state[n].requires_grad_() for n in self.step.weights}
        self.step.memory = {n: torch.zeros_like(self.state[n]) for n in self.step.memory}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all parameters, buffers and memories of the optimizer, (network, ...) by name."""
        memory = {f"memory.{name}": value for name, value in self.step.memory.items()}
        tensors = self.state | memory
        return {name: value.detach().cpu().numpy().copy() for name, value in tensors.items()}

    def load_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Set what `arrays` returned; other entries are ignored."""
        with torch.no_grad():
            for name, value in self.state.items():
                value.copy_(torch.from_numpy(arrays[name]))
            for name, value in self.step.memory.items():
                value.copy_(torch.from_numpy(arrays[f"memory.{name}"]))

    def network(self, index: int) -> nn.Sequential:
        """Return a copy of one network, in evaluation mode."""
        network = deepcopy(self.template).cpu()
        network.load_state_dict({name: value[index].cpu() for name, value in self.state.items()})
        return network.eval()

    @torch.no_grad()
    def logits(self, images: np.ndarray, *, batch_size: int = 256) -> np.ndarray:
        """Return what every network says of the same images, in evaluation mode.

        Parameters
        ----------
        images
            float32 (sample, [channel,] row, column).
        batch_size
            Images that all networks see at once; for memory, it changes no result.

        Returns
        -------
        numpy.ndarray
            float32 (network, sample, class).
        """
        check_whole("batch_size", batch_size, 1)
        self.template.eval()
        parts = []
        for x in torch.from_numpy(images).split(batch_size):
            shared = x.to(self.device).expand(len(self.seeds), *x.shape)
            parts.append(self._forward(shared).cpu())
        return torch.cat(parts, dim=1).numpy()

    def start_epoch(self, epoch: int) -> None:
        """Seed every network's dropout masks and noise, and set the learning rate."""
        self.rngs = []
        for seed in self.seeds:
            self.step.start_epoch(stream_integer(seed, "dropout", epoch), epoch)
            self.rngs.append(self.step.rng)

    def run(self, inputs: Tensor, targets: Tensor, order: Tensor, batch_size: int) -> np.ndarray:
        """Train for an epoch in mini-batches and return each network's mean loss, (network,).

        Parameters
        ----------
        inputs, targets
            float32 (network, sample, [channel,] row, column) and (network, sample, output).
        order
            int64 (network, position): which of its samples each network sees when.
        batch_size
            Images in a network's mini-batch; the last one may be smaller.
        """
        self.template.train()
        total = torch.zeros(len(order), device=self.device)
        own = torch.arange(len(order), device=self.device).unsqueeze(1)
        with flushed_denormals():
            for at in order.split(batch_size, dim=1):  # (network, sample of the batch)
                logits = self._forward(inputs[own, at])
                losses = torch.vmap(self.step.loss.mean)(logits, targets[own, at])
                weights = self.step.weights
                # No network's loss depends on another's weights: the sum's gradients are theirs.
                gradients = torch.autograd.grad(losses.sum(), list(weights.values()))
                self.step.apply(dict(zip(weights, gradients, strict=True)))
                total += losses.detach() * at.shape[1]
        return (total / order.shape[1]).cpu().numpy()

    def _forward(self, x: Tensor) -> Tensor:
        """Return the logits (network, sample, class) of inputs (network, sample, ...)."""
        for index, layer in enumerate(self.template):
            if isinstance(layer, nn.Linear):
                weight, bias = self.state[f"{index}.weight"], self.state[f"{index}.bias"]
                # Units before samples: so a gradient lies in memory as its weights do.
                x = torch.baddbmm(bias.unsqueeze(2), weight, x.transpose(1, 2)).transpose(1, 2)
            elif isinstance(layer, nn.ReLU):
                x = torch.relu(x)
            elif isinstance(layer, nn.Flatten):
                x = x.flatten(2)
            elif isinstance(layer, nn.Dropout | Noise):
                x = self._disturb(layer, x)
            else:
                own = {name: self.state[f"{index}.{name}"] for name in layer.state_dict()}
                x = torch.vmap(functional_call, in_dims=(None, 0, 0))(layer, own, x)
        return x

    def _disturb(self, layer: nn.Dropout | Noise, x: Tensor) -> Tensor:
        """Drop values or add noise while training, drawn for each network from its own stream."""
        if not self.template.training:
            return x
        parts = []
        for rng, part in zip(self.rngs, x, strict=True):
            self.step.rng = rng
            if isinstance(layer, Noise):
                parts.append(self.step.add_noise(part, layer.sd))
            else:
                parts.append(self.step.drop(part, layer.p))
        return torch.stack(parts)


def make_stack(
    architecture: Architecture,
    *,
    seeds: Sequence[int],
    image_shape: tuple[int, ...] = (28, 28),
    n_classes: int = 2,
    initial_weights: str = "glorot",
    device: str = "cpu",
    **choices: Any,
) -> Stack:
    """Return one untrained network for each seed, to be trained together.

    Parameters
    ----------
    architecture, image_shape, n_classes, initial_weights
        See `memlib.training.networks.build_network`.
    seeds
        Base seed of each network; may repeat, for networks that differ in their data alone.
    device, choices
        See `memlib.training.factory.make_step`; the precision is float32.

    Raises
    ------
    InputError
        As those do, or without a seed.
    """
    if not len(seeds):
        raise InputError("seeds are empty: give one for each network")
    if choices.pop("precision", "float32") != "float32":
        raise InputError("precision: networks are trained together in float32 only")
    networks = [
        build_network(
            architecture,
            image_shape=image_shape,
            n_classes=n_classes,
            initial_weights=initial_weights,
            seed=seed,
        )
        for seed in seeds
    ]
    check_network(networks[0])
    return Stack(networks, seeds=seeds, device=choose_device(device), **choices)


def train_stack(
    stack: Stack,
    images: np.ndarray | Sequence[np.ndarray],
    labels: np.ndarray,
    *,
    epochs: Iterable[int],
    after: int = 0,
    batch_size: int = 128,
    subsets: np.ndarray | None = None,
) -> Iterator[tuple[int, Stack]]:
    """Train the networks of a stack and yield it at the epochs asked for.

    Network i is what `memlib.training.loop.train_network` makes of its images, its labels and its
    seed, to rounding.

    Parameters
    ----------
    stack
        See `make_stack`; trained in place.
    images
        float32 (sample, [channel,] row, column) for all networks, or a list of one such array,
        all of one shape, for each.
    labels
        int64 (sample,) for all networks, or (network, sample).
    epochs, after, batch_size
        As in `memlib.training.loop.train_network`.
    subsets
        The samples that each network is trained on, as many for each: a mask, bool
        (network, sample), or positions, int (network, position). All by default.

    Yields
    ------
    epoch, stack
        The stack in place, after that epoch.

    Raises
    ------
    InputError
        As `train_network` does, or when data do not fit the stack.
    """
    epochs = list(epochs)
    check_epochs(epochs, after)
    inputs, targets = _stacked_data(stack, images, labels)
    samples = _samples_of(subsets, len(stack.seeds), inputs.shape[1])  # (network, position)
    check_batches(stack.template, samples.shape[1], batch_size)
    done = after
    for epoch in epochs:
        while done < epoch:
            done += 1
            order = [
                own[stream(seed, "batches", done).permutation(len(own))]
                for seed, own in zip(stack.seeds, samples, strict=True)
            ]
            stack.start_epoch(done)
            at = torch.from_numpy(np.stack(order)).to(stack.device)
            losses = stack.run(inputs, targets, at, batch_size)
            if not np.isfinite(losses).all():
                seed = stack.seeds[int(np.argmin(np.isfinite(losses)))]
                raise InputError(
                    f"training of seed {seed} diverged in epoch {done}: take a lower learning_rate"
                )
        yield epoch, stack


def _stacked_data(
    stack: Stack, images: np.ndarray | Sequence[np.ndarray], labels: np.ndarray
) -> tuple[Tensor, Tensor]:
    """Return inputs (network, sample, ...) and targets (network, sample, output).

    What all networks share is held once.
    """
    n_networks = len(stack.seeds)
    each_images = [images] if isinstance(images, np.ndarray) else list(images)
    each_labels = [labels] if labels.ndim == 1 else list(labels)
    for name, several in (("images", each_images), ("labels", each_labels)):
        if len(several) not in (1, n_networks):
            raise InputError(f"{len(several)} sets of {name} for {n_networks} networks: give each")
    if len({one.shape for one in each_images}) > 1:
        raise InputError("images of the networks differ in shape: give each network as many")
    for one in each_images:
        for own in each_labels:
            check_samples(stack.template, one, own)
    inputs = torch.from_numpy(np.stack(each_images)).to(stack.device)
    targets = torch.stack([one_hot_targets(stack.template, own) for own in each_labels])
    targets = targets.to(stack.device)
    return (
        inputs.expand(n_networks, *inputs.shape[1:]),
        targets.expand(n_networks, *targets.shape[1:]),
    )


def _samples_of(subsets: np.ndarray | None, n_networks: int, n_samples: int) -> np.ndarray:
    """Return the samples of each network, int64 (network, position)."""
    if subsets is None:
        return np.tile(np.arange(n_samples), (n_networks, 1))
    subsets = np.asarray(subsets)
    is_mask = subsets.dtype == bool
    if subsets.ndim != 2 or len(subsets) != n_networks or not subsets.size:
        raise InputError(f"subsets have shape {subsets.shape}: give one row for each network")
    if not is_mask and not np.issubdtype(subsets.dtype, np.integer):
        raise InputError(f"subsets are {subsets.dtype}: take a mask or whole numbers")
    if is_mask:
        sizes = subsets.sum(axis=1)
        if subsets.shape[1] != n_samples or len(set(sizes.tolist())) > 1 or not sizes[0]:
            raise InputError(
                f"subsets mark {sizes.min()} to {sizes.max()} of {subsets.shape[1]} samples: mark "
                f"as many of the {n_samples} for each network, 1 or more"
            )
        return np.stack([np.flatnonzero(row) for row in subsets])
    if subsets.min() < 0 or subsets.max() >= n_samples:
        raise InputError(
            f"subsets hold samples {subsets.min()} to {subsets.max()}: there are 0 to "
            f"{n_samples - 1}"
        )
    return subsets.astype(np.int64)
