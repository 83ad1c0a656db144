"""What Algorithm 1 cannot be run with: refused in one line, before anything is computed."""

from collections.abc import Hashable
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

from memlib.base.errors import InputError
from memlib.method.classifiers import classifies
from memlib.method.names import CLASSIFIERS, MAX_ROWS, N_NEIGHBOURS

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin


def check_options(
    labels: np.ndarray,
    classifier: "str | ClassifierMixin",
    *,
    n_permutations: int,
    n_trees: int,
    seed: int,
) -> None:
    """Raise `InputError` for what Algorithm 1 cannot be run with, before anything is computed."""
    for name, value, least in (
        ("n_permutations", n_permutations, 1),
        ("n_trees", n_trees, 1),
        ("seed", seed, 0),
    ):
        if not isinstance(value, Integral) or value < least:
            raise InputError(f"{name} = {value!r}: take a whole number, {least} or more")
    if not (classifier in CLASSIFIERS if isinstance(classifier, str) else classifies(classifier)):
        raise InputError(
            f"classifier = {classifier!r}: take one of {', '.join(CLASSIFIERS)}, "
            "or a scikit-learn classifier"
        )
    if any(map(_is_missing, np.asarray(labels).tolist())):
        raise InputError("labels hold a missing value (NaN or None): every image has a label")
    values = np.asarray(labels)
    if values.dtype.kind == "f" and (values != np.round(values)).any():
        raise InputError("labels are continuous numbers: cut them into classes")
    try:
        n_classes = len(np.unique(labels))
    except TypeError:
        kinds = ", ".join(sorted({type(one).__name__ for one in np.asarray(labels).tolist()}))
        raise InputError(f"labels are of mixed types, {kinds}: take one") from None
    if n_classes < 2:
        raise InputError("labels hold fewer than two classes: there is nothing to shuffle")
    check_n_samples(classifier, len(labels), n_classes)


def check_n_samples(classifier: "str | ClassifierMixin", n_samples: int, n_classes: int) -> None:
    """Raise `InputError` unless a named classifier can be fitted on that many samples."""
    if not isinstance(classifier, str):
        return
    if classifier == "random_forest" and n_samples > MAX_ROWS:
        raise InputError(
            f"{n_samples:,} samples: random_forest takes up to {MAX_ROWS:,}, "
            "random_forest_sklearn any number"
        )
    fewest = {"nearest_neighbours": N_NEIGHBOURS, "linear_discriminant": n_classes + 1}
    least = fewest.get(classifier, 1)
    if n_samples < least:
        raise InputError(f"{n_samples} samples: {classifier} takes {least} or more")


def affordable_classifier(
    classifier: "str | ClassifierMixin", n_samples: int
) -> "str | ClassifierMixin":
    """Return the classifier to fit: beyond the rows that our forest takes, scikit-learn's."""
    too_many = n_samples > MAX_ROWS and isinstance(classifier, str)
    return "random_forest_sklearn" if too_many and classifier == "random_forest" else classifier


def _is_missing(label: object) -> bool:
    try:
        return label is None or bool(label != label)  # NaN differs from itself
    except TypeError:  # pandas' NA is neither
        return True


def check_finite(features: np.ndarray, name: Hashable) -> None:
    """Raise `InputError` when features hold NaN or infinity."""
    if not np.isfinite(features).all():
        raise InputError(f"features of set {name!r} hold a value that is not finite")
