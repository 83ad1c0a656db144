"""Measures of that chapter: of every layer at an epoch, and of many networks on random halves."""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from sklearn.neighbors import NearestNeighbors
from torch import nn

from memlib.base.seeds import stream, stream_integer
from memlib.method.classifiers import ManyPredictor, make_predictor
from memlib.method.data import Data
from memlib.method.features import extract_learned_features
from memlib.method.null import score_labellings, shuffled_labels
from memlib.method.perturb import make_s_validation_set
from memlib.papers.chaibub_neto_2018.figures import ShuffleSettings
from memlib.papers.chaibub_neto_2018.meaning import (
    HIT_STRENGTHS,
    N_NEIGHBOURS,
    N_SHUFFLES,
    STRENGTH,
)
from memlib.papers.chaibub_neto_2018.measures import network_performance
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.runs.measures import Run
from memlib.training.stacked import make_stack, train_stack

# Random halves are trained as far as 1,000 epochs of 2,000 images at a rate of 0.01 lead: steps at
# 0.05 with a momentum of 0.9 are fifty times as long, so 40 epochs of 1,000 images are as long.
N_NETWORKS = 200
IN_ONE_STACK = 20
HALF_EPOCHS = 40
HALF_RATE, HALF_MOMENTUM = 0.05, 0.9


