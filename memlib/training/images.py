"""Labelled images: the bundled file, its checksum, and what a run sees of it.

The bundled file holds the pullover and coat images of Fashion-MNIST (Xiao et al. 2017), the two
classes of the paper (section 6). Any other pair, or all ten classes, comes through the same
loader: see `memlib.runs.build_images`.
"""

import hashlib
import os
from functools import lru_cache
from numbers import Integral
from pathlib import Path

import numpy as np
import xarray as xr

from memlib.base.checkout import checkout_path
from memlib.base.errors import DataError, InputError
from memlib.base.seeds import stream
from memlib.method.data import Data
from memlib.training.checks import check_positive

FASHION_MNIST_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
BUNDLED_NAME = "fashion_mnist_pullover_coat"
BUNDLED_CHECKSUM = "sha256:f022a0ad22bc4ab76e3ac845701b56cd041712d071ab92392c1e4bab3dbb41d2"
PIXEL_SCALES = ("unit", "standardized", "raw")
CONTENT = ("image", "label", "split", "original_index")


def content_checksum(dataset: xr.Dataset) -> str:
    """Return the SHA-256 of a labelled file's arrays, whatever the compression around them."""
    digest = hashlib.sha256()
    for name in CONTENT:
        values = np.ascontiguousarray(dataset[name].values)
        digest.update(f"{name} {values.dtype.str} {values.shape} ".encode())
        digest.update(values.tobytes())
    return f"sha256:{digest.hexdigest()}"


def data_path(name: str = BUNDLED_NAME) -> Path:
    """Return the path of a bundled file's name, or of a file the user made.

    Raises
    ------
    DataError
        When there is no such file.
    InputError
        When a bundled file is asked for and memlib is installed without its checkout.
    """
    if name.endswith(".nc"):
        path = Path(name)
    elif folder := os.environ.get("MEMLIB_DATA"):
        path = Path(folder) / f"{name}.nc"
    else:
        path = checkout_path("data", f"{name}.nc")
    if not path.is_file():
        raise DataError(
            f"no data file {path}: the bundled one is {BUNDLED_NAME!r}; "
            "another is made by `memlib data build` and named by its path ending in .nc"
        )
    return path


def load_labelled_images(name: str = BUNDLED_NAME) -> xr.Dataset:
    """Load a labelled file and refuse it unless its content has the checksum it should have.

    Parameters
    ----------
    name
        ``"fashion_mnist_pullover_coat"`` (bundled), or the path of a file made by
        `memlib.runs.build_images`.

    Returns
    -------
    xarray.Dataset
        ``image`` uint8 (sample, row, column), ``label`` and ``split`` (sample,) with
        `flag_values` and `flag_meanings`, ``original_index`` (sample,).

    Raises
    ------
    DataError
        When the file is missing, cannot be read, or differs from its checksum.
    """
    path = data_path(name)
    stat = path.stat()
    return _load(str(path), stat.st_mtime_ns, stat.st_size).copy()  # attributes of its own


@lru_cache(maxsize=4)
def _load(path: str, _modified: int, _size: int) -> xr.Dataset:
    mend = "restore it with `git checkout` or make it again with `memlib data build`"
    bundled = Path(path).stem == BUNDLED_NAME
    try:
        with xr.open_dataset(path, engine="h5netcdf") as file:
            dataset = file.load()
    except Exception as error:  # h5py raises many kinds on a damaged file
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        raise DataError(
            f"data file {path} is damaged (file sha256 {digest}, cannot be read: "
            f"{type(error).__name__}); {mend}"
        ) from error
    expected = BUNDLED_CHECKSUM if bundled else dataset.attrs.get("content_checksum")
    lacking = [name for name in CONTENT if name not in dataset]
    if lacking or expected is None:
        raise DataError(
            f"data file {path} is no file of labelled images (it lacks "
            f"{', '.join(lacking) or 'its content_checksum'}): one is made by `memlib data build`"
        )
    found = content_checksum(dataset)
    if found != expected:
        raise DataError(
            f"data file {path} is altered: content checksum {found}, expected {expected}; {mend}"
        )
    dataset.attrs["content_checksum"] = found
    for array in dataset.variables.values():  # all callers share them
        array.values.setflags(write=False)
    return dataset


def class_names(labelled: xr.Dataset) -> tuple[str, ...]:
    """Return the names of a labelled file's classes in the order of their codes 0 to K-1."""
    return tuple(str(labelled["label"].attrs["flag_meanings"]).split())


