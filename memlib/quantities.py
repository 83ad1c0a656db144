"""Single numbers that sum up a stored run: how much was memorized, from when, until when."""

from collections.abc import Iterable, Sequence

import numpy as np
import xarray as xr

from memlib.verdicts import SIGNIFICANCE

PATTERN = 0.01  # a rise or fall of a null's mean that counts, in accuracy


def at_strength(array: xr.DataArray, strength: float) -> xr.DataArray:
    """Select a strength: what ``sel`` does, much faster, for claims are checked a thousand times.

    Raises
    ------
    KeyError
        When that strength was not measured.
    """
    (found,) = np.nonzero(abs(array["perturbation"].values - strength) <= 1e-9)
    if not len(found):
        raise KeyError(strength)
    return array.isel(perturbation=int(found[0]))


def scores_at(dataset: xr.Dataset, strength: float, *names: str) -> list[xr.DataArray]:
    """Select a strength in some variables of a panel, see `at_strength`."""
    return [at_strength(dataset[name], strength) for name in names]


def null_mean(dataset: xr.Dataset, strength: float) -> xr.DataArray:
    """Return the mean of a null over permutations and seeds, by epoch."""
    return at_strength(dataset["null_accuracy"], strength).mean(("permutation", "seed"))


def memorization_level(dataset: xr.Dataset, strength: float) -> float:
    """Return the mean of a null over log-spaced epochs, of all permutations and seeds."""
    return float(null_mean(dataset, strength).mean())


def curve_at(curve: xr.DataArray, epochs: Sequence[float] | np.ndarray) -> np.ndarray:
    """Interpolate a curve (epoch,) over log epochs."""
    return np.interp(np.log(epochs), np.log(curve["epoch"].values), curve.values)


def last_in_common(datasets: Iterable[xr.Dataset]) -> int:
    """Return the last epoch that all panels reach."""
    return min(int(dataset["epoch"].values[-1]) for dataset in datasets)


def levels_in_common(datasets: Sequence[xr.Dataset], strength: float) -> list[float]:
    """Return each panel's mean null over log-spaced epochs that all of them reach.

    Where they were measured at the same epochs these are taken, else 25 that are interpolated.
    """
    means = [null_mean(dataset, strength) for dataset in datasets]
    if all(np.array_equal(mean["epoch"], means[0]["epoch"]) for mean in means):
        return [float(mean.mean()) for mean in means]
    grid = np.geomspace(1, last_in_common(datasets), 25)
    return [float(curve_at(mean, grid).mean()) for mean in means]


def distance_from_chance(accuracy: xr.DataArray, chance: xr.DataArray) -> float:
    """Return how far a curve (seed, epoch) lies from chance, above or below, on average."""
    return float(abs(accuracy - chance).mean())


def onset_epoch(dataset: xr.Dataset, strength: float = 0.05) -> int | None:
    """Return the first epoch from which on the observed score stays above the null, or None."""
    learned = (at_strength(dataset["p_value"], strength) <= SIGNIFICANCE).all("seed").values
    if not learned[-1]:
        return None
    unlearned = np.flatnonzero(~learned)
    first = unlearned[-1] + 1 if len(unlearned) else 0
    return int(dataset["epoch"].values[first])


def forgetting_epoch(dataset: xr.Dataset, strength: float = 0.05) -> int | None:
    """Return the epoch of the null's last peak, from which it falls, or None if it does not fall.

    The peak is the epoch that stands out most, both above what came before it and above the last
    epoch. So the fall from the untrained network's high null at the start of training does not
    count, whether the null ends above or below the low that follows it.
    """
    mean = null_mean(dataset, strength).values
    height = np.minimum(mean - np.minimum.accumulate(mean), mean - mean[-1])
    peak = int(height.argmax())
    return int(dataset["epoch"].values[peak]) if height[peak] >= PATTERN else None
