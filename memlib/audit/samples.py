"""What a network is asked about: samples from arrays, tensors, Datasets, loaders, frames, mappings.

Nothing is copied as a whole: samples are fetched by their numbers, a chunk at a time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from memlib.base.arrays import aligned, as_array
from memlib.base.errors import InputError

ONE = "inputs"  # the name of the inputs where the network takes a single array
Parts = dict[str, np.ndarray]  # (sample, ...) arrays by name


@dataclass(eq=False)
class Samples:
    """Samples of known number and labels, fetched by their numbers.

    Attributes
    ----------
    n
        How many.
    fetch
        Gives arrays (len(numbers), ...) by name for an array of sample numbers.
    labels
        (sample,), or None where there are none.
    doubts
        What makes an answer from these samples doubtful.
    columns
        Names of a data frame's columns, in their order.
    """

    n: int
    fetch: Callable[[np.ndarray], Parts]
    labels: np.ndarray
    doubts: list[str] = field(default_factory=list)
    columns: tuple[str, ...] = ()

    def subset(self, numbers: np.ndarray) -> "Samples":
        """Return the samples of these numbers alone."""
        return Samples(
            len(numbers),
            lambda chosen: self.fetch(numbers[chosen]),
            self.labels[numbers],
            columns=self.columns,
        )


def as_samples(data: Any, *, like: "Samples | None" = None, name: str = "data") -> Samples:
    """Return samples of what a person has.

    Parameters
    ----------
    data
        ``(inputs, labels)`` with inputs an array, tensor, data frame, list or a mapping of such;
        a torch Dataset of (input, label), or a DataLoader of one; a `memlib.Data`.
    like
        Training samples, whose columns a data frame here must have.
    name
        What an error calls it.

    Raises
    ------
    InputError
        When it is nothing of that kind, or inputs and labels do not match.
    """
    if isinstance(data, Samples):
        return data
    if hasattr(data, "train_images"):
        data = (data.train_images, data.train_labels)
    if isinstance(data, tuple | list) and len(data) == 2:
        return _from_arrays(data[0], data[1], like, name)
    if hasattr(data, "dataset") and hasattr(data, "collate_fn"):
        return _from_dataset(data.dataset, data.collate_fn, name)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__") and not _is_array(data):
        return _from_dataset(data, None, name)
    raise InputError(
        f"{name} is a {type(data).__name__}: give (inputs, labels), a Dataset of (input, label) or "
        "a DataLoader"
    )


def _is_array(data: Any) -> bool:
    if isinstance(data, list) and data:
        return not isinstance(data[0], tuple | Mapping)  # a list of pairs is a dataset
    return (
        isinstance(data, Mapping | str | tuple) or hasattr(data, "dtype") or hasattr(data, "dtypes")
    )


def as_labels(labels: Any, n: int, inputs: Any, name: str) -> np.ndarray:
    """Return labels (sample,) in the order of the inputs."""
    array = as_array(aligned(labels, inputs, f"{name} labels"), f"{name} labels")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2 and len(array) == n:
        raise InputError(
            f"{name} labels are {array.shape}: give one class a sample; of one column a class, "
            "labels.argmax(axis=1)"
        )
    if array.shape != (n,):
        raise InputError(f"{name} has {n} inputs and labels {array.shape}: give each its label")
    return array


def _from_arrays(inputs: Any, labels: Any, like: "Samples | None", name: str) -> Samples:
    columns: tuple[str, ...] = ()
    if hasattr(inputs, "columns") and hasattr(inputs, "to_numpy"):
        columns = tuple(map(str, inputs.columns))
        text = [c for c, t in zip(columns, inputs.dtypes, strict=True) if t.kind not in "biuf"]
        if text:
            raise InputError(f"column {text[0]!r} of {name} holds no numbers: encode it first")
        if like is not None and like.columns and like.columns != columns:
            if set(like.columns) != set(columns):
                raise InputError(f"columns of {name} are not those of the training samples")
            inputs = inputs[[inputs.columns[columns.index(c)] for c in like.columns]]
            columns = like.columns
    whole = inputs if isinstance(inputs, Mapping) else {ONE: inputs}
    parts = {str(key): as_array(one, f"{name} {key}") for key, one in whole.items()}
    for key, part in parts.items():
        if part.dtype.kind not in "biuf":
            raise InputError(f"{name} {key} hold {part.dtype}, not numbers: encode them first")
        if part.ndim < 2:
            raise InputError(f"{name} {key} are {part.shape}: they are (sample, ...)")
    sizes = {key: len(part) for key, part in parts.items()}
    if len(set(sizes.values())) != 1:
        raise InputError(f"{name} has inputs of different lengths, {sizes}")
    n = next(iter(sizes.values()))
    if not n:
        raise InputError(f"{name} has no samples")

    def fetch(numbers: np.ndarray) -> Parts:
        return {key: part[numbers] for key, part in parts.items()}

    return Samples(n, fetch, as_labels(labels, n, inputs, name), columns=columns)


def _from_dataset(dataset: Any, collate: Callable | None, name: str) -> Samples:
    if not hasattr(dataset, "__getitem__"):  # an iterable one is read once, and kept
        dataset = list(dataset)
    n = len(dataset)
    if not n:
        raise InputError(f"{name} has no samples")
    first, _ = _item(dataset[0], name)

    def fetch(numbers: np.ndarray) -> Parts:
        items = [dataset[int(number)] for number in numbers]
        if collate is not None:
            batch = _item(collate(items), name)[0]
            return {key: as_array(one, name) for key, one in batch.items()}
        each = [_item(item, name)[0] for item in items]
        return {key: np.stack([as_array(one[key], name) for one in each]) for key in first}

    again, _ = _item(dataset[0], name)
    doubts = []
    if any(
        not np.array_equal(as_array(first[key], name), as_array(again[key], name)) for key in first
    ):
        doubts.append(
            f"{name} gives another input each time it is read (an augmentation?): copies differ "
            "from their originals by that, too; give the inputs without it"
        )
    return Samples(n, fetch, _dataset_labels(dataset, n, name), doubts)


def _item(item: Any, name: str) -> tuple[dict[str, Any], Any]:
    """Return the inputs by name, and the label, of one item or one collated batch."""
    if isinstance(item, Mapping):
        key = next((key for key in ("labels", "label", "target") if key in item), None)
        if key is None:
            raise InputError(f"{name} holds mappings without 'labels', 'label' or 'target'")
        return {str(k): one for k, one in item.items() if k != key}, item[key]
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise InputError(f"{name} does not hold (input, label): give a Dataset that does")
    inputs, label = item
    return (
        ({str(k): one for k, one in inputs.items()}, label)
        if isinstance(inputs, Mapping)
        else ({ONE: inputs}, label)
    )


def _dataset_labels(dataset: Any, n: int, name: str) -> np.ndarray:
    """Return the labels; a list kept by the dataset is trusted where its ends agree with items."""
    kept: Any = getattr(dataset, "targets", None)
    tensors: Sequence[Any] = getattr(dataset, "tensors", ())
    kept = tensors[-1] if len(tensors) == 2 else kept
    if kept is not None and np.ndim(kept) == 1 and len(kept) == n:
        labels = as_array(kept, f"{name} labels")
        ends = [as_array(_item(dataset[i], name)[1], name) for i in (0, n - 1)]
        if all(np.array_equal(one, labels[i]) for one, i in zip(ends, (0, -1), strict=True)):
            return labels
    found = [as_array(_item(dataset[i], name)[1], f"{name} labels") for i in range(n)]
    return as_labels(np.stack(found), n, None, name)
