"""The figure of an audit: nulls against chance, observed scores, validation (no torch)."""

import textwrap

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memlib.base.words import strength_labels
from memlib.report.styles import LIGHT, Theme, side_steps, style_axes


def plot_audit(dataset: xr.Dataset, *, theme: Theme = LIGHT) -> Figure:
    """Draw a panel a network: a row of points for the null of each strength, and what else scored.

    Parameters
    ----------
    dataset
        `memlib.audit.Audit.dataset`.
    theme
        `LIGHT` or `DARK`.
    """
    networks = [str(name) for name in dataset["network"].values]
    n_sets = dataset.sizes["perturbation"]
    height = len(networks) * (0.42 * n_sets + 0.55) + 0.9
    figure = Figure(figsize=(7.2, height), layout="constrained")
    axes = figure.subplots(len(networks), 1, sharex=True, squeeze=False)[:, 0]
    for ax, name in zip(axes, networks, strict=True):
        _plot_network(dataset.sel(network=name), ax=ax, theme=theme)
        asked = dataset["role"].sel(network=name).item() == "asked"
        title = textwrap.shorten(name if asked else f"{name} (beside it)", 80)
        ax.set_title(title, loc="left", fontsize=9, color=theme.ink)
    axes[-1].set_xlabel("accuracy", color=theme.ink)
    axes[-1].set_xlim(-0.02, 1.02)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside upper center",
        ncols=4,
        frameon=False,
        fontsize=8,
        labelcolor=theme.ink,
    )
    return figure


def _plot_network(ds: xr.Dataset, *, ax: Axes, theme: Theme) -> None:
    labels = strength_labels(ds["perturbation"])
    for position, strength in enumerate(labels):
        one = ds.sel(perturbation=strength)
        null = np.sort(one["null_accuracy"].values)
        first = position == 0
        ax.scatter(
            null,
            position + side_steps(len(null), 0.25),
            s=9,
            color=theme.colours[0.05],
            alpha=0.6,
            linewidths=0,
            label="shuffled labels (null)" if first else None,
        )
        for value, colour, style, label in (
            (one["observed_accuracy"], theme.ink, "-", "true labels (observed)"),
            (one["chance_accuracy"], theme.ink, ":", "chance"),
        ):
            ax.plot(
                [float(value)] * 2,
                [position - 0.4, position + 0.4],
                color=colour,
                linestyle=style,
                linewidth=2,
                label=label if first else None,
            )
    if "validation_accuracy" in ds:
        ax.axvspan(
            float(ds["validation_low"]),
            float(ds["validation_high"]),
            color=theme.validation,
            alpha=0.25,
            linewidth=0,
            label="validation, 95 %",
        )
    ax.set_yticks(range(len(labels)), list(labels.values()), color=theme.ink)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    style_axes(ax, theme, labelsize=8)
