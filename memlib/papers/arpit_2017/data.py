"""The paper's noisy training data, randX and randY (section 2): real data, changed in a share.

The training examples that are replaced come from one permutation, so that those of a smaller share
are among those of a larger one. Validation data stay as they are. A network that was trained on
noise is measured on fresh noise, too: it answers real images with one or few classes, and so has
few decision boundaries near them (`ChangedData.noise_images`).
"""

from dataclasses import replace

import numpy as np

from memlib.base.errors import InputError
from memlib.method.data import Data
from memlib.training.changes import ChangedData


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

    return replace(
        changed,
        train_images=scale(changed.train_images),
        validation_images=scale(changed.validation_images),
        noise_images=scale(changed.noise_images),
        gray_level=changed.gray_level / float(spread),
    )
