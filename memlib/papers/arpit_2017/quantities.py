"""Quantities that the claims decide on, from results alone; no torch here.

Each is taken per seed and then averaged over seeds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

Panels = Mapping[str, xr.Dataset]  # a figure's result: datasets by panel, see `schema`
READABLE = (0.05, 0.9)  # critical sample ratios that are far from none and from all
ORDERED = (0.02, 0.98)  # within which the order of conditions is compared


def at(dataset: xr.Dataset, name: str, condition: str, **where: object) -> np.ndarray:
    """Return a variable of one condition, (seed, ...); KeyError where it was not run."""
    chosen = dataset[name].sel({"condition": condition, **where})
    return chosen.transpose("seed", ...).values.astype(float)


def mean_at(dataset: xr.Dataset, name: str, condition: str, **where: object) -> float:
    """Return the mean over seeds of one number of a condition."""
    return float(at(dataset, name, condition, **where).mean())


def shares_of(dataset: xr.Dataset, noise: str) -> dict[float, str]:
    """Return the conditions with this noise by share, in increasing order, without real data."""
    noises, shares = dataset["noise"].values, dataset["share"].values
    found = {
        float(share): str(name)
        for name, own, share in zip(dataset["condition"].values, noises, shares, strict=True)
        if own == noise
    }
    return dict(sorted(found.items()))


def noisy_conditions(dataset: xr.Dataset) -> list[str]:
    """Return all conditions with noise, randX before randY, by share."""
    found = (shares_of(dataset, noise) for noise in ("randX", "randY"))
    return [name for shares in found for name in shares.values()]


@dataclass(frozen=True)
class Time:
    """A time to convergence, mean over seeds; a bound where a run was censored."""

    epochs: float
    censored: bool = False

    def __str__(self) -> str:
        return f"{'> ' if self.censored else ''}{self.epochs:.3g}"

    def over(self, other: "Time") -> "Time | None":
        """Return this time over another, or None where that one is not known."""
        return None if other.censored else Time(self.epochs / other.epochs, self.censored)

    def exceeds(self, other: "Time") -> bool | None:
        """Whether this is longer than another; None where censoring leaves it open."""
        if self.censored and other.censored:
            return None
        if self.epochs > other.epochs:
            return None if other.censored else True
        return None if self.censored else False


def time_to_fit(dataset: xr.Dataset, condition: str, **where: object) -> Time:
    """Return the mean epochs to full training accuracy; censored runs count as long as they ran."""
    epochs = at(dataset, "epochs_to_full", condition, **where)
    ran = at(dataset, "epochs_run", condition, **where)
    return Time(float(np.where(np.isnan(epochs), ran, epochs).mean()), bool(np.isnan(epochs).any()))


def diagonal_gap(cells: np.ndarray) -> float:
    """Return mean log10 of the diagonal minus that of the rest, cells (seed, i, j)."""
    logs, own = np.log10(cells), np.eye(cells.shape[-1], dtype=bool)
    return float(logs[:, own].mean() - logs[:, ~own].mean())


def off_diagonal_spread(cells: np.ndarray) -> float:
    """Return the standard deviation of log10 off the diagonal, mean over seeds."""
    own = np.eye(cells.shape[-1], dtype=bool)
    return float(np.log10(cells)[:, ~own].std(1).mean())


def diagonal_rows(cells: np.ndarray) -> float:
    """Return in how many rows i the diagonal is largest, mean over seeds."""
    return float((cells.argmax(-1) == np.arange(cells.shape[-1])).sum(-1).mean())


def searched(condition: str) -> str:
    """Return which images a condition's critical samples are counted on.

    Fresh noise where all training inputs were noise, validation images otherwise.
    """
    return "noise" if condition == "randX" else "validation"


def critical_ratio(
    dataset: xr.Dataset, condition: str, radius: float, images: str | None = None
) -> np.ndarray:
    """Return the critical sample ratio over epochs, mean over seeds."""
    where = {"radius": radius, "images": images or searched(condition)}
    return at(dataset, "critical_sample_ratio", condition, **where).mean(0)


def radii_within(
    dataset: xr.Dataset, conditions: list[str], limits: tuple[float, float]
) -> Iterator[float]:
    """Yield the radii at which all final ratios of these conditions lie within limits."""
    for radius in dataset["radius"].values.tolist():
        last = [critical_ratio(dataset, name, radius)[-1] for name in conditions]
        if all(limits[0] <= one <= limits[1] for one in last):
            yield radius


def accuracy(dataset: xr.Dataset, name: str, condition: str) -> np.ndarray:
    """Return an accuracy over epochs, mean over seeds."""
    return at(dataset, name, condition).mean(0)
