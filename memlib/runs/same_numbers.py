"""Code that gives the same numbers as earlier code: what was stored before a move stays valid.

A piece's key holds a digest of the code that decides its numbers. Where a table says that today's
code gives, bit for bit, what earlier code gave, the earlier digest stands in the key. The table is
written only after both have computed small runs that agree::

    python -m memlib.runs.same_numbers CHECKOUT

compares with another checkout of this project.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from memlib.base import files, keys
from memlib.base.checkout import ROOT
from memlib.base.errors import InputError
from memlib.results.files import read_tree
from memlib.results.schema import panels_of

TABLE = Path(__file__).with_suffix(".json")
# Small runs of every kind of training and null: their pieces have to be the same to the last bit.
RUNS: tuple[dict[str, Any], ...] = (
    {"figure": "fig1", "panels": ["a", "c", "d", "f"]},
    {"figure": "fig4", "panels": ["b", "e"]},
    {"figure": "fig5", "panels": ["d"], "classifier": "ridge"},
    {
        **{"figure": "fig2", "panels": ["a"], "shuffled_labels": 0.3},
        **{"perturbation_kind": "rotate", "perturbations": [5.0, 10.0]},
    },
    {"figure": "fig1", "panels": ["a"], "loss": "categorical", "classifier": "nearest_neighbours"},
)
SCORED = ("null_accuracy", "observed_accuracy", "validation_accuracy", "network_train_loss")
CODE = """
import json, memlib
for run in json.loads({runs!r}):
    memlib.run_figure(scale="smoke", n_jobs=1, progress=False, **run)
try:
    from memlib.papers.chaibub_neto_2018.null_pieces import null_code
    print(null_code())
except ImportError:  # before the rooms
    from memlib.null_piece import NULL_CODE
    from memlib.store import code_digest
    print(code_digest(NULL_CODE))
"""


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = json.loads(TABLE.read_text(encoding="utf-8"))
    return table


def earliest(kind: str, digest: str) -> str:
    """Return the digest of the first code that gave the same numbers; its own where none did.

    Parameters
    ----------
    kind
        Of piece: ``"dense"``, ``"convolution"`` and ``"gpu"`` trainings, or ``"null"``.
    digest
        Of today's code, see `memlib.base.keys.code_digest`.
    """
    return _table().get(kind, {}).get(digest, digest)


def compare(checkout: Path) -> dict[str, dict[str, str]]:
    """Run both codes, and return by kind of piece: today's digest and the earliest that agrees.

    Raises
    ------
    InputError
        When a stored array differs, or the runs have not the same pieces.
    """
    with tempfile.TemporaryDirectory(prefix="memlib-") as folder:
        theirs, ours = Path(folder, "theirs"), Path(folder, "ours")
        null = _run(checkout, theirs), _run(ROOT, ours)
        found = {"null": {null[1]: null[0]}}
        before = {_without_code(one): one for one in _abouts(theirs)}
        after = {_without_code(one): one for one in _abouts(ours)}
        if before.keys() != after.keys():
            raise InputError(f"{checkout}: its trainings are described in another way")
        for same, path in after.items():
            _require_equal(before[same].parent, path.parent)
            codes = [json.loads(one.read_text())["code"] for one in (path, before[same])]
            spec = json.loads(path.read_text())
            cnn = any(layer["layer"] == "Conv" for layer in spec["layers"])
            found.setdefault("convolution" if cnn else "dense", {})[codes[0]] = codes[1]
        results = [sorted(one.glob("*.nc"), key=_order) for one in (theirs, ours)]
        for one, other in zip(*results, strict=True):
            _require_same_result(one, other)
    return found


def _run(checkout: Path, results: Path) -> str:
    """Compute the small runs by a checkout's code; return the digest of its null's code."""
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(runs=json.dumps(RUNS))],
        env=os.environ | {"PYTHONPATH": str(checkout), "MEMLIB_RESULTS": str(results)},
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()[-1]


def _abouts(results: Path) -> Iterator[Path]:
    return iter(sorted(results.glob("pieces/training-*/about.json")))


def _without_code(about: Path) -> str:
    spec = json.loads(about.read_text())
    return keys.to_json({name: value for name, value in spec.items() if name != "code"})


def _order(path: Path) -> str:
    parameters: str = read_tree(path).attrs["parameters"]
    return parameters


def _require_equal(before: Path, after: Path) -> None:
    for path in sorted(before.glob("epoch_*.npz")):
        old, new = files.read_arrays(path) or {}, files.read_arrays(after / path.name) or {}
        for name in old.keys() | new.keys():
            if name != "seconds" and not np.array_equal(old[name], new[name]):
                raise InputError(f"{name} of {path} differs from {after.name}")


def _require_same_result(before: Path, after: Path) -> None:
    old, new = panels_of(read_tree(before)), panels_of(read_tree(after))
    for panel, dataset in old.items():
        both = [name for name in dataset.data_vars if name in new[panel]]  # others were renamed
        if not set(SCORED) <= set(both):
            raise InputError(f"panel {panel} of {before.name} lacks one of {', '.join(SCORED)}")
        for name in both:
            if not np.array_equal(dataset[name].values, new[panel][name].values):
                raise InputError(f"{name} of panel {panel} differs: {before.name}")


if __name__ == "__main__":
    (named,) = sys.argv[1:]
    table = _table()
    for kind, digests in compare(Path(named).resolve()).items():
        for today, before in digests.items():
            table.setdefault(kind, {})[today] = earliest(kind, before)
    files.write_text(TABLE, json.dumps(table, indent=1, sort_keys=True) + "\n")
    print(f"the numbers are the same, bit for bit; written to {TABLE.name}")
