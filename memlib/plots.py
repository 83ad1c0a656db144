"""The figures, in the paper's own form, drawn from stored results alone (no torch)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from memlib.errors import InputError
from memlib.labels import strength_labels
from memlib.results import panels_of

# Dark blue, blue, cyan, grey and red as in the paper; chosen to differ in lightness, too.
COLOURS: Mapping[float, str] = {0.01: "#12337f", 0.05: "#2f6bff", 0.10: "#12b3cf", 1.0: "#8a8a8a"}
VALIDATION_COLOUR = "#d62f2f"
DARK_COLOURS: Mapping[float, str] = {
    0.01: "#5f7fe0",
    0.05: "#6fa8ff",
    0.10: "#45dbee",
    1.0: "#a8a8a8",
}
DARK_VALIDATION_COLOUR = "#ff6b62"


@dataclass(frozen=True)
class Theme:
    """Colours of ink and ground for one reading mode."""

    name: str
    ink: str
    faint: str
    colours: Mapping[float, str]
    validation: str


LIGHT = Theme("light", "#1f2328", "#d5d8dc", COLOURS, VALIDATION_COLOUR)
DARK = Theme("dark", "#e6e6e6", "#4a4f55", DARK_COLOURS, DARK_VALIDATION_COLOUR)


def side_steps(n: int, width: float) -> np.ndarray:
    """Return steps aside that keep n points from hiding each other, the same each time."""
    return width * np.sin(np.arange(n) * 2.4)


def perturbation_colours(strengths: Sequence[float], theme: Theme = LIGHT) -> dict[float, str]:
    """Return a colour for each strength: the paper's own, others greens, away from its red."""
    others = [strength for strength in strengths if strength not in theme.colours]
    ends = "#8aa800,#0a5c36" if theme is LIGHT else "#d6f05c,#2fa36b"
    palette = sns.color_palette(f"blend:{ends}", max(len(others), 2)).as_hex()
    return {
        strength: theme.colours.get(strength) or palette[others.index(strength)]
        for strength in strengths
    }


def style_axes(
    ax: Axes, theme: Theme, *, grid: Literal["x", "y"] | None = None, labelsize: int = 8
) -> None:
    """Give axes a theme's ink, faint lines across one axis if asked for, and two spines."""
    if grid is not None:
        ax.grid(axis=grid, color=theme.faint, linewidth=0.4, zorder=0)
    ax.tick_params(colors=theme.ink, which="both", labelsize=labelsize)
    for spine in ax.spines.values():
        spine.set_color(theme.faint)
    sns.despine(ax=ax)


def plot_panel(dataset: xr.Dataset, *, ax: Axes, theme: Theme = LIGHT) -> Axes:
    """Draw one panel: nulls as boxplots over epochs, observed and validation accuracy as lines.

    Parameters
    ----------
    dataset
        One panel of a result, see `memlib.results.panels_of`; or datasets of
        `memlib.measures.shared_structure_test`, joined along a new dim ``epoch``. Boxes pool the
        permutations of all seeds. With several seeds thin lines are drawn for each, of scores and
        of the median of its null, and a thick one for their mean score.
    ax
        Where to draw.
    theme
        `LIGHT` or `DARK`.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`; each artist's label names what it shows.

    Raises
    ------
    InputError
        When sets are named by words: only strengths have an order of colours.
    """
    if dataset["perturbation"].dtype.kind not in "iuf":
        names = ", ".join(map(str, np.atleast_1d(dataset["perturbation"].values)))
        raise InputError(f"s-validation sets named {names}: name them by numbers to draw them")
    dataset = _with_dims(dataset)
    epochs = dataset["epoch"].values
    labels = strength_labels(dataset["perturbation"])
    strengths = list(labels)
    colours = perturbation_colours(strengths, theme)
    trained = epochs[epochs > 0]
    gaps = np.diff(np.log10(trained))
    width = min(0.5, 0.55 * float(gaps.min())) if len(gaps) else 0.5  # decades
    # Boxes are as wide on the log axis at every epoch; the least perturbed set is drawn on top.
    widths = np.where(epochs > 0, epochs * (10 ** (width / 2) - 10 ** (-width / 2)), 0.9 * width)
    for order, strength in enumerate(sorted(strengths, reverse=True)):
        one = dataset.sel(perturbation=strength)
        null = one["null_accuracy"].stack(draw=("seed", "permutation")).transpose("draw", "epoch")
        ink = {"color": colours[strength], "linewidth": 0.8}
        ax.boxplot(
            # Tests with fewer permutations, joined to others, are filled up with NaN.
            [draws[np.isfinite(draws)] for draws in null.values.T],
            positions=epochs,
            widths=widths,
            manage_ticks=False,
            patch_artist=True,
            boxprops=ink | {"facecolor": colours[strength] + "59"},
            medianprops=ink | {"linewidth": 1.2},
            whiskerprops=ink,
            capprops=ink,
            flierprops={
                "marker": ".",
                "markersize": 2,
                "markeredgecolor": colours[strength],
                "markerfacecolor": colours[strength],
            },
            zorder=2 + order,
        )
        label = f"{labels[strength]} perturbed"
        _plot_seeds(ax, one["null_accuracy"].median("permutation"), colours[strength])
        _plot_seeds(ax, one["observed_accuracy"], colours[strength], label)
    if "validation_accuracy" in dataset:
        _plot_seeds(ax, dataset["validation_accuracy"], theme.validation, "validation")
    chance = float(dataset["chance_accuracy"].mean())
    ax.axhline(chance, color=theme.ink, linewidth=0.6, linestyle=(0, (4, 3)), zorder=1)
    if epochs[0] > 0:
        ax.set_xscale("log")
        # Room for whole boxes, which are wide where few epochs were measured.
        room = max(1.4, 1.05 / (1 - widths[0] / epochs[0] / 2))
        ax.set_xlim(epochs[0] / room, epochs[-1] * room)
    else:  # the untrained network; up to epoch 1 the axis is linear
        ax.set_xscale("symlog", linthresh=1)
        ax.set_xlim(-0.4, max(epochs[-1], 1) * 1.4)
    if epochs[-1] < 10 * epochs[0]:
        ax.set_xticks(epochs)
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_ylim(_lowest(dataset, min(0.45, chance - 0.05)), 1.02)
    title = "   ".join(
        dataset.attrs[name] for name in ("panel", "network") if name in dataset.attrs
    )
    ax.set_title(title, loc="left", fontsize=10, color=theme.ink)
    style_axes(ax, theme, grid="y")
    return ax


