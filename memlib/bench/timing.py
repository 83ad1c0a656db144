"""Time alternatives in turns, as ratios and as exponents of growth; every repeat is kept."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

MEASURED = "measured"
SEED = 0  # of all that the benchmark draws
Timed = Callable[[int], float]  # does the work of a repeat and returns the seconds it took


def timed(work: Callable[[], object]) -> Timed:
    """Make a timed alternative of a function."""

    def seconds(_repeat: int) -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return seconds


def interleaved(alternatives: Mapping[Any, Timed], n_repeats: int) -> dict[Any, np.ndarray]:
    """Time alternatives in turns; return float64 seconds (repeat,) of each.

    Every other repeat takes them in reverse, so that none always follows the same one.
    """
    seconds = {name: np.empty(n_repeats) for name in alternatives}
    for repeat in range(n_repeats):
        for name in list(alternatives)[:: -1 if repeat % 2 else 1]:
            seconds[name][repeat] = alternatives[name](repeat)
    return seconds


def repeats(values: np.ndarray) -> np.ndarray:
    """Return the numbers of the repeats of what was measured, from 1 on."""
    return np.arange(1, len(values) + 1)


@dataclass(frozen=True)
class Comparison:
    """One reference against memlib: float64 seconds (repeat,), None where it is not installed."""

    subject: str
    reference: str
    status: str
    ours: np.ndarray
    seconds: np.ndarray | None

    @property
    def ratio(self) -> np.ndarray | None:
        """Time of the reference over memlib's, (repeat,)."""
        return None if self.seconds is None else self.seconds / self.ours

    def as_dataset(self) -> xr.Dataset:
        """Return it by ``repeat``, without times where it is not installed."""
        nothing = np.full(len(self.ours), np.nan)
        values = {
            "memlib_seconds": ("repeat", self.ours),
            "reference_seconds": ("repeat", nothing if self.seconds is None else self.seconds),
            "ratio": ("repeat", nothing if self.ratio is None else self.ratio),
        }
        about = {"subject": self.subject, "reference": self.reference, "status": self.status}
        name = f"{self.subject}: {self.reference}"
        return xr.Dataset(values | about, {"comparison": name, "repeat": repeats(self.ours)})

    def __str__(self) -> str:
        if self.ratio is None:
            return f"{self.subject}: {self.reference} {self.status}"
        low, middle, high = np.quantile(self.ratio, (0, 0.5, 1))
        return f"{self.subject}: {middle:.2f} ({low:.2f} to {high:.2f}) times {self.reference}"


def compare(
    subject: str, alternatives: Mapping[str, Timed | str], n_repeats: int, *, n_units: int = 1
) -> list[Comparison]:
    """Time alternatives in turns and compare each with the first.

    Parameters
    ----------
    subject
        What all of them do.
    alternatives
        By name; memlib first, and in place of what cannot be measured the reason.
    n_repeats
        Turns of each.
    n_units
        Units of work in one timing, by which the seconds are divided.
    """
    runs = {name: one for name, one in alternatives.items() if not isinstance(one, str)}
    seconds = {name: s / n_units for name, s in interleaved(runs, n_repeats).items()}
    ours, *others = alternatives
    return [
        Comparison(
            subject,
            name,
            MEASURED if name in seconds else str(alternatives[name]),
            seconds[ours],
            seconds.get(name),
        )
        for name in others
    ]


@dataclass(frozen=True)
class Scaling:
    """How time grows: sizes (point,) and float64 seconds (point, repeat)."""

    name: str
    sizes: tuple[int, ...]
    seconds: np.ndarray

    @property
    def exponents(self) -> np.ndarray:
        """Fitted exponent of each repeat."""
        return np.array([fit_exponent(self.sizes, column) for column in self.seconds.T])

    def as_dataset(self) -> xr.Dataset:
        """Return it by ``point`` and ``repeat``."""
        return xr.Dataset(
            {
                "scaling_size": ("point", np.array(self.sizes, float)),
                "scaling_seconds": (("point", "repeat"), self.seconds),
                "scaling_exponent": ("repeat", self.exponents),
            },
            {
                "scaling": self.name,
                "point": np.arange(1, len(self.sizes) + 1),
                "repeat": repeats(self.seconds.T),
            },
        )

    def __str__(self) -> str:
        low, middle, high = np.quantile(self.exponents, (0, 0.5, 1))
        return f"{self.name}: exponent {middle:.2f} ({low:.2f} to {high:.2f})"


def fit_exponent(sizes: Sequence[float], seconds: np.ndarray) -> float:
    """Return k of ``seconds = c * size ** k`` by least squares on the logarithms.

    Examples
    --------
    >>> round(fit_exponent([1, 2, 4], np.array([3.0, 12.0, 48.0])), 12)
    2.0
    """
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def measure_scaling(
    name: str, sizes: Sequence[int], make: Callable[[int], Timed], n_repeats: int
) -> Scaling:
    """Time work of several sizes in turns; `make` returns the alternative of a size."""
    seconds = interleaved({size: make(size) for size in sizes}, n_repeats)
    return Scaling(name, tuple(sizes), np.stack([seconds[size] for size in sizes]))
