"""The course of a training: what is measured after every epoch (Figs. 1, 4 and 5)."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from memlib.method.features import predict_logits
from memlib.papers.gu_tresp_2019.gradients import (
    BATCH,
    measure_gradient_agreement,
    measure_gradient_magnitude,
    measure_layer_gradients,
)
from memlib.papers.gu_tresp_2019.stages import PATIENCE, has_fitted
from memlib.training.augmentation import Augmentation
from memlib.training.loop import train_network
from memlib.training.steps import Step

N_AGREEMENT_IMAGES = 256  # examples whose gradients are compared
# Measured at every epoch up to the first number and at every multiple of the second one: an
# agreement of 256 examples takes as long as six epochs of 512 images.
AGREEMENT_EPOCHS = (6, 4)


class RunningAccuracy:
    """Counts the right answers while a step trains, each before the update that it brings.

    The count is taken where the loss is: no second pass. On a GPU the first epoch's share also
    counts the passes that prepare its graph.
    """

    def __init__(self, step: Step) -> None:
        self.right = torch.zeros((), device=step.device)
        self.seen = torch.zeros((), device=step.device)
        self._mean = step.loss.mean
        step.loss = replace(step.loss, mean=self._counted)

    def _counted(self, logits: Tensor, targets: Tensor) -> Tensor:
        with torch.no_grad():
            self.right += (logits.argmax(1) == targets.argmax(1)).sum()
            self.seen += len(logits)
        return self._mean(logits, targets)

    def take(self) -> float:
        """Return the share of right answers since the last call, NaN if there were no answers."""
        share = float(self.right / self.seen)
        self.right.zero_()
        self.seen.zero_()
        return share


def measure_accuracy(
    network: nn.Module,
    images: np.ndarray,
    labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    *,
    changed: np.ndarray | None = None,
) -> xr.Dataset:
    """Measure a network's accuracy by an evaluation, dropout off, running normalization.

    Parameters
    ----------
    images, labels
        Training images and the labels that it is trained on.
    test_images, test_labels
        Independent images with their true labels.
    changed
        bool (sample,): training labels that are wrong.

    Returns
    -------
    xarray.Dataset
        Scalars ``train_accuracy``, ``test_accuracy``, ``clean_accuracy`` on training images whose
        label is right and ``wrong_label_fit``, the share of wrong labels that it gives; NaN where
        there are no such labels.
    """
    right = predict_logits(network, images, batch_size=BATCH).argmax(1) == labels
    test_right = predict_logits(network, test_images, batch_size=BATCH).argmax(1) == test_labels
    wrong = np.zeros(len(labels), bool) if changed is None else changed
    return xr.Dataset(
        {
            "train_accuracy": right.mean(),
            "test_accuracy": test_right.mean(),
            "clean_accuracy": right[~wrong].mean() if not wrong.all() else np.nan,
            "wrong_label_fit": right[wrong].mean() if wrong.any() else np.nan,
        }
    )


def measure_moment(
    network: nn.Module,
    images: np.ndarray,
    labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    *,
    changed: np.ndarray | None = None,
    agreement: bool = True,
    n_agreement_images: int = N_AGREEMENT_IMAGES,
) -> xr.Dataset:
    """Measure all that Figs. 1, 4 and 5 need of a network at one moment of its training.

    Parameters
    ----------
    images, labels, test_images, test_labels, changed
        As for `measure_accuracy`.
    agreement
        Whether to compare the gradients of examples and of layers too, which takes longer; of the
        first `n_agreement_images` training images.

    Returns
    -------
    xarray.Dataset
        What `measure_accuracy`, `measure_gradient_magnitude` and, where asked for,
        `measure_gradient_agreement` and `measure_layer_gradients` return.
    """
    some = slice(n_agreement_images)
    parts = [
        measure_accuracy(network, images, labels, test_images, test_labels, changed=changed),
        measure_gradient_magnitude(network, images, labels),
    ]
    if agreement:
        parts.append(measure_gradient_agreement(network, images[some], labels[some]))
        parts.append(measure_layer_gradients(network, images[some], labels[some]))
    return xr.merge(parts)


def follow_training(
    step: Step,
    images: np.ndarray,
    labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    *,
    epochs: Iterable[int],
    after: int = 0,
    batch_size: int = 128,
    seed: int = 0,
    changed: np.ndarray | None = None,
    augmentation: Augmentation | None = None,
    agreement: bool = True,
    n_agreement_images: int = N_AGREEMENT_IMAGES,
) -> Iterator[tuple[nn.Module, xr.Dataset]]:
    """Train and measure after every epoch asked for.

    Parameters
    ----------
    step
        The network with its optimizer; see `memlib.training.factory.make_step`.
    images, labels, test_images, test_labels, changed
        As for `measure_accuracy`.
    epochs
        Increasing; an epoch 0 at the start is the untrained network.
    after, batch_size, seed, augmentation
        As for `memlib.training.loop.train_network`: a run that goes on after any epoch gives what
        an unbroken one gives.
    agreement, n_agreement_images
        Whether, and of how many images, gradients are compared, see `measure_moment`; at every
        epoch up to 6 and at every fourth one.

    Yields
    ------
    network, moment
        The network in place, and scalars (and ``layer_gradient_norm``) with coordinate ``epoch``;
        ``running_accuracy`` is that of the mini-batches since the moment before: of one epoch
        where every epoch is asked for, as the paper's stages need.
    """

    def measure(network: nn.Module, epoch: int, running: float) -> xr.Dataset:
        first, every = AGREEMENT_EPOCHS
        moment = measure_moment(
            network,
            images,
            labels,
            test_images,
            test_labels,
            changed=changed,
            agreement=agreement and (epoch <= first or epoch % every == 0),
            n_agreement_images=n_agreement_images,
        )
        return moment.assign(running_accuracy=running).assign_coords(epoch=epoch)

    wanted = list(epochs)
    if wanted and wanted[0] == 0 and after == 0:
        wanted = wanted[1:]
        yield step.network, measure(step.network, 0, np.nan)
    running = RunningAccuracy(step)
    trained = train_network(
        step,
        images,
        labels,
        epochs=wanted,
        after=after,
        batch_size=batch_size,
        seed=seed,
        augmentation=augmentation,
    )
    for epoch, network in trained:
        yield network, measure(network, epoch, running.take())


def join_moments(moments: Iterable[xr.Dataset]) -> xr.Dataset:
    """Join the moments of one training along ``epoch``; NaN where something was not measured."""
    return xr.concat(list(moments), "epoch", data_vars="all", coords="minimal", join="outer")


def train_until_fitted(
    step: Step,
    images: np.ndarray,
    labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    *,
    n_epochs: int,
    patience: int = PATIENCE,
    **choices: object,
) -> tuple[nn.Module, xr.Dataset]:
    """Train until all training images are right three epochs in a row, or for `n_epochs`.

    A run that ends at `n_epochs` without that is kept: its course says so.

    Parameters
    ----------
    step, images, labels, test_images, test_labels
        As for `follow_training`.
    n_epochs
        The most epochs.
    patience
        See `memlib.papers.gu_tresp_2019.stages.has_fitted`.
    choices
        Other parameters of `follow_training`, but for `epochs` and `after`.

    Returns
    -------
    network, course
        The trained network, and its course along ``epoch`` from 0; its scalar
        ``fitted`` is 1 or 0.
    """
    moments: list[xr.Dataset] = []
    followed = follow_training(
        step,
        images,
        labels,
        test_images,
        test_labels,
        epochs=range(n_epochs + 1),
        **choices,  # type: ignore[arg-type]
    )
    fitted = False
    for _, moment in followed:
        moments.append(moment)
        fitted = has_fitted(np.array([float(one["train_accuracy"]) for one in moments]), patience)
        if fitted:
            break
    return step.network, join_moments(moments).assign(fitted=float(fitted))
