"""Stored results as files of pictures, for papers and slides (no torch, no notebook)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import matplotlib
import xarray as xr
from matplotlib.figure import Figure

from memlib.base.errors import InputError, ResultError
from memlib.base.files import write_atomically
from memlib.papers.chaibub_neto_2018.choice_plots import draw_choices
from memlib.papers.chaibub_neto_2018.choices import choices_path, holds_choices, read_choices
from memlib.papers.chaibub_neto_2018.figures import FIGURES, SHIPPED_SCALES
from memlib.papers.chaibub_neto_2018.plots import plot_figure
from memlib.papers.chaibub_neto_2018.puzzle import draw_puzzle
from memlib.report.pictures import svg
from memlib.report.styles import LIGHT, Theme
from memlib.runs.figure import read_result
from memlib.runs.shipped import shipped_path

FORMATS = ("svg", "pdf", "png")
DPI = 200  # of a PNG
Draw = Callable[[xr.DataTree, Theme], Figure]


@dataclass(frozen=True)
class Drawing:
    """A picture that can be drawn: from which file, read how, and by what."""

    path: Path
    read: Callable[[Path], xr.DataTree | None]
    draw: Draw


def shipped_drawings() -> dict[str, Drawing]:
    """Return each picture that can be drawn from data/results, by its name."""
    found: dict[str, Drawing] = {}
    for figure in FIGURES:
        for scale in SHIPPED_SCALES:
            if (path := shipped_path(figure, scale)).is_file():
                found[f"{figure}-{scale}"] = Drawing(path, read_result, _draw_result)
    if (path := choices_path()).is_file():
        found["choices"] = Drawing(path, read_choices, draw_choices)
        found["puzzle"] = Drawing(path, read_choices, draw_puzzle)
    return found


def chosen_drawings(wanted: Sequence[str]) -> dict[str, Drawing]:
    """Return each picture that is asked for, by its name.

    Parameters
    ----------
    wanted
        Names of `shipped_drawings`, figures (``fig1``: at each scale), or paths of results and of
        open choices (``.nc``); all that come with the checkout when empty.

    Raises
    ------
    InputError
        When one of them is none of these, or two results would be drawn to one file.
    """
    known = shipped_drawings()
    found: dict[str, Drawing] = {}
    for one in wanted or known:
        named = _of_file(Path(one)) if one.endswith(".nc") else _of_name(one, known)
        for name, drawing in named.items():
            other = found.setdefault(name, drawing)
            if other.path.resolve() != drawing.path.resolve():
                raise InputError(f"{one}: {other.path} is drawn under the same name, {name}")
    return found


def _of_name(name: str, known: dict[str, Drawing]) -> dict[str, Drawing]:
    found = {own: drawing for own, drawing in known.items() if name in (own, own.split("-")[0])}
    if not found:
        raise InputError(
            f"{name}: take a figure, one of {', '.join(known)}, or the path of a result (.nc)"
        )
    return found


def _of_file(path: Path) -> dict[str, Drawing]:
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    if holds_choices(path):
        return {path.stem: Drawing(path, read_choices, draw_choices)}
    return {path.stem: Drawing(path, read_result, _draw_result)}


def _draw_result(tree: xr.DataTree, theme: Theme) -> Figure:
    return plot_figure(tree, theme=theme)


def draw_files(
    drawings: dict[str, Drawing], folder: Path, *, file_format: str = "svg", theme: Theme = LIGHT
) -> Iterator[Path]:
    """Draw pictures to files, each whole or not at all, and yield their paths.

    The same results give the same bytes.

    Parameters
    ----------
    drawings
        See `chosen_drawings`.
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
