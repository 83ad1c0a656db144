"""Pictures for pages: SVG in light and dark, with caption and alternative text from the data."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

import matplotlib
from matplotlib.figure import Figure

from memlib.report.styles import DARK, LIGHT, Theme


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

    light: str = field(repr=False)  # notebooks keep the repr beside the picture
    dark: str = field(repr=False)
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
        key = f' id="{_escape(self.key)}"' if self.key else ""
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
