"""What a chapter offers below each figure: files, the command that makes it, how it was made."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

import nbformat
import xarray as xr
from nbformat import NotebookNode

from kit.colab import colab_notebook
from kit.notebooks import NotebookError
from kit.repository import Repository
from memlib.report.tables import markdown_table
from memlib.results.provenance import MADE, accounts_of
from memlib.results.schema import panels_of
from memlib.runs.commands import arguments_of
from memlib.runs.figure import read_result

FOLDER = "downloads"  # of the site
FIGURE = re.compile(r'<figure class="memlib-figure" id="([\w-]+)".*?</figure>', re.DOTALL)
PICTURE = re.compile(r'<img class="only-(light|dark)"[^>]* src="data:image/svg\+xml,([^"]*)"')


def add_downloads(
    name: str,
    notebook: NotebookNode,
    source: Path,
    datasets: Mapping[str, Path],
    repository: Repository | None = None,
) -> tuple[NotebookNode, dict[str, bytes]]:
    """Put below each result's figure what a reader may take along.

    Parameters
    ----------
    name
        The chapter, for example ``fig1``.
    notebook
        Executed and fit to publish.
    source
        Its text source.
    datasets
        Files of results by the key of their figure, see `memlib.report.pictures.Picture`.
    repository
        Where the book is public: adds links to Colab and Binder.

    Returns
    -------
    notebook, files
        The notebook with a cell more below each figure, and the files of the site, by their path
        in it, that these cells link to.

    Raises
    ------
    NotebookError
        When a figure shows a result that is not among `datasets`.
    """
    executed = nbformat.writes(notebook) + "\n"
    files = {
        f"{FOLDER}/{name}.ipynb": executed.encode(),
        f"{FOLDER}/{name}.py": source.read_bytes(),
    }
    if repository is not None:
        colab = nbformat.writes(colab_notebook(source, repository)) + "\n"
        files[f"{FOLDER}/{name}-colab.ipynb"] = colab.encode()
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        for key, html in figures_of(cell):
            if key not in datasets:
                raise NotebookError(f"{name}: no dataset is known of the figure {key!r}")
            for theme, picture in PICTURE.findall(html):
                suffix = "" if theme == "light" else "-dark"
                files[f"{FOLDER}/{key}{suffix}.svg"] = unquote(picture).encode()
            files[f"{FOLDER}/{key}.nc"] = datasets[key].read_bytes()
            text = _offer(source, key, files, datasets[key], repository)
            cells.append(nbformat.v4.new_markdown_cell(text))
    added = nbformat.from_dict({**notebook, "cells": cells})
    return added, files


def figures_of(cell: NotebookNode) -> list[tuple[str, str]]:
    """List the results' figures among a cell's outputs: key and HTML."""
    shown = [str(one.get("data", {}).get("text/html", "")) for one in cell.get("outputs", [])]
    return [(found[1], found[0]) for html in shown for found in FIGURE.finditer(html)]


def _offer(
    source: Path, key: str, files: Mapping[str, bytes], dataset: Path, repository: Repository | None
) -> str:
    """Return the Markdown below a figure."""
    name = source.stem

    def link(file: str, text: str) -> str:
        size = f"{max(len(files[f'{FOLDER}/{file}']) / 1000, 1):,.0f} kB"
        kind = {"nc": "netCDF", "svg": "SVG", "ipynb": "Jupyter", "py": "Python"}
        # As HTML: Sphinx would look for a page or make a copy of its own.
        anchor = f'<a href="../{FOLDER}/{file}" download>{text}</a>'
        return f"{anchor} ({kind[file.rpartition('.')[2]]}, {size})"

    links = [
        link(f"{key}.nc", "dataset"),
        link(f"{key}.svg", "picture"),
        link(f"{key}-dark.svg", "picture for dark slides"),
        link(f"{name}.ipynb", "executed notebook"),
        link(f"{name}.py", "its text source"),
    ]
    lines = [f"Download: {', '.join(links)}. `xarray.open_datatree` opens the dataset."]
    if repository is not None:
        colab = repository.colab(f"{FOLDER}/{name}-colab.ipynb")
        binder = repository.binder(f"notebooks/{source.parent.name}/{source.name}")
        lines[0] += f" Open the notebook in [Colab]({colab}) or on [Binder]({binder})."
    tree = read_result(dataset)
    commands = "\n".join(commands_of(tree))
    lines += ["", "````{dropdown} How this figure was made"]
    lines += ["```bash", commands, "```", "", accounts_table(tree), "````"]
    return "\n".join([":::::{div} memlib-downloads", *lines, ":::::"])


def commands_of(tree: xr.DataTree) -> list[str]:
    """Return the commands that make a result: one, or as many as it was put together from."""
    by_parameters: dict[str, list[str]] = {}
    shipped = False
    for panel, dataset in panels_of(tree).items():
        shipped |= "made" in dataset.attrs
        for account in accounts_of(dataset, tree.attrs):
            own = {k: v for k, v in account["parameters"].items() if k != "panels"}
            by_parameters.setdefault(json.dumps(own, sort_keys=True), []).append(panel)
    commands = []
    for own_text, panels in by_parameters.items():
        arguments = arguments_of(json.loads(own_text) | {"panels": panels})
        commands.append(f"memlib run {arguments}")
        if shipped:
            commands.append(f"memlib ship {arguments}")
    return commands


def accounts_table(tree: xr.DataTree) -> str:
    """Return how a result's panels were made as a Markdown table, a column for each account."""
    columns: dict[tuple[str, ...], dict[str, float]] = {}
    for panel, dataset in panels_of(tree).items():
        for account in accounts_of(dataset, tree.attrs):
            seeds = ", ".join(map(str, account["seeds"]))
            key = (seeds, *(str(account[name]) for name in MADE))
            columns.setdefault(key, {})[panel] = account["compute_seconds"]
    rows: dict[str, list[str]] = {}
    for (seeds, *values), seconds in columns.items():
        made = dict(zip(MADE, values, strict=True))
        shown = {
            "panels": ", ".join(seconds),
            "seed": seeds,
            "commit": f"`{made['git_commit']}`",
            "versions": f"memlib {made['memlib_version']}, torch {made['torch_version']}",
            "device": made["device"],
            "running time": f"{duration(sum(seconds.values()))}, summed over processes",
            "finished": made["created"],
            "images": f"`{tree.attrs['data_checksum'][:23]}…`",
        }
        for name, text in shown.items():
            rows.setdefault(name, []).append(text)
    table = [[name, *texts] for name, texts in rows.items()]
    return markdown_table(table[0], table[1:])


def duration(seconds: float) -> str:
    """Return a time in the unit it is best read in.

    Examples
    --------
    >>> duration(42), duration(600), duration(36_000)
    ('42 seconds', '10 minutes', '10.0 hours')
    """
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
