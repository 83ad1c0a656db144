"""S-validation sets: every training image perturbed a little, labels and order kept (section 3)."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from numbers import Real

import numpy as np

from memlib.base.errors import InputError
from memlib.base.seeds import stream
from memlib.base.words import OWN

Perturb = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


def _by_pixel(images: np.ndarray) -> np.ndarray:
    """View as (sample, channel, pixel): a pixel is a place in the image, with all its channels."""
    n_channels = images.shape[1] if images.ndim == 4 else 1
    return images.reshape(len(images), n_channels, -1)


def shuffle_pixels(images: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Permute a random share of the pixels, drawn afresh for each image.

    Each image keeps its multiset of values; share 0 is the identity. A permuted pixel may receive
    the value it had (its own, or an equal one such as the black background). A pixel of a colour
    image moves as a whole.
    """
    pixels = _by_pixel(images)
    n, _, n_pixels = pixels.shape
    shuffled = pixels.copy()
    # A random order's first positions are a random subset, itself in random order.
    positions = np.argsort(rng.random((n, n_pixels), dtype=np.float32), axis=1, kind="stable")
    source = positions[:, None, : round(share * n_pixels)]
    values = np.take_along_axis(pixels, source, axis=2)
    np.put_along_axis(shuffled, np.sort(source, axis=2), values, axis=2)
    return shuffled.reshape(images.shape)


