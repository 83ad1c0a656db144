"""Stored results as files of pictures, for papers and slides (no torch, no notebook)."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import matplotlib
import xarray as xr
from matplotlib.figure import Figure

from memlib.choice_plots import draw_choices
from memlib.choices import choices_path, read_choices
from memlib.errors import InputError
from memlib.figures import FIGURES
from memlib.pictures import svg
from memlib.plots import LIGHT, Theme, plot_figure
from memlib.puzzle import draw_puzzle
from memlib.results import read_result
from memlib.shipped import SHIPPED_SCALES, shipped_path
from memlib.store import write_atomically

FORMATS = ("svg", "pdf", "png")
DPI = 200  # of a PNG
# Both drawn from the one dataset of the open choices.
OPEN_CHOICES: dict[str, Callable[[xr.DataTree, Theme], Figure]] = {
    "choices": draw_choices,
    "puzzle": draw_puzzle,
}


def shipped_drawings() -> dict[str, Path]:
    """Return the file of each picture that can be drawn from data/results, by its name."""
    files = {
        f"{figure}-{scale}": shipped_path(figure, scale)
        for figure in FIGURES
        for scale in SHIPPED_SCALES
    }
    files |= dict.fromkeys(OPEN_CHOICES, choices_path())
    return {name: path for name, path in files.items() if path.is_file()}


def chosen_drawings(wanted: Sequence[str]) -> dict[str, Path]:
    """Return the file of each picture that is asked for, by its name.

    Parameters
    ----------
    wanted
        Names of `shipped_drawings`, figures (``fig1``: at each scale), or paths of results; all
        that come with the checkout when empty.

    Raises
    ------
    InputError
        When one of them is none of these, or two results would be drawn to one file.
    """
    known = shipped_drawings()
    found: dict[str, Path] = {}
    for one in wanted or known:
        if one.endswith(".nc"):
            own = Path(one)
            if not own.is_file():
                raise InputError(f"{one}: there is no such file")
            if found.get(own.stem, own) != own:
                raise InputError(f"{one}: {found[own.stem]} is drawn under the same name")
            found[own.stem] = own
            continue
        named = {name: path for name, path in known.items() if one in (name, name.split("-")[0])}
        if not named:
            raise InputError(
                f"{one}: take a figure, one of {', '.join(known)}, or the path of a result (.nc)"
            )
        found |= named
    return found


def draw_files(
    drawings: dict[str, Path], folder: Path, *, file_format: str = "svg", theme: Theme = LIGHT
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
    names: dict[Path, list[str]] = {}
    for name, path in drawings.items():
        names.setdefault(path, []).append(name)
    for path, some in names.items():
        for name, figure in _figures(path, some, theme):
            file = folder / f"{name}{'' if theme is LIGHT else '-dark'}.{file_format}"
            write_atomically(file, partial(_save, figure, file_format))
            yield file


def _figures(path: Path, names: Sequence[str], theme: Theme) -> Iterator[tuple[str, Figure]]:
    """Yield the pictures of one file, which is read once."""
    if path != choices_path():
        tree = read_result(path)
        yield from ((name, plot_figure(tree, theme=theme)) for name in names)
    elif (tree_of_choices := read_choices(path)) is not None:
        yield from ((name, OPEN_CHOICES[name](tree_of_choices, theme)) for name in names)


def _save(figure: Figure, file_format: str, path: Path) -> None:
    if file_format == "svg":
        path.write_text(svg(figure), encoding="utf-8")
        return
    # No date and no version: the same result gives the same file. Letters of a PDF stay letters.
    metadata = {"CreationDate": None} if file_format == "pdf" else {"Software": None}
    with matplotlib.rc_context({"pdf.fonttype": 42}):
        figure.savefig(path, format=file_format, transparent=True, dpi=DPI, metadata=metadata)
