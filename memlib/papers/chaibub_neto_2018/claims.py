"""What the paper claims of its figures, checked against stored results (no torch).

A claim is declared with its place in the paper, a paraphrase, and a function that turns results
into checks: quantities, each with the rule it has to meet. The verdict follows from the checks,
so it changes when the data does.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from memlib.base.errors import InputError
from memlib.base.seeds import stream
from memlib.papers.chaibub_neto_2018.claim import Panels
from memlib.papers.chaibub_neto_2018.comparison_claims import COMPARISON_CLAIMS
from memlib.papers.chaibub_neto_2018.figures import FIGURES
from memlib.papers.chaibub_neto_2018.image_claims import IMAGE_CLAIMS
from memlib.papers.chaibub_neto_2018.noise_claims import NOISE_CLAIMS
from memlib.papers.chaibub_neto_2018.scores import Scores
from memlib.results.claim import Check, Claim, Outcome
from memlib.results.provenance import accounts_of
from memlib.results.schema import panels_of
from memlib.runs.study import resolve

# What the paper states; the rest of a run's parameters is an open choice, or says how much is run.
STATED = (
    "data",
    "inputs",
    "n_images",
    "shuffled_labels",
    "optimizer",
    "learning_rate",
    "batch_size",
    "perturbation_kind",
    "classifier",
    "feature_layer",
)
# Open choices that have to be the same in two figures that are compared.
ALIKE = (
    "n_validation_images",
    "n_trees",
    "loss",
    "initial_weights",
    "pixel_scale",
    "precision",
)
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
        Results by figure name; a claim whose figures or perturbations are not all there, whose
        run changed what the paper states (`STATED`), or that compares figures which differ in more
        than it speaks of, is ``not yet run``; one that speaks of panels that were left out is
        ``partly`` borne out at best.
    figure
        Only the claims of this figure (those whose last needed figure it is).
    n_resamples
        Resamples of seeds and permutations, with replacement, over which each check's interval
        and support are taken (percentile bootstrap); none when 0. Epochs are known to the
        next measured one only.
    seed
        Base seed of the resamples.

    Raises
    ------
    InputError
        When there is no such figure.
    """
    if figure is not None and figure not in FIGURES:
        raise InputError(f"figure {figure!r}: take one of {', '.join(FIGURES)}")
    wanted = [claim for claim in CLAIMS.values() if figure in (None, claim.needs[-1])]
    needed = {name for claim in wanted for name in claim.needs}
    parameters = {
        name: json.loads(tree.attrs["parameters"])
        for name, tree in results.items()
        if name in needed and _is_the_figure(tree, name)
    }
    panels = {
        name: {
            panel: Scores.of(dataset, own["n_validation_images"])
            for panel, dataset in panels_of(results[name]).items()
        }
        for name, own in parameters.items()
    }
    ways = {name: _ways(results[name]) for name in parameters}
    apart = {claim.number for claim in wanted if not _comparable(claim, ways)}

    def decide(claim: Claim, panels: Mapping[str, Panels]) -> Outcome:
        return Outcome(claim, ()) if claim.number in apart else _outcome(claim, panels)

    outcomes = [decide(claim, panels) for claim in wanted]
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
        resampled.append([decide(claim, drawn).checks for claim in wanted])
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
    """Whether a run kept what the paper states of the figure, so that its claims are about it."""
    parameters = json.loads(tree.attrs["parameters"])
    own = resolve(name, tree.attrs["scale"]).model_dump(mode="json")
    # The learning rate is stated for SGD, rmsProp's is an open choice.
    stated = [one for one in STATED if (one, own["optimizer"]) != ("learning_rate", "rmsprop")]
    return all(parameters[one] == own[one] for one in stated)


def _ways(tree: xr.DataTree) -> dict[str, set[tuple[Any, ...]]]:
    """Return how each panel was made, as far as panels that are compared have to be alike."""
    usual = resolve(tree.attrs["figure"], tree.attrs["scale"]).model_dump(mode="json")
    found = {}
    for panel, dataset in panels_of(tree).items():
        joined = [json.loads(tree.attrs["parameters"])]  # of a panel without an account
        if "made" in dataset.attrs:
            joined = [account["parameters"] for account in accounts_of(dataset)]
        # What an older account does not name had no other value yet.
        found[panel] = {tuple(one.get(name, usual[name]) for name in ALIKE) for one in joined}
    return found


def _comparable(claim: Claim, ways: Mapping[str, Mapping[str, set[tuple[Any, ...]]]]) -> bool:
    """Whether the panels that a claim compares differ in nothing that would show in it, too."""
    panels = claim.panels or FIGURES[claim.needs[-1]].panels
    compared = (
        ways[name].get(panel, set()) for name in claim.needs if name in ways for panel in panels
    )
    return len(set().union(*compared)) < 2
