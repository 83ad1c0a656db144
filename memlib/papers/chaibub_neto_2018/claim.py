"""What a claim of the paper is: its words, the rule that decides, and the verdict on results."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from memlib.papers.chaibub_neto_2018.quantities import (
    PATTERN,
    last_in_common,
    levels_in_common,
    null_mean,
)
from memlib.papers.chaibub_neto_2018.scores import Scores
from memlib.results.claim import Check

Panels = Mapping[str, Scores]


DEPTH = (("a", "b"), ("d", "e"))
DROPOUT = (("a", "d"), ("b", "e"), ("c", "f"))
NEAR_CHANCE = 0.03  # about three standard errors of an accuracy on 2,000 balanced samples
ONSETS = {"d": 40, "e": 400, "f": 10}  # the paper's epochs, section 7
PEAKS = {"d": 300, "e": 1000, "f": 200}


def near(epoch: int | None, paper: int) -> bool:
    """Say whether an epoch is within a factor of 3 of the paper's."""
    return epoch is not None and paper / 3 <= epoch <= paper * 3


def share_check(label: str, holds: np.ndarray, least: float) -> Check:
    """Check that something holds at a share of epochs and seeds."""
    share = float(holds.mean())
    return Check(label, f"{100 * share:.0f} % of epochs and seeds", share >= least, share)


def both_figures(first: Panels, second: Panels) -> Iterable[tuple[str, Scores, Scores, int]]:
    """Pair the panels that two figures share, with the last epoch that both reach."""
    for panel in first:
        if panel in second:
            pair = first[panel], second[panel]
            yield panel, *pair, last_in_common(pair)


def check_pairs(
    panels: Panels,
    pairs: Iterable[tuple[str, str]],
    strength: float,
    *,
    since_first: bool = False,
) -> Iterable[Check]:
    """Check that the first panel of each pair has the higher null, over epochs that both reach.

    With `since_first` also that it has risen more, or fallen less, since the first epoch: what
    holds before training is no effect of training.
    """
    for more, less in pairs:
        if more in panels and less in panels:
            pair = panels[more], panels[less]
            first, second = levels_in_common(pair, strength)
            value = f"{first:.3f} against {second:.3f} ({at_first(pair, strength)})"
            yield Check(f"{more} > {less}", value, first > second, first - second)
            if since_first:
                yield change_check(f"{more} > {less}, since epoch 1", pair, strength)


def changes_in_common(pair: Sequence[Scores], strength: float) -> list[float]:
    """Return by how much each null has changed since it was first measured, on average.

    The mean over log-spaced epochs that all reach, minus the value at the first epoch.
    """
    levels = levels_in_common(pair, strength)
    return [
        level - float(null_mean(one, strength)[0]) for level, one in zip(levels, pair, strict=True)
    ]


def change_check(label: str, pair: Sequence[Scores], strength: float) -> Check:
    """Check that the first null has changed upwards from its first epoch more than the second."""
    first, second = changes_in_common(pair, strength)
    value = f"{first:+.3f} against {second:+.3f}"
    return Check(label, value, first - second > 0, first - second)


def rise_check(label: str, scores: Scores, strength: float) -> Check:
    """Check that a null has risen since it was first measured, on average, by `PATTERN`."""
    (change,) = changes_in_common([scores], strength)
    return Check(label, f"{change:+.3f}", change >= PATTERN, change)


def at_first(pair: Sequence[Scores], strength: float) -> str:
    """Say where two nulls lay when first measured: part of a difference may be there from then."""
    levels = " against ".join(f"{null_mean(one, strength)[0]:.3f}" for one in pair)
    return f"epoch {max(int(one.epochs[0]) for one in pair):,}: {levels}"
