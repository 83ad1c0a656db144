"""Plots of the chapters on the method: one null set by set, and rows of images (no torch)."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memlib.plots import LIGHT, Theme, side_steps, style_axes
from memlib.verdicts import VERDICTS


def plot_null(dataset: xr.Dataset, *, ax: Axes, theme: Theme = LIGHT) -> Axes:
    """Draw one null per s-validation set as points, with the observed score as a line.

    Parameters
    ----------
    dataset
        What `memlib.null.compute_null` returns.
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
            (one["observed_accuracy"], theme.validation, "-", "true labels (observed)"),
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


def plot_images(
    rows: Mapping[str, np.ndarray], *, theme: Theme = LIGHT, limits: tuple[float, float] = (0, 1)
) -> Figure:
    """Show images (sample, row, column), one labelled row of them a perturbation."""
    n_images = max(len(images) for images in rows.values())
    figure = Figure(figsize=(0.95 * n_images + 0.9, 1.0 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), n_images, squeeze=False)
    for row, (label, images) in zip(axes, rows.items(), strict=True):
        for ax, image in zip(row, images, strict=True):
            ax.imshow(
                image, cmap="gray_r" if theme is LIGHT else "gray", vmin=limits[0], vmax=limits[1]
            )
            ax.set_xticks([])
            ax.set_yticks([])
            for spine in ax.spines.values():
                spine.set_color(theme.faint)
        row[0].set_ylabel(label, color=theme.ink, fontsize=9, rotation=0, ha="right", va="center")
    return figure
