"""Single numbers that sum up a stored run: how much was memorized, from when, until when."""

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
import xarray as xr

from memlib.method.verdicts import ROUNDING, SIGNIFICANCE
from memlib.papers.chaibub_neto_2018.scores import Scores

Panel = xr.Dataset | Scores  # a panel of a result, see `memlib.results.schema`, or its scores

PATTERN = 0.01  # a rise or fall of a null's mean that counts, in accuracy
LEARNED = 0.05  # an observed score this far above the null counts as learning set in, in accuracy


def null_mean(panel: Panel, strength: float) -> np.ndarray:
    """Return the mean of a null over permutations and seeds; float64 (epoch,).

    Raises
    ------
    KeyError
        When that strength was not measured.
    """
    return Scores.of(panel).at(strength).null_mean.mean(0)


def memorization_level(panel: Panel, strength: float) -> float:
    """Return the mean of a null over log-spaced epochs, of all permutations and seeds."""
    return float(null_mean(panel, strength).mean())


def curve_at(
    epochs: np.ndarray, curve: np.ndarray, wanted: Sequence[float] | np.ndarray
) -> np.ndarray:
    """Interpolate a curve, measured at `epochs`, over log epochs."""
    return np.interp(np.log(wanted), np.log(epochs), curve)


def last_in_common(panels: Iterable[Panel]) -> int:
    """Return the last epoch that all panels reach."""
    return min(int(Scores.of(panel).epochs[-1]) for panel in panels)


def last_validation(panel: Panel, until: int) -> float:
    """Return the validation accuracy over the last tenfold of epochs to `until`, mean over seeds.

    At 25 log-spaced epochs, so that runs measured at different ones are compared alike.
    """
    scores = Scores.of(panel)
    wanted = np.geomspace(max(until / 10, 1), until, 25)
    return float(curve_at(scores.epochs, scores.validation.mean(0), wanted).mean())


def shared_disagreement(panels: Sequence[Panel]) -> float | None:
    """Return the share of validation images on which exactly one of two networks is right.

    Mean over pairs of panels, seeds and the last tenfold of epochs; None where hits are not stored,
    or the panels were measured at other epochs or seeds.
    """
    scores = [Scores.of(panel) for panel in panels]
    hits = [one.validation_hits for one in scores if one.validation_hits is not None]
    if len(hits) < len(scores) or len({one.shape for one in hits}) > 1 or len(hits) < 2:
        return None
    late = scores[0].epochs >= scores[0].epochs[-1] / 10
    pairs = combinations([one[:, late] for one in hits], 2)
    return float(np.mean([(first != second).mean() for first, second in pairs]))


def levels_in_common(panels: Sequence[Panel], strength: float) -> list[float]:
    """Return each panel's mean null over log-spaced epochs that all of them reach.

    Where they were measured at the same epochs these are taken, else 25 that are interpolated.
    """
    epochs = [Scores.of(panel).epochs for panel in panels]
    means = [null_mean(panel, strength) for panel in panels]
    if not all(np.array_equal(one, epochs[0]) for one in epochs):
        grid = np.geomspace(1, last_in_common(panels), 25)
        means = [curve_at(*measured, grid) for measured in zip(epochs, means, strict=True)]
    return [float(mean.mean()) for mean in means]


def half_lost_epoch(panel: Panel, strength: float = 0.05, until: float = np.inf) -> float | None:
    """Return the epoch at which a null has lost half of its highest excess over chance, or None.

    Interpolated over log epochs between measured ones; None when it has not by epoch `until`, or
    when it never rose above chance by `PATTERN`.
    """
    scores = Scores.of(panel)
    epochs, excess = scores.epochs, null_mean(scores, strength) - scores.at(strength).chance.mean()
    peak = int(excess.argmax())
    half = excess[peak] / 2
    below = np.flatnonzero(excess[peak:] <= half)
    if excess[peak] < PATTERN or not len(below):
        return None
    after = peak + below[0]
    ends = slice(after, after - 2 if after > 1 else None, -1)  # np.interp wants rising values
    epoch = float(np.exp(np.interp(half, excess[ends], np.log(epochs[ends]))))
    return epoch if epoch <= until else None


def distance_from_chance(accuracy: np.ndarray, chance: np.ndarray) -> float:
    """Return how far a curve (seed, epoch) lies from chance, above or below, on average."""
    return float(abs(accuracy - chance).mean())


def onset_epochs(panel: Panel, strength: float = 0.05) -> list[int | None]:
    """Return for each seed the first epoch from which on it has learned, or None.

    Learned is: p-value at most `SIGNIFICANCE`, and the observed score above the null's mean by
    `LEARNED` or more. With many samples a trace above the null is significant.
    """
    scores = Scores.of(panel)
    one = scores.at(strength)
    above = one.observed - one.null_mean >= LEARNED - ROUNDING
    epochs: list[int | None] = []
    for learned in (one.p_value <= SIGNIFICANCE) & above:
        unlearned = np.flatnonzero(~learned)
        first = unlearned[-1] + 1 if len(unlearned) else 0
        epochs.append(int(scores.epochs[first]) if learned[-1] else None)
    return epochs


def onset_epoch(panel: Panel, strength: float = 0.05) -> int | None:
    """Return the median of the seeds' `onset_epochs`, the lower of the two middle ones if even."""
    return _median(onset_epochs(panel, strength))


def _median(found: Sequence[int | None]) -> int | None:
    """Return the middle epoch, the lower of two; None, not found, comes later than all."""
    epochs = sorted(found, key=lambda epoch: np.inf if epoch is None else epoch)
    return epochs[(len(epochs) - 1) // 2]


def peak_of(curve: np.ndarray) -> int | None:
    """Return the place of a curve's last peak, from which it falls, or None if it does not fall.

    The peak is the place that stands out most, both above what came before it and above the end,
    by `PATTERN` at least. So the fall from the untrained network's high null at the start of
    training does not count, whether the null ends above or below the low that follows it.
    """
    height = np.minimum(curve - np.minimum.accumulate(curve), curve - curve[-1])
    peak = int(height.argmax())
    return peak if height[peak] >= PATTERN - ROUNDING else None


def forgetting_epochs(panel: Panel, strength: float = 0.05) -> list[int | None]:
    """Return for each seed the epoch of the null's last peak (`peak_of`), or None."""
    scores = Scores.of(panel)
    peaks = [peak_of(one) for one in scores.at(strength).null_mean]
    return [None if peak is None else int(scores.epochs[peak]) for peak in peaks]


def forgetting_epoch(panel: Panel, strength: float = 0.05) -> int | None:
    """Return the median of the seeds' `forgetting_epochs`, like `onset_epoch`."""
    return _median(forgetting_epochs(panel, strength))
