"""The paper's claims on networks trained on real images: Fig. 1 (section 6)."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from memlib.method.verdicts import ROUNDING
from memlib.papers.chaibub_neto_2018.claim import (
    DEPTH,
    DROPOUT,
    NEAR_CHANCE,
    Panels,
    at_first,
    change_check,
    check_pairs,
    share_check,
)
from memlib.papers.chaibub_neto_2018.first_rules import FIRST
from memlib.papers.chaibub_neto_2018.quantities import (
    PATTERN,
    half_lost_epoch,
    last_in_common,
    last_validation,
    levels_in_common,
    null_mean,
    peak_of,
    shared_disagreement,
)
from memlib.papers.chaibub_neto_2018.scores import DISAGREEMENT, Scores
from memlib.results.claim import Check, Claim, declare

FIRST_EPOCHS = 10  # "just after a few epochs of training"
# Four equally good networks lie within this many standard errors in 95 % of draws (studentized
# range of four).
STUDENTIZED_RANGE = 3.63
FIRST_RISE = 1000  # "during the first few hundreds of training epochs"
IMAGE_CLAIMS: list[Claim] = []


def _fall(scores: Scores, until: int) -> float:
    """Return how far the 5 % null lies below its highest at an epoch, mean over seeds."""
    mean = null_mean(scores, 0.05)[scores.epochs <= until]
    return float(mean.max() - mean[-1])


@declare(
    IMAGE_CLAIMS,
    1,
    "fig1",
    "section 6",
    "After a few epochs the observed 5 % and 10 % scores lie well above their nulls.",
    f"above every null score at 95 % of the epochs from {FIRST_EPOCHS} on, in each panel",
)
def _learned(fig1: Panels) -> Iterable[Check]:
    for panel, scores in fig1.items():
        later = scores.epochs >= min(FIRST_EPOCHS, scores.epochs[-1])
        for strength in (0.05, 0.10):
            one = scores.at(strength)
            above = one.observed > one.null.max(-1)
            yield share_check(f"{panel}, {strength:.0%}", above[:, later], 0.95)


@declare(
    IMAGE_CLAIMS,
    2,
    "fig1",
    "section 6",
    "Validation accuracy shows that the networks generalize.",
    "validation accuracy at the last epoch above chance by more than 0.1, in each panel",
)
def _generalizes(fig1: Panels) -> Iterable[Check]:
    for panel, scores in fig1.items():
        value = float(scores.validation[:, -1].mean())
        yield Check(panel, f"{value:.3f}", value > float(scores.chance.mean()) + 0.1, value)


@declare(
    IMAGE_CLAIMS,
    3,
    "fig1",
    "section 6",
    "The less is perturbed, the higher the null: 5 % above 10 % above 100 %.",
    f"at 95 % of the epochs, in each panel: mean nulls ordered, or both within {PATTERN} of chance "
    "(a network that does not memorize is the paper's exception)",
    first=FIRST[3],
    compares=True,
)
def _ordered(fig1: Panels) -> Iterable[Check]:
    for panel, scores in fig1.items():
        for more, less in ((0.05, 0.10), (0.10, 1.0)):
            both = scores.at(more), scores.at(less)
            above = both[0].null_mean > both[1].null_mean
            # Rounding aside: PATTERN itself still counts as chance.
            at_chance = [abs(one.null_mean - one.chance) <= PATTERN + ROUNDING for one in both]
            ordered = above | (at_chance[0] & at_chance[1])
            yield share_check(f"{panel}, {more:.0%} > {less:.0%}", ordered, 0.95)


@declare(
    IMAGE_CLAIMS,
    4,
    "fig1",
    "section 6",
    "With all pixels shuffled, null and observed score sit at 0.5.",
    f"null mean and observed score within {NEAR_CHANCE} of chance at 95 % of the epochs and seeds "
    "(a shuffle of all pixels keeps their histogram, from which a forest on the raw pixels itself "
    "scores above chance: *What it is that is memorized*)",
    first=FIRST[4],
)
def _destroyed(fig1: Panels) -> Iterable[Check]:
    for panel, scores in fig1.items():
        one = scores.at(1.0)
        for array, short in ((one.null_mean, "null"), (one.observed, "observed")):
            distance = np.abs(array - one.chance)
            check = share_check(f"{panel}, {short}", distance <= NEAR_CHANCE + ROUNDING, 0.95)
            yield replace(check, value=f"{check.value}, off by {distance.max():.3f} at most")


@declare(
    IMAGE_CLAIMS,
    5,
    "fig1",
    "section 6",
    "More hidden layers, less memorization.",
    "5 % null, averaged over log-spaced epochs, higher in a than b and in d than e",
    panels="abde",
    compares=True,
)
def _depth(fig1: Panels) -> Iterable[Check]:
    return check_pairs(fig1, DEPTH, 0.05)


@declare(
    IMAGE_CLAIMS,
    6,
    "fig1",
    "section 6",
    "With dropout, less memorization.",
    "5 % null, averaged over log-spaced epochs, higher in a than d, b than e, c than f",
    compares=True,
)
def _dropout(fig1: Panels) -> Iterable[Check]:
    return check_pairs(fig1, DROPOUT, 0.05)


@declare(
    IMAGE_CLAIMS,
    7,
    "fig1",
    "section 6",
    "Nulls rise in the first few hundred epochs, then fall for thousands (all panels but c).",
    f"5 % null: a peak before epoch {FIRST_RISE:,}, at least {PATTERN} above the first epoch, the "
    f"network before training as near as it was measured, and above the end, which comes later and "
    f"lies within {PATTERN} of the lowest after it; not so in c",
    reach={"c": FIRST_RISE},  # a shorter run cannot show the pattern, so it is no exception
    first=FIRST[7],
)
def _rise_and_fall(fig1: Panels) -> Iterable[Check]:
    for panel, scores in fig1.items():
        mean, epochs = null_mean(scores, 0.05), scores.epochs
        found = peak_of(mean)
        peak = int(mean.argmax()) if found is None else found
        lowest = peak + int(mean[peak:].argmin())
        shown = found is not None and bool(epochs[peak] < FIRST_RISE <= epochs[-1])
        shown &= bool(mean[peak] - mean[0] >= PATTERN - ROUNDING)
        shown &= bool(mean[-1] - mean[lowest] <= PATTERN + ROUNDING)
        places = [0, int(mean[: peak + 1].argmin()), peak, lowest, len(mean) - 1]
        value = ", ".join(
            f"{mean[place]:.3f} at epoch {epochs[place]:,}" for place in sorted(set(places))
        )
        label, holds = ("c, not so", not shown) if panel == "c" else (panel, shown)
        yield Check(label, value, holds, int(epochs[peak]))


@declare(
    IMAGE_CLAIMS,
    8,
    "fig1",
    "section 6",
    "The deeper MLPs forget faster.",
    "the 5 % null has lost half of its highest excess over chance at an earlier epoch in b than in "
    "a, and in e than in d",
    panels="abde",
    first=FIRST[8],
)
def _forgets_faster(fig1: Panels) -> Iterable[Check]:
    for shallow, deep in DEPTH:
        if shallow in fig1 and deep in fig1:
            both = fig1[deep], fig1[shallow]
            until = last_in_common(both)
            first, second = (half_lost_epoch(one, until=until) for one in both)
            texts = [
                f"epoch {epoch:,.0f}" if epoch else f"not by epoch {until:,}"
                for epoch in (first, second)
            ]
            holds = first is not None and (second is None or first < second)
            falls = " against ".join(f"{_fall(one, until):.3f}" for one in both)
            value = f"{' against '.join(texts)} (falls by {falls} until epoch {until:,})"
            yield Check(f"{deep} faster than {shallow}", value, holds)


@declare(
    IMAGE_CLAIMS,
    9,
    "fig1",
    "section 6",
    "CNNs memorize more than MLPs and yet generalize better.",
    "5 % null, averaged over log-spaced epochs that both reach, and validation accuracy over the "
    "last tenfold of these, higher in c than a, b and in f than d, e; and the null has risen more, "
    "or fallen less, since epoch 1",
    first=FIRST[9],
    compares=True,
)
def _cnns(fig1: Panels) -> Iterable[Check]:
    for cnn, mlp in (("c", "a"), ("c", "b"), ("f", "d"), ("f", "e")):
        if cnn in fig1 and mlp in fig1:
            pair = fig1[cnn], fig1[mlp]
            level = levels_in_common(pair, 0.05)
            value = f"{level[0]:.3f} against {level[1]:.3f} ({at_first(pair, 0.05)})"
            difference = level[0] - level[1]
            yield Check(f"{cnn} > {mlp}, null", value, difference > 0, difference)
            yield change_check(f"{cnn} > {mlp}, null since epoch 1", pair, 0.05)
            valid = [last_validation(one, last_in_common(pair)) for one in pair]
            value = f"{valid[0]:.3f} against {valid[1]:.3f}"
            gain = valid[0] - valid[1]
            yield Check(f"{cnn} > {mlp}, validation", value, gain > 0, gain)


@declare(
    IMAGE_CLAIMS,
    10,
    "fig1",
    "section 6",
    "Memorizing less does not mean generalizing better.",
    "over the last tenfold of the epochs that all reach, validation accuracies of the MLPs within "
    "the range of four equally good networks that are validated on the same images (3.63 standard "
    "errors, which follow from the share of these on which two networks disagree; a tenth where "
    "hits are not stored); and in at most half of the pairs that differ in depth or dropout, the "
    "one that memorizes less generalizes better",
    panels="abde",
    first=FIRST[10],
    compares=True,
)
def _unrelated(fig1: Panels) -> Iterable[Check]:
    mlps = {panel: fig1[panel] for panel in ("a", "b", "d", "e") if panel in fig1}
    if len(mlps) > 1:
        until = last_in_common(mlps.values())
        valid = {panel: last_validation(one, until) for panel, one in mlps.items()}
        level = dict(zip(mlps, levels_in_common(list(mlps.values()), 0.05), strict=True))
        text = ", ".join(f"{panel} {value:.3f}" for panel, value in valid.items())
        spread, least = max(valid.values()) - min(valid.values()), similar_range(mlps.values())
        value = f"{text}, within {spread:.3f} (allowed {least:.3f})"
        yield Check("similar validation", value, spread <= least, spread)
        pairs = [pair for pair in (*DEPTH, *DROPOUT) if valid.keys() >= set(pair)]
        if pairs:
            less = [sorted(pair, key=level.__getitem__) for pair in pairs]
            better = sum(valid[low] > valid[high] for low, high in less)
            value = f"better in {better} of {len(pairs)} pairs"
            share = better / len(pairs)
            yield Check("less memorized, no better validated", value, share <= 0.5, share)


def similar_range(panels: Iterable[Scores]) -> float:
    """Return within which range four equally good networks lie, validated on the same images.

    A difference of two accuracies on n shared images has the standard error sqrt(q / n), with q
    the share of images on which exactly one network is right (McNemar); so each network has
    sqrt(q / 2n), and four lie within 3.63 of these in 95 % of draws.
    """
    panels = list(panels)
    share = shared_disagreement(panels)
    n = panels[0].n_validation or 2000
    return STUDENTIZED_RANGE * float(np.sqrt((DISAGREEMENT if share is None else share) / (2 * n)))
