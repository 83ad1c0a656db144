"""Which pictures can be drawn from stored results, and which are asked for."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from pkgutil import resolve_name

import xarray as xr
from matplotlib.figure import Figure

from memlib.base.errors import InputError
from memlib.papers.chaibub_neto_2018.choice_plots import draw_choices
from memlib.papers.chaibub_neto_2018.choices import choices_path, holds_choices, read_choices
from memlib.papers.chaibub_neto_2018.puzzle import draw_puzzle
from memlib.report.drawing import Drawing
from memlib.report.styles import Theme
from memlib.runs.figure import read_result
from memlib.runs.shipped import shipped_path
from memlib.runs.study import find_study, studies


def shipped_drawings() -> dict[str, Drawing]:
    """Return each picture that can be drawn from data/results, by its name."""
    found: dict[str, Drawing] = {}
    for study in studies().values():
        for figure, scale in product(study.figures, study.shipped_scales):
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
    """Draw a result as its study does."""
    draw = resolve_name(find_study(tree.attrs["figure"]).plot)
    figure: Figure = draw(tree, theme=theme)
    return figure
