"""Measures: functions of a network and data that return labelled arrays."""

import json
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import xarray as xr
from sklearn.base import ClassifierMixin
from torch import nn

from memlib.data import Data
from memlib.errors import InputError
from memlib.features import (
    extract_learned_features,
    features_of,
    output_layer,
    predict_logits,
)
from memlib.null import Scores, compute_null, score_labellings
from memlib.null_checks import check_options
from memlib.parallel import n_workers
from memlib.perturb import (
    Perturb,
    check_images,
    check_strength,
    describe_kind,
    make_s_validation_set,
)
from memlib.results import label_panel
from memlib.store import to_json


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
        Images, of any shape that the network takes, and labels: see `memlib.data.Data`. The
        validation part and the names of the classes may be left out.
    perturbations, perturbation_kind
        Strength of each s-validation set and the kind, which may be a function of your own: see
        `memlib.perturb.make_s_validation_set`.
    classifier, n_permutations, n_trees, n_jobs, progress
        See `memlib.null.compute_null`.
    layer
        Module whose inputs are the learned features; when None the last ``nn.Linear`` to run.
    seed
        Base seed.

    Returns
    -------
    xarray.Dataset
        As `memlib.null.compute_null` gives it, by ``perturbation``, with ``validation_accuracy``
        where there are validation images, and the layer among the parameters in its attributes.
        Join those of several epochs with ``xarray.concat``, and `memlib.plots.plot_panel` draws
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
        if np.shape(labels) != (len(images),):
            raise InputError(
                f"{len(images)} {part} images and labels {np.shape(labels)}: "
                "give each image its label"
            )
    check_options(
        data.train_labels, classifier, n_permutations=n_permutations, n_trees=n_trees, seed=seed
    )
    if np.ndim(perturbations) != 1 or not len(perturbations):
        raise InputError(f"perturbations = {perturbations!r}: give a list of strengths")
    for strength in perturbations:
        check_strength(perturbation_kind, strength)
    check_images(perturbation_kind, np.asarray(data.train_images))
    if len({float(strength) for strength in perturbations}) < len(perturbations):
        raise InputError(f"perturbations = {list(perturbations)}: a value stands there twice")

    def extract(images: np.ndarray) -> np.ndarray:
        return extract_learned_features(network, images, layer=layer, progress=progress)

    train = extract(data.train_images)
    sets: dict[Hashable, np.ndarray] = {
        float(strength): extract(
            make_s_validation_set(data.train_images, strength, kind=perturbation_kind, seed=seed)
        )
        for strength in perturbations
    }
    validation = None
    if len(data.validation_images):
        validation = extract(data.validation_images), data.validation_labels
    result = compute_null(
        train,
        data.train_labels,
        sets,
        classifier=classifier,
        n_permutations=n_permutations,
        n_trees=n_trees,
        validation=validation,
        seed=seed,
        n_jobs=n_jobs,
        progress=progress,
    )
    kind, meaning, units = describe_kind(perturbation_kind)
    result.attrs |= {
        "title": "Shared structure validation test of learning and memorization",
        "parameters": to_json(
            {
                **json.loads(result.attrs["parameters"]),
                "perturbation_kind": kind,
                "layer": layer or output_layer(network, data.train_images[:2]),
            }
        ),
    }
    return label_panel(result, meaning, units)


def score_network(
    network: nn.Module,
    data: Data,
    labellings: Iterable[int],
    *,
    perturbations: Sequence[float],
    perturbation_kind: str,
    classifier: str,
    n_trees: int,
    feature_layer: str = "last_hidden",
    seed: int,
    epoch: int,
) -> Scores:
    """Score some labellings of one network: the piece from which long runs are put together.

    As `shared_structure_test`, with the independent validation set beside, and with random
    streams of its own for each epoch.
    """
    sets = [
        make_s_validation_set(data.train_images, strength, kind=perturbation_kind, seed=seed)
        for strength in perturbations
    ]
    return score_labellings(
        features_of(network, data.train_images, feature_layer),
        data.train_labels,
        [features_of(network, images, feature_layer) for images in sets],
        labellings,
        classifier=classifier,
        n_trees=n_trees,
        validation=(
            features_of(network, data.validation_images, feature_layer),
            data.validation_labels,
        ),
        seed=seed,
        indices=(epoch,),
    )


def network_performance(network: nn.Module, data: Data) -> xr.Dataset:
    """Return the network's own accuracy and loss, dropout off.

    Returns
    -------
    xarray.Dataset
        Scalars ``network_train_accuracy``, ``network_validation_accuracy`` (argmax of the outputs)
        and ``network_train_loss`` (mean binary cross-entropy over the sigmoid outputs).
    """
    train = predict_logits(network, data.train_images)
    validation = predict_logits(network, data.validation_images)
    targets = np.eye(train.shape[1])[data.train_labels]
    # log(1 + exp(z)) - z t, the cross-entropy of sigmoid(z) against t, without overflow
    loss = (np.logaddexp(0, train.astype(float)) - train * targets).mean()
    return xr.Dataset(
        {
            "network_train_accuracy": (train.argmax(1) == data.train_labels).mean(),
            "network_validation_accuracy": (validation.argmax(1) == data.validation_labels).mean(),
            "network_train_loss": loss,
        }
    )
