"""Benchmark of other ways to train, bfloat16 products or a GPU: how fast, and the same nulls?"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray as xr

from memlib.base.parallel import one_thread
from memlib.bench.engines import PERTURBATIONS, step_of
from memlib.bench.timing import (
    MEASURED,
    SEED,
    Comparison,
    Timed,
    compare,
    timed,
)
from memlib.bench.training import BATCH, batches, results_in
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.results.schema import panels_of
from memlib.runs.figure import run_figure

if TYPE_CHECKING:
    from memlib.bench.suite import Sizes

RUNS = (("fig1", "a"), ("fig5", "d"))  # real images, and noise with dropout
VARIANTS: dict[str, dict[str, Any]] = {
    "float32, CPU": {"device": "cpu"},
    "bfloat16, CPU": {"device": "cpu", "precision": "bfloat16"},
    "float32, CUDA": {"device": "cuda"},
    "float32, CPU, another seed": {"device": "cpu", "seed": SEED + 1},
}


def _status(choices: dict[str, Any]) -> str:
    if choices["device"] == "cuda" and not torch.cuda.is_available():
        return "not measured: no CUDA device"
    return MEASURED


def bench_variants(
    sizes: "Sizes", say: Callable[[str], None]
) -> tuple[list[Comparison], xr.Dataset]:
    """Time a step trained in each way, and measure the nulls that come of it."""
    comparisons = []
    for panel in sizes.panels:
        with one_thread():
            found = _compare_steps(panel, sizes)
        comparisons += found
        say("\n".join(map(str, found)))
    variants = _measure_nulls(sizes)
    means = variants["variant_null_mean"]
    for difference in abs(means[1:] - means[0]):
        if difference.notnull().all():
            name, first = difference["variant"].item(), means["variant"][0].item()
            say(f"nulls, {name}: within {float(difference.max()):.4f} of {first}")
    return comparisons, variants


def _compare_steps(panel: str, sizes: "Sizes") -> list[Comparison]:
    architecture = ARCHITECTURES[panel]
    n_steps = sizes.cnn_steps if architecture.is_cnn else sizes.mlp_steps
    inputs, targets = batches(n_steps)

    def steps(choices: dict[str, Any]) -> Timed | str:
        if _status(choices) != MEASURED:
            return _status(choices)
        step = step_of(panel, **choices)
        x, y = inputs.to(step.device), targets.to(step.device)
        step.run(x[:BATCH], y[:BATCH], BATCH)
        return timed(lambda: step.run(x, y, BATCH))

    trained = {name: steps(c) for name, c in VARIANTS.items() if "seed" not in c}
    return compare(f"training step, panel {panel}", trained, sizes.n_repeats, n_units=n_steps)


def _measure_nulls(sizes: "Sizes") -> xr.Dataset:
    status = {name: _status(choices) for name, choices in VARIANTS.items()}
    nulls = {}
    with tempfile.TemporaryDirectory() as scratch, results_in(Path(scratch)):
        for name, choices in VARIANTS.items():
            for figure, panel in RUNS if status[name] == MEASURED else ():
                tree = run_figure(
                    figure,
                    "teaching",
                    panels=[panel],
                    perturbations=PERTURBATIONS,
                    progress=False,
                    **sizes.variant_changes,
                    **choices,
                )
                null = panels_of(tree)[panel]["null_accuracy"].mean(("seed", "permutation"))
                nulls[name, f"{figure}, panel {panel}"] = null
    runs = [f"{figure}, panel {panel}" for figure, panel in RUNS]
    nothing = xr.full_like(next(iter(nulls.values())), np.nan)
    means = [
        xr.concat([nulls.get((name, run), nothing) for run in runs], xr.Variable("run", runs))
        for name in VARIANTS
    ]
    joined = xr.concat(means, xr.Variable("variant", list(VARIANTS)))
    found = joined.to_dataset(name="variant_null_mean")
    return found.assign(variant_status=("variant", list(status.values())))