def layer_features(network: nn.Module, images: np.ndarray) -> Iterator[np.ndarray]:
    """Yield what each hidden layer gives, the first one first.

    Features of a layer are what enters the next one; float32 (sample, feature).
    """
    weighted = [n for n, m in network.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    for name in weighted[1:]:
        yield extract_learned_features(network, images, layer=name)


def twin_share(train: np.ndarray, twins: np.ndarray) -> float:
    """Return the share of training samples that are among the nearest neighbours of their twin.

    Parameters
    ----------
    train, twins
        (sample, feature): a layer's features of the training images, and of their perturbed twins
        in the same order. `N_NEIGHBOURS` training samples are looked at.
    """
    search = NearestNeighbors(n_neighbors=N_NEIGHBOURS, algorithm="brute").fit(train)
    found = search.kneighbors(twins, return_distance=False)
    return float((found == np.arange(len(train))[:, None]).any(axis=1).mean())


def variance_ratio(features: np.ndarray, labels: np.ndarray) -> float:
    """Return within- over between-class variance, the trace of each; infinite where classes agree.

    Near 0 the features of a class have collapsed to one point (Papyan, Han and Donoho 2020, whose
    measure weights directions by the between-class covariance; of two classes that is one).
    """
    features = features.astype(float)
    classes = np.unique(labels)
    means = np.stack([features[labels == one].mean(axis=0) for one in classes])
    within = ((features - means[np.searchsorted(classes, labels)]) ** 2).sum(axis=1).mean()
    shares = np.array([(labels == one).mean() for one in classes])
    between = (shares * ((means - features.mean(axis=0)) ** 2).sum(axis=1)).sum()
    return float(within / between) if between > 0 else float("inf")


def measure_layers(
    network: nn.Module, data: Data, settings: ShuffleSettings, seed: int, epoch: int
) -> xr.Dataset:
    """Return what each layer keeps of the single image, and the paper's scores of the last one.

    Returns
    -------
    xarray.Dataset
        By ``layer``, 1 for the first hidden one: ``twin_share`` and the null and observed scores of
        nearest neighbours and ridge. Of the last: ``null_accuracy`` (permutation),
        ``observed_accuracy`` and ``validation_accuracy`` of the forest, ``variance_ratio``,
        ``active_units``; and how the network itself does.
    """
    labels = data.train_labels
    twins = make_s_validation_set(data.train_images, STRENGTH, seed=seed)
    layers = [
        measure_features(train, features, labels, seed=seed, epoch=epoch)
        for train, features in zip(
            layer_features(network, data.train_images), layer_features(network, twins), strict=True
        )
    ]
    train, features = (extract_learned_features(network, one) for one in (data.train_images, twins))
    validation = extract_learned_features(network, data.validation_images), data.validation_labels
    scores = score_labellings(
        train,
        labels,
        [features],
        range(settings.n_permutations + 1),
        n_trees=settings.n_trees,
        validation=validation,
        seed=seed,
        indices=(epoch,),
    )
    dataset = network_performance(network, data)
    for name in layers[0]:
        dataset[name] = "layer", np.array([one[name] for one in layers])
    dataset["null_accuracy"] = "permutation", scores.accuracy[1:, 0]
    dataset["observed_accuracy"] = scores.accuracy[0, 0]
    dataset["validation_accuracy"] = scores.validation_accuracy[0]
    dataset["variance_ratio"] = min(variance_ratio(train, labels), 1e6)
    dataset["active_units"] = float((train > 0).any(axis=0).sum())
    shuffles = np.arange(1, settings.n_permutations + 1)
    return dataset.assign_coords(layer=np.arange(1, len(layers) + 1), permutation=shuffles)


def measure_pixels(
    network: nn.Module, data: Data, settings: ShuffleSettings, seed: int, epoch: int
) -> xr.Dataset:
    """Return the same of the raw pixels, where no network is asked: ``pixels_twin_share``, ..."""
    twins = make_s_validation_set(data.train_images, STRENGTH, seed=seed)
    flat = [images.reshape(len(images), -1) for images in (data.train_images, twins)]
    found = measure_features(flat[0], flat[1], data.train_labels, seed=seed, epoch=0)
    return xr.Dataset({f"pixels_{name}": value for name, value in found.items()})


def measure_features(
    train: np.ndarray, twins: np.ndarray, labels: np.ndarray, *, seed: int, epoch: int
) -> dict[str, float]:
    """Return the share of twins found, and null and observed scores of two plain classifiers.

    Parameters
    ----------
    train, twins
        float32 (sample, feature), rows in the same order.
    """
    shuffles = np.stack(
        [shuffled_labels(labels, b, seed=seed, indices=(epoch,)) for b in range(N_SHUFFLES + 1)]
    )
    found = {"twin_share": twin_share(train, twins)}
    for name, classifier in (("neighbours", "nearest_neighbours"), ("ridge", "ridge")):
        predictor = make_predictor(classifier, train)
        assert isinstance(predictor, ManyPredictor)
        hits = predictor.predict_many(shuffles, twins) == shuffles
        found[f"{name}_observed"] = float(hits[0].mean())
        found[f"{name}_null"] = float(hits[1:].mean())
    return found


def measure_hits(
    network: nn.Module, data: Data, settings: ShuffleSettings, seed: int, epoch: int
) -> xr.Dataset:
    """Return how often the forest of shuffled labels finds each image's label on its twin.

    Returns
    -------
    xarray.Dataset
        ``null_hits`` (perturbation, sample), 0 to 1, over `N_SHUFFLES` shuffles.
    """
    train = extract_learned_features(network, data.train_images)
    sets = [
        extract_learned_features(network, make_s_validation_set(data.train_images, one, seed=seed))
        for one in HIT_STRENGTHS
    ]
    scores = score_labellings(
        train,
        data.train_labels,
        sets,
        range(1, N_SHUFFLES + 1),
        n_trees=settings.n_trees,
        seed=seed,
        indices=(epoch,),
    )
    return xr.Dataset(
        {"null_hits": (("perturbation", "sample"), scores.recognized)},
        coords={"perturbation": list(HIT_STRENGTHS), "sample": np.arange(len(train))},
    )


def measure_influence(run: Run) -> xr.Dataset:
    """Train many networks on random halves and count who is right on what (Feldman and Zhang 2020).

    Returns
    -------
    xarray.Dataset
        By ``half`` (of the networks) and ``sample``: ``hits_in`` of ``n_in`` networks trained on
        the image are right on it, ``hits_out`` of ``n_out`` others. By half
        ``held_out_accuracy``, on independent images.
    """
    data, architecture = run.data, ARCHITECTURES[run.panel]
    n = len(data.train_labels)
    kept = run.kept()
    inside, right = kept.get("inside", np.zeros((0, n), bool)), kept.get("right", None)
    right = np.zeros((0, n), bool) if right is None else right
    held_out = kept.get("held_out", np.zeros(0))
    for start in range(len(inside), N_NETWORKS, IN_ONE_STACK):
        numbers = range(start, start + IN_ONE_STACK)
        halves = np.zeros((IN_ONE_STACK, n), bool)
        for row, number in zip(halves, numbers, strict=True):
            row[stream(run.seed, "random half", number).permutation(n)[: n // 2]] = True
        seeds = [stream_integer(run.seed, "network of a random half", one) for one in numbers]
        stack = make_stack(
            architecture,
            seeds=seeds,
            image_shape=data.train_images.shape[1:],
            n_classes=data.n_classes,
            optimizer="sgd",
            learning_rate=HALF_RATE,
            momentum=HALF_MOMENTUM,
        )
        for _ in train_stack(
            stack,
            data.train_images,
            data.train_labels,
            epochs=[HALF_EPOCHS],
            batch_size=run.settings.batch_size,
            subsets=halves,
        ):
            pass
        inside = np.concatenate([inside, halves])
        right = np.concatenate(
            [right, stack.logits(data.train_images).argmax(2) == data.train_labels]
        )
        valid = stack.logits(data.validation_images).argmax(2) == data.validation_labels
        held_out = np.concatenate([held_out, valid.mean(axis=1)])
        run.keep({"inside": inside, "right": right, "held_out": held_out})
    halves_of = np.array_split(np.arange(N_NETWORKS), 2)
    counts = {
        "hits_in": [(inside & right)[one].sum(0) for one in halves_of],
        "n_in": [inside[one].sum(0) for one in halves_of],
        "hits_out": [(~inside & right)[one].sum(0) for one in halves_of],
        "n_out": [(~inside)[one].sum(0) for one in halves_of],
    }
    found = {name: (("half", "sample"), np.array(v, np.int16)) for name, v in counts.items()}
    dataset = xr.Dataset(found, coords={"half": [1, 2], "sample": np.arange(n)})
    dataset["held_out_accuracy"] = "half", [held_out[one].mean() for one in halves_of]
    return dataset
