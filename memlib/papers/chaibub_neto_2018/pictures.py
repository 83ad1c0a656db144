"""A figure's result as a picture for a page: caption and alternative text from the data."""

import json
from dataclasses import replace

import xarray as xr

from memlib.base.words import strength_labels
from memlib.papers.chaibub_neto_2018.plots import plot_figure
from memlib.report.pictures import Picture, picture
from memlib.results.schema import panels_of
from memlib.runs.shipped import read_shipped


def show_figure(tree: xr.DataTree, *, key: str | None = None) -> Picture:
    """Return a result's figure for a page, its caption and alt text taken from the data.

    Parameters
    ----------
    key
        What the page calls it; the figure's own name when None.
    """
    drawn = picture(
        lambda theme: plot_figure(tree, theme=theme),
        alt=describe_result(tree),
        caption=caption_result(tree),
    )
    return replace(drawn, key=tree.attrs["figure"] if key is None else key)


def show_shipped(figure: str, scale: str) -> Picture | None:
    """Return the figure of a result that comes with the checkout; None where there is none."""
    tree = read_shipped(figure, scale)
    return None if tree is None else show_figure(tree, key=f"{figure}-{scale}")


def caption_result(tree: xr.DataTree) -> str:
    """Return what a reader must know of a result: scale, seeds, permutations, trees, time."""
    parameters = json.loads(tree.attrs["parameters"])
    panels = panels_of(tree)
    last: dict[str, list[int]] = {}
    for dataset in panels.values():
        kind = "CNNs" if dataset.attrs["network"].startswith("CNN") else "MLPs"
        last.setdefault(kind, []).append(int(dataset["epoch"].values[-1]))
    epochs = ", ".join(f"{kind} {_range(values)} epochs" for kind, values in last.items())
    n_seeds = [dataset.sizes["seed"] for dataset in panels.values()]
    sizes = next(iter(panels.values())).sizes
    return (
        f"{tree.attrs['scale'].capitalize()} scale: {parameters['n_images']:,} training images, "
        f"{epochs}, {_range(n_seeds)} seed{'s' if max(n_seeds) > 1 else ''} (base "
        f"{parameters['seed']}), {sizes['permutation']} permutations, {parameters['n_trees']} "
        f"trees; {float(tree.attrs['compute_seconds']) / 60:.1f} minutes of one core. "
        "Boxes: permutation null of each s-validation set; lines of the same colour: observed "
        "accuracy; red: the same classifier on independent images; dashed line: chance."
    )


def _range(values: list[int]) -> str:
    """Return the one value there is, or ``smallest to largest``."""
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def describe_result(tree: xr.DataTree) -> str:
    """Return an alternative text that says what a figure shows, panel by panel."""
    parts = []
    for panel, dataset in panels_of(tree).items():
        strength = float(dataset["perturbation"].values.min())
        label = strength_labels(dataset["perturbation"])[strength]
        one = dataset.sel(perturbation=strength).mean("seed")
        null = one["null_accuracy"].mean("permutation").values
        epochs = dataset["epoch"].values
        peak = int(null.argmax())
        parts.append(
            f"Panel {panel}, {dataset.attrs['network']}: the {label} "
            f"null starts at {null[0]:.2f}, is highest at {null[peak]:.2f} (epoch "
            f"{epochs[peak]:,}) and ends at {null[-1]:.2f}; the observed accuracy ends at "
            f"{float(one['observed_accuracy'].values[-1]):.2f}, the validation accuracy at "
            f"{float(one['validation_accuracy'].values[-1]):.2f}."
        )
    return " ".join(parts)
