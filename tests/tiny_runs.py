"""A tiny Fig. 1 and tiny open choices, and what compares results, arrays and files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from memlib.papers.chaibub_neto_2018.null_pieces import NullBlock
from memlib.results.schema import panels_of
from memlib.runs.figure import run_figure
from memlib.runs.pieces import Piece
from memlib.runs.study import resolve
from memlib.runs.trainings import Training

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


def parted(pieces: Sequence[Piece]) -> tuple[list[Training], list[NullBlock]]:
    """Return the trainings and the null blocks among pieces, each in their order."""
    trainings = [piece for piece in pieces if isinstance(piece, Training)]
    blocks = [piece for piece in pieces if isinstance(piece, NullBlock)]
    assert len(trainings) + len(blocks) == len(pieces)
    return trainings, blocks


def trainings_of(plan) -> list[Training]:
    return parted(plan.pieces)[0]


def blocks_of(plan) -> list[NullBlock]:
    return parted(plan.pieces)[1]


def block_of(training: Training, epoch: int, block: int, strengths) -> NullBlock:
    """Return a null block of a training's network."""
    one = training
    return NullBlock(one.settings, one.panel, one.seed, epoch, block, strengths, one.device)


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