def shuffle_shared_pixels(images: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Permute a random share of the pixels, the same positions in the same order in all images."""
    pixels = _by_pixel(images)
    n_pixels = pixels.shape[2]
    source = rng.permutation(n_pixels)[: round(share * n_pixels)]
    shuffled = pixels.copy()
    shuffled[..., np.sort(source)] = pixels[..., source]
    return shuffled.reshape(images.shape)


def rotate(images: np.ndarray, degrees: float, rng: np.random.Generator) -> np.ndarray:
    """Rotate every image counter-clockwise, corners filled with 0 (`rng` is not used)."""
    from scipy import ndimage

    # scipy knows no half precision
    wide = images.astype(np.float32) if images.dtype == np.float16 else images
    turned = ndimage.rotate(wide, degrees, axes=(-1, -2), reshape=False, order=1)
    return turned.astype(images.dtype)


def add_noise(images: np.ndarray, sd: float, rng: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise of mean 0 and standard deviation `sd`, in units of the pixel scale."""
    return images + np.float32(sd) * rng.standard_normal(images.shape, dtype=np.float32)


def occlude(images: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Set a rectangle of about that share of the area to 0, at a random place in each image."""
    n, n_rows, n_columns = len(images), *images.shape[-2:]
    height, width = round(n_rows * share**0.5), round(n_columns * share**0.5)
    one_each = (n, *[1] * (images.ndim - 1))
    top = rng.integers(0, n_rows - height + 1, size=one_each)
    left = rng.integers(0, n_columns - width + 1, size=one_each)
    row, column = np.arange(n_rows)[:, None], np.arange(n_columns)
    hidden = (row >= top) & (row < top + height) & (column >= left) & (column < left + width)
    return np.where(hidden, images.dtype.type(0), images)


@dataclass(frozen=True)
class Kind:
    """A kind of perturbation: its function, and what its strength means."""

    function: Perturb
    strength: str
    units: str
    largest: float
    fewest_dims: int = 2  # of the images: 3 where rows and columns are needed


KINDS = {
    "shuffle": Kind(shuffle_pixels, "share of pixels shuffled", "1", 1.0),
    "shuffle_shared": Kind(shuffle_shared_pixels, "share of pixels shuffled alike", "1", 1.0),
    "rotate": Kind(rotate, "angle of rotation", "degree", 360.0, fewest_dims=3),
    "add_noise": Kind(add_noise, "standard deviation of added noise", "1", np.inf),
    "occlude": Kind(occlude, "share of the image hidden", "1", 1.0, fewest_dims=3),
}


def check_strength(kind: str | Perturb, strength: float) -> None:
    """Raise `InputError` unless `kind` is known and `strength` lies in its range."""
    describe_kind(kind)
    if not isinstance(strength, Real) or not np.isfinite(float(strength)):
        raise InputError(f"perturbations: {strength!r} should be a finite number")
    if callable(kind):
        return
    if not 0 <= strength <= KINDS[kind].largest:
        raise InputError(
            f"perturbations: {strength} should be a number between 0 and "
            f"{KINDS[kind].largest:g} ({KINDS[kind].strength})"
        )


def make_s_validation_set(
    images: np.ndarray, strength: float, *, kind: str | Perturb = "shuffle", seed: int = 0
) -> np.ndarray:
    """Perturb each training image once.

    Parameters
    ----------
    images
        (sample, row, column), or (sample, channel, row, column) for colour images, whose pixels
        move as a whole; (sample, feature) where rows and columns are not needed.
    strength
        How much, in the unit of `kind`: 0.05 shuffles 5 % of the pixels. Of a function of your own
        any finite number.
    kind
        One of `KINDS`: ``"shuffle"`` (the paper's), ``"shuffle_shared"`` (its other reading: the
        same positions in all images), ``"rotate"`` (its alternative), ``"add_noise"``,
        ``"occlude"``. Or a function of your own of images (a copy), strength and a
        `numpy.random.Generator` that returns images of the same shape, in the same order.
    seed
        Base seed; each kind (a function by its name) and strength has a stream of its own, so that
        a set does not depend on which other sets are made.

    Returns
    -------
    numpy.ndarray
        Same shape, order and labels as `images`.

    Raises
    ------
    InputError
        For an unknown kind, a strength out of its range, images of the wrong number of dims or
        with their channels last, or a function that returns another shape.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.arange(4, dtype=np.float32).reshape(1, 2, 2)
    >>> sorted(make_s_validation_set(image, 1.0).ravel().tolist())
    [0.0, 1.0, 2.0, 3.0]
    >>> def shift(images, n_pixels, rng):
    ...     return np.roll(images, int(n_pixels), axis=-1)
    >>> make_s_validation_set(image, 1, kind=shift).tolist()
    [[[1.0, 0.0], [3.0, 2.0]]]
    """
    images = np.asarray(images)
    check_strength(kind, strength)
    name, _, _ = describe_kind(kind)
    if isinstance(kind, str):
        check_images(kind, images)
        perturb = KINDS[kind].function
    else:
        perturb, images = kind, images.copy()  # it may work in place
        try:
            signature(kind).bind(images, strength, None)
        except TypeError:
            raise InputError(f"perturbation {name} does not take images, strength, rng") from None
        except ValueError:  # built-in functions may have no signature
            pass
    millionths = round(strength * 1_000_000)
    below = [1] if millionths < 0 else []  # streams are numbered from 0 on
    rng = stream(seed, f"perturbation {name}", abs(millionths), *below)
    perturbed = np.asarray(perturb(images, float(strength), rng))
    if perturbed.dtype == bool:
        perturbed = perturbed.astype(images.dtype)
    if perturbed.shape != images.shape:
        raise InputError(
            f"perturbation {name} made {perturbed.shape} of images {images.shape}: an s-validation "
            "set holds every training image once, in the same shape"
        )
    return perturbed


def describe_kind(kind: str | Perturb) -> tuple[str, str, str]:
    """Return a kind's name, and meaning and units of its strength; a function has its own name."""
    if callable(kind):
        name = str(getattr(kind, "__name__", type(kind).__name__))
        return name, OWN + name, "1"
    if kind not in KINDS:
        allowed = f"take one of {', '.join(KINDS)}, or a function"
        raise InputError(f"perturbation_kind = {kind!r}: {allowed}")
    return kind, KINDS[kind].strength, KINDS[kind].units


def check_images(kind: str | Perturb, images: np.ndarray) -> None:
    """Raise `InputError` when a named kind does not take images of this shape."""
    if not isinstance(kind, str):
        return
    fewest = KINDS[kind].fewest_dims
    if not fewest <= images.ndim <= 4:
        dims = ("(sample, feature)", "(sample, row, column)", "(sample, channel, row, column)")
        raise InputError(
            f"images have shape {images.shape}: {kind} takes {' or '.join(dims[fewest - 2 :])}"
        )
    if images.ndim == 4 and images.shape[3] in (1, 3, 4) and min(images.shape[1:3]) > 4:
        raise InputError(
            f"images have shape {images.shape}, channels last: {kind} takes (sample, channel, row, "
            "column); move them with images.transpose(0, 3, 1, 2), or give a function of your own"
        )
