"""First-layer filters and how smooth they are (Fig. 2)."""

import numpy as np
import xarray as xr
from torch import nn

from memlib.base.errors import InputError


def extract_filters(network: nn.Module) -> np.ndarray:
    """Return the weights of the first convolution, float (filter, channel, row, column).

    Raises
    ------
    InputError
        When the network has no convolution.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            return module.weight.detach().cpu().float().numpy().copy()
    raise InputError("the network has no convolution: Fig. 2 shows the filters of a CNN")


def compute_smoothness(filters: np.ndarray) -> float:
    """Return the mean squared difference of neighbors over the variance, filters mean-free.

    White noise has 2 (somewhat more in small filters, whose mean is taken away: 2 n / (n - 1) for
    n pixels); the smaller, the smoother.

    Parameters
    ----------
    filters
        (..., row, column); each channel of a filter is taken by itself.

    Raises
    ------
    InputError
        When every filter is constant, or has fewer than two rows or columns.
    """
    filters = np.asarray(filters, float)
    if min(filters.shape[-2:]) < 2:
        raise InputError(f"filters of {filters.shape[-2:]}: take 2 x 2 or larger")
    free = filters - filters.mean((-2, -1), keepdims=True)
    variance = (free**2).mean()
    if variance == 0:
        raise InputError("every filter is constant: its smoothness is not defined")
    down, right = np.diff(free, axis=-2) ** 2, np.diff(free, axis=-1) ** 2
    return float((down.sum() + right.sum()) / (down.size + right.size) / variance)


def compute_first_layer(network: nn.Module) -> xr.Dataset:
    """Return ``filters`` (filter, channel, row, column) and their ``smoothness``."""
    filters = extract_filters(network)
    dims = ("filter", "channel", "row", "column")
    return xr.Dataset({"filters": (dims, filters), "smoothness": compute_smoothness(filters)})
