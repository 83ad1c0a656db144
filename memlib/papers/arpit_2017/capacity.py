"""Validation accuracy and time to convergence against capacity and size (section 3.3, Figs. 5, 6).

A run is trained until it has fitted all training examples, or for as many epochs as allowed; then
it is censored: its time to convergence is not known, only that it is longer.
"""

from collections.abc import Iterable

import numpy as np
import xarray as xr

from memlib.base.errors import InputError
from memlib.method.data import Data
from memlib.papers.arpit_2017.performance import compute_performance
from memlib.training.factory import make_step
from memlib.training.layers import Architecture
from memlib.training.loop import train_network
from memlib.training.networks import build_network


def train_until_fitted(
    architecture: Architecture,
    data: Data,
    *,
    epochs: int,
    learning_rate: float = 0.1,
    batch_size: int = 32,
    initial_weights: str = "glorot",
    device: str = "cpu",
    after: int = 0,
    seed: int = 0,
) -> xr.Dataset:
    """Train a network until it classifies every training example correctly.

    Parameters
    ----------
    architecture, data
        The network and what it is trained and validated on.
    epochs
        Train for at most so many epochs.
    after
        Go on for so many epochs after the first with full training accuracy: 100 % may not last.
    learning_rate, batch_size, initial_weights, device, seed
        See `memlib.training.factory.make_step` and `memlib.training.loop.train_network`.

    Returns
    -------
    xarray.Dataset
        (epoch,): ``train_accuracy``, ``train_loss``, ``validation_accuracy`` at the end of each
        epoch, in eval mode.
    """
    network = build_network(
        architecture,
        image_shape=data.train_images.shape[1:],
        n_classes=data.n_classes,
        initial_weights=initial_weights,
        seed=seed,
    )
    choices = {"optimizer": "sgd", "learning_rate": learning_rate, "loss": "categorical"}
    step = make_step(network, device=device, **choices)
    course = train_network(
        step,
        data.train_images,
        data.train_labels,
        epochs=range(1, epochs + 1),
        batch_size=batch_size,
        seed=seed,
    )
    found: list[xr.Dataset] = []
    first = None
    for epoch, trained in course:
        found.append(compute_performance(trained, data))
        if first is None and found[-1]["train_accuracy"] == 1:
            first = epoch
        if first is not None and epoch >= first + after:
            break
    return xr.concat(found, xr.IndexVariable("epoch", np.arange(1, len(found) + 1)))


def epochs_to_fit(train_accuracy: Iterable[float]) -> int | None:
    """Return the first epoch with full training accuracy, or None: censored, never the last one.

    Parameters
    ----------
    train_accuracy
        After epochs 1, 2, ...
    """
    full = np.flatnonzero(np.asarray(list(train_accuracy)) == 1)
    return int(full[0]) + 1 if len(full) else None


def summarize_capacity(course: xr.Dataset) -> xr.Dataset:
    """Reduce the course of `train_until_fitted` to what Figs. 5 and 6 show.

    Returns
    -------
    xarray.Dataset
        Scalars ``epochs_to_full`` (NaN where censored) and ``epochs_run``;
        ``last_validation_accuracy``, ``best_validation_accuracy`` (chosen on the set that it is
        reported on, so too high by chance), ``full_validation_accuracy`` (at the first epoch with
        full training accuracy, the last one where censored); ``last_train_accuracy``.

    Raises
    ------
    InputError
        When there is no epoch.
    """
    train, validation = course["train_accuracy"].values, course["validation_accuracy"].values
    if not len(train):
        raise InputError("the course of the training holds no epoch")
    first = epochs_to_fit(train)
    return xr.Dataset(
        {
            "epochs_to_full": np.nan if first is None else float(first),
            "epochs_run": len(train),
            "last_validation_accuracy": validation[-1],
            "best_validation_accuracy": validation.max(),
            "full_validation_accuracy": validation[-1 if first is None else first - 1],
            "last_train_accuracy": train[-1],
        }
    )
