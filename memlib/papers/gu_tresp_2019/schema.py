"""How the results of each figure are laid out: variables, dims, units and ranges (no torch)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from memlib.base.errors import ResultError

TRUE, RANDOM = 0.0, 1.0  # shares of random labels
COURSE = ("network", "label_share", "seed", "epoch")
SHOWN = ("label_share", "seed", "partner", "class", "start")
MEANS = ("label_share", "seed", "partner")
PICTURE = ("channel", "row", "column")


@dataclass(frozen=True)
class Variable:
    """A variable of a figure's results; NaN only where `gaps` says why there are any."""

    dims: tuple[str, ...]
    long_name: str
    units: str = "1"
    smallest: float = 0.0
    largest: float = np.inf
    gaps: str = ""


def _share(dims: tuple[str, ...], long_name: str, gaps: str = "") -> Variable:
    return Variable(dims, long_name, "1", 0, 1, gaps)


ENDED = "after a run's last epoch"
UNMEASURED = f"{ENDED}, and at epochs at which gradients were not compared"
DIMS = {
    "network": "network",
    "label_share": "share of the training labels replaced by random ones",
    "seed": "seed of weights and batches",
    "epoch": "training epoch",
    "layer": "layer with weights, 0 the image",
    "partner": "network f2 that is compared with f1",
    "pair": "seeds of the two networks compared",
    "class": "class that an image was made for",
    "start": "start of an ascent",
    "variant": "how the networks compared were trained",
    "channel": "colour channel",
    "row": "row of pixels",
    "column": "column of pixels",
}
ATTRIBUTES = {
    "n_classes": "classes, C; chance is 1 / C",
    "n_train_images": "training images",
    "n_test_images": "test images",
    "batch_size": "images in a mini-batch",
    "scale": "how much was run",
}

_course = {
    "running_accuracy": _share(
        COURSE,
        "accuracy on an epoch's mini-batches, each before its update",
        f"{ENDED}, and at epoch 0",
    ),
    "train_accuracy": _share(COURSE, "accuracy on the training images and their labels", ENDED),
    "test_accuracy": _share(COURSE, "accuracy on test images", ENDED),
    "gradient_magnitude": Variable(
        COURSE, "gradient magnitude G, mean over examples of sum abs(dL/dx)", "nat", gaps=ENDED
    ),
    "fitted": _share(COURSE[:-1], "whether all training images were right three epochs in a row"),
}
_divergences = {
    "dissimilarity": ("Kullback-Leibler divergence of f1's softmax to f2's", "nat", np.inf),
    "jensen_shannon": ("Jensen-Shannon divergence of both softmaxes", "nat", np.log(2)),
    "agreement": ("whether both networks give the same class", "1", 1.0),
}


def _compared(
    dims: tuple[str, ...], where: str, prefix: str = "", gaps: str = ""
) -> dict[str, Variable]:
    return {
        prefix + name: Variable(dims, f"{long_name}, {where}", units, 0, largest, gaps)
        for name, (long_name, units, largest) in _divergences.items()
    }


