"""Single numbers that sum up a stored run: how much was memorized, from when, until when."""

import numpy as np
import xarray as xr

from memlib.null import SIGNIFICANCE

PATTERN = 0.01  # a rise or fall of a null's mean that counts, in accuracy


def null_mean(dataset: xr.Dataset, strength: float) -> xr.DataArray:
    """Return the mean of a null over permutations and seeds, by epoch."""
    null = dataset["null_accuracy"].sel(perturbation=strength, method="nearest", tolerance=1e-9)
    return null.mean(("permutation", "seed"))


def memorization_level(dataset: xr.Dataset, strength: float, until: float = np.inf) -> float:
    """Return the mean of a null over log-spaced epochs, of all permutations and seeds."""
    mean = null_mean(dataset, strength)
    return float(mean.sel(epoch=mean["epoch"] <= until).mean())


def onset_epoch(dataset: xr.Dataset, strength: float = 0.05) -> int | None:
    """Return the first epoch from which on the observed score stays above the null, or None."""
    one = dataset.sel(perturbation=strength)
    learned = (one["p_value"] <= SIGNIFICANCE).all("seed").values
    if not learned[-1]:
        return None
    unlearned = np.flatnonzero(~learned)
    first = unlearned[-1] + 1 if len(unlearned) else 0
    return int(dataset["epoch"].values[first])


def forgetting_epoch(dataset: xr.Dataset, strength: float = 0.05) -> int | None:
    """Return the epoch of the null's last peak, from which it falls, or None if it does not fall.

    The peak is looked for after the null's lowest point, so that the fall from the untrained
    network's high null at the start of training does not count.
    """
    mean = null_mean(dataset, strength).values
    low = int(mean[:-1].argmin()) if len(mean) > 1 else 0
    peak = low + int(mean[low:].argmax())
    falls = mean[peak] - mean[-1] >= PATTERN
    return int(dataset["epoch"].values[peak]) if falls else None
