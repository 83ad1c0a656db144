"""Measures: functions of a network and data that return labelled arrays."""

import json
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import xarray as xr
from sklearn.base import ClassifierMixin
from torch import nn

from memlib.base.arrays import as_array
from memlib.base.errors import InputError
from memlib.base.keys import to_json
from memlib.base.parallel import n_workers
from memlib.base.random_state import random_numbers_kept
from memlib.base.words import label_null
from memlib.method.checks import affordable_classifier, check_options
from memlib.method.data import Data
from memlib.method.features import (
    extract_learned_features,
    output_layer,
)
from memlib.method.null import compute_null
from memlib.method.perturb import (
    Perturb,
    check_images,
    check_strength,
    describe_kind,
    make_s_validation_set,
)


def shared_structure_test(
    network: nn.Module,
    data: Data,
    *,
    perturbations: Sequence[float] = (0.05, 0.10, 1.0),
    perturbation_kind: str | Perturb = "shuffle",
    classifier: str | ClassifierMixin = "random_forest",
    n_permutations: int = 100,
    n_trees: int = 500,
    layer: str | None = None,
    groups: np.ndarray | None = None,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Ask of any trained network: did it learn, memorize, both, or neither (sections 3-5)?

    Parameters
    ----------
    network
        Any torch module that takes a batch of `data`'s images; it is not changed.
    data
        Images, of any shape that the network takes, and labels: see `memlib.method.data.Data`. The
        validation part and the names of the classes may be left out.
    perturbations, perturbation_kind
        Strength of each s-validation set and the kind, which may be a function of your own: see
        `memlib.method.perturb.make_s_validation_set`.
    classifier, n_permutations, n_trees, n_jobs, progress
        See `memlib.method.null.compute_null`.
    layer
        Module whose inputs are the learned features; when None the last ``nn.Linear`` to run.
    groups
        Where rows belong together: see `memlib.method.null.compute_null`.
    seed
        Base seed.

    Returns
    -------
    xarray.Dataset
        As `memlib.method.null.compute_null` gives it, by ``perturbation``, with
        ``validation_accuracy`` where there are validation images, and the layer as a coordinate.
        Join those of several epochs with ``xarray.concat``; `memlib.report.plots.plot_panel` draws
        them.

    Raises
    ------
    InputError
        When images and labels do not match, a strength is out of its range, or there is no such
        layer.
    """
    if not isinstance(data, Data):
        raise InputError(
            f"data is a {type(data).__name__}: give memlib.Data(train_images, train_labels), "
            "arrays as the network takes them"
        )
    n_jobs = n_workers(n_jobs)
    for part, images, labels in (
        ("training", data.train_images, data.train_labels),
        ("validation", data.validation_images, data.validation_labels),
    ):
        if isinstance(images, Mapping):
            raise InputError("data holds a dictionary of inputs: memlib.audit takes these")
        as_array(images, f"{part} images")
        if np.shape(labels) != (len(images),):
            raise InputError(
                f"{len(images)} {part} images and labels {np.shape(labels)}: "
                "give each image its label"
            )
    classifier = affordable_classifier(asked := classifier, len(data.train_labels))
    check_options(
        data.train_labels, classifier, n_permutations=n_permutations, n_trees=n_trees, seed=seed
    )
    if np.ndim(perturbations) != 1 or not len(perturbations):
        raise InputError(f"perturbations = {perturbations!r}: give a list of strengths")
    for strength in perturbations:
        check_strength(perturbation_kind, strength)
    check_images(perturbation_kind, np.asarray(data.train_images))
    if len({float(strength) for strength in perturbations}) < len(perturbations):
        raise InputError(f"perturbations = {list(perturbations)}: give each value once")

    def extract(images: np.ndarray) -> np.ndarray:
        return extract_learned_features(network, images, layer=layer, progress=progress)

    with random_numbers_kept():  # of all passes: a random one differs from set to set
        train = extract(data.train_images)
        sets: dict[Hashable, np.ndarray] = {
            float(strength): extract(
                make_s_validation_set(
                    data.train_images, strength, kind=perturbation_kind, seed=seed
                )
            )
            for strength in perturbations
        }
        validation = None
        if len(data.validation_images):
            validation = extract(data.validation_images), data.validation_labels
        used = layer or output_layer(network, data.train_images[:2])
    result = compute_null(
        train,
        data.train_labels,
        sets,
        classifier=asked,
        n_permutations=n_permutations,
        n_trees=n_trees,
        groups=groups,
        validation=validation,
        seed=seed,
        n_jobs=n_jobs,
        progress=progress,
    )
    # Beside the attribute: results joined along a new dim keep the layer of each.
    result = result.assign_coords(layer=used)
    kind, meaning, units = describe_kind(perturbation_kind)
    result.attrs |= {
        "title": "Shared structure validation test of learning and memorization",
        "parameters": to_json(
            json.loads(result.attrs["parameters"]) | {"perturbation_kind": kind, "layer": used}
        ),
    }
    return label_null(result, meaning, units)
