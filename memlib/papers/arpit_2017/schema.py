"""What a result of each figure holds: dims, long names, units and ranges; no torch here.

A figure has one or more panels, each a dataset. ``condition`` names the training data: ``real``,
``randX``, ``randY 0.4`` and so on, with coordinates ``noise`` (none, randX, randY, removed) and
``share`` beside it. Replicates (``seed``) stay apart until something is drawn or decided.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from memlib.base.errors import InputError, ResultError

NOISES = ("none", "randX", "randY", "removed")
INITIAL = "init"  # the condition of a network that was not trained, Fig. 2


@dataclass(frozen=True)
class Variable:
    """One variable of a panel.

    Attributes
    ----------
    missing
        Whether NaN is allowed, and what it says; empty where it is not.
    """

    dims: tuple[str, ...]
    long_name: str
    low: float = 0
    high: float = 1
    units: str = "1"
    missing: str = ""


COORDINATES = {
    "seed": ("base seed", "1"),
    "condition": ("training data", "1"),
    "noise": ("what is noise in the training data", "1"),
    "share": ("share of the training examples that is noise", "1"),
    "example": ("training example", "1"),
    "epoch": ("training epoch", "1"),
    "step": ("steps of SGD", "1"),
    "norm": ("norm of the gradient over pixels", "1"),
    "direct_term": ("whether the gradient at fixed weights is added", "1"),
    "loss_class": ("class i whose loss is differentiated", "1"),
    "example_class": ("class j of the training inputs", "1"),
    "units": ("hidden units of each layer", "1"),
    "n_images": ("training examples", "1"),
    "images": ("images searched: validation, fresh noise or training inputs", "1"),
    "radius": ("half side r of the box, gray levels of 255", "1"),
    "search": ("search for critical samples", "1"),
    "setting": ("regularizer with its strength", "1"),
    "regularizer": ("regularizer", "1"),
    "strength": ("strength of the regularizer", "1"),
    "filter": ("filter of the first layer", "1"),
    "channel": ("color channel", "1"),
    "row": ("row of a filter", "pixel"),
    "column": ("column of a filter", "pixel"),
}
# Coordinates that go along a dim, rather than being one.
ALONG = {"condition": ("noise", "share"), "setting": ("regularizer", "strength")}

_RUN = ("seed", "condition")
_TRAIN = "accuracy, training data as the network sees them, eval mode"
_VALIDATION = "accuracy, validation images without noise, eval mode"
_UNDEFINED = "every sensitivity is 0, or one is no finite number any more"
_CENSORED = "not reached within the epochs run"
_G = (*_RUN, "direct_term", "norm", "step")

_SENSITIVITY = {
    "gini": Variable(_G, "Gini coefficient of loss-sensitivity over examples", missing=_UNDEFINED),
    "share_above_half": Variable(
        _G, "share of examples whose loss-sensitivity exceeds half the mean", missing=_UNDEFINED
    ),
    "largest_interval_share": Variable(
        _G,
        "share of the mean loss-sensitivity that comes from one interval between times",
        missing=_UNDEFINED,
    ),
    "mean_sensitivity": Variable(
        (*_RUN, "direct_term", "example"),
        "loss-sensitivity, mean over steps of the l1 norm of the loss gradient, at the last step",
        high=np.inf,
    ),
    "train_accuracy": Variable((*_RUN, "step"), _TRAIN),
    "train_loss": Variable((*_RUN, "step"), "mean loss, training data", high=np.inf),
}
_CRITICAL = {
    "train_accuracy": Variable((*_RUN, "epoch"), _TRAIN),
    "validation_accuracy": Variable((*_RUN, "epoch"), _VALIDATION),
    "critical_sample_ratio": Variable(
        (*_RUN, "images", "radius", "epoch"), "share of images that are critical samples, by LASS"
    ),
    "largest_class_share": Variable(
        (*_RUN, "images", "epoch"), "share of images given the most frequent class"
    ),
}
_CAPACITY = (*_RUN, "units")

# figure: panel: name: variable
SCHEMA: dict[str, dict[str, dict[str, Variable]]] = {
    "fig1": {
        "examples": {
            "p_correct": Variable(
                (*_RUN, "example"), "P(correct): share of trainings that get an example right"
            ),
            "label": Variable((*_RUN, "example"), "label trained on", high=np.inf),
            "pooled_dispersion": Variable(
                _RUN, "sd of P(correct) over that of one binomial", high=np.inf
            ),
            "within_dispersion": Variable(
                _RUN, "sd of P(correct) over that of a binomial for each label", high=np.inf
            ),
            "binomial": Variable(
                ("seed", "example"), "sorted P(correct) if all examples of randX were alike"
            ),
            "class_binomial": Variable(
                (*_RUN, "example"), "sorted P(correct) if all examples of a label were alike"
            ),
        }
    },
    "fig2": {
        "filters": {
            "filters": Variable(
                (*_RUN, "filter", "channel", "row", "column"),
                "weights of the first layer",
                -np.inf,
                np.inf,
            ),
            "smoothness": Variable(
                _RUN, "squared difference of neighbors over variance, first layer", high=4
            ),
            "train_accuracy": Variable(_RUN, _TRAIN),
        }
    },
    "fig3": {"classes": _SENSITIVITY, "one_class_each": _SENSITIVITY},
    "fig4": {
        "classes": {
            "class_sensitivity": Variable(
                (*_RUN, "direct_term", "loss_class", "example_class"),
                "mean absolute gradient of a class's loss by inputs of a class",
                high=np.inf,
            ),
            "train_accuracy": Variable((*_RUN, "step"), _TRAIN),
            "train_loss": Variable((*_RUN, "step"), "mean loss, training data", high=np.inf),
        }
    },
    "fig5": {
        "units": {
            "last_validation_accuracy": Variable(_CAPACITY, f"{_VALIDATION}, last epoch"),
            "best_validation_accuracy": Variable(_CAPACITY, f"{_VALIDATION}, best epoch"),
            "full_validation_accuracy": Variable(
                _CAPACITY, f"{_VALIDATION}, first epoch with full training accuracy, or the last"
            ),
            "last_train_accuracy": Variable(_CAPACITY, f"{_TRAIN}, last epoch"),
        }
    },
    "fig6": {
        "units": {
            "epochs_to_full": Variable(
                _CAPACITY,
                "first epoch with full training accuracy",
                1,
                np.inf,
                missing=_CENSORED,
            ),
            "epochs_run": Variable(_CAPACITY, "epochs trained", 1, np.inf),
        },
        "images": {
            "epochs_to_full": Variable(
                (*_RUN, "n_images"),
                "first epoch with full training accuracy",
                1,
                np.inf,
                missing=_CENSORED,
            ),
            "epochs_run": Variable((*_RUN, "n_images"), "epochs trained", 1, np.inf),
        },
    },
    "fig7": {
        "training": _CRITICAL,
        "search": {
            "critical_sample_ratio": Variable(
                ("seed", "search", "radius"), "share of images found critical, network of real data"
            )
        },
    },
    "fig8": {"training": _CRITICAL},
    "fig9": {"training": _CRITICAL},
    # Fig. 11 draws the curves of some of these settings.
    "fig10": {
        "regularizers": {
            "train_accuracy": Variable((*_RUN, "setting", "epoch"), _TRAIN),
            "train_loss": Variable(
                (*_RUN, "setting", "epoch"), "mean cross-entropy, training data", high=np.inf
            ),
            "validation_accuracy": Variable((*_RUN, "setting", "epoch"), _VALIDATION),
        }
    },
}
SCHEMA["fig11"] = SCHEMA["fig10"]


def condition_name(noise: str, share: float) -> str:
    """Return the name of training data: ``real``, ``randX`` (all of it) or ``randX 0.4``.

    Raises
    ------
    InputError
        For another noise, or a share outside 0 to 1.
    """
    if noise not in NOISES:
        raise InputError(f"noise = {noise!r}: take one of {', '.join(NOISES)}")
    if not 0 <= share <= 1:
        raise InputError(f"share = {share!r}: take a number from 0 to 1")
    if share == 0 or noise == "none":
        return "real"
    return noise if share == 1 else f"{noise} {share:g}"


def condition_parts(name: str) -> tuple[str, float]:
    """Return the noise and the share of a `condition_name`; an untrained network has none."""
    noise, _, share = name.partition(" ")
    if noise in ("real", INITIAL):
        return "none", 0.0
    return noise, float(share or 1)


def label_panel(figure: str, panel: str, dataset: xr.Dataset) -> xr.Dataset:
    """Return a panel with its dims in order, its coordinates completed, and all of it labelled."""
    variables = SCHEMA[figure][panel]
    if "condition" in dataset.dims:
        parts = [condition_parts(str(one)) for one in dataset["condition"].values]
        noises, shares = zip(*parts, strict=True)
        dataset = dataset.assign_coords(
            noise=("condition", list(noises)), share=("condition", list(shares))
        )
    for name in ("example", "filter", "channel", "row", "column"):
        if name in dataset.dims and name not in dataset.coords:
            dataset = dataset.assign_coords({name: np.arange(dataset.sizes[name])})
    dataset = dataset.copy()
    for name in variables.keys() & dataset.data_vars.keys():
        one = variables[name]
        dataset[name] = dataset[name].transpose(*one.dims, missing_dims="ignore")
        dataset[name].attrs = {"long_name": one.long_name, "units": one.units}
        if one.missing:
            dataset[name].attrs["missing"] = f"NaN: {one.missing}"
    for name in COORDINATES.keys() & dataset.coords.keys():
        long_name, units = COORDINATES[name]
        dataset[name].attrs = {"long_name": long_name, "units": units}
    return dataset


def check_panel(figure: str, panel: str, dataset: xr.Dataset) -> None:
    """Check that a panel holds what its figure's results have to hold.

    Raises
    ------
    ResultError
        Names the first thing that is missing or wrong.
    """
    place = f"{figure}, panel {panel}"
    if panel not in SCHEMA.get(figure, {}):
        raise ResultError(f"{place}: there is no such panel")
    needed = set()
    for name, one in SCHEMA[figure][panel].items():
        if name not in dataset:
            raise ResultError(f"{place}: {name} is missing")
        array = dataset[name]
        if array.dims != one.dims:
            raise ResultError(f"{place}: {name} has dims {array.dims}, it should have {one.dims}")
        if array.dtype.kind not in "fiu":
            raise ResultError(f"{place}: {name} holds {array.dtype}, not numbers")
        found = array.values[~np.isnan(array.values)] if one.missing else array.values
        if not ((found >= one.low) & (found <= one.high) & np.isfinite(found)).all():
            raise ResultError(f"{place}: {name} holds a value outside {one.low:g} to {one.high:g}")
        if array.attrs.get("long_name") != one.long_name or array.attrs.get("units") != one.units:
            raise ResultError(f"{place}: {name} lacks its long_name or its units")
        needed |= set(one.dims)
    for name in sorted(needed | {own for dim in needed for own in ALONG.get(dim, ())}):
        if name not in dataset.coords:
            raise ResultError(f"{place}: coordinate {name} is missing")
        if dataset[name].attrs.get("long_name") != COORDINATES[name][0]:
            raise ResultError(f"{place}: coordinate {name} lacks its long_name")
    for name in ("epoch", "step", "units", "n_images", "radius"):
        if name in needed and not (np.diff(dataset[name].values) > 0).all():
            raise ResultError(f"{place}: {name} does not increase")
