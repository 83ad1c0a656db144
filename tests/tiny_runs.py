"""A tiny Fig. 1 and tiny open choices, and what compares results, arrays and files."""

from pathlib import Path

import numpy as np
import xarray as xr

from memlib.results.schema import panels_of
from memlib.runs.figure import run_figure
from memlib.runs.study import resolve

TINY = {
    "scale": "smoke",
    "panels": ["a", "d"],
    "n_images": 200,
    "n_validation_images": 100,
    "epochs": 4,
    "n_measured_epochs": 3,  # epochs 1, 2, 4
    "n_permutations": 3,
    "n_trees": 5,
}
TINY_CHOICE = {
    **{"n_images": 60, "n_validation_images": 40, "epochs": 3, "n_measured_epochs": 2},
    **{"n_permutations": 19, "n_trees": 3, "cnn_epochs": 2},
}


def settings_of(figure="fig1", **changes):
    return resolve(figure, **(TINY | changes))


def run(figure="fig1", *, n_jobs=1, **changes):
    return run_figure(figure, n_jobs=n_jobs, progress=False, **(TINY | changes))


def assert_same(one: xr.DataTree, other: xr.DataTree) -> None:
    panels, others = panels_of(one), panels_of(other)
    assert list(panels) == list(others)
    for panel in panels:
        xr.testing.assert_equal(panels[panel], others[panel])


def times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def same_arrays(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)
