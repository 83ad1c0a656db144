"""The paper's claims on capacity and the size of the training data: section 3.3, Figs. 5 and 6.

A rule that something grows with the share of noise is decided for each condition with noise: it
has to exceed that of real data. Where a rule names a width, an epoch or a number of images that
the ten-class Fashion-MNIST default changes, the changed one is in brackets.
"""

from collections.abc import Iterable

import numpy as np
import xarray as xr

from memlib.papers.arpit_2017.quantities import (
    Panels,
    Time,
    at,
    mean_at,
    noisy_conditions,
    shares_of,
    time_to_fit,
)
from memlib.papers.arpit_2017.statistics import spearman
from memlib.results.claim import Check, Claim, declare

SCORE = "full_validation_accuracy"  # each run at its own first 100 % epoch
LOWER, HIGHER = 32, 512  # units
ANALOG = 128  # units, for the paper's 4,096
NEAR = 0.01  # of the best accuracy
CAPACITY_CLAIMS: list[Claim] = []


def _score(panel: xr.Dataset, condition: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the widths of a panel and the scores of a condition, mean over seeds."""
    return panel["units"].values, at(panel, SCORE, condition).mean(0)


@declare(
    CAPACITY_CLAIMS,
    14,
    "fig5",
    "Fig. 5",
    "Noise needs more units.",
    "gain of validation accuracy from 64 [32] to 512 units grows with the share",
    revised=True,
)
def _more_units(fig5: Panels) -> Iterable[Check]:
    panel = fig5["units"]

    def gain(condition: str) -> float:
        more, less = (mean_at(panel, SCORE, condition, units=units) for units in (HIGHER, LOWER))
        return more - less

    real = gain("real")
    for name in noisy_conditions(panel):
        own = gain(name)
        yield Check(name, f"{own:.3f} against {real:.3f} for real", own > real, own - real)


@declare(
    CAPACITY_CLAIMS,
    15,
    "fig5",
    "Fig. 5",
    "Real data are near their best at 4,096 units.",
    "real within 0.01 of its best at 128 (last epoch) [first epoch with 100 %]",
    revised=True,
)
def _real_needs_few(fig5: Panels) -> Iterable[Check]:
    units, scores = _score(fig5["units"], "real")
    own, best = float(scores[units == ANALOG][0]), float(scores.max())
    # Rounding aside: a hundredth is a hundredth.
    yield Check("real", f"{own:.3f}, best {best:.3f}", best - own <= NEAR + 1e-9, best - own)


@declare(
    CAPACITY_CLAIMS,
    16,
    "fig5",
    "section 3.3.1",
    "On CIFAR-10 it is the same for inputs, and there is no relation for labels.",
    "open: no rule was frozen",
)
def _cifar(fig5: Panels) -> Iterable[Check]:
    return ()


def _near_best(panel: xr.Dataset, condition: str) -> int:
    """Return the smallest width whose score is within `NEAR` of the condition's best."""
    units, scores = _score(panel, condition)
    return int(units[scores >= scores.max() - NEAR - 1e-9].min())


@declare(
    CAPACITY_CLAIMS,
    17,
    "fig5",
    "section 3.3.1",
    "Removing the noise examples lets a smaller network be optimal.",
    "Width within 0.01 for clean (1-s)n <= that for noisy n",
)
def _removed(fig5: Panels) -> Iterable[Check]:
    panel = fig5["units"]
    removed = shares_of(panel, "removed")
    for noise in ("randX", "randY"):
        for share, noisy in shares_of(panel, noise).items():
            if share in removed:
                clean, own = _near_best(panel, removed[share]), _near_best(panel, noisy)
                yield Check(noisy, f"{clean} units clean, {own} noisy", clean <= own, own - clean)


def _conditions(panel: xr.Dataset) -> list[str]:
    return ["real", *noisy_conditions(panel)]


def _rank_correlation(panel: xr.Dataset, condition: str, dim: str) -> float:
    """Return Spearman's correlation of a size with the time, censored runs last; mean of seeds."""
    times = at(panel, "epochs_to_full", condition)
    sizes = panel[dim].values
    return float(np.mean([spearman(sizes, np.where(np.isnan(t), np.inf, t)) for t in times]))


@declare(
    CAPACITY_CLAIMS,
    18,
    "fig6",
    "section 3.3.2",
    "Fewer units or more data slow down training, on real data and on noise.",
    "Spearman(units, epochs) <= -0.8, (n, epochs) >= 0.8 in each condition",
)
def _slower(fig6: Panels) -> Iterable[Check]:
    for panel, dim, sign in (("units", "units", -1), ("images", "n_images", 1)):
        if panel in fig6:
            for name in _conditions(fig6[panel]):
                found = _rank_correlation(fig6[panel], name, dim)
                holds = sign * found >= 0.8 - 1e-9
                yield Check(f"{name}, {dim}", f"{found:.2f}", holds, found)


def _growth_checks(times: dict[str, tuple[Time, Time]]) -> Iterable[Check]:
    """Check that the first time over the second is larger for each noise than for real data.

    Nothing is said where censored runs leave it open.
    """
    real = times["real"][0].over(times["real"][1])
    for name, (longer, shorter) in times.items():
        own = longer.over(shorter)
        if name != "real" and own is not None and real is not None:
            holds = own.exceeds(real)
            if holds is not None:
                estimate = own.epochs / real.epochs
                yield Check(name, f"factor {own} against {real} for real", holds, estimate)


@declare(
    CAPACITY_CLAIMS,
    19,
    "fig6",
    "Fig. 6, left",
    "Fewer units slow down training more with noise.",
    "T(32)/T(512) and T(16)/T(512) grow with the share",
    revised=True,
)
def _more_severe(fig6: Panels) -> Iterable[Check]:
    panel = fig6["units"]
    for units in (32, 16):
        times = {
            name: (
                time_to_fit(panel, name, units=units),
                time_to_fit(panel, name, units=HIGHER),
            )
            for name in _conditions(panel)
        }
        for check in _growth_checks(times):
            yield Check(f"{check.label}, {units}", check.value, check.holds, check.estimate)


def _width_of_returns(panel: xr.Dataset, condition: str) -> int | None:
    """Return the smallest width that takes at most twice the time of the widest; None if open."""
    widest = time_to_fit(panel, condition, units=HIGHER)
    if widest.censored:
        return None
    for units in panel["units"].values:
        own = time_to_fit(panel, condition, units=units)
        if not own.censored and own.epochs <= 2 * widest.epochs:
            return int(units)
    return None


@declare(
    CAPACITY_CLAIMS,
    20,
    "fig6",
    "section 3.3.2",
    "Diminishing returns set in earlier for real data.",
    "Smallest h with T(h) <= 2 T(512): real <= noise",
)
def _returns(fig6: Panels) -> Iterable[Check]:
    panel = fig6["units"]
    real = _width_of_returns(panel, "real")
    for name in noisy_conditions(panel):
        own = _width_of_returns(panel, name)
        if real is not None and own is not None:
            yield Check(name, f"{real} units real, {own} noise", real <= own, own - real)


@declare(
    CAPACITY_CLAIMS,
    21,
    "fig6",
    "section 3.3.2",
    "Noise takes longer to fit.",
    "T(noise) > T(real)",
)
def _longer(fig6: Panels) -> Iterable[Check]:
    panel = fig6["units"]
    for name in noisy_conditions(panel):
        for units in panel["units"].values:  # at every width: one alone decides it either way
            own, real = (time_to_fit(panel, one, units=units) for one in (name, "real"))
            holds = own.exceeds(real)
            if holds is not None:
                value = f"{own} against {real} epochs"
                yield Check(f"{name}, {units}", value, holds, own.epochs - real.epochs)


@declare(
    CAPACITY_CLAIMS,
    22,
    "fig6",
    "Fig. 6, right; poster 2",
    "The time grows faster with the number of examples for noise.",
    "T(4,000)/T(500) [T(1,000)/T(125)]: noise > real",
)
def _grows_faster(fig6: Panels) -> Iterable[Check]:
    panel = fig6["images"]
    sizes = panel["n_images"].values
    yield from _growth_checks(
        {
            name: (
                time_to_fit(panel, name, n_images=sizes.max()),
                time_to_fit(panel, name, n_images=sizes.min()),
            )
            for name in _conditions(panel)
        }
    )
