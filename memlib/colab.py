"""A notebook for Colab: a chapter's source after a cell that fetches the code and its packages."""

from pathlib import Path

import nbformat
from nbformat import NotebookNode

from memlib.notebooks import read_source
from memlib.repository import SOURCES, Repository

# Colab has torch and NumPy loaded before the first cell runs, and cannot change them without a
# restart: of environment.yml's packages it gets, at the same versions, those that it lacks.
SET_UP = """\
# Set up Colab: the code, and what of environment.yml it lacks
import os, subprocess, sys
from importlib.metadata import distributions
import yaml

git = ["git", "clone", "--quiet", "--depth", "1"]
subprocess.run([*git, "--branch", "{branch}", "{url}", "memlib-book"], check=True)
os.chdir("memlib-book/notebooks")
os.environ["PYTHONPATH"] = os.path.abspath("..")
sys.path.insert(0, os.path.abspath(".."))
declared = yaml.safe_load(open("../environment.yml"))["dependencies"][-1]["pip"]
here = {{one.name.lower().replace("_", "-") for one in distributions()}}
pins = [one for one in declared if "==" in one]
lacking = [one for one in pins if one.split("==")[0].lower().replace("_", "-") not in here]
pip = [sys.executable, "-m", "pip", "install", "--quiet", *lacking]
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
