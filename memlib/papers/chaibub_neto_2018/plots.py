"""A figure of the paper, drawn from its stored result (no torch)."""

import xarray as xr
from matplotlib.figure import Figure

from memlib.report.plots import name_ends, plot_panel
from memlib.report.styles import LIGHT, Theme
from memlib.results.schema import panels_of


def plot_figure(tree: xr.DataTree, *, theme: Theme = LIGHT) -> Figure:
    """Draw a figure of the paper from its result: six panels in two rows, four in two.

    Parameters
    ----------
    tree
        A result, see `memlib.results.schema`.
    theme
        `LIGHT` or `DARK`.
    """
    panels = panels_of(tree)
    n_columns = {1: 1, 2: 2, 4: 2}.get(len(panels), 3)
    n_rows = -(-len(panels) // n_columns)
    # One panel alone is drawn wide: pages stretch every figure to the width of their text.
    size = (7.2, 3.6) if len(panels) == 1 else (3.4 * n_columns + 0.4, 2.7 * n_rows + 0.6)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True)
    lowest = 1.0
    for ax, dataset in zip(axes.flat, panels.values(), strict=False):
        plot_panel(dataset, ax=ax, theme=theme)
        lowest = min(lowest, ax.get_ylim()[0])
    axes.flat[0].set_ylim(bottom=lowest)  # all share it
    for row in range(n_rows):  # in the last panel of each row, which has room beside it
        index = min((row + 1) * n_columns, len(panels)) - 1
        name_ends(list(panels.values())[index], ax=axes.flat[index], theme=theme)
    for ax in axes.flat[len(panels) :]:
        ax.set_visible(False)
    for ax in axes[-1]:
        ax.set_xlabel("training epoch", color=theme.ink, fontsize=9)
    for ax in axes[:, 0]:
        ax.set_ylabel("accuracy", color=theme.ink, fontsize=9)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    order = [*range(len(labels) - 2, -1, -1), len(labels) - 1]
    figure.legend(
        [handles[index] for index in order],
        [labels[index] for index in order],
        loc="outside upper center",
        ncols=len(labels),
        frameon=False,
        fontsize=9,
        labelcolor=theme.ink,
    )
    return figure
