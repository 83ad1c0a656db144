"""What the paper claims of its figures, checked against stored results (no torch).

A claim is declared with its place in the paper, a paraphrase, and a function that turns results
into checks: quantities, each with the rule it has to meet. The verdict follows from the checks,
so it changes when the data does.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import xarray as xr

from memlib.claim import Check, Claim, Outcome, Panels
from memlib.comparison_claims import COMPARISON_CLAIMS
from memlib.figures import FIGURES
from memlib.image_claims import IMAGE_CLAIMS
from memlib.noise_claims import NOISE_CLAIMS
from memlib.results import panels_of
from memlib.scores import Scores
from memlib.seeds import stream

CLAIMS = {claim.number: claim for claim in (*IMAGE_CLAIMS, *COMPARISON_CLAIMS, *NOISE_CLAIMS)}


def check_claims(
    results: Mapping[str, xr.DataTree],
    *,
    figure: str | None = None,
    n_resamples: int = 0,
    seed: int = 0,
) -> list[Outcome]:
    """Check the paper's claims on results.

    Parameters
    ----------
    results
        Results by figure name; a claim whose figures or perturbations are not all there, or whose
        run changed what makes the figure (inputs, optimizer, kind of perturbation), is ``not
        yet run``, one that speaks of panels that were left out is ``partly`` borne out at best.
    figure
        Only the claims of this figure (those whose last needed figure it is).
    n_resamples
        Resamples of seeds and permutations, with replacement, over which each check's interval
        and support are taken (percentile bootstrap); none when 0. Epochs are known to the
        next measured one only.
    seed
        Base seed of the resamples.
    """
    wanted = [claim for claim in CLAIMS.values() if figure in (None, claim.needs[-1])]
    needed = {name for claim in wanted for name in claim.needs}
    panels = {
        name: {panel: Scores.of(dataset) for panel, dataset in panels_of(tree).items()}
        for name, tree in results.items()
        if name in needed and _is_the_figure(tree, name)
    }
    outcomes = [_outcome(claim, panels) for claim in wanted]
    resampled: list[list[tuple[Check, ...]]] = []
    for number in range(n_resamples):
        drawn = {
            name: {
                panel: scores.resample(
                    stream(seed, f"claims {name} {panel}", number),
                    # The same seeds in all panels: they share images, weights and batches.
                    stream(seed, f"claims seeds {scores.seeds.tolist()}", number),
                )
                for panel, scores in own.items()
            }
            for name, own in panels.items()
        }
        resampled.append([_outcome(claim, drawn).checks for claim in wanted])
    for index, outcome in enumerate(outcomes if n_resamples else ()):
        checks = [one[index] for one in resampled]
        outcomes[index] = replace(outcome, checks=_with_spread(outcome.checks, checks))
    return outcomes


def most_complete(by_scale: Mapping[str, Sequence[Outcome]]) -> list[Outcome]:
    """Return each claim's outcome at the scale that has run most of its panels.

    Parameters
    ----------
    by_scale
        Outcomes of the same claims by scale, the preferred scale first: it is taken where two
        have run as many panels.
    """
    return [
        min(
            (replace(outcome, scale=scale) for scale, outcome in zip(by_scale, own, strict=True)),
            key=lambda one: (not one.checks, len(one.left_out)),
        )
        for own in zip(*by_scale.values(), strict=True)
    ]


def _outcome(claim: Claim, panels: Mapping[str, Panels]) -> Outcome:
    own = [
        {
            panel: scores
            for panel, scores in panels[name].items()
            if scores.epochs[-1] >= claim.reach.get(panel, 1)
        }
        for name in claim.needs
        if name in panels
    ]
    if len(own) < len(claim.needs):
        return Outcome(claim, ())
    try:
        checks = tuple(claim.check(*own))
    except KeyError:  # a perturbation that this run does not have
        return Outcome(claim, ())
    wanted = FIGURES[claim.needs[-1]].panels if claim.panels is None else claim.panels
    return Outcome(claim, checks, tuple(p for p in wanted if not all(p in one for one in own)))


def _with_spread(
    checks: tuple[Check, ...], resampled: Sequence[tuple[Check, ...]]
) -> tuple[Check, ...]:
    found = []
    for check in checks:
        same = [one for drawn in resampled for one in drawn if one.label == check.label]
        interval = None
        if check.estimate is not None and same:
            # An epoch that a resample does not find comes later than all; none lies between two.
            found_in = [np.inf if one.estimate is None else one.estimate for one in same]
            quantiles = partial(np.quantile, found_in, (0.025, 0.975))
            measured = isinstance(check.estimate, int)
            low, high = quantiles(method="inverted_cdf") if measured else quantiles()
            interval = float(low), float(high) if np.isfinite(high) else None
        support = float(np.mean([one.holds for one in same])) if same else None
        found.append(replace(check, interval=interval, support=support))
    return tuple(found)


def _is_the_figure(tree: xr.DataTree, name: str) -> bool:
    """Whether a run kept what makes the figure, so that the paper's claims are about it."""
    parameters, figure = json.loads(tree.attrs["parameters"]), FIGURES[name]
    made = (parameters["inputs"], parameters["optimizer"], parameters["perturbation_kind"])
    return made == (figure.inputs, figure.optimizer, "shuffle")
