"""S-validation sets: every training image perturbed a little, labels and order kept (section 3)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from memlib.errors import InputError
from memlib.seeds import stream

Perturb = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


def shuffle_pixels(images: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Permute the values of a random share of the pixels, drawn afresh for each image.

    Each image keeps its multiset of values; share 0 is the identity. A permuted pixel may receive
    the value it had (its own, or an equal one such as the black background).
    """
    flat = images.reshape(len(images), -1)
    n_shuffled = round(share * flat.shape[1])
    shuffled = flat.copy()
    # A random order's first n positions are a random subset, itself in random order.
    positions = np.argsort(rng.random(flat.shape, dtype=np.float32), axis=1, kind="stable")
    source = positions[:, :n_shuffled]
    values = np.take_along_axis(flat, source, axis=1)
    np.put_along_axis(shuffled, np.sort(source, axis=1), values, axis=1)
    return shuffled.reshape(images.shape)


def shuffle_shared_pixels(images: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Permute a random share of the pixels, the same positions in the same order in all images."""
    flat = images.reshape(len(images), -1)
    source = rng.permutation(flat.shape[1])[: round(share * flat.shape[1])]
    shuffled = flat.copy()
    shuffled[:, np.sort(source)] = flat[:, source]
    return shuffled.reshape(images.shape)


def rotate(images: np.ndarray, degrees: float, rng: np.random.Generator) -> np.ndarray:
    """Rotate every image counter-clockwise, corners filled with 0 (`rng` is not used)."""
    from scipy import ndimage

    return ndimage.rotate(images, degrees, axes=(2, 1), reshape=False, order=1).astype(images.dtype)


def add_noise(images: np.ndarray, sd: float, rng: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise of mean 0 and standard deviation `sd`, in units of the pixel scale."""
    return images + np.float32(sd) * rng.standard_normal(images.shape, dtype=np.float32)


def occlude(images: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Set a rectangle of about that share of the area to 0, at a random place in each image."""
    n, n_rows, n_columns = images.shape
    height, width = round(n_rows * share**0.5), round(n_columns * share**0.5)
    top = rng.integers(0, n_rows - height + 1, size=(n, 1, 1))
    left = rng.integers(0, n_columns - width + 1, size=(n, 1, 1))
    row, column = np.arange(n_rows)[None, :, None], np.arange(n_columns)[None, None, :]
    hidden = (row >= top) & (row < top + height) & (column >= left) & (column < left + width)
    return np.where(hidden, images.dtype.type(0), images)


@dataclass(frozen=True)
class Kind:
    """A kind of perturbation: its function, and what its strength means."""

    function: Perturb
    strength: str
    units: str
    largest: float


KINDS = {
    "shuffle": Kind(shuffle_pixels, "share of pixels shuffled", "1", 1.0),
    "shuffle_shared": Kind(shuffle_shared_pixels, "share of pixels shuffled alike", "1", 1.0),
    "rotate": Kind(rotate, "angle of rotation", "degree", 360.0),
    "add_noise": Kind(add_noise, "standard deviation of added noise", "1", np.inf),
    "occlude": Kind(occlude, "share of the image hidden", "1", 1.0),
}


def check_strength(kind: str, strength: float) -> None:
    """Raise `InputError` unless `kind` is known and `strength` lies in its range."""
    if kind not in KINDS:
        raise InputError(f"perturbation_kind = {kind!r}: take one of {', '.join(KINDS)}")
    if not 0 <= strength <= KINDS[kind].largest:
        raise InputError(
            f"perturbations: {strength} should be a number between 0 and "
            f"{KINDS[kind].largest:g} ({KINDS[kind].strength})"
        )


def make_s_validation_set(
    images: np.ndarray, strength: float, *, kind: str = "shuffle", seed: int = 0
) -> np.ndarray:
    """Perturb each training image once.

    Parameters
    ----------
    images
        float32 (sample, row, column).
    strength
        How much, in the unit of `kind`: 0.05 shuffles 5 % of the pixels.
    kind
        One of `KINDS`: ``"shuffle"`` (the paper's), ``"shuffle_shared"`` (its other reading: the
        same positions in all images), ``"rotate"`` (its alternative), ``"add_noise"``,
        ``"occlude"``.
    seed
        Base seed; each kind and strength has a stream of its own, so that a set does not depend
        on which other sets are made.

    Returns
    -------
    numpy.ndarray
        Same shape, dtype, order and labels as `images`.

    Raises
    ------
    InputError
        For an unknown kind or a strength out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.arange(4, dtype=np.float32).reshape(1, 2, 2)
    >>> sorted(make_s_validation_set(image, 1.0).ravel().tolist())
    [0.0, 1.0, 2.0, 3.0]
    """
    check_strength(kind, strength)
    rng = stream(seed, f"perturbation {kind}", round(strength * 1_000_000))
    return KINDS[kind].function(images, float(strength), rng)
