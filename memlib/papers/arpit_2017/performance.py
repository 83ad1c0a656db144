"""A network's own accuracy and loss, and its critical samples, as training goes on (Figs. 7-11)."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from torch import nn

from memlib.base.errors import InputError
from memlib.method.data import Data
from memlib.method.features import predict_logits
from memlib.papers.arpit_2017.critical import N_STEPS, compute_critical_sample_ratio
from memlib.training.changes import ChangedData

BATCH = 1000  # images propagated at once
SEARCHED = ("validation", "noise", "train")


def compute_performance(network: nn.Module, data: Data) -> xr.Dataset:
    """Return the network's accuracy and loss in eval mode.

    Returns
    -------
    xarray.Dataset
        Scalars ``train_accuracy`` and ``train_loss`` (mean cross-entropy of the softmax) on the
        training data as the network sees them, noise and all; ``validation_accuracy``.
    """
    train = predict_logits(network, data.train_images, batch_size=BATCH).astype(float)
    validation = predict_logits(network, data.validation_images, batch_size=BATCH)
    own = train[np.arange(len(train)), data.train_labels]
    loss = np.logaddexp.reduce(train, axis=1) - own
    return xr.Dataset(
        {
            "train_accuracy": (train.argmax(1) == data.train_labels).mean(),
            "train_loss": loss.mean(),
            "validation_accuracy": (validation.argmax(1) == data.validation_labels).mean(),
        }
    )


def compute_complexity(
    network: nn.Module,
    changed: ChangedData,
    radii: Sequence[float],
    *,
    searched: Sequence[str] = SEARCHED,
    n_images: int = 1000,
    n_steps: int = N_STEPS,
    seed: int = 0,
) -> xr.Dataset:
    """Return accuracies and the critical sample ratio of one network (Figs. 7 to 9).

    A network trained on pure noise gives real images few classes and has few
    critical samples among them: for randX the noise is the validation set that follows the
    training data.

    Parameters
    ----------
    network, changed
        Trained on ``changed``.
    radii, n_steps, seed
        See `memlib.papers.arpit_2017.critical.find_critical_samples`.
    searched
        Where critical samples are counted: among ``"validation"`` images, fresh ``"noise"`` or
        ``"train"`` inputs; the first `n_images` of each.

    Returns
    -------
    xarray.Dataset
        ``train_accuracy``, ``validation_accuracy``; ``critical_sample_ratio`` (images, radius) and
        ``largest_class_share`` (images,).
    """
    for name in searched:
        if name not in SEARCHED:
            raise InputError(f"searched: {name!r} is none of {', '.join(SEARCHED)}")
    every = {
        "validation": changed.validation_images,
        "noise": changed.noise_images,
        "train": changed.train_images,
    }
    images = {name: every[name][:n_images] for name in searched}
    found = compute_critical_sample_ratio(
        network, images, radii, gray_level=changed.gray_level, n_steps=n_steps, seed=seed
    )
    own = compute_performance(network, changed)
    return found.merge(own[["train_accuracy", "validation_accuracy"]])
