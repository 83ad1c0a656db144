"""A notebook for Colab: a chapter's source after a cell that fetches the code and its packages."""

from pathlib import Path

import nbformat
from nbformat import NotebookNode

from kit.notebooks import read_source
from kit.repository import SOURCES, Repository

# Colab has torch and NumPy loaded before the first cell runs, and cannot change them without a
# restart: of what memlib needs it gets, at the versions of environment.yml, only what it lacks.
SET_UP = """\
# Set up Colab: the code, and those packages of environment.yml that it needs and lacks
import os, subprocess, sys, tomllib
from importlib.metadata import distributions

git = ["git", "clone", "--quiet", "--depth", "1"]
subprocess.run([*git, "--branch", "{branch}", "{url}", "memlib-book"], check=True)
os.chdir("memlib-book/notebooks")
os.environ["PYTHONPATH"] = os.path.abspath("..")
sys.path.insert(0, os.path.abspath(".."))
needed = tomllib.load(open("../pyproject.toml", "rb"))["project"]["dependencies"]
lacking = {{one.split(">")[0] for one in needed}} - {{one.name.lower() for one in distributions()}}
pins = [line.strip("- \\n") for line in open("../environment.yml")]
pip = [sys.executable, "-m", "pip", "install", "--quiet"]
pip += [pin for pin in pins if pin.split("==")[0] in lacking]
subprocess.run(pip if lacking else ["true"], check=True)"""


def colab_notebook(source: Path, repository: Repository) -> NotebookNode:
    """Return a text notebook for Colab, not executed.

    Parameters
    ----------
    source
        A jupytext percent script in ``notebooks/``.
    repository
        What its first cell clones.
    """
    notebook = read_source(source)
    cell = nbformat.v4.new_code_cell(SET_UP.format(url=repository.url, branch=SOURCES))
    notebook.cells.insert(0, cell)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:04d}"  # else random: the same sources give the same bytes
    return notebook
