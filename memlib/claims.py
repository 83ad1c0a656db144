"""What the paper claims of its figures, checked against stored results (no torch).

A claim is declared with its place in the paper, a paraphrase, and a function that turns results
into checks: quantities, each with the rule it has to meet. The verdict follows from the checks,
so it changes when the data does.
"""

import json
from collections.abc import Mapping

import xarray as xr

from memlib.claim import Check, Outcome
from memlib.figures import FIGURES
from memlib.image_claims import IMAGE_CLAIMS
from memlib.noise_claims import NOISE_CLAIMS
from memlib.results import panels_of

CLAIMS = {claim.number: claim for claim in (*IMAGE_CLAIMS, *NOISE_CLAIMS)}


def check_claims(results: Mapping[str, xr.DataTree], *, figure: str | None = None) -> list[Outcome]:
    """Check the paper's claims on results.

    Parameters
    ----------
    results
        Results by figure name; a claim whose figures or perturbations are not all there, or whose
        run changed what makes the figure (inputs, optimizer, kind of perturbation), is ``not
        yet run``, one that speaks of panels that were left out is ``partly`` borne out at best.
    figure
        Only the claims of this figure (those whose last needed figure it is).
    """
    outcomes = []
    for claim in CLAIMS.values():
        if figure is not None and claim.needs[-1] != figure:
            continue
        checks: tuple[Check, ...] = ()
        left_out: tuple[str, ...] = ()
        if all(name in results and _is_the_figure(results[name], name) for name in claim.needs):
            try:
                panels = [panels_of(results[name]) for name in claim.needs]
                checks = tuple(claim.check(*panels))
                wanted = FIGURES[claim.needs[-1]].panels if claim.panels is None else claim.panels
                left_out = tuple(p for p in wanted if not all(p in one for one in panels))
            except KeyError:  # a perturbation that this run does not have
                checks = ()
        outcomes.append(Outcome(claim, checks, left_out))
    return outcomes


def _is_the_figure(tree: xr.DataTree, name: str) -> bool:
    """Whether a run kept what makes the figure, so that the paper's claims are about it."""
    parameters, figure = json.loads(tree.attrs["parameters"]), FIGURES[name]
    made = (parameters["inputs"], parameters["optimizer"], parameters["perturbation_kind"])
    return made == (figure.inputs, figure.optimizer, "shuffle")
