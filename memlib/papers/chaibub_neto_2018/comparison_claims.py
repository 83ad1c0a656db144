"""The paper's claims on what gentler copies, more images and rmsProp change: Figs. 2 to 4."""

from collections.abc import Iterable

import numpy as np

from memlib.papers.chaibub_neto_2018.claim import DEPTH, DROPOUT, Panels, at_first, check_pairs
from memlib.papers.chaibub_neto_2018.figures import MLP_PANELS
from memlib.papers.chaibub_neto_2018.image_claims import IMAGE_CLAIMS
from memlib.papers.chaibub_neto_2018.quantities import (
    curve_at,
    last_in_common,
    last_validation,
    levels_in_common,
    memorization_level,
    null_mean,
)
from memlib.papers.chaibub_neto_2018.scores import Scores
from memlib.results.claim import Check, Claim, declare

COMPARISON_CLAIMS: list[Claim] = []


@declare(
    COMPARISON_CLAIMS,
    11,
    "fig2",
    "caption of Fig. 2",
    "The 1 % null is considerably higher than the 5 % null.",
    "averaged over epochs, higher by 0.05 in each panel",
)
def _one_percent(fig2: Panels) -> Iterable[Check]:
    for panel, scores in fig2.items():
        level = [memorization_level(scores, strength) for strength in (0.01, 0.05)]
        value = f"{level[0]:.3f} against {level[1]:.3f}"
        difference = level[0] - level[1]
        yield Check(panel, value, difference >= 0.05, difference)


@declare(
    COMPARISON_CLAIMS,
    12,
    "fig2",
    "section 6",
    "The same orderings hold with 1 % perturbed.",
    "1 % null, averaged over log-spaced epochs: a > b, d > e, a > d, b > e",
)
def _same_at_one_percent(fig2: Panels) -> Iterable[Check]:
    return check_pairs(fig2, (*DEPTH, *DROPOUT), 0.01)


def _both(first: Panels, second: Panels) -> Iterable[tuple[str, Scores, Scores, int]]:
    """Pair the panels that two figures share, with the last epoch that both reach."""
    for panel in first:
        if panel in second:
            pair = first[panel], second[panel]
            yield panel, *pair, last_in_common(pair)


@declare(
    COMPARISON_CLAIMS,
    13,
    "fig1 fig3",
    "section 6",
    "With 10,000 images, slightly less memorization than with 2,000.",
    "5 % null, averaged over log-spaced epochs that both reach, lower in each panel (more images "
    "crowd the same features, too: Figure 3, exercise 1)",
)
def _less_with_more(fig1: Panels, fig3: Panels) -> Iterable[Check]:
    for panel, small, large, _ in _both(fig1, fig3):
        level = levels_in_common([large, small], 0.05)
        value = f"{level[0]:.3f} against {level[1]:.3f} ({at_first((large, small), 0.05)})"
        difference = level[0] - level[1]
        yield Check(panel, value, difference < 0, difference)


@declare(
    COMPARISON_CLAIMS,
    14,
    "fig1 fig3",
    "section 6",
    "With 10,000 images, slightly better generalization.",
    "validation accuracy over the last tenfold of the epochs that both reach, higher in each panel",
    revised=True,
)
def _better_with_more(fig1: Panels, fig3: Panels) -> Iterable[Check]:
    for panel, small, large, until in _both(fig1, fig3):
        valid = [last_validation(one, until) for one in (large, small)]
        value = f"{valid[0]:.3f} against {valid[1]:.3f}"
        difference = valid[0] - valid[1]
        yield Check(panel, value, difference > 0, difference)


@declare(
    COMPARISON_CLAIMS,
    15,
    "fig3",
    "section 6",
    "Otherwise the same patterns with 10,000 images.",
    "learned (claim 1), ordered nulls (claim 3), depth and dropout (claims 5, 6)",
    revised=True,
)
def _same_with_more(fig3: Panels) -> Iterable[Check]:
    for number in (1, 3, 5, 6):
        yield from IMAGE_CLAIMS[number - 1].check(fig3)


@declare(
    COMPARISON_CLAIMS,
    16,
    "fig1 fig4",
    "section 6",
    "rmsProp can follow other memorization dynamics than SGD.",
    "at some epoch, in at least one panel, 5 % nulls differ by more than 0.05 and by more than "
    "those of any two seeds of SGD do; of one seed alone by more than 0.1 (that there is no such "
    "panel takes all of them)",
    panels="",
    revised=True,
)
def _other_dynamics(fig1: Panels, fig4: Panels) -> Iterable[Check]:
    largest, holds = {}, False
    for panel, sgd, rmsprop, until in _both(fig1, fig4):
        grid = np.geomspace(1, until, 25)
        curves = [curve_at(one.epochs, null_mean(one, 0.05), grid) for one in (rmsprop, sgd)]
        difference = curves[0] - curves[1]
        largest[panel] = float(difference[np.abs(difference).argmax()])
        holds |= abs(largest[panel]) > _yardstick(sgd, grid)
    # That there is no such panel takes all of them.
    if holds or largest.keys() == set(MLP_PANELS):
        text = ", ".join(f"{panel} {value:+.3f}" for panel, value in largest.items())
        extreme = max(largest.values(), key=abs)
        yield Check("largest difference, rmsProp minus SGD", text, holds, extreme)


def _yardstick(sgd: Scores, grid: np.ndarray) -> float:
    """Return the difference that two seeds of one optimizer may show."""
    if len(sgd.seeds) < 2:
        return 0.1
    curves = np.array([curve_at(sgd.epochs, one, grid) for one in sgd.at(0.05).null_mean])
    return max(0.05, float(np.ptp(curves, axis=0).max()))
