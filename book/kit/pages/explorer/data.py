"""The explorer's data: stored results as counts, small enough to travel with a page (no torch).

Every accuracy is a share of n samples and every p-value one of B + 1, so that whole numbers hold
them exactly. A null's scores are sorted and written as steps from one to the next: their order,
that of the shuffles, says nothing.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from memlib.base.errors import ResultError
from memlib.base.words import strength_labels
from memlib.method.verdicts import SIGNIFICANCE, VERDICTS
from memlib.papers.chaibub_neto_2018.figures import FIGURES, SCALES, SHIPPED_SCALES
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.report.styles import DARK, LIGHT, perturbation_colours
from memlib.results.files import result_name
from memlib.results.provenance import Account, accounts_of
from memlib.results.schema import panels_of
from memlib.runs.shipped import shipped_path, shipped_results, shortfalls


def explorer_data(results: Mapping[str, xr.DataTree]) -> dict[str, Any]:
    """Return everything the explorer shows, as plain data for JSON.

    Parameters
    ----------
    results
        The run's own results, by figure. The shipped ones of every scale join them.

    Returns
    -------
    dict
        ``sources``, the largest scale first, each with ``figures``; besides, names and colours.
    """
    shipped = {scale: shipped_results(scale) for scale in SHIPPED_SCALES}
    sources = [
        _source(scale, f"shipped, {scale} scale", scale, trees)
        for scale, trees in shipped.items()
        if trees
    ]
    if results:
        scale = str(next(iter(results.values())).attrs["scale"])
        sources.append(_source("run", f"this copy's run, {scale} scale", scale, results))
    return {
        "significance": SIGNIFICANCE,
        "verdicts": list(VERDICTS),
        "validation_colours": [LIGHT.validation, DARK.validation],
        "figures": {
            name: {
                "title": figure.title,
                "panels": {panel: ARCHITECTURES[panel].label for panel in figure.panels},
            }
            for name, figure in FIGURES.items()
        },
        "sources": sources,
    }


def _source(key: str, label: str, scale: str, trees: Mapping[str, xr.DataTree]) -> dict[str, Any]:
    return {
        "key": key,
        "label": label,
        "expect": SCALES[scale].expect,
        "figures": {name: figure_data(tree, shipped=key != "run") for name, tree in trees.items()},
    }


def figure_data(tree: xr.DataTree, *, shipped: bool = False) -> dict[str, Any]:
    """Return one figure's result as plain data: where it comes from, and its panels.

    Raises
    ------
    ResultError
        When an accuracy is not a share of the samples it was measured on.
    """
    figure, scale = str(tree.attrs["figure"]), str(tree.attrs["scale"])
    file = result_name(figure, scale, str(tree.attrs["parameters_digest"]))
    return {
        "file": f"data/results/{shipped_path(figure, scale).name}" if shipped else file,
        "shortfalls": shortfalls(figure, scale) if shipped else [],
        "panels": {
            panel: panel_data(
                dataset,
                json.loads(tree.attrs["parameters"]),
                _latest(accounts_of(dataset)) if shipped else dict(tree.attrs),
            )
            for panel, dataset in panels_of(tree).items()
        },
    }


def _latest(accounts: Sequence[Account]) -> Account:
    return max(accounts, key=lambda account: str(account["created"]))


def panel_data(
    dataset: xr.Dataset, parameters: Mapping[str, Any], made: Mapping[Any, Any]
) -> dict[str, Any]:
    """Return one panel as plain data; arrays are flat, in the order seed, epoch, perturbation.

    Parameters
    ----------
    dataset
        One panel of a result, see `memlib.results.schema.panels_of`.
    parameters
        Those of the figure: the numbers of images turn accuracies into counts.
    made
        When and from which commit, see `memlib.results.provenance.accounts_of`.
    """
    n, n_validation = parameters["n_images"], parameters["n_validation_images"]
    n_permutations = dataset.sizes["permutation"]
    labels = strength_labels(dataset["perturbation"])
    strengths = list(labels)
    null = np.sort(counts(dataset["null_accuracy"], n), axis=-1)
    colours = [perturbation_colours(strengths, theme) for theme in (LIGHT, DARK)]
    return {
        "network": str(dataset.attrs["network"]),
        "n": n,
        "n_validation": n_validation,
        "n_permutations": n_permutations,
        "n_trees": parameters["n_trees"],
        "classifier": parameters["classifier"],
        "inputs": parameters["inputs"],
        "created": str(made["created"])[:10],
        "commit": str(made["git_commit"]),
        "seed": dataset["seed"].values.tolist(),
        "epoch": dataset["epoch"].values.tolist(),
        "perturbation": strengths,
        "perturbation_labels": list(labels.values()),
        "perturbation_name": str(dataset["perturbation"].attrs["long_name"]),
        "colours": [[theme[value] for theme in colours] for value in strengths],
        "null": np.diff(null, axis=-1, prepend=0).ravel().tolist(),
        "observed": counts(dataset["observed_accuracy"], n).ravel().tolist(),
        "chance": dataset["chance_accuracy"].values.ravel().tolist(),
        "p_value": counts(dataset["p_value"], n_permutations + 1).ravel().tolist(),
        "share_at_chance": (
            counts(dataset["share_at_chance"], n_permutations + 1).ravel().tolist()
        ),
        "verdict": dataset["verdict"].values.ravel().tolist(),
        "validation": counts(dataset["validation_accuracy"], n_validation).ravel().tolist(),
        "network_train": counts(dataset["network_train_accuracy"], n).ravel().tolist(),
    }


def counts(shares: xr.DataArray, n: int) -> np.ndarray:
    """Return shares of `n` as whole numbers, int64 of the same shape.

    Raises
    ------
    ResultError
        When a value is no share of `n`: dividing the count by `n` would not give it back.
    """
    whole = np.rint(shares.values * n).astype(np.int64)
    if not np.allclose(whole / n, shares.values, rtol=0, atol=1e-12):
        raise ResultError(f"{shares.name} holds a value that is not a share of {n:,}")
    return whole
