"""Make a labelled file from the original Fashion-MNIST (or MNIST) IDX files."""

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from memlib.base.errors import DataError, InputError
from memlib.base.files import write_netcdf
from memlib.training.images import FASHION_MNIST_CLASSES, class_names, content_checksum

IDX_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def read_idx(path: Path) -> np.ndarray:
    """Read one IDX file, gzipped or not, as a uint8 array of the shape in its header.

    Raises
    ------
    DataError
        When the file is missing, not IDX of unsigned bytes, or shorter than its header says.
    """
    packed = path.with_name(path.name + ".gz")
    try:
        raw = gzip.decompress(packed.read_bytes()) if packed.is_file() else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read {path} (or {packed.name}): {error}") from error
    if len(raw) < 4 or raw[:3] != b"\x00\x00\x08":
        raise DataError(f"{path} is not an IDX file of unsigned bytes")
    n_dims = raw[3]
    if len(raw) < 4 + 4 * n_dims:
        raise DataError(f"{path} ends within its header")
    shape = tuple(np.frombuffer(raw, ">u4", n_dims, offset=4).astype(int))
    values = np.frombuffer(raw, np.uint8, offset=4 + 4 * n_dims)
    if values.size != np.prod(shape):
        raise DataError(f"{path} holds {values.size} values, its header says {np.prod(shape)}")
    return values.reshape(shape)


def download_idx(folder: Path) -> Path:
    """Fetch the Fashion-MNIST IDX files with torchvision (needs a network); return their folder."""
    from torchvision.datasets import FashionMNIST

    try:
        for train in (True, False):
            FashionMNIST(folder, train=train, download=True)
    except (OSError, RuntimeError) as error:
        raise DataError(f"Fashion-MNIST could not be downloaded: {error}") from error
    return folder / "FashionMNIST" / "raw"


def check_classes(
    classes: Sequence[int], names: Sequence[str] = FASHION_MNIST_CLASSES
) -> list[int]:
    """Return original class numbers in order; raise `InputError` for fewer than two or others."""
    chosen = sorted(set(classes))
    known = bool(chosen) and 0 <= chosen[0] <= chosen[-1] < len(names)
    if len(chosen) < 2 or len(chosen) != len(classes) or not known:
        raise InputError(
            f"classes {list(classes)}: name two or more different ones of 0 to {len(names) - 1}"
        )
    return chosen


def build_labelled_images(
    folder: Path,
    *,
    classes: Sequence[int] = (2, 4),
    names: Sequence[str] = FASHION_MNIST_CLASSES,
    title: str = "Fashion-MNIST",
) -> xr.Dataset:
    """Select classes from the four original IDX files as one labelled dataset.

    Parameters
    ----------
    folder
        Holds ``train-images-idx3-ubyte`` and so on, with or without ``.gz``.
    classes
        Original class numbers, at least two; (2, 4) is pullover and coat.
    names
        Names of all original classes.
    title
        Name of the origin, for the attributes.

    Returns
    -------
    xarray.Dataset
        As `memlib.training.images.load_labelled_images` gives it; samples in their original order.
    """
    chosen = check_classes(classes, names)
    images, labels, splits, indices = [], [], [], []
    for split, (image_file, label_file) in enumerate(IDX_FILES.values()):
        all_labels = read_idx(folder / label_file)
        rows = np.flatnonzero(np.isin(all_labels, chosen))
        all_images = read_idx(folder / image_file)
        if all_images.ndim != 3 or all_labels.shape != all_images.shape[:1]:
            raise DataError(
                f"{folder}: {image_file} of shape {all_images.shape} and {label_file} of shape "
                f"{all_labels.shape} do not belong together"
            )
        absent = sorted(set(chosen) - set(all_labels.tolist()))
        if absent:
            raise DataError(f"{folder / label_file} names no image of class {absent[0]}")
        images.append(all_images[rows])
        labels.append(all_labels[rows])
        splits.append(np.full(len(rows), split, np.uint8))
        indices.append(rows.astype(np.int32))
    meanings = " ".join(names[code].replace(" ", "_") for code in chosen)
    dataset = xr.Dataset(
        {
            "image": (
                ("sample", "row", "column"),
                np.concatenate(images),
                {"long_name": "grey value", "units": "1", "valid_range": [0, 255]},
            ),
            "label": (
                "sample",
                np.concatenate(labels),
                {
                    "long_name": "original class",
                    "flag_values": np.array(chosen, np.uint8),
                    "flag_meanings": meanings,
                },
            ),
            "split": (
                "sample",
                np.concatenate(splits),
                {
                    "long_name": "original split",
                    "flag_values": np.array([0, 1], np.uint8),
                    "flag_meanings": "train test",
                },
            ),
            "original_index": (
                "sample",
                np.concatenate(indices),
                {"long_name": "row in the original split", "units": "1"},
            ),
        },
        attrs={
            "title": f"{title}: {', '.join(names[code] for code in chosen)}",
            "source": "https://github.com/zalandoresearch/fashion-mnist",
            "license": "MIT (Copyright 2017 Zalando SE)",
            "references": "Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747",
        },
    )
    dataset.attrs["content_checksum"] = content_checksum(dataset)
    return dataset


def check_labelled(dataset: xr.Dataset, path: str) -> None:
    """Raise `DataError` for a file whose arrays are no labelled images: nothing to learn from."""
    problem = _problem(dataset)
    if problem:
        raise DataError(f"data file {path}: {problem}; one is made by `memlib data build`")


def _problem(dataset: xr.Dataset) -> str:
    image, label, split = (dataset[name] for name in ("image", "label", "split"))
    if image.ndim not in (3, 4) or image.dtype.kind not in "uif" or 0 in image.shape:
        return f"image is {image.dtype} of shape {image.shape}, not (sample, row, column)"
    for name in ("label", "split"):
        one = dataset[name]
        if one.shape != image.shape[:1] or one.dtype.kind not in "ui":
            return f"{name} is {one.dtype} of shape {one.shape}, not a code for each sample"
    n_classes = len(np.unique(label.values))
    if n_classes < 2:
        return "all its images are of one class"
    names = label.attrs.get("flag_meanings")
    if not isinstance(names, str) or len(names.split()) != n_classes:
        return f"label has no flag_meanings with the names of its {n_classes} classes"
    parts = split.attrs.get("flag_meanings")
    if not isinstance(parts, str) or not {"train", "test"} <= set(parts.split()):
        return "split has no flag_meanings that say train and test"
    return ""


def save_labelled_images(dataset: xr.Dataset, path: Path) -> None:
    """Write a labelled dataset as compressed netCDF, whole or not at all."""
    packed = {"zlib": True, "complevel": 9}
    write_netcdf(dataset, path, encoding={str(name): packed for name in dataset.data_vars})


def describe(dataset: xr.Dataset) -> str:
    """Return a few lines on a labelled dataset: title, checksum, images by class and split."""
    lines = [str(dataset.attrs["title"]), f"content checksum {dataset.attrs['content_checksum']}"]
    codes = dataset["label"].attrs["flag_values"]
    for code, name in zip(codes, class_names(dataset), strict=True):
        in_class = dataset["label"].values == code
        counts = np.bincount(dataset["split"].values[in_class], minlength=2)
        lines.append(f"class {code} {name}: {counts[0]} train, {counts[1]} test")
    return "\n".join(lines)
