"""Benchmark of training: steps of the panels, the share of the machine's peak, a whole figure."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray as xr
from joblib.externals.loky import get_reusable_executor
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from memlib.base.parallel import one_thread
from memlib.bench.engines import step_of, train_panel_a
from memlib.bench.keras import keras_fit
from memlib.bench.timing import (
    SEED,
    Comparison,
    Scaling,
    Timed,
    compare,
    interleaved,
    measure_scaling,
    repeats,
    timed,
)
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.runs.figure import run_figure
from memlib.runs.settings import LEARNING_RATES
from memlib.training.images import load_data
from memlib.training.layers import Architecture, Dense
from memlib.training.networks import build_network

if TYPE_CHECKING:
    from memlib.bench.suite import Sizes

BATCH = 128
N_IMAGES = 2000  # of the paper
RMSPROP_PANEL = "a"
# Starts the workers and loads all that a figure needs there, with next to no work.
WARM_UP = {"n_images": 64, "n_validation_images": 64, "epochs": 1, "cnn_epochs": 1, "n_trees": 2}


def bench_training(
    sizes: "Sizes", say: Callable[[str], None]
) -> tuple[list[Comparison], list[Scaling], xr.Dataset]:
    """Measure training on one thread."""
    with one_thread():
        comparisons = []
        runs = [(panel, "sgd") for panel in sizes.panels] + [(RMSPROP_PANEL, "rmsprop")]
        for panel, optimizer in runs:
            found = _compare_steps(panel, optimizer, sizes)
            comparisons += found
            say("\n".join(map(str, found)))
        peak = _measure_peak(sizes)
        share = float(peak["peak_fraction"].median())
        say(f"training of panel a: {share:.2f} of the large product's rate")
        data = load_data(n_images=N_IMAGES, n_validation_images=2, seed=SEED)

        def train(n_epochs: int) -> Timed:
            return timed(lambda: train_panel_a(data, n_epochs))

        scaling = measure_scaling("training: epochs", sizes.epoch_sizes, train, sizes.n_repeats)
        say(str(scaling))
    return comparisons, [scaling], peak


def _compare_steps(panel: str, optimizer: str, sizes: "Sizes") -> list[Comparison]:
    """Compare one training step of memlib, a plain loop and Keras on the same mini-batches."""
    architecture = ARCHITECTURES[panel]
    n_steps = sizes.cnn_steps if architecture.is_cnn else sizes.mlp_steps
    inputs, targets = batches(n_steps)
    step = step_of(panel, optimizer)
    loop = plain_loop(build_network(architecture, seed=SEED), optimizer, inputs, targets)
    # Compilation, first-time allocation and tracing are paid before anything is timed.
    step.run(inputs[:BATCH], targets[:BATCH], BATCH)
    loop()
    with keras_fit(
        architecture,
        inputs.numpy(),
        targets.numpy(),
        optimizer=optimizer,
        learning_rate=LEARNING_RATES[optimizer],
        batch_size=BATCH,
    ) as keras:
        return compare(
            f"training step, panel {panel}{', rmsProp' if optimizer == 'rmsprop' else ''}",
            {
                "memlib": timed(lambda: step.run(inputs, targets, BATCH)),
                "plain torch loop": timed(loop),
                "Keras fit": keras,
            },
            sizes.n_repeats,
            n_units=n_steps,
        )


def batches(n_steps: int) -> tuple[Tensor, Tensor]:
    """Return images (sample, row, column) and targets (sample, output) of full mini-batches."""
    data = load_data(n_images=N_IMAGES, n_validation_images=2, seed=SEED)
    rows = np.arange(n_steps * BATCH) % N_IMAGES
    targets = np.eye(2, dtype=np.float32)[data.train_labels[rows]]
    return torch.from_numpy(data.train_images[rows]), torch.from_numpy(targets)


def plain_loop(
    network: nn.Sequential, optimizer: str, inputs: Tensor, targets: Tensor
) -> Callable[[], None]:
    """Return the loop that one would write first: eager layers, autograd, ``torch.optim``."""
    rate = LEARNING_RATES[optimizer]
    update: torch.optim.Optimizer = (
        torch.optim.SGD(network.parameters(), lr=rate)
        if optimizer == "sgd"
        else torch.optim.RMSprop(network.parameters(), lr=rate, alpha=0.9, eps=1e-7)
    )

    def loop() -> None:
        network.train()
        for x, y in zip(inputs.split(BATCH), targets.split(BATCH), strict=True):
            update.zero_grad()
            binary_cross_entropy_with_logits(network(x), y).backward()
            update.step()

    return loop


def step_operations(
    architecture: Architecture, *, batch_size: int = BATCH, image_shape: tuple[int, int] = (28, 28)
) -> int:
    """Count a training step's floating-point operations in the products of dense layers.

    A multiply-add is two. Forward and the weights' gradient take one product a layer each, the
    inputs' gradient one for every layer but the first: nobody asks for that of the images.
    """
    widths = [
        int(np.prod(image_shape)),
        *(layer.units for layer in architecture.layers if isinstance(layer, Dense)),
        2,
    ]
    products = [a * b for a, b in pairwise(widths)]
    return 2 * batch_size * (2 * sum(products) + sum(products[1:]))


def _measure_peak(sizes: "Sizes") -> xr.Dataset:
    """Time the step of panel a and a large matrix product in turns."""
    inputs, targets = batches(sizes.mlp_steps)
    step = step_of("a")
    generator = torch.Generator().manual_seed(SEED)
    a, b = (torch.randn(sizes.matrix_side, sizes.matrix_side, generator=generator) for _ in "ab")
    step.run(inputs[:BATCH], targets[:BATCH], BATCH)
    torch.mm(a, b)
    seconds = interleaved(
        {
            "step": timed(lambda: step.run(inputs, targets, BATCH)),
            "product": timed(lambda: torch.mm(a, b)),
        },
        sizes.n_repeats,
    )
    operations = step_operations(ARCHITECTURES["a"])
    step_rate = operations * sizes.mlp_steps / seconds["step"]
    product_rate = 2 * sizes.matrix_side**3 / seconds["product"]
    return xr.Dataset(
        {
            "step_operations": operations,
            "step_rate": ("repeat", step_rate),
            "product_rate": ("repeat", product_rate),
            "peak_fraction": ("repeat", step_rate / product_rate),
        },
        {"repeat": repeats(step_rate)},
    )


@contextmanager
def results_in(folder: Path) -> Iterator[None]:
    """Send results to a folder, in this process and in workers started from here on."""
    before = os.environ.get("MEMLIB_RESULTS")
    get_reusable_executor().shutdown(wait=True)  # older workers would write to the old folder
    os.environ["MEMLIB_RESULTS"] = str(folder)
    try:
        yield
    finally:
        get_reusable_executor().shutdown(wait=True)
        if before is None:
            del os.environ["MEMLIB_RESULTS"]
        else:
            os.environ["MEMLIB_RESULTS"] = before


def bench_figure(sizes: "Sizes", say: Callable[[str], None]) -> tuple[list[Comparison], Scaling]:
    """Measure Fig. 1 at smoke scale, from nothing to its dataset, with 1, 2, ... workers.

    Workers are started and warm before the first timing: at this scale their start would count
    for more than the work.
    """
    with tempfile.TemporaryDirectory() as scratch, results_in(Path(scratch) / "results"):

        def run(n_workers: int, changes: Mapping[str, Any]) -> Timed:
            def seconds(repeat: int) -> float:
                shutil.rmtree(Path(scratch) / "results", ignore_errors=True)
                work = partial(run_figure, "fig1", "smoke", n_jobs=n_workers, progress=False)
                return timed(lambda: work(**changes))(repeat)

            return seconds

        def figure(n_workers: int) -> Timed:
            return run(n_workers, sizes.figure_changes)

        for n_workers in sizes.worker_counts:
            run(n_workers, {**sizes.figure_changes, **WARM_UP})(0)
        name = "whole figure (fig1, smoke): workers"
        scaling = measure_scaling(name, sizes.worker_counts, figure, sizes.n_figure_repeats)
    say(str(scaling))
    first = scaling.seconds[0]
    comparisons = [
        Comparison(f"whole figure (fig1, smoke), {n} workers", "one worker", "measured", own, first)
        for n, own in zip(scaling.sizes[1:], scaling.seconds[1:], strict=True)
    ]
    say("\n".join(map(str, comparisons)))
    return comparisons, scaling
