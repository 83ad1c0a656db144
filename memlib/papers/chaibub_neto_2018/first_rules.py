"""The form that each changed rule had when results were first decided by it.

Kept so that the tables can show both verdicts: a rule that is changed once its verdict is known may
be changed to please. Nothing here is to be mended; the rules in force are beside the claims.
"""

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
    both_figures,
    check_pairs,
    near,
    share_check,
)
from memlib.papers.chaibub_neto_2018.quantities import (
    PATTERN,
    curve_at,
    distance_from_chance,
    levels_in_common,
    memorization_level,
    null_mean,
    peak_of,
)
from memlib.papers.chaibub_neto_2018.scores import Scores
from memlib.results.claim import Check, First

FIRST_RISE = 1000
FIRST: dict[int, First] = {}


def _ordered(fig1: Panels) -> Iterable[Check]:
    for panel, scores in fig1.items():
        for more, less in ((0.05, 0.10), (0.10, 1.0)):
            above = scores.at(more).null_mean > scores.at(less).null_mean
            yield share_check(f"{panel}, {more:.0%} > {less:.0%}", above, 0.95)


FIRST[3] = First("mean null ordered at 95 % of the epochs, in each panel", _ordered)


def _destroyed(fig1: Panels) -> Iterable[Check]:
    for panel, scores in fig1.items():
        one = scores.at(1.0)
        for array, short in ((one.null_mean, "null"), (one.observed, "observed")):
            distance = distance_from_chance(array, one.chance)
            value = f"{float(array.mean()):.3f}, off by {distance:.3f}"
            yield Check(f"{panel}, {short}", value, distance <= NEAR_CHANCE, distance)


FIRST[4] = First(
    f"null mean and observed score within {NEAR_CHANCE} of chance, averaged over epochs", _destroyed
)


def _rise_and_fall(fig1: Panels) -> Iterable[Check]:
    for panel, scores in fig1.items():
        if panel != "c":
            mean, epochs = null_mean(scores, 0.05), scores.epochs
            epoch = int(epochs[mean.argmax()])
            holds = mean.max() - max(mean[0], mean[-1]) >= PATTERN
            holds &= epoch < FIRST_RISE <= epochs[-1]
            value = f"{mean[0]:.3f}, {mean.max():.3f} at epoch {epoch:,}, {mean[-1]:.3f}"
            yield Check(panel, value, bool(holds), epoch)


FIRST[7] = First(
    f"5 % null highest before epoch {FIRST_RISE:,}, by {PATTERN} above the first and the last "
    "epoch, which comes later",
    _rise_and_fall,
)


def _forgets_faster(fig1: Panels) -> Iterable[Check]:
    for shallow, deep in DEPTH:
        if shallow in fig1 and deep in fig1:
            means = [null_mean(fig1[panel], 0.05) for panel in (deep, shallow)]
            fall = [float(mean.max() - mean[-1]) for mean in means]
            value = f"falls by {fall[0]:.3f} against {fall[1]:.3f}"
            holds = fall[0] > fall[1] and fall[0] >= PATTERN
            yield Check(f"{deep} faster than {shallow}", value, holds, fall[0] - fall[1])


FIRST[8] = First(
    "5 % null falls further from its highest to the last epoch in b than a and in e than d",
    _forgets_faster,
)


def _cnns(fig1: Panels) -> Iterable[Check]:
    for cnn, mlp in (("c", "a"), ("c", "b"), ("f", "d"), ("f", "e")):
        if cnn in fig1 and mlp in fig1:
            pair = fig1[cnn], fig1[mlp]
            grid = np.geomspace(1, min(int(one.epochs[-1]) for one in pair), 25)
            level = [curve_at(one.epochs, null_mean(one, 0.05), grid).mean() for one in pair]
            yield _higher(f"{cnn} > {mlp}, null", *level)
            yield _higher(f"{cnn} > {mlp}, validation", *map(_last_validation, pair))


FIRST[9] = First(
    "5 % null, averaged over log-spaced epochs that both reach, and last validation accuracy "
    "higher in c than a, b and in f than d, e",
    _cnns,
)


def _unrelated(fig1: Panels) -> Iterable[Check]:
    mlps = [panel for panel in ("a", "b", "d", "e") if panel in fig1]
    if len(mlps) > 1:
        valid = [_last_validation(fig1[panel]) for panel in mlps]
        level = [memorization_level(fig1[panel], 0.05) for panel in mlps]
        spread = np.ptp(valid), np.ptp(level)
        value = f"validation {spread[0]:.3f}, null {spread[1]:.3f}"
        difference = float(spread[1] - spread[0])
        yield Check(f"range over {', '.join(mlps)}", value, difference > 0, difference)


FIRST[10] = First(
    "last validation accuracies of the MLPs differ by less than their 5 % nulls do", _unrelated
)


def _less_with_more(fig1: Panels, fig3: Panels) -> Iterable[Check]:
    for panel, small, large, _ in both_figures(fig1, fig3):
        yield _higher(panel, *levels_in_common([small, large], 0.05))


FIRST[13] = First(
    "5 % null, averaged over log-spaced epochs that both reach, lower in each panel",
    _less_with_more,
)


def _better_with_more(fig1: Panels, fig3: Panels) -> Iterable[Check]:
    for panel, small, large, until in both_figures(fig1, fig3):
        pair = (large, small)
        last = [float(curve_at(one.epochs, one.validation.mean(0), [until])[0]) for one in pair]
        yield _higher(panel, *last)


