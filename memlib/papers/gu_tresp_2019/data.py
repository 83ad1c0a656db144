"""Images on the generator's scale, split among networks, generator and judge; random labels.

Networks, generator and judge share one input scale: pixels from -1 (black) to 1, what the
generator's tanh gives. The judge is trained on images that neither the generator nor any network
was trained on, and its accuracy is measured on the generator's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memlib.base.errors import DataError, InputError
from memlib.base.seeds import stream
from memlib.training.checks import check_whole
from memlib.training.images import class_names, load_labelled_images

SIDE = 16  # rows and columns of an image at teaching scale
DATA_SEED = 0  # the draw of images and of random labels: one for all networks and seeds


@dataclass(frozen=True, eq=False)
class ImageSplit:
    """What networks, generator and judge see of a set of labelled images.

    Attributes
    ----------
    train_images, train_labels
        Of the networks: float32 (sample, [channel,] row, column) from -1 to 1, and the true
        labels, int64 (sample,).
    generator_images, generator_labels
        Of the generator; they begin with the networks' own.
    judge_images, judge_labels
        The judge's own.
    test_images, test_labels
        Test images of the networks: none that a network or the generator was trained on.
    class_names
        Names of the classes in the order of their codes.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    generator_images: np.ndarray
    generator_labels: np.ndarray
    judge_images: np.ndarray
    judge_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]

    @property
    def n_classes(self) -> int:
        """Number of classes, C; chance is 1 / C."""
        return len(self.class_names)


def split_images(
    images: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    *,
    n_train: int,
    n_generator: int,
    n_judge: int | None = None,
    test: tuple[np.ndarray, np.ndarray] | None = None,
    seed: int = DATA_SEED,
) -> ImageSplit:
    """Split labelled images at random, near-equal in classes by chance alone.

    Parameters
    ----------
    images, labels
        float32 (sample, [channel,] row, column) from -1 to 1, and codes 0 to C - 1.
    names
        The C classes.
    n_train, n_generator
        Images of the networks; of the generator, these among them.
    n_judge
        Images of the judge, all others by default.
    test
        Test images with labels; those of the judge by default, which no network has seen.
    seed
        Of the draw, stream ``subset``.

    Raises
    ------
    InputError
        When there are not that many images.
    """
    check_whole("n_train", n_train, 1)
    check_whole("n_generator", n_generator, n_train)
    n_judge = len(images) - n_generator if n_judge is None else n_judge
    check_whole("n_judge", n_judge, 1)
    if n_generator + n_judge > len(images):
        raise InputError(
            f"{n_generator} images of the generator and {n_judge} of the judge asked for, but "
            f"there are only {len(images)}"
        )
    order = stream(seed, "subset").permutation(len(images))
    images, labels = images[order], labels[order].astype(np.int64)
    judged = slice(n_generator, n_generator + n_judge)
    test_images, test_labels = test or (images[judged], labels[judged])
    return ImageSplit(
        images[:n_train],
        labels[:n_train],
        images[:n_generator],
        labels[:n_generator],
        images[judged],
        labels[judged],
        test_images,
        test_labels.astype(np.int64),
        tuple(names),
    )


def load_digits(
    *, n_train: int = 512, n_generator: int = 1000, seed: int = DATA_SEED
) -> ImageSplit:
    """Load scikit-learn's 1,797 handwritten digits of ten classes, enlarged to 16 x 16.

    The 8 x 8 images come with scikit-learn: no network is needed. By default 512 train the
    networks (four mini-batches of 128), 1,000 the generator, and the other 797 are the judge's
    and the test images.

    Returns
    -------
    ImageSplit
        Images (sample, 16, 16).
    """
    from sklearn.datasets import load_digits as load_bundled

    bundled = load_bundled()
    images = enlarge(bundled.images.astype(np.float32) / 16 * 2 - 1, SIDE)
    names = tuple(str(name) for name in bundled.target_names)
    return split_images(
        images, bundled.target, names, n_train=n_train, n_generator=n_generator, seed=seed
    )


def load_fashion_mnist(
    source: str | Path,
    *,
    n_train: int = 512,
    n_generator: int = 1000,
    n_judge: int = 30_000,
    n_test: int = 2000,
    seed: int = DATA_SEED,
) -> ImageSplit:
    """Load all classes of a labelled file, each image padded to 32 x 32 and halved to 16 x 16.

    Parameters
    ----------
    source
        A file made by ``memlib data build`` with all ten classes, ending in ``.nc``; or the folder
        of the four original IDX files, such as Debian's package dataset-fashion-mnist has.
    n_train, n_generator, n_judge
        Images of the original training part, see `split_images`.
    n_test
        Images of the original test part, drawn at random.
    seed
        Of both draws, streams ``subset`` and ``test_subset``.

    Raises
    ------
    DataError
        When a file is missing or damaged.
    InputError
        When there are not that many images.
    """
    if Path(source).is_dir():
        from memlib.runs.build_images import build_labelled_images

        labelled = build_labelled_images(Path(source), classes=range(10))
    else:
        labelled = load_labelled_images(str(source))
    split = labelled["split"].values
    codes, labels = np.unique(labelled["label"].values, return_inverse=True)
    if not 0 < n_test <= (split == 1).sum():
        raise InputError(f"n_test = {n_test}: take 1 to {(split == 1).sum()} test images")
    chosen = stream(seed, "test_subset").permutation(np.flatnonzero(split == 1))[:n_test]
    train = split == 0
    images = labelled["image"].values
    return split_images(
        halve(images[train]),
        labels[train],
        class_names(labelled)[: len(codes)],
        n_train=n_train,
        n_generator=n_generator,
        n_judge=n_judge,
        test=(halve(images[chosen]), labels[chosen]),
        seed=seed,
    )


