"""Stored results as files of pictures, for papers and slides (no torch, no notebook)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import matplotlib
import xarray as xr
from matplotlib.figure import Figure

from memlib.base.errors import ResultError
from memlib.base.files import write_atomically
from memlib.report.pictures import svg
from memlib.report.styles import LIGHT, Theme

DPI = 200  # of a PNG
Draw = Callable[[xr.DataTree, Theme], Figure]


@dataclass(frozen=True)
class Drawing:
    """A picture that can be drawn: from which file, read how, and by what."""

    path: Path
    read: Callable[[Path], xr.DataTree | None]
    draw: Draw


def draw_files(
    drawings: dict[str, Drawing], folder: Path, *, file_format: str = "svg", theme: Theme = LIGHT
) -> Iterator[Path]:
    """Draw pictures to files, each whole or not at all, and yield their paths.

    The same results give the same bytes.

    Parameters
    ----------
    drawings
        By name, what is to be drawn.
    folder
        Where to write ``NAME.svg``, or ``NAME-dark.svg``.
    file_format
        One of `FORMATS`; the background is transparent.
    theme
        `LIGHT`, or `DARK` for dark slides.

    Raises
    ------
    ResultError
        When a file is no result or cannot be read, or a picture cannot be written.
    """
    for name, drawing in drawings.items():
        file = folder / f"{name}{'' if theme is LIGHT else '-dark'}.{file_format}"
        tree = drawing.read(drawing.path)
        if tree is None:
            raise ResultError(f"{drawing.path} is gone")
        write_atomically(file, partial(_save, drawing.draw(tree, theme), file_format))
        yield file


def _save(figure: Figure, file_format: str, path: Path) -> None:
    if file_format == "svg":
        path.write_text(svg(figure), encoding="utf-8")
        return
    # No date and no version: the same result gives the same file. Letters of a PDF stay letters.
    metadata = {"CreationDate": None} if file_format == "pdf" else {"Software": None}
    with matplotlib.rc_context({"pdf.fonttype": 42}):
        figure.savefig(path, format=file_format, transparent=True, dpi=DPI, metadata=metadata)
