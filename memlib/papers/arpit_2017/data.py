"""The paper's noisy training data, randX and randY (section 2): real data, changed in a share.

The training examples that are replaced come from one permutation, so that those of a smaller share
are among those of a larger one. Validation data stay as they are. A network that was trained on
noise is measured on fresh noise, too: it answers real images with one or few classes, and so has
few decision boundaries near them (`ChangedData.noise_images`).
"""

from dataclasses import dataclass, replace

import numpy as np

from memlib.base.errors import InputError
from memlib.base.seeds import stream
from memlib.method.data import Data

CHANGES = ("randX", "randY", "removed")
MOMENTS = ("global", "pixel")
GRAY_LEVELS = 255.0  # of images whose pixels go from 0 to 1


@dataclass(frozen=True, eq=False)
class ChangedData:
    """Training data of which a share is noise, with what measures need to know about it.

    Attributes
    ----------
    data
        Training data as the network sees them; validation data without noise.
    replaced
        bool (sample,): which training examples were replaced.
    noise_images
        float32, shaped like the validation images: fresh Gaussian noise of the same moments as the
        images, to measure on the kind of input that randX was trained on.
    gray_level
        One of 255 gray levels in the units of the inputs.
    """

    data: Data
    replaced: np.ndarray
    noise_images: np.ndarray
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
    return ChangedData(replace(data, train_images=images, train_labels=labels), replaced, fresh)


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


def give_each_its_class(data: Data) -> Data:
    """Give each training example a class of its own (Fig. 3, right); validation labels go."""
    n = len(data.train_images)
    names = tuple(f"example {index}" for index in range(n))
    return Data(data.train_images, np.arange(n), data.validation_images, class_names=names)


def downscale(data: Data, factor: int = 2) -> Data:
    """Average squares of pixels: 28 x 28 becomes 14 x 14, as for Figs. 3 and 4.

    Raises
    ------
    InputError
        When the sides are no multiples of the factor.
    """
    rows, columns = data.train_images.shape[-2:]
    if factor < 1 or rows % factor or columns % factor:
        raise InputError(f"images of {rows} x {columns} cannot be downscaled by {factor!r}")

    def shrink(images: np.ndarray) -> np.ndarray:
        shape = (*images.shape[:-2], rows // factor, factor, columns // factor, factor)
        return images.reshape(shape).mean((-3, -1), dtype=np.float32)

    train, validation = data.train_images, data.validation_images
    return replace(data, train_images=shrink(train), validation_images=shrink(validation))


def standardize(changed: ChangedData, reference: np.ndarray) -> ChangedData:
    """Subtract the reference images' mean from all inputs and divide by their deviation.

    The gray level is divided, too: a box of 0.3 gray levels stays one.

    Parameters
    ----------
    changed
        Data whose pixels go from 0 to 1.
    reference
        The real training images, (sample, ...), of which mean and deviation are taken over all
        pixels.

    Raises
    ------
    InputError
        When all reference pixels are equal.
    """
    mean, spread = reference.mean(dtype=float), reference.std(dtype=float)
    if spread == 0:
        raise InputError("all pixels are equal: such images cannot be standardized")

    def scale(images: np.ndarray) -> np.ndarray:
        return ((images - np.float32(mean)) / np.float32(spread)).astype(np.float32)

    data = replace(
        changed.data,
        train_images=scale(changed.data.train_images),
        validation_images=scale(changed.data.validation_images),
    )
    noise = scale(changed.noise_images)
    return ChangedData(data, changed.replaced, noise, changed.gray_level / float(spread))
