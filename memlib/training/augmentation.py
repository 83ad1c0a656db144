"""Random crops and flips of training images, drawn anew for every epoch."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from memlib.base.errors import InputError
from memlib.training.checks import check_finite_number, check_flag, check_whole


@dataclass(frozen=True)
class Augmentation:
    """What is done to each training image in each epoch.

    Parameters
    ----------
    padding
        Pixels added on each side before a crop of the image's own size is taken at random, so
        that an image moves by up to so many pixels; 0 or more.
    flips
        Whether every second image, on average, is mirrored left to right.
    fill
        Value of the pixels added: black on the images' scale, for example -1 on [-1, 1].

    Raises
    ------
    InputError
        For a value out of its range, or when nothing would be done.
    """

    padding: int = 0
    flips: bool = False
    fill: float = 0.0

    def __post_init__(self) -> None:
        check_whole("padding", self.padding, 0)
        check_flag("flips", self.flips)
        check_finite_number("fill", self.fill)
        if not self.padding and not self.flips:
            raise InputError("padding = 0, flips = False: this augmentation changes nothing")


def augment_images(images: Tensor, augmentation: Augmentation, rng: np.random.Generator) -> Tensor:
    """Return images, each cropped and flipped at random.

    Parameters
    ----------
    images
        float32 (sample, [channel,] row, column).
    augmentation
        What is done.
    rng
        Source of randomness; the crops drawn are the same with and without flips.

    Returns
    -------
    Tensor
        Like `images`.
    """
    *_, n_rows, n_columns = images.shape
    n = len(images)
    top, left = rng.integers(0, 2 * augmentation.padding + 1, (2, n, 1))  # (sample, 1) each
    rows = top + np.arange(n_rows)  # (sample, row)
    columns = left + np.arange(n_columns)  # (sample, column)
    if augmentation.flips:
        flipped = rng.random(n) < 0.5
        columns[flipped] = columns[flipped, ::-1]
    padded = pad(images, [augmentation.padding] * 4, value=augmentation.fill)
    padded = padded.reshape(n, -1, *padded.shape[-2:])  # (sample, channel, row, column)
    sample, channel = torch.arange(n), torch.arange(padded.shape[1])
    where = (
        sample[:, None, None, None],
        channel[None, :, None, None],
        torch.from_numpy(rows)[:, None, :, None],
        torch.from_numpy(columns)[:, None, None, :],
    )
    return padded[tuple(index.to(images.device) for index in where)].reshape(images.shape)