def load_cifar10(
    folder: str | Path,
    *,
    n_train: int = 5120,
    n_generator: int = 5120,
    n_judge: int = 20_000,
    n_test: int = 10_000,
    seed: int = DATA_SEED,
) -> ImageSplit:
    """Load CIFAR-10 (Krizhevsky 2009) from a folder that the user filled; memlib ships none of it.

    Parameters
    ----------
    folder
        Holds ``cifar-10-batches-py``, as torchvision unpacks it.
    n_train, n_generator, n_judge
        Images of the original training part, see `split_images`.
    n_test
        The first so many images of the original test part.
    seed
        Of the draw, stream ``subset``.

    Returns
    -------
    ImageSplit
        Images (sample, 3, 32, 32).

    Raises
    ------
    DataError
        When the files are missing or damaged.
    InputError
        When there are not that many images.
    """
    from torchvision.datasets import CIFAR10

    parts = []
    for train in (True, False):
        try:
            part = CIFAR10(str(folder), train=train, download=False)
        except RuntimeError as error:
            raise DataError(
                f"no CIFAR-10 in {folder}, or it is damaged: unpack cifar-10-python.tar.gz there"
            ) from error
        # (sample, row, column, channel) uint8
        images = np.moveaxis(part.data, 3, 1).astype(np.float32) / 255 * 2 - 1
        parts.append((images.astype(np.float32), np.array(part.targets)))
    if not 0 < n_test <= len(parts[1][0]):
        raise InputError(f"n_test = {n_test}: take 1 to {len(parts[1][0])} test images")
    return split_images(
        *parts[0],
        part.classes,
        n_train=n_train,
        n_generator=n_generator,
        n_judge=n_judge,
        test=(parts[1][0][:n_test], parts[1][1][:n_test]),
        seed=seed,
    )


def enlarge(images: np.ndarray, side: int) -> np.ndarray:
    """Return square images (sample, row, column) enlarged to `side` pixels, bilinearly.

    Pixel centres keep their place: pixel i of the new image lies at (i + 1/2) n / side - 1/2 of
    the old one's n pixels, and beyond the outermost centres the edge is repeated.
    """
    n_pixels = images.shape[-1]
    place = np.clip((np.arange(side) + 0.5) * n_pixels / side - 0.5, 0, n_pixels - 1)
    weights = np.maximum(1 - abs(place[:, None] - np.arange(n_pixels)), 0).astype(images.dtype)
    return weights @ images @ weights.T  # (side, n) (sample, n, n) (n, side)


def halve(images: np.ndarray) -> np.ndarray:
    """Turn uint8 images (sample, 28, 28) into float32 (sample, 16, 16) from -1 to 1.

    Padded with black to 32 x 32, then the mean of squares of 2 x 2 pixels.
    """
    margin = (2 * SIDE - images.shape[-1]) // 2
    padded = np.pad(images, ((0, 0), (margin, margin), (margin, margin)))
    squares = padded.reshape(len(images), SIDE, 2, SIDE, 2)
    return (squares.mean((2, 4), dtype=np.float32) / 255 * 2 - 1).astype(np.float32)


@dataclass(frozen=True, eq=False)
class RandomLabels:
    """Labels of which a share was replaced by random ones.

    Attributes
    ----------
    labels
        int64 (sample,): what networks are trained on.
    replaced
        bool (sample,): which were drawn at random.
    changed
        bool (sample,): which of these came out wrong, (1 - 1/C) of them on average.
    """

    labels: np.ndarray
    replaced: np.ndarray
    changed: np.ndarray


def replace_labels(
    labels: np.ndarray, share: float, n_classes: int, *, seed: int = DATA_SEED
) -> RandomLabels:
    """Replace a share of the labels by uniformly random ones (section 4, "Learn and Memorize").

    A random label may be the true one. The draw does not depend on a network's seed: all networks
    are trained on the same labels. A smaller share's random labels are among a larger one's.

    Parameters
    ----------
    labels
        True labels, codes 0 to C - 1 (sample,).
    share
        0 to 1; exactly ``round(share * n)`` labels are replaced.
    n_classes
        C.
    seed
        Of the draw, streams ``replaced_labels`` and ``random_labels``.

    Raises
    ------
    InputError
        When the share is not between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> int(replace_labels(np.zeros(10, int), 0.4, 10).replaced.sum())
    4
    """
    if not 0 <= share <= 1:
        raise InputError(f"share = {share!r}: take a share of random labels between 0 and 1")
    n_samples = len(labels)
    replaced = np.zeros(n_samples, bool)
    chosen = stream(seed, "replaced_labels").permutation(n_samples)[: round(share * n_samples)]
    replaced[chosen] = True
    drawn = stream(seed, "random_labels").integers(n_classes, size=n_samples)
    new = np.where(replaced, drawn, labels).astype(np.int64)
    return RandomLabels(new, replaced, new != labels)
