"""Arrays from whatever holds them: tensors, sparse matrices, data frames, lists."""

from collections.abc import Hashable
from typing import Any

import numpy as np

from memlib.base.errors import InputError


def as_array(values: Any, name: Hashable) -> np.ndarray:
    """Return values as a NumPy array: a tensor of any kind, a sparse matrix, a data frame, a list.

    Raises
    ------
    InputError
        When values are masked (a mask would be lost), ragged, or no array at all.
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise InputError(f"{name} hold masked values: fill them first, a mask would be lost")
    if hasattr(values, "detach"):  # torch: gradients, sparse layouts and bfloat16 are not NumPy's
        values = values.detach().cpu()
        values = values.to_dense() if "sparse" in str(values.layout) else values
        floats = values.is_floating_point() and values.element_size() == 2
        return np.asarray((values.float() if floats else values).numpy())
    values = values.toarray() if hasattr(values, "toarray") else values  # scipy's sparse matrices
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):
        raise InputError(f"{name} are a {type(values).__name__}, not an array") from None
    if array.ndim == 0 and array.dtype.kind == "O":
        raise InputError(f"{name} are a {type(values).__name__}, not an array")
    if array.dtype.kind == "c":
        raise InputError(f"{name} are complex numbers: give real ones")
    return array


def aligned(values: Any, like: Any, name: Hashable) -> Any:
    """Return values with their named rows and columns in the order of `like`, if both have names.

    Raises
    ------
    InputError
        When rows or columns are not the same ones.
    """
    for axis, what in (("index", "rows"), ("columns", "columns")):
        own, other = getattr(values, axis, None), getattr(like, axis, None)
        if callable(own) or own is None or callable(other) or other is None or own.equals(other):
            continue
        if not own.is_unique or len(own) != len(other) or set(own) != set(other):
            raise InputError(
                f"{what} of {name} are not named as those of the training samples: give the same "
                "names, or arrays without names"
            )
        values = values.reindex(other) if axis == "index" else values[list(other)]
    return values


def check_groups(groups: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return groups (sample,) in which labels can be shuffled, or raise `InputError`."""
    if groups.shape != labels.shape:
        raise InputError(f"groups {groups.shape}: give each of {len(labels)} samples its group")
    names, first, member = np.unique(groups, return_index=True, return_inverse=True)
    mixed = np.flatnonzero(labels != labels[first][member])
    if len(mixed):
        raise InputError(
            f"group {names[member[mixed[0]]].item()!r} has samples of several labels: labels can "
            "be shuffled among groups where each group has one"
        )
    return groups
