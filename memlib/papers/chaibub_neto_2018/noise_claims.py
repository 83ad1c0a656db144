"""The paper's claims on Gaussian noise in place of the images: Fig. 5 (section 7)."""

from collections.abc import Iterable

import numpy as np

from memlib.method.verdicts import SIGNIFICANCE
from memlib.papers.chaibub_neto_2018.claim import (
    DEPTH,
    DROPOUT,
    NEAR_CHANCE,
    ONSETS,
    PEAKS,
    Panels,
    check_pairs,
    near,
    rise_check,
)
from memlib.papers.chaibub_neto_2018.first_rules import FIRST
from memlib.papers.chaibub_neto_2018.quantities import (
    LEARNED,
    PATTERN,
    distance_from_chance,
    forgetting_epoch,
    memorization_level,
    null_mean,
    onset_epoch,
)
from memlib.results.claim import Check, Claim, declare

NOISE_CLAIMS: list[Claim] = []


@declare(
    NOISE_CLAIMS,
    17,
    "fig5",
    "section 7",
    "Nulls lie above 0.5 although the inputs are noise.",
    f"5 % null, averaged over epochs, above chance by {NEAR_CHANCE} in each panel, and by "
    f"{PATTERN} above its value at epoch 1 (a null that is high before training is no effect of "
    "training)",
    first=FIRST[17],
)
def _memorizes_noise(fig5: Panels) -> Iterable[Check]:
    for panel, scores in fig5.items():
        value, chance = memorization_level(scores, 0.05), float(scores.chance.mean())
        yield Check(panel, f"{value:.3f}", value > chance + NEAR_CHANCE, value)
        yield rise_check(f"{panel}, since epoch 1", scores, 0.05)


@declare(
    NOISE_CLAIMS,
    18,
    "fig5",
    "section 7",
    "Observed scores lie above the nulls: networks learn from noise, too.",
    f"p-value of the 5 % set at most {SIGNIFICANCE} at the last epoch, in each panel",
)
def _learns_noise(fig5: Panels) -> Iterable[Check]:
    for panel, scores in fig5.items():
        if not scores.can_be_significant:
            continue
        one = scores.at(0.05)
        observed, null = one.observed[:, -1].mean(), one.null_mean[:, -1].mean()
        margin = float(observed - null)
        value = f"observed {observed:.3f}, null {null:.3f}, apart {margin:.3f}"
        yield Check(panel, value, bool((one.p_value[:, -1] <= SIGNIFICANCE).all()), margin)


@declare(
    NOISE_CLAIMS,
    19,
    "fig5",
    "section 7",
    "Validation accuracy stays at 0.5.",
    f"within {NEAR_CHANCE} of chance, averaged over epochs, in each panel",
)
def _no_generalization(fig5: Panels) -> Iterable[Check]:
    for panel, scores in fig5.items():
        distance = distance_from_chance(scores.validation, scores.chance.mean(-1))
        value = f"{scores.validation.mean():.3f}, off by {distance:.3f}"
        yield Check(panel, value, distance <= NEAR_CHANCE, distance)


@declare(
    NOISE_CLAIMS,
    20,
    "fig5",
    "section 7",
    "Depth and dropout reduce memorization of noise.",
    "5 % null, averaged over log-spaced epochs: a > b, d > e, a > d, b > e, c > f; and the same "
    "order of what each null has changed since epoch 1",
    first=FIRST[20],
    compares=True,
)
def _less_noise(fig5: Panels) -> Iterable[Check]:
    return check_pairs(fig5, (*DEPTH, *DROPOUT), 0.05, since_first=True)


@declare(
    NOISE_CLAIMS,
    21,
    "fig5",
    "section 7",
    "With dropout, memorization falls while nothing is learned, then an onset of learning: "
    "near epoch 40 (d), 400 (e), 10 (f).",
    f"onset: from there on p-value at most {SIGNIFICANCE} and observed score {LEARNED} above the "
    "null's mean (median of the seeds), within a factor of 3 of the paper's epoch; before it the "
    f"5 % null falls by {PATTERN} and p-values exceed {SIGNIFICANCE} at 90 % of the epochs or more",
    panels="def",
    first=FIRST[21],
)
def _onset(fig5: Panels) -> Iterable[Check]:
    for panel, paper in ONSETS.items():
        if panel in fig5 and fig5[panel].can_be_significant:
            epoch = onset_epoch(fig5[panel])
            mean, epochs = null_mean(fig5[panel], 0.05), fig5[panel].epochs
            fall = float(mean[0] - mean[epochs <= (epoch or np.inf)].min())
            value = f"null falls by {fall:.3f} before it"
            yield Check(f"{panel}, early fall", value, fall >= PATTERN, fall)
            p_value = fig5[panel].at(0.05).p_value
            earlier = p_value[:, epochs < (epoch or np.inf)] > SIGNIFICANCE
            share = float(earlier.mean()) if earlier.size else 0.0
            value = f"at {100 * share:.0f} % of earlier epochs"
            yield Check(f"{panel}, not learned at first", value, share >= 0.9, share)
            text = "none yet" if epoch is None else f"epoch {epoch:,}"
            value = f"{text} (paper: {paper:,})"
            yield Check(f"{panel}, onset", value, near(epoch, paper), epoch)


@declare(
    NOISE_CLAIMS,
    22,
    "fig5",
    "section 7",
    "Then the networks forget what they memorized, from about epoch 300 (d), 1,000 (e), 200 (f), "
    "and keep what they learned.",
    f"last peak of the 5 % null, at least {PATTERN} above the lowest before it and above the end "
    "(median of the seeds), not before the onset of learning and within a factor of 3 of the "
    "paper's epoch; observed score at the last epoch above 0.9",
    panels="def",
    first=FIRST[22],
)
def _forgets(fig5: Panels) -> Iterable[Check]:
    for panel, paper in PEAKS.items():
        if panel in fig5 and fig5[panel].can_be_significant:
            epoch, onset = forgetting_epoch(fig5[panel]), onset_epoch(fig5[panel])
            text = "does not fall yet" if epoch is None else f"epoch {epoch:,}"
            value = f"{text} (paper: {paper:,})"
            then = epoch is not None and onset is not None and onset <= epoch
            yield Check(f"{panel}, peak", value, then and near(epoch, paper), epoch)
            last = float(fig5[panel].at(0.05).observed[:, -1].mean())
            yield Check(f"{panel}, observed at the end", f"{last:.3f}", last > 0.9, last)
