"""What the paper claims of its figures, checked against stored results (no torch).

A claim is declared with its place in the paper, a paraphrase, and a function that turns results
into checks: quantities, each with the rule it has to meet. The verdict follows from the checks,
so it changes when the data does.

Where a figure is stored at several scales, each check is taken from one of them (`choose_runs`): a
claim that compares networks, or strengths of the perturbation, from the run with most seeds, since
the difference has to be larger than what another seed would show; every other claim from the run
that goes furthest, since the paper speaks of what happens late. A check speaks of one panel or of
one pair, so this is decided panel by panel. Where a check comes out differently on another run, it
says so.
"""

import json
import operator
import re
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
        if claim.number in apart:
            return Outcome(claim, ())
        first = None
        if claim.first is not None:
            first = _outcome(replace(claim, check=claim.first.check, first=None), panels)
        return replace(_outcome(claim, panels), first=first)

    outcomes = [decide(claim, panels) for claim in wanted]
    resampled: list[list[Outcome]] = []
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
        resampled.append([decide(claim, drawn) for claim in wanted])
    for index, outcome in enumerate(outcomes if n_resamples else ()):
        outcomes[index] = _with_spread(outcome, [one[index] for one in resampled])
    return outcomes


def choose_runs(by_scale: Mapping[str, Sequence[Outcome]]) -> list[Outcome]:
    """Return the claims' outcomes, each check from the run that decides it.

    More seeds outweigh more epochs where a claim compares, see `Claim.compares`; else more epochs
    outweigh more seeds. A check that comes out differently on another run carries that one, too.

    Parameters
    ----------
    by_scale
        Outcomes of the same claims by scale; where two runs are alike the first is taken.
    """
    return [
        _chosen(dict(zip(by_scale, own, strict=True)))
        for own in zip(*by_scale.values(), strict=True)
    ]


def _chosen(by_scale: Mapping[str, Outcome]) -> Outcome:
    outcome = next(iter(by_scale.values()))
    made: dict[str, list[Check]] = {}
    for scale, own in by_scale.items():
        for check in own.checks:
            made.setdefault(check.label, []).append(replace(check, scale=scale))
    order = ("n_seeds", "until") if outcome.claim.compares else ("until", "n_seeds")
    size = operator.attrgetter(*order)
    checks = []
    for same in made.values():
        first = max(same, key=size)
        others = [one for one in same if one is not first and one.state != first.state]
        checks.append(replace(first, elsewhere=others[0] if others else None))
    run = [one for one in by_scale.values() if one.checks]
    left_out = [panel for panel in outcome.left_out if all(panel in one.left_out for one in run)]
    firsts = {scale: own.first for scale, own in by_scale.items() if own.first is not None}
    return replace(
        outcome,
        checks=tuple(checks),
        left_out=tuple(left_out),
        scale=" and ".join(scale for scale in by_scale if scale in {one.scale for one in checks}),
        first=_chosen(firsts) if firsts else None,
    )


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
        checks = tuple(_sized(check, own) for check in claim.check(*own))
    except KeyError:  # a perturbation that this run does not have
        return Outcome(claim, ())
    wanted = FIGURES[claim.needs[-1]].panels if claim.panels is None else claim.panels
    return Outcome(claim, checks, tuple(p for p in wanted if not all(p in one for one in own)))


def _sized(check: Check, own: Sequence[Panels]) -> Check:
    """Return a check with the seeds and epochs of the panels that its label names, else of all."""
    named = set(re.findall(r"\b[a-f]\b", check.label))
    scores = [one for panels in own for p, one in panels.items() if not named or p in named]
    return replace(
        check,
        n_seeds=min(one.n_seeds for one in scores),
        until=min(int(one.epochs[-1]) for one in scores),
    )


def _with_spread(outcome: Outcome, resampled: Sequence[Outcome]) -> Outcome:
    """Return an outcome whose checks, and those of its first form, carry interval and support.

    There is no interval from one seed: shuffles and validation images drawn again do not tell what
    another seed would give.
    """
    found = []
    for check in outcome.checks:
        same = [one for drawn in resampled for one in drawn.checks if one.label == check.label]
        interval = None
        if check.estimate is not None and same and check.n_seeds > 1:
            # An epoch that a resample does not find comes later than all; none lies between two.
            found_in = [np.inf if one.estimate is None else one.estimate for one in same]
            quantiles = partial(np.quantile, found_in, (0.025, 0.975))
            measured = isinstance(check.estimate, int)
            low, high = quantiles(method="inverted_cdf") if measured else quantiles()
            interval = float(low), float(high) if np.isfinite(high) else None
        support = float(np.mean([one.holds for one in same])) if same else None
        found.append(replace(check, interval=interval, support=support))
    first = outcome.first
    if first is not None:
        firsts = [one.first for one in resampled if one.first is not None]
        first = _with_spread(first, firsts)
    return replace(outcome, checks=tuple(found), first=first)


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
