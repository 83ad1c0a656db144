"""Training data of which a stated share is noise: inputs, labels, or neither but left out."""

from dataclasses import dataclass, field

import numpy as np

from memlib.base.errors import InputError
from memlib.base.seeds import stream
from memlib.method.data import Data

CHANGES = ("randX", "randY", "removed")


MOMENTS = ("global", "pixel")


GRAY_LEVELS = 255.0  # of images whose pixels go from 0 to 1


@dataclass(frozen=True, eq=False)
class ChangedData(Data):
    """Training data of which a share is noise, with what measures need to know about it.

    Training data are as the network sees them; validation data are without noise.

    Attributes
    ----------
    replaced
        bool (sample,): which training examples were replaced.
    noise_images
        float32, shaped like the validation images: fresh Gaussian noise of the same moments as the
        images, to measure on the kind of input that randX was trained on.
    gray_level
        One of 255 gray levels in the units of the inputs.
    """

    replaced: np.ndarray = field(default_factory=lambda: np.empty(0, bool))
    noise_images: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    gray_level: float = 1 / GRAY_LEVELS


def change_data(
    data: Data,
    change: str = "randX",
    share: float = 0.0,
    *,
    moments: str = "global",
    may_keep_label: bool = True,
    seed: int = 0,
) -> ChangedData:
    """Replace a share of the training inputs or labels by noise, or leave these examples out.

    Parameters
    ----------
    data
        Images whose pixels go from 0 to 1, float32 (sample, row, column) or (sample, channel, row,
        column).
    change
        ``"randX"``: inputs become i.i.d. Gaussian noise of the images' mean and variance, labels
        stay. ``"randY"``: labels are drawn evenly from all classes, inputs stay. ``"removed"``:
        the examples are left out (section 3.3.1).
    share
        Of the training examples, 0 to 1; ``round(share * n)`` of n are replaced.
    moments
        Of randX: ``"global"``, one mean and variance over all pixels of the training images, or
        ``"pixel"``, those of each pixel.
    may_keep_label
        Whether a random label may be the true one (a tenth of ten classes); otherwise it is drawn
        from the other classes.
    seed
        Base seed; streams ``replaced_examples``, ``randX``, ``randY`` and ``fresh_noise``.

    Raises
    ------
    InputError
        For another change or moments, a share outside 0 to 1, or when all would be left out.
    """
    if change not in CHANGES:
        raise InputError(f"change = {change!r}: take one of {', '.join(CHANGES)}")
    if moments not in MOMENTS:
        raise InputError(f"moments = {moments!r}: take one of {', '.join(MOMENTS)}")
    if not 0 <= share <= 1:
        raise InputError(f"share = {share!r}: take a number from 0 to 1")
    n = len(data.train_images)
    order = stream(seed, "replaced_examples").permutation(n)
    chosen = order[: round(share * n)]  # a smaller share's examples come first
    replaced = np.zeros(n, bool)
    replaced[chosen] = True
    images, labels = data.train_images.copy(), data.train_labels.copy()
    if change == "randX":
        # Drawn for all, so that an example's noise is the same at any share.
        images[chosen] = draw_noise(data, n, moments, stream(seed, "randX"))[: len(chosen)]
    elif change == "randY":
        labels[chosen] = _random_labels(data, order, may_keep_label, seed)[: len(chosen)]
    else:
        if replaced.all():
            raise InputError(f"share = {share!r} of {n} examples leaves none to train on")
        images, labels, replaced = images[~replaced], labels[~replaced], replaced[~replaced]
    fresh = draw_noise(data, len(data.validation_images), moments, stream(seed, "fresh_noise"))
    validation = data.validation_images, data.validation_labels
    return ChangedData(images, labels, *validation, data.class_names, replaced, fresh)


def draw_noise(data: Data, n: int, moments: str, rng: np.random.Generator) -> np.ndarray:
    """Draw Gaussian noise of the training images' moments, float32 (n, ...) like an image."""
    axis = None if moments == "global" else 0
    mean = data.train_images.mean(axis, dtype=float).astype(np.float32)
    spread = data.train_images.std(axis, dtype=float).astype(np.float32)
    noise = rng.standard_normal((n, *data.train_images.shape[1:]), dtype=np.float32)
    return noise * spread + mean


def _random_labels(data: Data, order: np.ndarray, may_keep_label: bool, seed: int) -> np.ndarray:
    """Draw a label for each example, int64 (sample,) in the order in which they are replaced."""
    rng = stream(seed, "randY")
    if may_keep_label:
        return rng.integers(data.n_classes, size=len(order))
    steps = rng.integers(1, data.n_classes, size=len(order))
    return (data.train_labels[order] + steps) % data.n_classes
