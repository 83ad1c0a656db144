"""Pictures for pages: SVG in light and dark, with caption and alternative text from the data."""

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import quote

import matplotlib
import xarray as xr
from matplotlib.figure import Figure

from memlib.labels import strength_labels
from memlib.plots import DARK, LIGHT, Theme, plot_figure
from memlib.results import panels_of
from memlib.shipped import read_shipped


def svg(figure: Figure) -> str:
    """Return a figure as SVG text: transparent, the same bytes every time."""
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "memlib", "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    # A hundredth of a point is finer than any screen; matplotlib writes ten times as much.
    return re.sub(
        r' d="[^"]*"',
        lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]),
        buffer.getvalue().decode(),
    )


@dataclass(frozen=True)
class Picture:
    """A picture for a page in light and dark, with a text for those who cannot see it.

    Shown by Jupyter as the light one; by the book as whichever the reader's theme asks for.
    """

    light: str
    dark: str
    alt: str
    caption: str = ""
    key: str = ""  # a result's figure on a page: what links and downloads call it

    def _repr_html_(self) -> str:
        # Without the book's style sheet (in Jupyter) the dark one stays hidden.
        size = _size(self.light)
        images = "".join(
            f'<img class="{css}"{style}{size} alt="{_escape(self.alt)}" '
            f'src="data:image/svg+xml,{_quoted(text)}">'
            for css, style, text in (
                ("only-light", "", self.light),
                ("only-dark", ' style="display:none"', self.dark),
            )
        )
        caption = f"<figcaption>{_escape(self.caption)}</figcaption>" if self.caption else ""
        key = f' id="{self.key}"' if self.key else ""
        return f'<figure class="memlib-figure"{key} tabindex="0">{images}{caption}</figure>'


def _size(svg_text: str) -> str:
    """Return a picture's size as attributes, so that a page keeps room for it while it loads."""
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg_text)
    if found is None:
        return ""
    width, height = (round(float(points) * 4 / 3) for points in found.groups())  # CSS pixels
    return f' width="{width}" height="{height}"'


def _quoted(text: str) -> str:
    """Quote a picture for an address; unlike base64 it still packs well when it is sent."""
    return quote(" ".join(text.split()), safe=" !$()*+,-./:;=?@_~")


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def picture(draw: Callable[[Theme], Figure], *, alt: str, caption: str = "") -> Picture:
    """Draw a figure in both themes.

    Parameters
    ----------
    draw
        Returns the figure for a theme.
    alt
        What is to be seen, for those who cannot see it.
    caption
        Text under the picture.
    """
    return Picture(svg(draw(LIGHT)), svg(draw(DARK)), alt, caption)


def show_figure(tree: xr.DataTree, *, key: str | None = None) -> Picture:
    """Return a result's figure for a page, its caption and alt text taken from the data.

    Parameters
    ----------
    key
        What the page calls it; the figure's own name when None.
    """
    drawn = picture(
        lambda theme: plot_figure(tree, theme=theme),
        alt=describe_result(tree),
        caption=caption_result(tree),
    )
    return replace(drawn, key=tree.attrs["figure"] if key is None else key)


def show_shipped(figure: str, scale: str) -> Picture | None:
    """Return the figure of a result that comes with the checkout; None where there is none."""
    tree = read_shipped(figure, scale)
    return None if tree is None else show_figure(tree, key=f"{figure}-{scale}")


def caption_result(tree: xr.DataTree) -> str:
    """Return what a reader must know of a result: scale, seeds, permutations, trees, time."""
    parameters = json.loads(tree.attrs["parameters"])
    panels = panels_of(tree)
    last: dict[str, list[int]] = {}
    for dataset in panels.values():
        kind = "CNNs" if dataset.attrs["network"].startswith("CNN") else "MLPs"
        last.setdefault(kind, []).append(int(dataset["epoch"].values[-1]))
    epochs = ", ".join(f"{kind} {_range(values)} epochs" for kind, values in last.items())
    n_seeds = [dataset.sizes["seed"] for dataset in panels.values()]
    sizes = next(iter(panels.values())).sizes
    return (
        f"{tree.attrs['scale'].capitalize()} scale: {parameters['n_images']:,} training images, "
        f"{epochs}, {_range(n_seeds)} seed{'s' if max(n_seeds) > 1 else ''} (base "
        f"{parameters['seed']}), {sizes['permutation']} permutations, {parameters['n_trees']} "
        f"trees; {float(tree.attrs['compute_seconds']) / 60:.1f} minutes of one core. "
        "Boxes: permutation null of each s-validation set; lines of the same colour: observed "
        "accuracy; red: the same classifier on independent images; dashed line: chance."
    )


def _range(values: list[int]) -> str:
    """Return the one value there is, or ``smallest to largest``."""
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def describe_result(tree: xr.DataTree) -> str:
    """Return an alternative text that says what a figure shows, panel by panel."""
    parts = []
    for panel, dataset in panels_of(tree).items():
        strength = float(dataset["perturbation"].values.min())
        label = strength_labels(dataset["perturbation"])[strength]
        one = dataset.sel(perturbation=strength).mean("seed")
        null = one["null_accuracy"].mean("permutation").values
        epochs = dataset["epoch"].values
        peak = int(null.argmax())
        parts.append(
            f"Panel {panel}, {dataset.attrs['network']}: the {label} "
            f"null starts at {null[0]:.2f}, is highest at {null[peak]:.2f} (epoch "
            f"{epochs[peak]:,}) and ends at {null[-1]:.2f}; the observed accuracy ends at "
            f"{float(one['observed_accuracy'].values[-1]):.2f}, the validation accuracy at "
            f"{float(one['validation_accuracy'].values[-1]):.2f}."
        )
    return " ".join(parts)
