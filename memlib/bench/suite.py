"""The benchmark: memlib against the tools it stands in for, measured in turns in one run.

Times differ from machine to machine and from minute to minute, so alternatives are timed one after
the other within each repeat and compared as ratios, of which every one is kept. Nothing here
passes or fails on a time.
"""

import datetime
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from memlib.base import files, keys
from memlib.base.errors import InputError
from memlib.base.version import __version__, git_commit
from memlib.bench.dataset import SCHEMA_VERSION, assemble_bench
from memlib.bench.engines import r_versions
from memlib.bench.null import bench_null
from memlib.bench.training import bench_figure, bench_training
from memlib.bench.variants import bench_variants


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    scale: str
    n_repeats: int
    panels: tuple[str, ...]
    mlp_steps: int  # in one timing
    cnn_steps: int
    matrix_side: int  # of the large product
    epoch_sizes: tuple[int, ...]
    n_rows: int  # of the null
    n_trees: int
    feature_epochs: int  # training behind the features
    n_permutations: int  # of each engine, for equality
    row_sizes: tuple[int, ...]
    permutation_sizes: tuple[int, ...]
    tree_sizes: tuple[int, ...]
    n_figure_repeats: int
    worker_counts: tuple[int, ...] = (1, 2)
    figure_changes: Mapping[str, Any] = field(default_factory=dict)
    variant_changes: Mapping[str, Any] = field(default_factory=dict)  # of a teaching-scale figure


SMOKE = Sizes(
    scale="smoke",
    n_repeats=2,
    panels=("a", "b", "c", "d", "e", "f"),
    mlp_steps=8,
    cnn_steps=1,
    matrix_side=1024,
    epoch_sizes=(2, 4, 8),
    n_rows=2000,
    n_trees=500,
    feature_epochs=20,
    n_permutations=3,
    row_sizes=(500, 1000, 2000),
    permutation_sizes=(1, 2, 4),
    tree_sizes=(50, 100, 200),
    n_figure_repeats=1,
    variant_changes={"n_images": 400, "epochs": 8, "n_measured_epochs": 2, "n_permutations": 4},
)
FULL = Sizes(
    scale="full",
    n_repeats=5,
    panels=("a", "b", "c", "d", "e", "f"),
    mlp_steps=160,
    cnn_steps=4,
    matrix_side=2048,
    epoch_sizes=(5, 10, 20, 40),
    n_rows=2000,
    n_trees=500,
    feature_epochs=100,
    n_permutations=200,
    row_sizes=(1000, 2000, 5000, 10_000),
    permutation_sizes=(1, 2, 4, 8),
    tree_sizes=(125, 250, 500, 1000),
    n_figure_repeats=3,
    variant_changes={"n_permutations": 100},
)


def processor_name() -> str:
    """Return the processor's model, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _provenance(sizes: Sizes) -> dict[str, Any]:
    found: dict[str, Any] = {
        "title": "memlib against the tools it stands in for",
        "source": f"memlib bench, {sizes.scale}; times of one machine, alternatives in turns",
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "scale": sizes.scale,
        "sizes": keys.to_json(asdict(sizes)),
        "processor": processor_name(),
        "n_cores": os.cpu_count() or 1,
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else np.nan,
        "platform": f"{platform.system()} {platform.machine()}",
        "python_version": platform.python_version(),
        "memlib_version": __version__,
        "git_commit": git_commit(),
        "code_digest": keys.code_digest(),
        "schema_version": SCHEMA_VERSION,
    }
    packages = ("numpy", "numba", "torch", "scikit-learn", "scikit-learn-intelex", "keras")
    for name in (*packages, "tensorflow", "tensorflow-cpu"):
        try:
            found[f"{name}_version"] = version(name)
        except PackageNotFoundError:
            continue
    return found


def run_bench(
    sizes: Sizes = SMOKE, *, output: Path | None = None, say: Callable[[str], None] = print
) -> tuple[Path, xr.Dataset]:
    """Measure everything, write the dataset and return its path and itself.

    Parameters
    ----------
    sizes
        `SMOKE`, `FULL` or others.
    output
        File to write, ending in ``.nc``; ``bench-SCALE.nc`` among the results when None.
    say
        Is told each measurement as it is made.

    Raises
    ------
    InputError, ResultError
        When the file's name is wrong or its folder cannot be written, before any work.
    """
    path = output or files.results_dir() / f"bench-{sizes.scale}.nc"
    if path.suffix != ".nc":
        raise InputError(f"--output {path}: the name should end in .nc")
    files.require_writable(path.parent, "--output" if output else "MEMLIB_RESULTS")
    attributes = _provenance(sizes) | r_versions()
    started = time.monotonic()
    comparisons, scalings, peak = bench_training(sizes, say)
    variant_comparisons, variants = bench_variants(sizes, say)
    null_comparisons, null_scalings, nulls = bench_null(sizes, say)
    figure_comparison, figure_scaling = bench_figure(sizes, say)
    attributes["wall_seconds"] = round(time.monotonic() - started, 1)
    dataset = assemble_bench(
        [*comparisons, *variant_comparisons, *null_comparisons, *figure_comparison],
        [*scalings, *null_scalings, figure_scaling],
        [nulls, variants, peak],
        attributes,
    )
    files.write_netcdf(dataset, path)
    return path, dataset
