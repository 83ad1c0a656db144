"""What the page "The test, live" needs of memlib: small images and the constants of the test.

The page trains its network in the reader's browser. It gets everything that memlib decides
(images, verdicts, level of significance, neighbours, colours) from here.
"""

import base64
from functools import cache
from typing import Any

import numpy as np

from memlib.method.classifiers import make_estimator
from memlib.method.data import Data
from memlib.method.verdicts import SIGNIFICANCE, VERDICTS
from memlib.papers.chaibub_neto_2018.closed_form import expected_null_accuracy_neighbours
from memlib.training.images import load_data

N_IMAGES = 400
N_VALIDATION_IMAGES = 200
SIDE = 14  # pixels: half of the bundled images' side
CLASSIFIER = "nearest_neighbours"


def shrink(images: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Return images whose pixels are means of square blocks, in whole grey levels.

    Parameters
    ----------
    images
        float (sample, row, column) from 0 to 1; rows and columns a multiple of `side`.
    side
        Rows and columns of the small images.

    Returns
    -------
    numpy.ndarray
        uint8 (sample, side, side).

    Examples
    --------
    >>> import numpy as np
    >>> shrink(np.array([[[0.0, 0.4], [0.8, 0.8]]]), 1)
    array([[[128]]], dtype=uint8)
    """
    n, rows, columns = images.shape
    blocks = images.reshape(n, side, rows // side, side, columns // side)
    grey: np.ndarray = np.round(255 * blocks.mean(axis=(2, 4), dtype=float)).astype(np.uint8)
    return grey


@cache
def live_images() -> Data:
    """Return the page's images, uint8 (sample, side, side), and their labels."""
    data = load_data(n_images=N_IMAGES, n_validation_images=N_VALIDATION_IMAGES)
    return Data(
        shrink(data.train_images),
        data.train_labels,
        shrink(data.validation_images),
        data.validation_labels,
        data.class_names,
    )


def n_neighbours() -> int:
    """Return the number of neighbours that memlib's classifier of that name asks."""
    return int(make_estimator(CLASSIFIER).get_params()["n_neighbors"])


def live_constants() -> dict[str, Any]:
    """Return what the page computes with: images as base64 of their bytes, and plain values.

    Returns
    -------
    dict
        ``train`` and ``validation`` (pixels, row after row), ``labels`` and
        ``validationLabels`` as base64 of unsigned bytes; ``side`` in pixels, ``classNames``,
        ``verdicts``, ``significance``, ``nNeighbours`` and ``nullCeiling``: the mean null when
        every perturbed image finds its original.
    """
    images = live_images()
    return {
        "train": _packed(images.train_images),
        "labels": _packed(images.train_labels),
        "validation": _packed(images.validation_images),
        "validationLabels": _packed(images.validation_labels),
        "side": SIDE,
        "classNames": list(images.class_names),
        "verdicts": list(VERDICTS),
        "significance": SIGNIFICANCE,
        "nNeighbours": n_neighbours(),
        "nullCeiling": null_ceiling(),
    }


def null_ceiling() -> float:
    """Return the mean null accuracy when each perturbed image finds its own original."""
    n, k = N_IMAGES, n_neighbours()
    neighbours = (np.arange(n)[:, None] + np.arange(k)) % n  # the original and k - 1 others
    return expected_null_accuracy_neighbours(neighbours)


def live_values() -> dict[str, Any]:
    """Return the numbers that the page's prose uses, for ``{{ live.name }}``."""
    return {
        "n_images": N_IMAGES,
        "n_validation_images": N_VALIDATION_IMAGES,
        "side": SIDE,
        "n_neighbours": n_neighbours(),
        "null_ceiling": f"{null_ceiling():.2f}",
        "classes": " and ".join(f"{name.lower()}s" for name in live_images().class_names),
    }


def _packed(values: np.ndarray) -> str:
    return base64.b64encode(values.astype(np.uint8).tobytes()).decode("ascii")
