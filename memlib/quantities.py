"""Single numbers that sum up a stored run: how much was memorized, from when, until when."""

from collections.abc import Iterable, Sequence

import numpy as np
import xarray as xr

from memlib.verdicts import ROUNDING, SIGNIFICANCE

PATTERN = 0.01  # a rise or fall of a null's mean that counts, in accuracy
LEARNED = 0.05  # an observed score this far above the null counts as learning set in, in accuracy


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


def half_lost_epoch(
    dataset: xr.Dataset, strength: float = 0.05, until: float = np.inf
) -> float | None:
    """Return the epoch at which a null has lost half of its highest excess over chance, or None.

    Interpolated over log epochs between measured ones; None when it has not by epoch `until`, or
    when it never rose above chance by `PATTERN`.
    """
    mean, (chance,) = null_mean(dataset, strength), scores_at(dataset, strength, "chance_accuracy")
    excess, epochs = mean.values - float(chance.mean()), mean["epoch"].values
    peak = int(excess.argmax())
    half = excess[peak] / 2
    below = np.flatnonzero(excess[peak:] <= half)
    if excess[peak] < PATTERN or not len(below):
        return None
    after = peak + below[0]
    ends = slice(after, after - 2 if after > 1 else None, -1)  # np.interp wants rising values
    epoch = float(np.exp(np.interp(half, excess[ends], np.log(epochs[ends]))))
    return epoch if epoch <= until else None


def distance_from_chance(accuracy: xr.DataArray, chance: xr.DataArray) -> float:
    """Return how far a curve (seed, epoch) lies from chance, above or below, on average."""
    return float(abs(accuracy - chance).mean())


def onset_epochs(dataset: xr.Dataset, strength: float = 0.05) -> list[int | None]:
    """Return for each seed the first epoch from which on it has learned, or None.

    Learned is: p-value at most `SIGNIFICANCE`, and the observed score above the null's mean by
    `LEARNED` or more. With many samples a trace above the null is significant.
    """
    p_value, observed, null = scores_at(
        dataset, strength, "p_value", "observed_accuracy", "null_accuracy"
    )
    above = observed - null.mean("permutation") >= LEARNED - ROUNDING
    learned = ((p_value <= SIGNIFICANCE) & above).transpose("seed", "epoch").values
    epochs: list[int | None] = []
    for one in learned:
        unlearned = np.flatnonzero(~one)
        first = unlearned[-1] + 1 if len(unlearned) else 0
        epochs.append(int(dataset["epoch"].values[first]) if one[-1] else None)
    return epochs


def onset_epoch(dataset: xr.Dataset, strength: float = 0.05) -> int | None:
    """Return the median of the seeds' `onset_epochs`, the lower of the two middle ones if even."""
    found = onset_epochs(dataset, strength)
    epochs = sorted(found, key=lambda epoch: np.inf if epoch is None else epoch)
    return epochs[(len(epochs) - 1) // 2]


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