FIRST[14] = First(
    "validation accuracy at the last epoch that both reach, higher in each panel", _better_with_more
)


def _learned(fig1: Panels) -> Iterable[Check]:
    for panel, scores in fig1.items():
        later = scores.epochs >= min(10, scores.epochs[-1])
        for strength in (0.05, 0.10):
            one = scores.at(strength)
            above = one.observed > one.null.max(-1)
            yield share_check(f"{panel}, {strength:.0%}", above[:, later], 0.95)


def _same_with_more(fig3: Panels) -> Iterable[Check]:
    yield from _learned(fig3)
    yield from _ordered(fig3)
    yield from check_pairs(fig3, (*DEPTH, *DROPOUT), 0.05)


FIRST[15] = First(
    "learned (claim 1), ordered nulls (first form of claim 3), depth and dropout (claims 5, 6)",
    _same_with_more,
)


def _other_dynamics(fig1: Panels, fig4: Panels) -> Iterable[Check]:
    largest = {}
    for panel, sgd, rmsprop, until in both_figures(fig1, fig4):
        grid = np.geomspace(1, until, 25)
        curves = [curve_at(one.epochs, null_mean(one, 0.05), grid) for one in (rmsprop, sgd)]
        difference = curves[0] - curves[1]
        largest[panel] = float(difference[np.abs(difference).argmax()])
    if largest:
        text = ", ".join(f"{panel} {value:+.3f}" for panel, value in largest.items())
        extreme = max(largest.values(), key=abs)
        label = "largest difference, rmsProp minus SGD"
        yield Check(label, text, abs(extreme) > 0.05, extreme)


FIRST[16] = First(
    "5 % nulls differ by more than 0.05 at some epoch, in at least one panel (checked in each)",
    _other_dynamics,
)


def _memorizes_noise(fig5: Panels) -> Iterable[Check]:
    for panel, scores in fig5.items():
        value, chance = memorization_level(scores, 0.05), float(scores.chance.mean())
        yield Check(panel, f"{value:.3f}", value > chance + NEAR_CHANCE, value)


FIRST[17] = First(
    f"5 % null, averaged over epochs, above chance by {NEAR_CHANCE} in each panel", _memorizes_noise
)


def _less_noise(fig5: Panels) -> Iterable[Check]:
    return check_pairs(fig5, (*DEPTH, *DROPOUT), 0.05)


FIRST[20] = First(
    "5 % null, averaged over log-spaced epochs: a > b, d > e, a > d, b > e, c > f", _less_noise
)


def _onset_epoch(scores: Scores) -> int | None:
    learned = np.asarray((scores.at(0.05).p_value <= SIGNIFICANCE).all(0))
    if not learned[-1]:
        return None
    unlearned = np.flatnonzero(~learned)
    return int(scores.epochs[unlearned[-1] + 1 if len(unlearned) else 0])


def _onset(fig5: Panels) -> Iterable[Check]:
    for panel, paper in ONSETS.items():
        if panel in fig5 and fig5[panel].can_be_significant:
            scores = fig5[panel]
            epoch, mean = _onset_epoch(scores), null_mean(scores, 0.05)
            before = mean[scores.epochs <= (epoch or np.inf)]
            fall = float(before[0] - before.min())
            value = f"null falls by {fall:.3f} before it"
            yield Check(f"{panel}, early fall", value, fall >= PATTERN, fall)
            p_value = scores.at(0.05).p_value
            earlier = np.asarray(p_value[:, scores.epochs < (epoch or np.inf)] > SIGNIFICANCE)
            share = float(earlier.mean()) if earlier.size else 0.0
            value = f"at {100 * share:.0f} % of earlier epochs"
            yield Check(f"{panel}, not learned at first", value, share >= 0.5, share)
            text = "none yet" if epoch is None else f"epoch {epoch:,}"
            value = f"{text} (paper: {paper:,})"
            yield Check(f"{panel}, onset", value, near(epoch, paper), epoch)


FIRST[21] = First(
    f"before the onset the 5 % null falls by {PATTERN} and p-values exceed {SIGNIFICANCE} at half "
    "of the epochs or more; onset within a factor of 3 of the paper's epoch",
    _onset,
)


def _forgets(fig5: Panels) -> Iterable[Check]:
    for panel, paper in PEAKS.items():
        if panel in fig5:
            scores = fig5[panel]
            peak = peak_of(null_mean(scores, 0.05))
            epoch = None if peak is None else int(scores.epochs[peak])
            text = "does not fall yet" if epoch is None else f"epoch {epoch:,}"
            value = f"{text} (paper: {paper:,})"
            yield Check(f"{panel}, peak", value, near(epoch, paper), epoch)
            last = float(scores.at(0.05).observed[:, -1].mean())
            yield Check(f"{panel}, observed at the end", f"{last:.3f}", last > 0.9, last)


FIRST[22] = First(
    "last peak of the 5 % null within a factor of 3 of the paper's epoch, then falling; observed "
    "score at the last epoch above 0.9",
    _forgets,
)


def _last_validation(scores: Scores) -> float:
    return float(scores.validation[:, -1].mean())


def _higher(label: str, first: float, second: float) -> Check:
    difference = float(first - second)
    return Check(label, f"{first:.3f} against {second:.3f}", difference > 0, difference)
