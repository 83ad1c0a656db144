"""The figures, in the paper's own form, drawn from stored results alone (no torch)."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from memlib.base.errors import InputError
from memlib.base.words import strength_labels
from memlib.method.verdicts import VERDICTS
from memlib.report.styles import LIGHT, Theme, perturbation_colours, side_steps, style_axes


def plot_panel(dataset: xr.Dataset, *, ax: Axes, theme: Theme = LIGHT) -> Axes:
    """Draw one panel: nulls as boxplots over epochs, observed and validation accuracy as lines.

    Parameters
    ----------
    dataset
        One panel of a result, see `panels_of`; or datasets of
        `shared_structure_test`, joined along a new dim ``epoch``. Boxes pool the
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


def plot_null(dataset: xr.Dataset, *, ax: Axes, theme: Theme = LIGHT) -> Axes:
    """Draw one null per s-validation set as points, with the observed score as a line.

    Parameters
    ----------
    dataset
        What `compute_null` returns.
    """
    strengths = list(dataset["perturbation"].values)
    for position, strength in enumerate(strengths):
        one = dataset.sel(perturbation=strength)
        null = np.sort(one["null_accuracy"].values)
        ax.scatter(
            null,
            position + side_steps(len(null), 0.25),
            s=9,
            color=theme.colours[0.05],
            alpha=0.6,
            linewidths=0,
            label="shuffled labels (null)" if position == 0 else None,
        )
        for value, colour, style, label in (
            (one["observed_accuracy"], theme.colours[0.05], "-", "true labels (observed)"),
            (one["chance_accuracy"], theme.ink, ":", "chance"),
        ):
            ax.plot(
                [float(value)] * 2,
                [position - 0.4, position + 0.4],
                color=colour,
                linestyle=style,
                linewidth=2,
                label=label if position == 0 else None,
            )
    verdicts = [VERDICTS[int(code)].replace("_", " ") for code in dataset["verdict"].values]
    ax.set_yticks(
        range(len(strengths)),
        [
            f"{strength}\nverdict: {verdict}"
            for strength, verdict in zip(strengths, verdicts, strict=True)
        ],
        color=theme.ink,
    )
    ax.invert_yaxis()
    ax.set_xlabel("accuracy", color=theme.ink)
    style_axes(ax, theme, labelsize=10)
    ax.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1),
        ncols=3,
        frameon=False,
        fontsize=8,
        labelcolor=theme.ink,
    )
    return ax
