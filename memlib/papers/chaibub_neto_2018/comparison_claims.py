"""The paper's claims on what gentler copies, more images and rmsProp change: Figs. 2 to 4."""

from collections.abc import Iterable

import numpy as np

from memlib.papers.chaibub_neto_2018.claim import (
    DEPTH,
    DROPOUT,
    Panels,
    at_first,
    both_figures,
    change_check,
    check_pairs,
)
from memlib.papers.chaibub_neto_2018.figures import MLP_PANELS
from memlib.papers.chaibub_neto_2018.first_rules import FIRST
from memlib.papers.chaibub_neto_2018.image_claims import IMAGE_CLAIMS
from memlib.papers.chaibub_neto_2018.quantities import (
    curve_at,
    last_validation,
    levels_in_common,
    memorization_level,
)
from memlib.papers.chaibub_neto_2018.scores import Scores
from memlib.results.claim import Check, Claim, declare

OTHER = 0.05  # by which nulls of two optimizers have to differ, in accuracy
COMPARISON_CLAIMS: list[Claim] = []


@declare(
    COMPARISON_CLAIMS,
    11,
    "fig2",
    "caption of Fig. 2",
    "The 1 % null is considerably higher than the 5 % null.",
    "averaged over epochs, higher by 0.05 in each panel",
    compares=True,
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
    compares=True,
)
def _same_at_one_percent(fig2: Panels) -> Iterable[Check]:
    return check_pairs(fig2, (*DEPTH, *DROPOUT), 0.01)


@declare(
    COMPARISON_CLAIMS,
    13,
    "fig1 fig3",
    "section 6",
    "With 10,000 images, slightly less memorization than with 2,000.",
    "5 % null, averaged over log-spaced epochs that both reach, lower in each panel, and fallen "
    "further, or risen less, since epoch 1 (more images crowd the same features before any "
    "training, too: Figure 3, exercise 1)",
    first=FIRST[13],
    compares=True,
)
def _less_with_more(fig1: Panels, fig3: Panels) -> Iterable[Check]:
    for panel, small, large, _ in both_figures(fig1, fig3):
        level = levels_in_common([large, small], 0.05)
        value = f"{level[0]:.3f} against {level[1]:.3f} ({at_first((large, small), 0.05)})"
        difference = level[0] - level[1]
        yield Check(panel, value, difference < 0, difference)
        yield change_check(f"{panel}, since epoch 1", (small, large), 0.05)


@declare(
    COMPARISON_CLAIMS,
    14,
    "fig1 fig3",
    "section 6",
    "With 10,000 images, slightly better generalization.",
    "validation accuracy over the last tenfold of the epochs that both reach, higher in each panel",
    first=FIRST[14],
    compares=True,
)
def _better_with_more(fig1: Panels, fig3: Panels) -> Iterable[Check]:
    for panel, small, large, until in both_figures(fig1, fig3):
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
    first=FIRST[15],
    compares=True,
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
    "in at least one panel, at some of 25 log-spaced epochs that both reach, 5 % nulls of the same "
    f"seeds differ by more than {OTHER} on average, and by more than the range of these "
    "differences over seeds (one seed alone decides nothing; that there is no such panel takes all "
    "of them)",
    panels="",
    first=FIRST[16],
    compares=True,
)
def _other_dynamics(fig1: Panels, fig4: Panels) -> Iterable[Check]:
    largest, holds, alone = {}, False, False
    for panel, sgd, rmsprop, until in both_figures(fig1, fig4):
        apart = paired_differences(rmsprop, sgd, np.geomspace(1, until, 25))
        if not len(apart):
            continue
        mean, spread = apart.mean(0), np.ptp(apart, axis=0)
        largest[panel] = float(mean[np.abs(mean).argmax()])
        alone |= len(apart) < 2
        holds |= bool(((np.abs(mean) > OTHER) & (np.abs(mean) > spread)).any())
    # That there is no such panel takes all of them.
    if holds or largest.keys() == set(MLP_PANELS):
        text = ", ".join(f"{panel} {value:+.3f}" for panel, value in largest.items())
        extreme = max(largest.values(), key=abs)
        label = "largest difference, rmsProp minus SGD"
        yield Check(label, text, holds, extreme, decides=not alone)


def paired_differences(first: Scores, second: Scores, grid: np.ndarray) -> np.ndarray:
    """Return by how much 5 % nulls of the same seeds differ; float64 (pair, epoch).

    Runs of one seed share images, first weights, batches and shuffles. Where a seed is drawn more
    than once it counts as often in both.
    """
    pairs = [
        (own, other)
        for own, seed in enumerate(first.seeds)
        for other in np.flatnonzero(second.seeds == seed)[:1]
    ]
    nulls = first.at(0.05).null_mean, second.at(0.05).null_mean
    return np.array(
        [
            curve_at(first.epochs, nulls[0][one], grid)
            - curve_at(second.epochs, nulls[1][other], grid)
            for one, other in pairs
        ]
    )
