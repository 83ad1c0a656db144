"""Time alternatives in turns, as ratios and as exponents of growth; every repeat is kept."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

MEASURED = "measured"
SEED = 0  # of all that the benchmark draws
Timed = Callable[[int], float]  # does the work of a repeat and returns the seconds it took


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch and the linear algebra libraries to one thread."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


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


@dataclass(frozen=True)
class Peak:
    """Rates of a training step and of a large product, float64 (repeat,) operations a second."""

    step_operations: int
    step_rate: np.ndarray
    product_rate: np.ndarray


@dataclass(frozen=True)
class Nulls:
    """Scores of each engine on the same features, NaN where an engine is not installed."""

    engines: tuple[str, ...]
    status: tuple[str, ...]
    perturbations: tuple[float, ...]
    null: np.ndarray  # float64 (engine, perturbation, permutation)
    observed: np.ndarray  # float64 (engine, perturbation)
    mean_difference: np.ndarray  # float64 (engine, perturbation)
    ks_p_value: np.ndarray  # float64 (engine, perturbation)


@dataclass(frozen=True)
class Variants:
    """Mean nulls of the same runs, trained in other ways; NaN where one cannot be had."""

    names: tuple[str, ...]
    status: tuple[str, ...]
    runs: tuple[str, ...]
    epochs: tuple[int, ...]
    null_mean: np.ndarray  # float64 (variant, run, epoch, perturbation)
