"""Numbers in the prose of the book's own pages, all taken from stored results."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from kit.lessons import lesson_values
from kit.opening import opening_values
from kit.pages.live.data import live_values
from kit.parameters import settings_table
from memlib.base.words import duration
from memlib.method.verdicts import VERDICTS
from memlib.papers.chaibub_neto_2018.claims import check_claims, choose_runs
from memlib.papers.chaibub_neto_2018.figures import SCALES, SHIPPED_SCALES
from memlib.papers.chaibub_neto_2018.quantities import forgetting_epoch, null_mean, onset_epoch
from memlib.papers.chaibub_neto_2018.stored import N_RESAMPLES
from memlib.results.claim import CLAIM_VERDICTS, Outcome
from memlib.results.schema import panels_of
from memlib.runs.shipped import read_shipped, shipped_results

FOUND = {"fig1": ("a", "e"), "fig5": ("d",)}  # panels whose numbers the first page tells


def longest_results(results: Mapping[str, xr.DataTree]) -> dict[str, xr.DataTree]:
    """Return the runs that the first page speaks of, Figures 1 and 5.

    Those at the paper's scale when they come with the checkout and have the panels it names, else
    the `results` that made this copy of the book.
    """
    shipped = {figure: read_shipped(figure) for figure in FOUND}
    complete = {
        figure: tree
        for figure, tree in shipped.items()
        if tree is not None and panels_of(tree).keys() >= set(FOUND[figure])
    }
    return complete if complete.keys() == FOUND.keys() else {name: results[name] for name in FOUND}


def prose_values(results: Mapping[str, xr.DataTree]) -> dict[str, Any]:
    """Return the numbers that the book's prose uses, all taken from results."""
    shipped = {
        scale: check_claims(shipped_results(scale), n_resamples=N_RESAMPLES)
        for scale in SHIPPED_SCALES
    }
    complete = choose_runs(shipped)
    longest = longest_results(results)
    fig1, fig5 = (panels_of(longest[name]) for name in FOUND)
    noise, forgets = null_mean(fig5["d"], 0.05), forgetting_epoch(fig5["d"])
    until = fig5["d"]["epoch"].values <= (forgets or np.inf)
    observed = fig5["d"]["observed_accuracy"].sel(perturbation=0.05)
    # Figure 2 measures Figure 1's runs: their time is counted once.
    seconds = sum(
        float(t.attrs["compute_seconds"]) for name, t in results.items() if name != "fig2"
    )
    return {
        "live": live_values(),
        "settings": settings_table("fig1"),
        "opening": opening_values(longest["fig1"], "a"),
        "scale": results["fig1"].attrs["scale"],
        "size": _size(results["fig1"]),
        "found_scale": longest["fig1"].attrs["scale"],
        "found_size": _size(longest["fig1"]),
        "n_claims": len(complete),
        "best_reproduced": sum(outcome.verdict == "reproduced" for outcome in complete),
        "best_rest": _rest(complete),
        "scales": "; ".join(
            f"*{one.name}*, {one.epochs:,} epochs (CNNs {one.cnn_epochs:,}), {one.n_permutations} "
            f"permutations, {one.n_trees} trees"
            for one in SCALES.values()
        ),
        "time": duration(seconds),
        **{
            f"fig1_{panel}_{name}": text
            for panel in FOUND["fig1"]
            for name, text in _summary(fig1[panel]).items()
        },
        "fig5_d_start": f"{float(noise[0]):.2f}",
        "fig5_d_low": f"{float(noise[until].min()):.2f}",
        "fig5_d_onset": _epoch(onset_epoch(fig5["d"])),
        "fig5_d_forgets": _epoch(forgets),
        "fig5_d_peak": f"{float(noise[until][-1]):.2f}",
        "fig5_d_end": f"{float(noise[-1]):.2f}",
        "fig5_d_observed": f"{float(observed[:, -1].mean()):.3f}",
        "lessons": lesson_values(results),
    }


def _size(tree: xr.DataTree) -> str:
    """Say how long the panels are that the first page speaks of, as their dataset tells."""
    parameters = json.loads(tree.attrs["parameters"])
    panel = panels_of(tree)[FOUND["fig1"][0]]
    n_seeds = panel.sizes["seed"]
    return (
        f"{int(panel['epoch'][-1]):,} epochs, {parameters['n_permutations']} permutations, "
        f"{parameters['n_trees']} trees, {n_seeds} seed{'s' if n_seeds > 1 else ''}"
    )


def _rest(outcomes: Sequence[Outcome]) -> str:
    """Count the claims that are not reproduced in full, by verdict, in brackets."""
    counts = Counter(one.verdict for one in outcomes)
    told = [f"{verdict}: {counts[verdict]}" for verdict in CLAIM_VERDICTS[1:] if counts[verdict]]
    return f" ({'; '.join(told)})" if told else ""


def _summary(panel: xr.Dataset) -> dict[str, str]:
    """Return a panel's 5 % null at its start and end, and what the end says."""
    null, last = null_mean(panel, 0.05), panel.isel(epoch=-1)
    ((verdict, _),) = Counter(last["verdict"].sel(perturbation=0.05).values).most_common(1)
    return {
        "null_first": f"{null[0]:.2f}",
        "null_last": f"{null[-1]:.2f}",
        "verdict": VERDICTS[verdict].replace("_", " "),
        "validation": f"{float(last['validation_accuracy'].mean()):.2f}",
    }


def _epoch(epoch: int | None) -> str:
    return "not within this run" if epoch is None else f"near epoch {epoch:,}"
