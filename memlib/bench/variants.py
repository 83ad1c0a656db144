"""Benchmark of other ways to train, bfloat16 products or a GPU: how fast, and the same nulls?"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from memlib.bench.engines import PERTURBATIONS
from memlib.bench.timing import (
    MEASURED,
    SEED,
    Comparison,
    Timed,
    Variants,
    compare,
    one_thread,
    timed,
)
from memlib.bench.training import BATCH, batches, results_in
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.results.schema import panels_of
from memlib.runs.figure import run_figure
from memlib.runs.settings import LEARNING_RATES
from memlib.training.factory import make_step
from memlib.training.networks import build_network

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


def bench_variants(sizes: "Sizes", say: Callable[[str], None]) -> tuple[list[Comparison], Variants]:
    """Time a step trained in each way, and measure the nulls that come of it."""
    comparisons = []
    for panel in sizes.panels:
        with one_thread():
            found = _compare_steps(panel, sizes)
        comparisons += found
        say("\n".join(map(str, found)))
    variants = _measure_nulls(sizes)
    for name, one in zip(variants.names[1:], variants.null_mean[1:], strict=True):
        difference = np.abs(one - variants.null_mean[0])
        if np.isfinite(difference).all():
            say(f"nulls, {name}: within {difference.max():.4f} of {variants.names[0]}")
    return comparisons, variants


def _compare_steps(panel: str, sizes: "Sizes") -> list[Comparison]:
    architecture = ARCHITECTURES[panel]
    n_steps = sizes.cnn_steps if architecture.is_cnn else sizes.mlp_steps
    inputs, targets = batches(n_steps)

    def steps(choices: dict[str, Any]) -> Timed | str:
        if _status(choices) != MEASURED:
            return _status(choices)
        step = make_step(
            build_network(architecture, seed=SEED),
            optimizer="sgd",
            learning_rate=LEARNING_RATES["sgd"],
            **choices,
        )
        x, y = inputs.to(step.device), targets.to(step.device)
        step.run(x[:BATCH], y[:BATCH], BATCH)
        return timed(lambda: step.run(x, y, BATCH))

    trained = {name: steps(c) for name, c in VARIANTS.items() if "seed" not in c}
    return compare(f"training step, panel {panel}", trained, sizes.n_repeats, n_units=n_steps)


def _measure_nulls(sizes: "Sizes") -> Variants:
    status = tuple(map(_status, VARIANTS.values()))
    epochs: tuple[int, ...] = ()
    means: list[list[np.ndarray]] = []  # empty for a variant that cannot be had
    with tempfile.TemporaryDirectory() as scratch, results_in(Path(scratch)):
        for choices, found in zip(VARIANTS.values(), status, strict=True):
            means.append([])
            for figure, panel in RUNS if found == MEASURED else ():
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
                means[-1].append(null.transpose("epoch", "perturbation").values)
                epochs = tuple(null["epoch"].values.tolist())
    nothing = np.full((len(RUNS), len(epochs), len(PERTURBATIONS)), np.nan)
    values = np.stack([np.stack(one) if one else nothing for one in means])
    names = tuple(f"{figure}, panel {panel}" for figure, panel in RUNS)
    return Variants(tuple(VARIANTS), status, names, epochs, values)
