"""What is computed for each figure: one piece a condition, panel and seed.

A piece is a function of the data, the condition, the seed and the sizes that
`memlib.papers.arpit_2017.figures` declares. `compute_panel` puts those of a panel together, as
`memlib.papers.arpit_2017.schema` lays it out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from torch import nn

from memlib.base.errors import InputError
from memlib.method.data import Data
from memlib.papers.arpit_2017.capacity import summarize_capacity, train_until_fitted
from memlib.papers.arpit_2017.critical import find_critical_samples
from memlib.papers.arpit_2017.data import downscale, give_each_its_class, standardize
from memlib.papers.arpit_2017.easy_examples import count_correct, summarize_counts
from memlib.papers.arpit_2017.figures import FIGURES
from memlib.papers.arpit_2017.filters import compute_first_layer
from memlib.papers.arpit_2017.networks import FIG_10_REGULARIZERS, footnote_cnn, mlp
from memlib.papers.arpit_2017.performance import compute_complexity, compute_performance
from memlib.papers.arpit_2017.regularizers import make_regularized_step
from memlib.papers.arpit_2017.schema import INITIAL, SCHEMA, condition_parts, label_panel
from memlib.papers.arpit_2017.sensitivity import (
    compute_class_sensitivity,
    compute_loss_sensitivity,
    log_spaced_steps,
    sgd_course,
    summarize_sensitivity,
)
from memlib.training.changes import ChangedData, change_data
from memlib.training.factory import make_step
from memlib.training.layers import Architecture
from memlib.training.loop import train_network
from memlib.training.networks import build_network
from memlib.training.rates import LearningRate, StepDecay

SEARCHES: Mapping[str, Mapping[str, Any]] = {
    "1 step": {"n_steps": 1},
    "10 steps": {"n_steps": 10},
    "10 steps, no noise": {"n_steps": 10, "noise": 0.0},
}


def prepare_data(
    data: Data,
    condition: str,
    *,
    n_images: int,
    downscaled: int = 1,
    standardized: bool = True,
    seed: int = 0,
) -> ChangedData:
    """Return the training data of a condition, with the validation data that go with it.

    Parameters
    ----------
    data
        Pixels from 0 to 1; the first `n_images` training images are taken.
    condition
        See `memlib.papers.arpit_2017.schema.condition_name`.
    downscaled
        Side of the squares of pixels that are averaged.
    standardized
        Whether to bring the real training pixels to mean 0 and deviation 1.
    seed
        Of the noise.

    Raises
    ------
    InputError
        When there are fewer training images.
    """
    if not 1 <= n_images <= len(data.train_images):
        raise InputError(
            f"n_images = {n_images}: there are {len(data.train_images)} training images"
        )
    real = replace(
        data,
        train_images=data.train_images[:n_images],
        train_labels=data.train_labels[:n_images],
    )
    real = downscale(real, downscaled)
    noise, share = condition_parts(condition)
    changed = change_data(real, "randX" if noise == "none" else noise, share, seed=seed)
    return standardize(changed, real.train_images) if standardized else changed


def easy_examples_piece(
    data: Data, condition: str, *, seed: int, n_images: int, standardized: bool, **sizes: Any
) -> xr.Dataset:
    """Fig. 1: ``n_correct`` and ``label`` (example,).

    `sizes` are units and n_initializations, and those of
    `memlib.papers.arpit_2017.easy_examples.count_correct`.
    """
    changed = prepare_data(data, condition, n_images=n_images, standardized=standardized, seed=seed)
    architecture, n = mlp(sizes.pop("units")), sizes.pop("n_initializations")
    counts = count_correct(architecture, changed, initializations=range(n), seed=seed, **sizes)
    labels = changed.train_labels
    return xr.Dataset({"n_correct": ("example", counts), "label": ("example", labels)})


def join_easy_examples(pieces: Mapping[str, xr.Dataset], n_initializations: int) -> xr.Dataset:
    """Compare one seed's pieces of Fig. 1 with binomials, see `summarize_counts`."""
    counts = {name: piece["n_correct"].values for name, piece in pieces.items()}
    labels = {name: piece["label"].values for name, piece in pieces.items()}
    return summarize_counts(counts, labels, n_initializations)


