"""The open choices as one picture: what each changes, seed by seed (no torch)."""

from collections.abc import Iterable
from functools import partial

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memlib.papers.chaibub_neto_2018.choice_tables import effect, shown_choices
from memlib.report.pictures import Picture, picture
from memlib.report.styles import LIGHT, Theme, style_axes


def plot_choices(tree: xr.DataTree, *, axes: Iterable[Axes], theme: Theme = LIGHT) -> None:
    """Draw the change of the null (first axis) and of the observed score (second), seed by seed."""
    names = [name for name in shown_choices(tree) if name != "default"]
    colours = {"images": theme.colours[0.05], "noise": theme.ink}
    for ax, kind in zip(axes, ("null_change", "observed_change"), strict=True):
        labels = {run: run for run in colours}  # one entry each in a legend
        for row, name in enumerate(names):
            for run, shift in (("images", -0.16), ("noise", 0.16)):
                one = effect(tree, name, run)
                if one is not None:
                    values = getattr(one, kind)
                    ax.plot(
                        [0, values.mean()],
                        [row + shift] * 2,
                        color=colours[run],
                        linewidth=1.4,
                        alpha=0.6,
                    )
                    ax.scatter(
                        values,
                        [row + shift] * len(values),
                        s=14,
                        color=colours[run],
                        linewidths=0,
                        label=labels.pop(run, None),
                        zorder=3,
                    )
        ax.axvline(0, color=theme.ink, linewidth=0.8)
        style_axes(ax, theme, grid="x")
        what = "null, mean over epochs" if kind == "null_change" else "observed, last epoch"
        ax.set_xlabel(f"change of the {what}", color=theme.ink, fontsize=9)
        groups = [tree.children[name].attrs for name in names]
        ax.set_yticks(
            range(len(names)), [f"{g['question']}: {g['label']}" for g in groups], color=theme.ink
        )
        ax.set_ylim(len(names) - 0.5, -0.5)


def draw_choices(tree: xr.DataTree, theme: Theme = LIGHT) -> Figure:
    """Return the picture of all choices as a figure."""
    figure = Figure(figsize=(9.5, 0.3 * len(shown_choices(tree)) + 1), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    plot_choices(tree, axes=axes, theme=theme)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside upper center",
        ncols=2,
        frameon=False,
        labelcolor=theme.ink,
    )
    return figure


def show_choices(tree: xr.DataTree) -> Picture:
    """Return the picture of all choices for a page, with a text that says what it shows."""
    words = []
    for name in shown_choices(tree):
        one = effect(tree, name, "noise") or effect(tree, name, "images")
        if one is not None and name != "default":
            words.append(f"{tree.children[name].attrs['label']} {one.null_change.mean():+.2f}")
    return picture(
        partial(draw_choices, tree),
        alt=f"Changes of the null of the least perturbed set, on noise if run: {'; '.join(words)}.",
        caption=(
            f"{str(tree.attrs['scale']).capitalize()} scale, {tree.attrs['n_seeds']} seeds, one "
            "point each; the least perturbed set of each run. Left: null, mean over measured "
            "epochs; right: observed score at the last epoch; both against the default with the "
            "same seed (rmsProp's constants against rmsProp)."
        ),
    )
