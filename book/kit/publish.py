"""From nothing to the website: compute all figures, execute all notebooks, build the book."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
import xarray as xr

from kit.chapters import chapters, execute_chapter, source_path
from kit.downloads import add_downloads
from kit.pages.by_eye.data import by_eye_data
from kit.pages.explorer.data import explorer_data
from kit.pages.live.data import live_constants
from kit.parameters import check_parameters, notebook_parameters
from kit.preview import NAME as PREVIEW
from kit.preview import preview_picture
from kit.prose import longest_results, prose_values
from kit.render import build_book
from kit.repository import Repository, read_repository
from kit.sanitise import sanitise
from memlib.base.checkout import checkout_path
from memlib.base.parallel import in_processes
from memlib.papers.chaibub_neto_2018.figures import FIGURES, SHIPPED_SCALES
from memlib.runs.figure import run_figure, stored_result
from memlib.runs.plan import plan
from memlib.runs.schedule import compute
from memlib.runs.shipped import shipped_path
from memlib.runs.study import resolve


def publish_book(
    scale: str,
    given: Mapping[str, Any],
    *,
    n_jobs: int | None = None,
    folder: Path | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Make the book at a scale and return its first page.

    Parameters
    ----------
    scale
        Name of a scale.
    given
        Parameters for all figures, for example the seed.
    n_jobs
        Processes; as many as cores when None.
    folder
        The book's sources, into which the site is built; those of the checkout when None.
    say
        Is told, a line each, what is being done.
    """
    figure_values = {"scale": scale, **given}
    folder = folder or checkout_path("book")
    repository = read_repository(folder)  # said now, not after an hour, when it is mistyped
    for name in FIGURES:
        check_parameters(name, figure_values)
    plans = {name: plan(resolve(name, **figure_values)) for name in FIGURES}
    reused = [name for name, one in plans.items() if stored_result(one) is not None]
    if reused:
        say(f"reused    {', '.join(reused)}: parameters, data and code are the same")
    compute([one for name, one in plans.items() if name not in reused], n_jobs=n_jobs)
    results = {name: run_figure(name, n_jobs=n_jobs, **figure_values) for name in FIGURES}
    say(f"notebooks {len(chapters())} to execute or reuse")
    # One process per notebook waits for its kernel: two at a time keep two cores busy.
    paths = in_processes(
        _executed,
        [(name, figure_values if name in FIGURES else {}) for name in chapters()],
        n_jobs=min(n_jobs or 2, 2),
    )
    say("site      rendering")
    datasets = {name: one.path for name, one in plans.items()}
    with tempfile.TemporaryDirectory(prefix="memlib-") as scratch:
        pages, files = _with_downloads(paths, datasets, repository, Path(scratch))
        files[PREVIEW] = preview_picture(longest_results(results)["fig5"], "d")
        values, scripts = prose_values(results), page_scripts(results)
        return build_book(pages, folder, folder / "_site", values, files, scripts)


def _with_downloads(
    paths: Sequence[Path],
    datasets: Mapping[str, Path],
    repository: Repository | None,
    scratch: Path,
) -> tuple[list[Path], dict[str, bytes]]:
    """Write the figures' chapters again with what they offer for download, and list its files."""
    shipped = {
        f"{figure}-{scale}": (figure, scale) for figure in FIGURES for scale in SHIPPED_SCALES
    }
    known = {key: shipped_path(*one) for key, one in shipped.items()} | dict(datasets)
    pages: list[Path] = []
    files: dict[str, bytes] = {}
    for path in paths:
        pages.append(path)
        if path.stem in FIGURES:
            notebook = sanitise(nbformat.read(path, as_version=4))
            source = source_path(path.stem)
            added, own = add_downloads(path.stem, notebook, source, known, repository)
            files |= own
            pages[-1] = scratch / path.name
            nbformat.write(added, pages[-1])
    return pages, files


def _executed(name: str, given: Mapping[str, Any]) -> Path:
    return execute_chapter(name, notebook_parameters(name, given))[0]


def page_scripts(results: Mapping[str, xr.DataTree]) -> dict[str, str]:
    """Return the data of interactive pages as scripts: files on disk may not be fetched."""
    pages = {
        "explorer": explorer_data(results),
        "by_eye": by_eye_data(),
        "live": live_constants(),
    }
    return {f"{name}/data.js": data_script(name, data) for name, data in pages.items()}


def data_script(page: str, data: Mapping[str, Any]) -> str:
    """Return a script that gives a page its data."""
    text = json.dumps(data, separators=(",", ":"), sort_keys=True, allow_nan=False)
    return f'(globalThis.memlibData ??= {{}})["{page}"] = {text};\n'