def sensitivity_piece(
    data: Data,
    condition: str,
    *,
    seed: int,
    one_class_each: bool,
    n_images: int,
    units: int,
    steps: int,
    n_times: int,
    batch_size: int,
    learning_rate: float,
    initial_weights: str = "glorot",
    downscaled: int = 2,
    standardized: bool = False,
) -> xr.Dataset:
    """Fig. 3: spread of loss-sensitivity over examples, see `summarize_sensitivity`."""
    changed = prepare_data(
        data,
        condition,
        n_images=n_images,
        downscaled=downscaled,
        standardized=standardized,
        seed=seed,
    )
    own = give_each_its_class(changed) if one_class_each else changed
    course = sgd_course(
        _build(mlp(units), own, initial_weights, seed),
        own.train_images,
        own.train_labels,
        learning_rate=learning_rate,
        batch_size=batch_size,
        seed=seed,
    )
    times = log_spaced_steps(steps, n_times, n=n_images, batch_size=batch_size)
    found = compute_loss_sensitivity(course, times.tolist())
    summary = summarize_sensitivity(found["sensitivity"])
    return summary.merge(found[["train_accuracy", "train_loss"]])


def class_sensitivity_piece(
    data: Data,
    condition: str,
    *,
    seed: int,
    n_images: int,
    units: int,
    times: Sequence[int],
    batch_size: int,
    learning_rate: float,
    initial_weights: str = "glorot",
    downscaled: int = 2,
    standardized: bool = False,
) -> xr.Dataset:
    """Fig. 4: sensitivity from class to class, see `compute_class_sensitivity`."""
    changed = prepare_data(
        data,
        condition,
        n_images=n_images,
        downscaled=downscaled,
        standardized=standardized,
        seed=seed,
    )
    own = changed
    course = sgd_course(
        _build(mlp(units), own, initial_weights, seed),
        own.train_images,
        own.train_labels,
        learning_rate=learning_rate,
        batch_size=batch_size,
        seed=seed,
    )
    return compute_class_sensitivity(course, times, own.n_classes)


def capacity_piece(
    data: Data,
    condition: str,
    *,
    seed: int,
    n_images: int,
    units: int,
    downscaled: int = 2,
    **sizes: Any,
) -> xr.Dataset:
    """Figs. 5 and 6: one training until all examples are fitted, see `summarize_capacity`.

    `sizes` are those of `memlib.papers.arpit_2017.capacity.train_until_fitted`.
    """
    changed = prepare_data(data, condition, n_images=n_images, downscaled=downscaled, seed=seed)
    return summarize_capacity(train_until_fitted(mlp(units), changed, seed=seed, **sizes))


def critical_piece(
    data: Data,
    condition: str,
    architecture: Architecture,
    *,
    seed: int,
    n_images: int,
    epochs: int,
    n_epochs_measured: int,
    radii: Sequence[float],
    searched: Sequence[str],
    n_searched: int,
    **training: Any,
) -> xr.Dataset:
    """Figs. 7 to 9: accuracies and critical samples over epochs, see `compute_complexity`.

    `training` are batch_size, learning_rate, momentum, initial_weights, device.
    """
    changed = prepare_data(data, condition, n_images=n_images, seed=seed)
    grid = measured_epochs(epochs, n_epochs_measured)
    found = [
        compute_complexity(
            trained, changed, radii, searched=searched, n_images=n_searched, seed=seed
        )
        for trained in _course(architecture, changed, grid, seed=seed, **training)
    ]
    return xr.concat(found, xr.IndexVariable("epoch", grid))


