"""Any study's result as curves: each variable that has epochs over them, a line a panel."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from memlib.report.styles import LIGHT, Theme, style_axes
from memlib.results.schema import panels_of

# Colours for panels side by side; red is left to validation.
LINES = ("#2f6bff", "#0a8f6a", "#b07a00", "#7b4ad9", "#12b3cf", "#8a8a8a")


def plot_curves(tree: xr.DataTree, *, theme: Theme = LIGHT) -> Figure:
    """Draw what a result measured over training: one axes a variable, one line a panel.

    Thin lines are single seeds, where there are several; the thick one is their mean. Variables
    without epochs are drawn as points, one for each panel and seed; further dims are averaged.

    Parameters
    ----------
    tree
        A result, see `memlib.results.schema`.
    theme
        `LIGHT` or `DARK` of `memlib.report.styles`.
    """
    panels = panels_of(tree)
    names = list(dict.fromkeys(str(n) for one in panels.values() for n in one.data_vars))
    n_columns = min(len(names), 2)
    n_rows = -(-len(names) // n_columns)
    figure = Figure(figsize=(3.6 * n_columns, 2.6 * n_rows + 0.4), layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    for ax, name in zip(axes.flat, names, strict=False):
        for number, (panel, dataset) in enumerate(panels.items()):
            if name in dataset:
                colour = LINES[number % len(LINES)]
                _plot_variable(dataset[name], number, ax=ax, color=colour, label=panel)
        long_name = next(one[name].attrs["long_name"] for one in panels.values() if name in one)
        ax.set_title(long_name, loc="left", fontsize=9, color=theme.ink, wrap=True)
        style_axes(ax, theme, grid="y")
    for ax in axes.flat[len(names) :]:
        ax.set_visible(False)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside upper center",
        ncols=max(len(labels), 1),
        frameon=False,
        fontsize=9,
        labelcolor=theme.ink,
    )
    return figure


def _plot_variable(array: xr.DataArray, place: int, *, ax: Any, color: str, label: str) -> None:
    """Draw one variable of one panel: over epochs as lines, else as points beside each other."""
    array = array.mean([dim for dim in array.dims if dim not in ("seed", "epoch")])
    if "epoch" not in array.dims:
        values = np.atleast_1d(array.values)
        ax.plot(np.full(len(values), place), values, "o", color=color, markersize=4, label=label)
        ax.set_xticks([])
        return
    epochs = array["epoch"].values
    by_seed = array.transpose("epoch", ...).values.reshape(len(epochs), -1)
    if by_seed.shape[1] > 1:
        ax.plot(epochs, by_seed, color=color, linewidth=0.5, alpha=0.5)
    ax.plot(epochs, np.nanmean(by_seed, axis=1), color=color, linewidth=1.5, label=label)
    if epochs[0] > 0 and epochs[-1] > 10 * epochs[0]:
        ax.set_xscale("log")
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.set_xlabel("training epoch", fontsize=8)
