"""Easy and hard examples after one epoch from many initializations (section 3.1, Fig. 1)."""

from collections.abc import Iterable, Mapping

import numpy as np
import xarray as xr

from memlib.base.seeds import stream_integer
from memlib.method.data import Data
from memlib.method.features import predict_logits
from memlib.papers.arpit_2017.statistics import binomial_curve, compute_dispersion
from memlib.training.factory import make_step
from memlib.training.layers import Architecture
from memlib.training.loop import train_network
from memlib.training.networks import build_network


def count_correct(
    architecture: Architecture,
    data: Data,
    *,
    initializations: Iterable[int],
    learning_rate: float = 0.01,
    batch_size: int = 32,
    epochs: int = 1,
    initial_weights: str = "glorot",
    device: str = "cpu",
    seed: int = 0,
) -> np.ndarray:
    """Count in how many trainings each training example is classified correctly.

    Parameters
    ----------
    architecture, data
        Trained by SGD on the training part alone, and measured on the same examples in eval mode.
    initializations
        Numbers of the trainings to run, 0 or more: each has first weights and an order of the
        examples of its own. Counts of different numbers add up.
    learning_rate, batch_size, epochs, initial_weights, device
        See `memlib.training.factory.make_step` and `memlib.training.loop.train_network`.
    seed
        Base seed; training i is run with the seed that stream ``easy_examples`` of i gives.

    Returns
    -------
    numpy.ndarray
        int64 (example,).
    """
    images, labels = data.train_images, data.train_labels
    counts = np.zeros(len(images), np.int64)
    for number in initializations:
        own = stream_integer(seed, "easy_examples", number)
        network = build_network(
            architecture,
            image_shape=images.shape[1:],
            n_classes=data.n_classes,
            initial_weights=initial_weights,
            seed=own,
        )
        choices = {"optimizer": "sgd", "learning_rate": learning_rate, "loss": "categorical"}
        step = make_step(network, device=device, **choices)
        ((_, trained),) = train_network(
            step, images, labels, epochs=[epochs], batch_size=batch_size, seed=own
        )
        counts += predict_logits(trained, images, batch_size=1000).argmax(1) == labels
    return counts


def summarize_counts(
    n_correct: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    n_trainings: int,
    *,
    reference: str = "randX",
) -> xr.Dataset:
    """Compare the counts of `count_correct` with binomials.

    Null: examples are equally difficult, all of them (the paper's binomial) or all of one label.

    Parameters
    ----------
    n_correct, labels
        (example,) by condition, as many examples in each.
    n_trainings
        How many trainings were counted.
    reference
        Condition whose mean P(correct) the paper's binomial takes.

    Returns
    -------
    xarray.Dataset
        ``p_correct``, ``label``, ``class_binomial`` (condition, example), ``pooled_dispersion``,
        ``within_dispersion`` (condition,), ``binomial`` (example,).

    Raises
    ------
    InputError
        When all examples of a condition are always right or always wrong.
    """
    names = list(n_correct)
    p = np.stack([n_correct[name] / n_trainings for name in names])
    label = np.stack([labels[name] for name in names])
    pooled = [compute_dispersion(n_correct[name], n_trainings) for name in names]
    within = [compute_dispersion(n_correct[name], n_trainings, labels[name]) for name in names]
    n = p.shape[1]
    curves = []
    for row, own in zip(p, label, strict=True):
        codes = np.unique(own, return_inverse=True)[1]
        means = np.bincount(codes, row) / np.bincount(codes)
        curves.append(binomial_curve(n, n_trainings, means[codes]))
    one = binomial_curve(n, n_trainings, float(p[names.index(reference)].mean()))
    dims = ("condition", "example")
    return xr.Dataset(
        {
            "p_correct": (dims, p),
            "label": (dims, label),
            "pooled_dispersion": ("condition", pooled),
            "within_dispersion": ("condition", within),
            "binomial": ("example", one),
            "class_binomial": (dims, np.stack(curves)),
        },
        coords={"condition": names},
    )
