"""The book's first picture: an image and its copy, the test at one epoch, and over training."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from memlib.method.perturb import make_s_validation_set
from memlib.papers.chaibub_neto_2018.quantities import null_mean
from memlib.report.pictures import Picture, picture
from memlib.report.styles import LIGHT, Theme, style_axes
from memlib.results.schema import panels_of
from memlib.training.images import BUNDLED_NAME, load_data

STRENGTH = 0.05


def example_pair(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return a training image and its copy, 5 % of the pixels shuffled; float32 (row, column)."""
    images = load_data(BUNDLED_NAME, n_images=2000, seed=seed).train_images
    copies = make_s_validation_set(images, STRENGTH, seed=seed)
    return images[1], copies[1]


def opening_values(tree: xr.DataTree, panel: str) -> dict[str, Any]:
    """Return the numbers of the first page's three sentences, as text.

    Parameters
    ----------
    tree
        A result on images, see `memlib.results.schema`.
    panel
        Letter of the panel that is shown.
    """
    dataset = panels_of(tree)[panel]
    null = null_mean(dataset, STRENGTH)
    last = dataset.sel(perturbation=STRENGTH).isel(epoch=-1)
    return {
        "epochs": f"{int(dataset['epoch'][-1]):,}",
        "chance": f"{float(dataset['chance_accuracy'].mean()):.2f}",
        "null_first": f"{float(null[0]):.2f}",
        "null_peak": f"{float(null.max()):.2f}",
        "peak_epoch": f"{int(dataset['epoch'][null.argmax()]):,}",
        "null_last": f"{float(null[-1]):.2f}",
        "observed_last": f"{float(last['observed_accuracy'].mean()):.2f}",
        "picture": show_opening(tree, panel)._repr_html_(),
    }


def show_opening(tree: xr.DataTree, panel: str) -> Picture:
    """Return the picture: two images, the test at the epoch of the highest null, and its course."""
    dataset = panels_of(tree)[panel].sel(perturbation=STRENGTH)
    pair = example_pair()

    def draw(theme: Theme) -> Figure:
        figure = Figure(figsize=(7.8, 3), layout="constrained")
        images, test, course = figure.subplots(1, 3, width_ratios=(1, 1, 1.25))
        _draw_pair(*pair, ax=images, theme=theme)
        _draw_test(dataset, ax=test, theme=theme)
        _draw_course(dataset, ax=course, theme=theme)
        for number, (ax, title) in enumerate(
            (
                (images, "disturb"),
                (test, "test"),
                (course, "over training"),
            ),
            start=1,
        ):
            ax.set_title(f"{number}  {title}", loc="left", fontsize=11, color=theme.ink)
        return figure

    null = dataset["null_accuracy"].mean(("seed", "permutation"))
    peak, highest = int(null.idxmax()), f"{float(null.max()):.2f}"
    observed = float(dataset["observed_accuracy"].sel(epoch=peak).mean())
    parts = [
        "A training image and its copy with 5 % of the pixels shuffled.",
        f"At epoch {peak:,} the scores of shuffled labels lie around {highest}, above "
        f"chance: memorized; that of the true labels, {observed:.2f}, lies above them: learned.",
        f"Over training the null goes from {float(null[0]):.2f} up to {highest} and "
        f"to {float(null[-1]):.2f} at epoch {int(null['epoch'][-1]):,}.",
    ]
    caption = (
        f"{str(tree.attrs['scale']).capitalize()} scale, panel {panel} of Figure "
        f"{str(tree.attrs['figure']).removeprefix('fig')} "
        f"({dataset.attrs['network']}), {dataset.sizes['seed']} "
        f"seed{'s' if dataset.sizes['seed'] > 1 else ''}, {dataset.sizes['permutation']} shuffles; "
        "middle: the epoch of the highest null; band: nine tenths of the shuffles."
    )
    return picture(draw, alt=" ".join(parts), caption=caption)


