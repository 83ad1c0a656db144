"""Quantities that the claims speak of, from result datasets (no torch)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import stats

from memlib.papers.gu_tresp_2019.stages import (
    first_epoch,
    hunting_epochs,
    middle_epoch,
)

ROUNDING = 1e-9  # of a mean of equal numbers


def at_least(value: float, limit: float) -> bool:
    """Say whether a value reaches a limit, but for rounding."""
    return bool(value >= limit - ROUNDING)


def at_most(value: float, limit: float) -> bool:
    """Say whether a value stays within a limit, but for rounding."""
    return bool(value <= limit + ROUNDING)


@dataclass(frozen=True, eq=False)
class Runs:
    """The trainings of one network with one share of random labels, a row a seed.

    Attributes
    ----------
    epochs
        (epoch,).
    running, train, test, gradient
        Accuracies and gradient magnitude, (seed, epoch); NaN after a run's end.
    chance
        1 / C.
    """

    epochs: np.ndarray
    running: np.ndarray
    train: np.ndarray
    test: np.ndarray
    gradient: np.ndarray
    chance: float

    @classmethod
    def of(cls, dataset: xr.Dataset, network: str, label_share: float) -> "Runs":
        """Take the runs of a network and a share; KeyError when there are none."""
        own = dataset.sel(network=network, label_share=label_share).transpose("seed", "epoch", ...)

        def array(name: str) -> np.ndarray:
            return np.asarray(own[name].values, float)

        return cls(
            own["epoch"].values,
            array("running_accuracy"),
            array("train_accuracy"),
            array("test_accuracy"),
            array("gradient_magnitude"),
            1 / dataset.attrs["n_classes"],
        )

    def _each(self, found: Callable[[np.ndarray, np.ndarray], float]) -> np.ndarray:
        return np.array([found(one, self.epochs) for one in self.running])

    @property
    def t_hunt(self) -> np.ndarray:
        """End of hunting by seed, infinity where it does not end."""
        return self._each(lambda one, epochs: hunting_epochs(one, epochs, self.chance))

    @property
    def t_mid(self) -> np.ndarray:
        """Epoch half-way between chance and 1, by seed."""
        return self._each(lambda one, epochs: middle_epoch(one, epochs, self.chance))

    def t_of(self, level: float) -> np.ndarray:
        """Epoch at which a level of running accuracy is reached, by seed."""
        return self._each(lambda one, epochs: first_epoch(one, epochs, level))

    @property
    def last(self) -> np.ndarray:
        """Place of each run's last epoch, (seed,)."""
        return np.array([np.flatnonzero(np.isfinite(one))[-1] for one in self.train])

    @property
    def final_train(self) -> np.ndarray:
        """Evaluated training accuracy at the last epoch, by seed."""
        return self.train[np.arange(len(self.train)), self.last]

    @property
    def final_test(self) -> np.ndarray:
        """Test accuracy at the last epoch, by seed."""
        return self.test[np.arange(len(self.test)), self.last]

    @property
    def gradient_rise(self) -> np.ndarray:
        """Largest G after T_hunt over the mean G of epochs 1 to T_hunt, by seed; 0 if none."""
        rises = []
        for gradient, end in zip(self.gradient, self.t_hunt, strict=True):
            after = gradient[(self.epochs > end) & np.isfinite(gradient)]
            hunting = gradient[(self.epochs >= 1) & (self.epochs <= end) & np.isfinite(gradient)]
            rises.append(after.max() / hunting.mean() if len(after) and len(hunting) else 0.0)
        return np.array(rises)

    @property
    def peak_after_hunt(self) -> np.ndarray:
        """Epochs from T_hunt to the largest G after epoch 0, by seed; negative if it came first."""
        trained = self.epochs >= 1  # the untrained network is no part of a stage
        place = np.nanargmax(self.gradient[:, trained], axis=1)
        peaks = self.epochs[trained][place].astype(float)
        return np.where(np.isfinite(self.t_hunt), peaks - self.t_hunt, -np.inf)


def duration(late: np.ndarray, early: np.ndarray) -> np.ndarray:
    """Return late - early by seed, infinity where the late one never came."""
    return np.array([b - a if np.isfinite(b) else np.inf for b, a in zip(late, early, strict=True)])


def or_last_epoch(epochs: np.ndarray, runs: Runs) -> np.ndarray:
    """Return epochs by seed, the run's last one where the event never came (censored)."""
    return np.where(np.isfinite(epochs), epochs, runs.epochs[runs.last])


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return Spearman's rank correlation where both are known; NaN of fewer than three."""
    known = np.isfinite(one) & np.isfinite(other)
    if known.sum() < 3:
        return float("nan")
    return float(stats.spearmanr(one[known], other[known]).statistic)


def evenly_spaced(epochs: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the epochs, evenly spaced, at which values (seed, epoch) are known for some seed.

    The first epochs are measured more densely than the rest; in a correlation over epochs they
    would count for more than their share.
    """
    known = epochs[np.isfinite(values).any(0)]
    spacing = int(np.diff(known).max()) if len(known) > 1 else 1
    return known[known % spacing == 0]


def corrected_agreement(agreement: float, n_classes: int) -> float:
    """Return (a - 1/C) / (1 - 1/C): 0 by chance, 1 when all agree."""
    return (agreement - 1 / n_classes) / (1 - 1 / n_classes)


def bar(dataset: xr.Dataset, name: str, label_share: float, partner: str) -> np.ndarray:
    """Return a comparison's mean over classes and starts by seed, (seed,)."""
    own = dataset[name].sel(label_share=label_share, partner=partner)
    return own.mean([dim for dim in own.dims if dim != "seed"]).values


def confidence_interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of a mean over seeds (Student's t), two seeds or more."""
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return float(values.mean() - half), float(values.mean() + half)