VARIABLES: Mapping[str, Mapping[str, Variable]] = {
    "fig1": _course
    | {
        "coherence": Variable(
            COURSE,
            "mean inner product of two examples' gradients over the mean squared norm",
            "1",
            -1,
            1,
            UNMEASURED,
        ),
        "parameter_gradient_norm": Variable(
            COURSE, "mean over examples of the norm of dL/dw", "nat", gaps=UNMEASURED
        ),
        "layer_gradient_norm": Variable(
            (*COURSE, "layer"),
            "mean over examples of the norm of dL/da, a what the layer gives",
            "nat",
            gaps=f"{UNMEASURED}, and where a network has fewer layers",
        ),
    },
    "fig2": _compared(SHOWN, "on images that drive f1's outputs")
    | _compared(MEANS, "mean over the training images", "train_")
    | _compared(MEANS, "mean over the test images", "test_")
    | _compared(SHOWN, "on pixels that drive f1's outputs, without a generator", "pixel_")
    | _compared(
        ("variant", "label_share", "seed", "class", "start"),
        "two VGG11 trained in another way, on images that drive f1's outputs",
        "variant_",
        "where a variant was not run with a share of random labels",
    )
    | {
        "variant_train_accuracy": _share(
            ("variant", "label_share", "seed"),
            "accuracy of f1 on the training images, trained in another way",
            "where a variant was not run with a share of random labels",
        ),
        "partner_train_accuracy": _share(MEANS, "accuracy of f2 on the training images"),
        "latent_norm": Variable(
            ("label_share", "seed", "class", "start"), "norm of z after the ascent"
        ),
        "nearest_neighbour_agreement": _share(
            ("label_share",), "share of images that drive f1 given one class by both 1-NN"
        ),
    },
    "fig3": {
        "image_before": Variable(("start", *PICTURE), "image G(z) before the ascent", "1", -1, 1),
        "image_after": Variable(
            ("label_share", "class", "start", *PICTURE), "image G(z) after the ascent", "1", -1, 1
        ),
        "judge_hit": _share(
            ("label_share", "seed", "class", "start"),
            "whether the judge gives the class that the image was made for",
        ),
        "network_hit": _share(
            ("label_share", "seed", "class", "start"),
            "whether f1 gives the class that the image was made for",
        ),
        "generated_class_share": _share(("class",), "share of generated images, by the judge"),
        "generated_confidence": _share((), "judge's mean largest probability, generated images"),
        "generated_pixel_sd": Variable((), "standard deviation of the pixels, generated images"),
        "generated_score": Variable((), "exp(E KL(p(y|x) to p(y))), generated images", "1", 1),
        "real_class_share": _share(("class",), "share of real images, by the judge"),
        "real_confidence": _share((), "judge's mean largest probability, real images"),
        "real_pixel_sd": Variable((), "standard deviation of the pixels, real images"),
        "real_score": Variable((), "exp(E KL(p(y|x) to p(y))), real images", "1", 1),
        "judge_accuracy": _share((), "judge's accuracy on real images it was not trained on"),
        "generator_steps": Variable((), "steps that the generator was trained for"),
    },
    "fig4": _course,
    "fig5": _compared(
        ("label_share", "pair", "class", "start"), "on images that drive f1's outputs"
    )
    | {
        name: Variable(one.dims[1:], one.long_name, one.units, one.smallest, one.largest, one.gaps)
        for name, one in _course.items()
        if name != "gradient_magnitude"
    }
    | {
        "clean_accuracy": _share(
            COURSE[1:], "accuracy on training images with a right label", f"{ENDED}, without such"
        ),
        "wrong_label_fit": _share(
            COURSE[1:], "share of wrong training labels given", f"{ENDED}, without such"
        ),
        "changed_share": _share(("label_share",), "share of training labels that are wrong"),
    },
}


def label_dataset(figure: str, dataset: xr.Dataset, **attributes: object) -> xr.Dataset:
    """Return a figure's results with dims in order, long names, units and attributes."""
    labelled = dataset.copy()
    for name, one in VARIABLES[figure].items():
        if name in labelled:
            labelled[name] = labelled[name].transpose(*one.dims)
            labelled[name].attrs = {"long_name": one.long_name, "units": one.units}
    for dim, long_name in DIMS.items():
        if dim in labelled.coords:
            labelled[dim].attrs = {"long_name": long_name, "units": "1"}
    return labelled.assign_attrs(attributes)


def check_dataset(figure: str, dataset: xr.Dataset, origin: str = "result") -> None:
    """Check that a dataset is a figure's results.

    Raises
    ------
    ResultError
        Names the first thing that is missing or wrong.
    """
    for name in ATTRIBUTES:
        if name not in dataset.attrs:
            raise ResultError(f"{origin}: attribute {name!r} is missing")
    for name, one in VARIABLES[figure].items():
        place = f"{origin}: {figure}, {name}"
        if name not in dataset:
            raise ResultError(f"{place} is missing")
        array = dataset[name]
        if array.dims != one.dims:
            raise ResultError(f"{place} has dims {array.dims}, it should have {one.dims}")
        values = np.asarray(array.values)
        if values.dtype.kind not in "fiub":
            raise ResultError(f"{place} holds {values.dtype}, not numbers")
        known = values[~np.isnan(values)] if values.dtype.kind == "f" else values
        if known.size < values.size and not one.gaps:
            raise ResultError(f"{place} has gaps")
        slack = 1e-6  # rounding of float32
        if known.size and not (
            one.smallest - slack <= known.min() <= known.max() <= one.largest + slack
        ):
            raise ResultError(f"{place} holds a value outside {one.smallest} to {one.largest}")
        for attribute in ("long_name", "units"):
            if attribute not in array.attrs:
                raise ResultError(f"{place} has no {attribute}")