def search_piece(
    data: Data,
    condition: str,
    architecture: Architecture,
    *,
    seed: int,
    n_images: int,
    epochs: int,
    radii: Sequence[float],
    n_searched: int,
    **training: Any,
) -> xr.Dataset:
    """Fig. 7, panel ``search``: what several searches find among validation images, at the end."""
    changed = prepare_data(data, condition, n_images=n_images, seed=seed)
    (trained,) = _course(architecture, changed, [epochs], seed=seed, **training)
    images = changed.validation_images[:n_searched]
    ratios = [
        find_critical_samples(
            trained, images, radii, gray_level=changed.gray_level, seed=seed, **options
        ).critical.mean(1)
        for options in SEARCHES.values()
    ]
    variables = {"critical_sample_ratio": (("search", "radius"), np.array(ratios))}
    return xr.Dataset(variables, {"search": list(SEARCHES), "radius": list(radii)})


def _course(
    architecture: Architecture,
    data: Data,
    epochs: Sequence[int],
    *,
    seed: int,
    batch_size: int,
    learning_rate: LearningRate,
    momentum: float = 0.0,
    initial_weights: str = "glorot",
    device: str = "cpu",
) -> Iterator[nn.Module]:
    """Train by SGD and yield the network after these epochs."""
    step = make_step(
        _build(architecture, data, initial_weights, seed),
        device=device,
        optimizer="sgd",
        learning_rate=learning_rate,
        momentum=momentum,
        loss="categorical",
    )
    course = train_network(
        step, data.train_images, data.train_labels, epochs=epochs, batch_size=batch_size, seed=seed
    )
    for _, network in course:
        yield network


def filters_piece(
    data: Data,
    condition: str,
    architecture: Architecture,
    *,
    seed: int,
    n_images: int,
    epochs: int,
    **training: Any,
) -> xr.Dataset:
    """Fig. 2: first-layer filters of a trained CNN, or of an untrained one (``init``).

    `training` are batch_size, learning_rate, momentum, initial_weights, device.
    """
    own = prepare_data(data, condition, n_images=n_images, seed=seed)
    if condition == INITIAL:
        network: nn.Module = _build(
            architecture, own, training.get("initial_weights", "glorot"), seed
        )
    else:
        (network,) = _course(architecture, own, [epochs], seed=seed, **training)
    accuracy = compute_performance(network, own)["train_accuracy"]
    return compute_first_layer(network).assign(train_accuracy=accuracy)


def regularizer_piece(
    data: Data,
    condition: str,
    *,
    seed: int,
    setting: str,
    n_images: int,
    units: int,
    epochs: int,
    n_epochs_measured: int,
    batch_size: int,
    learning_rate: float,
    initial_weights: str = "glorot",
    device: str = "cpu",
) -> xr.Dataset:
    """Figs. 10 and 11: accuracies and loss over epochs of one regularized training.

    `setting` is the label of one of `memlib.papers.arpit_2017.networks.FIG_10_REGULARIZERS`.
    """
    named = {one.label: one for one in FIG_10_REGULARIZERS}
    if setting not in named:
        raise InputError(f"setting {setting!r}: take one of {', '.join(named)}")
    changed = prepare_data(data, condition, n_images=n_images, seed=seed)
    own = changed
    step = make_regularized_step(
        mlp(units),
        named[setting],
        image_shape=own.train_images.shape[1:],
        n_classes=own.n_classes,
        gray_level=changed.gray_level,
        initial_weights=initial_weights,
        device=device,
        seed=seed,
        optimizer="sgd",
        learning_rate=learning_rate,
        loss="categorical",
    )
    grid = measured_epochs(epochs, n_epochs_measured)
    found = [
        compute_performance(trained, own)
        for _, trained in train_network(
            step, own.train_images, own.train_labels, epochs=grid, batch_size=batch_size, seed=seed
        )
    ]
    return xr.concat(found, xr.IndexVariable("epoch", grid))


