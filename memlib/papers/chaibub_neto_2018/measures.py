"""Measures of the paper's networks: scores of labellings, and the network's own accuracy."""

from collections.abc import Iterable, Sequence

import numpy as np
import xarray as xr
from torch import nn

from memlib.base.errors import InputError
from memlib.method.data import Data
from memlib.method.features import extract_learned_features, predict_logits
from memlib.method.null import Scores, score_labellings
from memlib.method.perturb import (
    make_s_validation_set,
)


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


FEATURE_LAYERS = ("last_hidden", "first_hidden", "pixels")


def features_of(network: nn.Module, images: np.ndarray, layer: str = "last_hidden") -> np.ndarray:
    """Return the features of images that one of `FEATURE_LAYERS` gives.

    Parameters
    ----------
    network
        Layers in order, each with weights an ``nn.Linear`` or ``nn.Conv2d``.
    images
        float32 (sample, row, column).
    layer
        ``"last_hidden"`` (the paper's), ``"first_hidden"`` or ``"pixels"``, the images themselves.

    Raises
    ------
    InputError
        For another layer.
    """
    if layer not in FEATURE_LAYERS:
        raise InputError(f"feature_layer = {layer!r}: take one of {', '.join(FEATURE_LAYERS)}")
    if layer == "pixels":
        return images.reshape(len(images), -1)
    if layer == "last_hidden":
        return extract_learned_features(network, images)
    weighted = [n for n, m in network.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    return extract_learned_features(network, images, layer=weighted[1])
