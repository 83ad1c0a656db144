"""The picture that stands for the book where a link to it is shared."""

import io
import textwrap
from typing import Any

import matplotlib
import xarray as xr
from matplotlib.figure import Figure

from memlib.base.words import strength_labels
from memlib.report.plots import plot_panel
from memlib.report.styles import LIGHT
from memlib.results.schema import panels_of

NAME = "preview.png"  # in the site
SIZE = (1200, 630)  # pixels, what social networks ask for
DPI = 100
TITLE = "Did the network learn or memorize?"


def preview_picture(tree: xr.DataTree, panel: str) -> bytes:
    """Draw one panel of a result beside the book's title.

    Parameters
    ----------
    tree
        A result, see `memlib.results.schema`.
    panel
        Letter of the panel.

    Returns
    -------
    bytes
        A PNG of 1200 by 630 pixels, the same for the same result.

    Raises
    ------
    KeyError
        When the result has no such panel.
    """
    dataset = panels_of(tree)[panel]
    figure = Figure(figsize=(SIZE[0] / DPI, SIZE[1] / DPI), dpi=DPI, facecolor="white")
    words = f"{tree.attrs['title'].partition(' (')[0]}: {dataset.attrs['network']}"
    ink: dict[str, Any] = {"color": LIGHT.ink, "va": "top"}
    figure.text(0.04, 0.9, TITLE, fontsize=34, weight="bold", **ink)
    figure.text(0.04, 0.74, textwrap.fill(words, 26), fontsize=19, linespacing=1.4, **ink)
    ax = figure.add_axes((0.42, 0.13, 0.55, 0.58))
    plot_panel(dataset, ax=ax, theme=LIGHT)
    ax.set_title("", loc="left")
    ax.tick_params(labelsize=14)
    ax.set_xlabel("training epoch", fontsize=15)
    ax.set_ylabel("accuracy", fontsize=15)
    labels = strength_labels(dataset["perturbation"])
    keys = [(f"{label} perturbed", LIGHT.colours.get(s)) for s, label in labels.items()]
    keys = [*((text, colour) for text, colour in keys if colour), ("validation", LIGHT.validation)]
    for row, (text, colour) in enumerate(keys):
        figure.text(0.04, 0.4 - 0.065 * row, text, fontsize=17, weight="bold", color=colour)
    figure.text(0.04, 0.06, "boxes: shuffled labels\nlines: true labels", fontsize=13, va="center")
    buffer = io.BytesIO()
    with matplotlib.rc_context({"savefig.dpi": DPI}):
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