def _lowest(dataset: xr.Dataset, usual: float) -> float:
    """Return where an axis of accuracies begins: lower than usual where a score needs it."""
    shown = ("null_accuracy", "observed_accuracy", "validation_accuracy")
    low = min(float(dataset[name].min()) for name in shown if name in dataset)
    return usual if low >= usual else low - 0.01


def _with_dims(dataset: xr.Dataset) -> xr.Dataset:
    """Return a dataset with the dims seed and epoch, epochs rising; one test by itself has none."""
    if "epoch" not in dataset.dims:
        dataset = dataset.expand_dims("epoch" if "epoch" in dataset.coords else {"epoch": [1]})
    dataset = dataset.sortby("epoch")
    return dataset if "seed" in dataset.dims else dataset.expand_dims(seed=[0])


def _plot_seeds(ax: Axes, accuracy: xr.DataArray, colour: str, label: str | None = None) -> None:
    """Draw a thin line for each seed where there are several, and a named one for their mean."""
    epochs = accuracy["epoch"].values
    if accuracy.sizes["seed"] > 1:
        for one in accuracy.transpose("seed", "epoch").values:
            ax.plot(epochs, one, color=colour, linewidth=0.5, alpha=0.5, zorder=9)
    if label is None:
        return
    mean = accuracy.mean("seed").values
    ax.plot(epochs, mean, color=colour, linewidth=1.5, label=label, zorder=10)


def name_ends(dataset: xr.Dataset, *, ax: Axes, theme: Theme = LIGHT) -> None:
    """Write beside a panel's last epoch what each line is, names kept apart."""
    labels = strength_labels(dataset["perturbation"])
    colours = perturbation_colours(list(labels), theme)
    last = _with_dims(dataset).isel(epoch=-1).mean("seed")
    ends = [
        (float(last["observed_accuracy"].sel(perturbation=strength)), label, colours[strength])
        for strength, label in labels.items()
    ]
    if "validation_accuracy" in dataset:
        ends.append((float(last["validation_accuracy"]), "valid.", theme.validation))
    ends.sort()
    low, high = ax.get_ylim()
    gap, heights = 0.06 * (high - low), [height for height, _, _ in ends]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + gap)
    for i in range(len(heights) - 1, -1, -1):
        heights[i] = min(heights[i], high - gap / 2 - gap * (len(heights) - 1 - i))
    for height, (_, label, colour) in zip(heights, ends, strict=True):
        ax.annotate(
            label,
            (1.02, height),
            xycoords=("axes fraction", "data"),
            va="center",
            annotation_clip=False,
            fontsize=8,
            color=colour,
        )


def plot_figure(tree: xr.DataTree, *, theme: Theme = LIGHT) -> Figure:
    """Draw a figure of the paper from its result: six panels in two rows, four in two.

    Parameters
    ----------
    tree
        A result, see `memlib.results`.
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
