"""Plots of the chapters on the method: one null set by set, and rows of images (no torch)."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from memlib.report.styles import LIGHT, Theme


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
