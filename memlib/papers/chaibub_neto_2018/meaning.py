"""What memorized and learned mean here: the stored measures behind that chapter (no torch).

They follow the MLPs of Figs. 1 and 5 at teaching scale: which layer still tells a training image's
perturbed twin from other images, how far the classes have collapsed, and, for panel a, how the
null's hits on single images go with what Feldman and Zhang (2020) call memorized.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from memlib.base.checkout import checkout_path
from memlib.results.files import read_tree
from memlib.results.schema import Schema, Variable, panels_of

INPUTS: Mapping[str, str] = {"images": "fig1", "noise": "fig5"}
PANELS = ("a", "b", "d", "e")
N_SEEDS = 3
N_NEIGHBOURS = 5
STRENGTH = 0.05  # share of a twin's pixels that are shuffled
HIT_STRENGTHS = (0.01, 0.05)
N_SHUFFLES = 100  # of the labels, for plain classifiers and for hits of single images
SCALE = "teaching"
SCORED_ON = "influence"  # group of the memorization scores

BY_EPOCH = ("seed", "epoch")
BY_LAYER = (*BY_EPOCH, "layer")
NEIGHBOURS = f"{N_NEIGHBOURS} nearest neighbours"


def _share(dims: tuple[str, ...], name: str) -> Variable:
    return Variable(dims, name, 0, 1, optional=True)


def _number(dims: tuple[str, ...], name: str, smallest: float = 0.0) -> Variable:
    return Variable(dims, name, smallest, optional=True)


SCHEMA = Schema(
    variables={
        "twin_share": _share(
            BY_LAYER, f"training images whose twin finds them among its {NEIGHBOURS}"
        ),
        "neighbours_null": _share(
            BY_LAYER, f"mean accuracy on twins, {NEIGHBOURS}, shuffled labels"
        ),
        "neighbours_observed": _share(BY_LAYER, f"accuracy on twins, {NEIGHBOURS}, true labels"),
        **{
            f"pixels_{name}": _share(("seed",), f"{long_name}, raw pixels")
            for name, long_name in {
                "twin_share": "training images whose twin finds them",
                "neighbours_null": "mean accuracy, nearest neighbours, shuffled labels",
                "neighbours_observed": "accuracy, nearest neighbours, true labels",
                "ridge_null": "mean accuracy, ridge, shuffled labels",
                "ridge_observed": "accuracy, ridge, true labels",
            }.items()
        },
        "ridge_null": _share(BY_LAYER, "mean accuracy on twins, ridge, shuffled labels"),
        "ridge_observed": _share(BY_LAYER, "accuracy on twins, ridge, true labels"),
        "null_accuracy": _share(
            (*BY_EPOCH, "permutation"), "accuracy on twins, random forest, shuffled labels"
        ),
        "observed_accuracy": _share(BY_EPOCH, "accuracy on twins, random forest, true labels"),
        "validation_accuracy": _share(
            BY_EPOCH, "accuracy on independent images, random forest, true labels"
        ),
        "variance_ratio": _number(
            BY_EPOCH, "within- over between-class variance, last hidden layer"
        ),
        "active_units": _number(BY_EPOCH, "units of the last hidden layer that are ever active"),
        "network_train_accuracy": _share(BY_EPOCH, "network's own accuracy, training images"),
        "network_validation_accuracy": _share(
            BY_EPOCH, "network's own accuracy, independent images"
        ),
        "network_train_loss": _number(
            BY_EPOCH, "mean binary cross-entropy over the outputs, training images"
        ),
        "null_hits": _share(
            (*BY_EPOCH, "perturbation", "sample"),
            "share of label shuffles whose forest finds the image's shuffled label on its twin",
        ),
        "hits_in": _number(
            ("seed", "half", "sample"), "networks right on the image, of those trained on it"
        ),
        "n_in": _number(("seed", "half", "sample"), "networks trained on the image"),
        "hits_out": _number(
            ("seed", "half", "sample"), "networks right on the image, of those not trained on it"
        ),
        "n_out": _number(("seed", "half", "sample"), "networks not trained on the image"),
        "held_out_accuracy": _share(
            ("seed", "half"), "mean accuracy of the networks on independent images"
        ),
    },
    coordinates={
        "seed": "base seed",
        "epoch": "training epoch",
        "layer": "hidden layer, the first one first",
        "permutation": "shuffle of the labels",
        "perturbation": "share of pixels shuffled",
        "sample": "training image",
        "half": "half of the networks",
    },
    panel_attributes=("panel", "inputs", "network"),
)


def meaning_path() -> Path:
    """Return the file of these measures that comes with the checkout."""
    return checkout_path("data", "results", "meaning.nc")


def read_meaning(path: Path | None = None) -> xr.DataTree | None:
    """Read the stored measures; None where there are none.

    Raises
    ------
    ResultError
        When the file is damaged, or of another schema.
    """
    path = path or meaning_path()
    if not path.is_file():
        return None
    tree = read_tree(path)
    SCHEMA.check(tree, path.name)
    return tree


def networks_of(tree: xr.DataTree) -> dict[tuple[str, str], xr.Dataset]:
    """Return the stored measures by panel and inputs, those of the networks of Figs. 1 and 5."""
    groups = panels_of(tree)
    return {
        (one.attrs["panel"], one.attrs["inputs"]): one
        for name, one in groups.items()
        if name != SCORED_ON
    }


def memorization_scores(dataset: xr.Dataset) -> np.ndarray:
    """Return each image's memorization score by each half of the networks, (half, sample).

    The score of Feldman and Zhang (2020): how much more often networks trained on the image are
    right on it than networks trained without it, -1 to 1. NaN for an image that all networks of a
    half were trained on, or none.
    """
    values = {
        name: dataset[name].isel(seed=0).transpose("half", "sample").values for name in COUNTS
    }
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = [values[f"hits_{part}"] / values[f"n_{part}"] for part in ("in", "out")]
    return np.asarray(rates[0] - rates[1])


COUNTS = ("hits_in", "n_in", "hits_out", "n_out")


def pooled_scores(dataset: xr.Dataset) -> np.ndarray:
    """Return each image's memorization score by all networks, (sample,)."""
    summed = dataset[list(COUNTS)].sum("half", keep_attrs=True).expand_dims("half")
    return memorization_scores(summed)[0]


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Spearman's correlation of two arrays (sample,); ties share their mean rank."""
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def rank_interval(
    first: np.ndarray, second: np.ndarray, rng: np.random.Generator, n_resamples: int = 1000
) -> tuple[float, float]:
    """Return the 2.5 % and 97.5 % points of the rank correlation over resampled images."""
    draws = rng.integers(0, len(first), (n_resamples, len(first)))
    found = [rank_correlation(first[rows], second[rows]) for rows in draws]
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)