def _draw_pair(image: np.ndarray, copy: np.ndarray, *, ax: Axes, theme: Theme) -> None:
    """Draw image and copy side by side in one pair of axes."""
    gap = np.full((len(image), 4), np.nan)
    both = np.hstack([image, gap, copy])
    ax.set_axis_off()
    ax = ax.inset_axes((0, 0, 1, 1))  # keeps its proportions, while the title stays on top
    ax.imshow(both, cmap="gray_r" if theme is LIGHT else "gray", vmin=0, vmax=1)
    middle, width = len(image), image.shape[1]
    for x, words in ((width / 2, "training image"), (1.5 * width + 4, "its copy,\n5 % shuffled")):
        ax.text(x, middle + 1.5, words, ha="center", va="top", fontsize=8.5, color=theme.ink)
    ax.set_axis_off()


def _draw_test(dataset: xr.Dataset, *, ax: Axes, theme: Theme) -> None:
    """Draw the null as a histogram, with chance, observed score, and what lies between."""
    null = dataset["null_accuracy"]
    one = dataset.sel(epoch=int(null.mean(("seed", "permutation")).idxmax()))
    values, observed = one["null_accuracy"].values.ravel(), float(one["observed_accuracy"].mean())
    chance, middle = float(one["chance_accuracy"].mean()), float(values.mean())
    heights, _, _ = ax.hist(values, bins=10, color=theme.colours[STRENGTH], alpha=0.75)
    top = float(np.max(heights))
    ax.axvline(chance, color=theme.ink, linewidth=0.9, linestyle=(0, (4, 3)))
    ax.plot([observed] * 2, [0, top], color=theme.colours[STRENGTH], linewidth=2.2)
    at: dict[str, Any] = {"fontsize": 8.5, "color": theme.ink}
    ax.text(chance, -0.04 * top, "chance", ha="center", va="top", **at)
    ax.text(middle, -0.04 * top, "shuffled", ha="center", va="top", **at)
    ax.text(observed, -0.04 * top, "true", ha="center", va="top", **at)
    for low, high, words in ((chance, middle, "memorized"), (middle, observed, "learned")):
        ax.annotate(
            "",
            (high, 1.12 * top),
            (low, 1.12 * top),
            arrowprops={"arrowstyle": "->", "color": theme.ink, "shrinkA": 0, "shrinkB": 0},
        )
        ax.text((low + high) / 2, 1.15 * top, words, ha="center", va="bottom", **at)
    ax.set_xlim(min(chance, float(values.min())) - 0.06, observed + 0.06)
    ax.set_ylim(0, 1.32 * top)
    style_axes(ax, theme)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="x", pad=14)
    ax.set_xlabel("accuracy on the copies", fontsize=9, color=theme.ink)


def _draw_course(dataset: xr.Dataset, *, ax: Axes, theme: Theme) -> None:
    """Draw null and observed score over epochs, named where they end."""
    epochs, null = dataset["epoch"].values, dataset["null_accuracy"]
    low, high = null.quantile((0.05, 0.95), ("seed", "permutation")).values
    mean = null.mean(("seed", "permutation")).values
    observed = dataset["observed_accuracy"].mean("seed").values
    chance = float(dataset["chance_accuracy"].mean())
    ax.fill_between(epochs, low, high, color=theme.colours[STRENGTH], alpha=0.3, linewidth=0)
    ax.plot(epochs, mean, color=theme.colours[STRENGTH], linewidth=1.6)
    ax.plot(epochs, observed, color=theme.colours[STRENGTH], linewidth=1.8)
    ax.axhline(chance, color=theme.ink, linewidth=0.9, linestyle=(0, (4, 3)))
    ends = {"true labels": observed[-1], "shuffled": mean[-1], "chance": chance}
    for words, height in ends.items():
        ax.annotate(
            words,
            (1.02, height),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8.5,
            color=theme.ink,
        )
    ax.set_xscale("log")
    ax.set_xlim(epochs[0], epochs[-1])
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_ylim(chance - 0.06, 1.0)
    style_axes(ax, theme, grid="y")
    ax.set_xlabel("training epoch", fontsize=9, color=theme.ink)
