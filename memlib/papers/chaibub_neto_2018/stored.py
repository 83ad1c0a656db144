"""A figure's most complete stored run, what it says of the claims, and how short another run is."""

import json
from functools import cache

import xarray as xr

from memlib.papers.chaibub_neto_2018.claims import check_claims, choose_runs
from memlib.papers.chaibub_neto_2018.figures import SCALES, SHIPPED_SCALES
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.papers.chaibub_neto_2018.pictures import show_shipped
from memlib.papers.chaibub_neto_2018.tables import shipped_summary
from memlib.report.pictures import Picture
from memlib.results.claim import Outcome
from memlib.results.schema import panels_of
from memlib.runs.shipped import lacks, read_shipped, shipped_results

N_RESAMPLES = 100  # over which a check is decided; more change no verdict that is not close
TABLE = "The table has the rule and what was found."


def stored_scales(figure: str) -> list[str]:
    """Return the scales at which a figure's result comes with the checkout, most complete first."""
    stored = [scale for scale in SHIPPED_SCALES if read_shipped(figure, scale) is not None]
    return sorted(stored, key=lambda scale: len(lacks(figure, scale)))


def show_longest(figure: str) -> Picture | None:
    """Return the figure of its most complete stored run; None where none is stored."""
    scales = stored_scales(figure)
    return show_shipped(figure, scales[0]) if scales else None


def summarize_longest(figure: str) -> str:
    """Return the numbers of a figure's most complete stored run; empty where none is stored."""
    scales = stored_scales(figure)
    return shipped_summary(figure, scales[0]) if scales else ""


@cache
def check_stored(figure: str) -> list[Outcome]:
    """Check the paper's claims about a figure, each on the stored run that decides it."""
    found = {
        scale: check_claims(shipped_results(scale), figure=figure, n_resamples=N_RESAMPLES)
        for scale in stored_scales(figure)
    }
    return choose_runs(found) if found else []


def describe_stored(figure: str) -> str:
    """Say in two sentences how many of a figure's claims the stored runs bear out."""
    outcomes = check_stored(figure)
    if not outcomes:
        return "No run of this figure comes with the book yet; your own is below."
    if len(outcomes) == 1:
        return f"The paper makes one claim about this figure: *{outcomes[0].verdict}*. {TABLE}"
    numbers: dict[str, list[str]] = {}
    for outcome in outcomes:
        numbers.setdefault(outcome.verdict, []).append(str(outcome.claim.number))
    whole, n = len(numbers.pop("reproduced", [])), len(outcomes)
    count = f"{whole} of the paper's {n} claims" if numbers else f"all {n} of the paper's claims"
    rest = "; ".join(
        f"{'claim' if len(some) == 1 else 'claims'} {_and(some)}: *{verdict}*"
        for verdict, some in numbers.items()
    )
    told = f"{rest[0].upper()}{rest[1:]}." if rest else TABLE
    return f"The stored runs bear out {count} about this figure. {told}"


def describe_length(tree: xr.DataTree) -> str:
    """Say how much shorter than the paper's a run is; all of it where it is as long."""
    paper, parameters = SCALES["paper"], json.loads(tree.attrs["parameters"])
    last: dict[str, int] = {}
    for panel, dataset in panels_of(tree).items():
        kind = "CNNs" if ARCHITECTURES[panel].is_cnn else "MLPs"
        last[kind] = max(last.get(kind, 0), int(dataset["epoch"][-1]))
    whole = {"MLPs": paper.epochs, "CNNs": paper.cnn_epochs}
    parts = [f"{kind} {n:,} of {whole[kind]:,} epochs" for kind, n in last.items()]
    parts += [
        f"{parameters[name]:,} of {getattr(paper, name):,} {word}"
        for name, word in (("n_permutations", "shuffles"), ("n_trees", "trees"))
    ]
    short = any(n < whole[kind] for kind, n in last.items())
    return f"**{'A short run' if short else 'A run of full length'}:** {', '.join(parts)}."


def _and(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