def load_data(
    name: str = BUNDLED_NAME,
    *,
    n_images: int = 2000,
    n_validation_images: int = 2000,
    inputs: str = "images",
    noise_sd: float = 1.0,
    pixel_scale: str = "unit",
    shuffled_labels: float = 0.0,
    seed: int = 0,
) -> Data:
    """Draw a run's training and validation samples from a labelled file.

    The same share of every class is drawn at random. A larger training set contains the smaller
    one of the same seed, so that Fig. 3 (10,000 images) extends Fig. 1 (2,000).

    Parameters
    ----------
    name
        A bundled name or a path, see `load_labelled_images`.
    n_images, n_validation_images
        Samples of all classes together, a multiple of the number of classes.
    inputs
        ``"images"``: the pixels. ``"noise"``: every pixel replaced by Gaussian noise of mean 0
        and standard deviation `noise_sd`, labels kept (section 7).
    noise_sd
        Standard deviation of the noise, above 0.
    pixel_scale
        Of images: ``"unit"`` from 0 to 1; ``"standardized"`` mean 0 and standard deviation 1 over
        all pixels of the training images; ``"raw"`` from 0 to 255.
    shuffled_labels
        Share of the training labels, 0 to 1, that are permuted among themselves before training:
        the network never sees the true ones (Zhang et al. 2017).
    seed
        Base seed; streams ``subset``, ``input_noise`` and ``shuffled_labels``.

    Raises
    ------
    InputError
        When a choice is none of these, or the file does not hold that many samples of each class.
    """
    if inputs not in ("images", "noise"):
        raise InputError(f"inputs = {inputs!r}: take images or noise")
    if pixel_scale not in PIXEL_SCALES:
        raise InputError(f"pixel_scale = {pixel_scale!r}: take one of {', '.join(PIXEL_SCALES)}")
    if not 0 <= shuffled_labels <= 1:
        raise InputError(f"shuffled_labels = {shuffled_labels}: take a share between 0 and 1")
    check_positive("noise_sd", noise_sd)
    labelled = load_labelled_images(name)
    check_counts(labelled, n_images, n_validation_images)
    names = class_names(labelled)
    codes = np.unique(labelled["label"].values)
    images, labels = {}, {}
    for part, (split, wanted) in enumerate((("train", n_images), ("test", n_validation_images))):
        rows = _draw_rows(labelled, split, wanted, codes, stream(seed, "subset", part))
        labels[split] = np.searchsorted(codes, labelled["label"].values[rows]).astype(np.int64)
        shape = (wanted, *labelled["image"].shape[1:])
        if inputs == "noise":
            rng = stream(seed, "input_noise", part)
            images[split] = rng.standard_normal(shape, dtype=np.float32) * np.float32(noise_sd)
        else:
            images[split] = labelled["image"].values[rows].astype(np.float32)
    if inputs == "images":
        shift, unit = 0.0, {"unit": 255.0, "raw": 1.0}.get(pixel_scale)
        if unit is None:
            shift, unit = images["train"].mean(dtype=float), images["train"].std(dtype=float)
        for split in images:
            images[split] = (images[split] - np.float32(shift)) / np.float32(unit)
    rng = stream(seed, "shuffled_labels")
    chosen = rng.permutation(n_images)[: round(shuffled_labels * n_images)]
    labels["train"][chosen] = labels["train"][rng.permutation(chosen)]
    return Data(images["train"], labels["train"], images["test"], labels["test"], names)


def check_counts(labelled: xr.Dataset, n_images: int, n_validation_images: int) -> None:
    """Raise `InputError` unless a labelled file holds that many images, the same of each class."""
    codes = np.unique(labelled["label"].values)
    for split, wanted in (("train", n_images), ("test", n_validation_images)):
        if not isinstance(wanted, Integral) or wanted < len(codes) or wanted % len(codes):
            raise InputError(
                f"{wanted!r} {split} images cannot be shared equally by {len(codes)} classes: "
                f"take a multiple of {len(codes)}"
            )
        for code in codes:
            n_rows = len(_rows_of(labelled, split, code))
            if n_rows < wanted // len(codes):
                raise InputError(
                    f"{wanted} {split} images asked for, but the file holds only {n_rows} of class "
                    f"{code}: at most {n_rows * len(codes)}"
                )


def _rows_of(labelled: xr.Dataset, split: str, code: int) -> np.ndarray:
    meanings = str(labelled["split"].attrs["flag_meanings"]).split()
    in_split = labelled["split"].values == meanings.index(split)
    return np.flatnonzero(in_split & (labelled["label"].values == code))


def _draw_rows(
    labelled: xr.Dataset, split: str, wanted: int, codes: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw `wanted` rows of a split, the same number of each class, interleaved by class."""
    drawn = [
        rng.permutation(_rows_of(labelled, split, code))[: wanted // len(codes)] for code in codes
    ]
    return np.stack(drawn, axis=1).ravel()