def measured_epochs(last: int, n_epochs: int) -> list[int]:
    """Return about so many whole epochs from 1 to the last, evenly spaced on a log scale."""
    return np.unique(np.round(np.geomspace(1, last, n_epochs)).astype(int)).tolist()


def _build(
    architecture: Architecture, data: Data, initial_weights: str, seed: int
) -> nn.Sequential:
    return build_network(
        architecture,
        image_shape=data.train_images.shape[1:],
        n_classes=data.n_classes,
        initial_weights=initial_weights,
        seed=seed,
    )


def compute_panel(
    figure: str,
    panel: str,
    data: Data,
    size: Mapping[str, Any],
    *,
    conditions: Sequence[str] | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Compute a whole panel of one seed, piece by piece, laid out as its schema says.

    Parameters
    ----------
    figure, panel
        See `memlib.papers.arpit_2017.figures.FIGURES`.
    data
        Pixels from 0 to 1.
    size
        One of the figure's sizes, or changes of it.
    conditions
        Training data; those that are declared by default.

    Raises
    ------
    InputError
        When there is no such panel.
    """
    if panel not in FIGURES[figure].conditions:
        raise InputError(f"{figure} has no panel {panel!r}: {', '.join(FIGURES[figure].panels)}")
    names = FIGURES[figure].conditions[panel] if conditions is None else tuple(conditions)
    own = dict(size)
    if figure == "fig1":
        n = own["n_initializations"]
        counted = {name: easy_examples_piece(data, name, seed=seed, **own) for name in names}
        joined = join_easy_examples(counted, n)
    else:
        pieces = {name: _piece(figure, panel, data, name, own, seed) for name in names}
        joined = pieces["real"] if panel == "search" else _join(pieces, "condition")
    joined = joined[list(SCHEMA[figure][panel])].expand_dims(seed=[seed])
    return label_panel(figure, panel, joined)


def _piece(
    figure: str, panel: str, data: Data, condition: str, size: Mapping[str, Any], seed: int
) -> xr.Dataset:
    """Compute what one condition adds to a panel."""
    own = dict(size)
    if figure == "fig3":
        each = panel == "one_class_each"
        return sensitivity_piece(data, condition, seed=seed, one_class_each=each, **own)
    if figure == "fig4":
        return class_sensitivity_piece(data, condition, seed=seed, **own)
    if figure in ("fig5", "fig6"):
        dim = "n_images" if panel == "images" else "units"
        values = own.pop(dim)
        return _join(
            {
                value: capacity_piece(data, condition, seed=seed, **own, **{dim: value})
                for value in values
            },
            dim,
        )
    if figure == "fig10":
        labels = [one.label for one in FIG_10_REGULARIZERS]
        joined = _join(
            {
                label: regularizer_piece(data, condition, seed=seed, setting=label, **own)
                for label in labels
            },
            "setting",
        )
        return joined.assign_coords(
            regularizer=("setting", [one.name for one in FIG_10_REGULARIZERS]),
            strength=("setting", [one.strength for one in FIG_10_REGULARIZERS]),
        )
    if figure == "fig7":
        architecture = mlp(own.pop("units"))
    else:
        architecture = footnote_cnn(own.pop("filters"), own.pop("dense"))
        every = own.pop("halve_every")
        own["learning_rate"] = StepDecay(own["learning_rate"], 0.5, every)
    if figure == "fig2":
        return filters_piece(data, condition, architecture, seed=seed, **own)
    if panel == "search":
        del own["searched"], own["n_epochs_measured"]
        return search_piece(data, condition, architecture, seed=seed, **own)
    return critical_piece(data, condition, architecture, seed=seed, **own)


def _join(pieces: Mapping[Any, xr.Dataset], dim: str) -> xr.Dataset:
    """Join datasets along a new first dim, named by the mapping's keys."""
    return xr.concat(list(pieces.values()), xr.IndexVariable(dim, list(pieces)))
