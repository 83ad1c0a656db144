"""The training loop: one generator that yields the network at the epochs asked for."""

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from memlib.base.errors import InputError
from memlib.base.seeds import stream, stream_integer
from memlib.training.augmentation import Augmentation, augment_images
from memlib.training.checks import check_whole
from memlib.training.steps import Step


def train_network(
    step: Step,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: Iterable[int],
    after: int = 0,
    batch_size: int = 128,
    seed: int = 0,
    augmentation: Augmentation | None = None,
) -> Iterator[tuple[int, nn.Module]]:
    """Train as usual and yield the network at the epochs asked for; nothing is measured here.

    Randomness has no state that is carried from epoch to epoch: the order of the images (stream
    ``batches``), their crops and flips (stream ``augmentation``), the dropout masks and the noise
    (stream ``dropout``) of an epoch follow from the seed and the epoch's number, and so does the
    learning rate. So a run that goes on after any epoch equals one that never stopped.

    Parameters
    ----------
    step
        The network with its optimizer, see `memlib.training.factory.make_step`; trained in place.
    images, labels
        float32 (sample, row, column) or (sample, channel, row, column), and int64 (sample,).
    epochs
        Increasing epochs, each 1 or more, at which to yield.
    after
        Epochs that the network has already been trained for.
    batch_size
        Images in a mini-batch; the last one of an epoch may be smaller.
    seed
        Base seed.
    augmentation
        Random crops and flips of each epoch's images; none by default.

    Yields
    ------
    epoch, network
        The network in place, after that epoch; copy it to keep it.

    Raises
    ------
    InputError
        When the loss is no longer finite, epochs do not increase, images, labels and network do
        not match, a mini-batch of one image meets batch normalization, or a number is out of its
        range.
    """
    epochs = list(epochs)
    check_epochs(epochs, after)
    check_samples(step.network, images, labels)
    check_batches(step.network, len(images), batch_size)
    inputs = torch.from_numpy(images).to(step.device)
    targets = one_hot_targets(step.network, labels).to(step.device)
    done = after
    for epoch in epochs:
        while done < epoch:
            done += 1
            order = torch.from_numpy(stream(seed, "batches", done).permutation(len(images)))
            order = order.to(step.device)
            step.start_epoch(stream_integer(seed, "dropout", done), done)
            seen = inputs
            if augmentation is not None:
                rng = stream(seed, "augmentation", done)
                seen = augment_images(inputs, augmentation, rng)
            loss = step.run(seen[order], targets[order], batch_size)
            if not math.isfinite(loss):
                raise InputError(f"training diverged in epoch {done}: take a lower learning_rate")
        yield epoch, step.network


def one_hot_targets(network: nn.Module, labels: np.ndarray) -> torch.Tensor:
    """Return one-hot targets, float32 (sample, output)."""
    return torch.from_numpy(np.eye(_n_outputs(network, labels), dtype=np.float32)[labels])


def _n_outputs(network: nn.Module, labels: np.ndarray) -> int:
    *_, last = network.children()
    return last.out_features if isinstance(last, nn.Linear) else int(labels.max()) + 1


def check_epochs(epochs: Sequence[int], after: int) -> None:
    """Refuse epochs that are no whole numbers or do not increase."""
    check_whole("after", after, 0)
    last = after
    for epoch in epochs:
        check_whole("epoch", epoch, 1)
        if epoch < last:
            raise InputError(f"epoch {epoch} comes after epoch {last}: epochs have to increase")
        last = epoch


def check_samples(network: nn.Module, images: np.ndarray, labels: np.ndarray) -> None:
    """Refuse what would be trained on wrong targets, or would end in an error of torch."""
    if len(images) != len(labels) or not len(images):
        raise InputError(
            f"{len(images)} images and {len(labels)} labels: give each image its label"
        )
    if images.dtype != np.float32:
        raise InputError(f"images are {images.dtype}: take float32")
    if not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"labels are {labels.dtype}: take whole numbers, 0 to n_classes - 1")
    n_outputs = _n_outputs(network, labels)
    if labels.min() < 0 or labels.max() >= n_outputs:
        raise InputError(
            f"labels go from {labels.min()} to {labels.max()}: the network has outputs for 0 to "
            f"{n_outputs - 1}"
        )


def check_batches(network: nn.Module, n_images: int, batch_size: int) -> None:
    """Refuse mini-batches that the network cannot be trained on."""
    check_whole("batch_size", batch_size, 1)
    normalizes = any(isinstance(part, _BatchNorm) for part in network.modules())
    if normalizes and 1 in (batch_size, n_images % batch_size):
        raise InputError(
            f"{n_images} images in mini-batches of {batch_size} leave one of 1 image, which batch "
            "normalization cannot take: change either"
        )
