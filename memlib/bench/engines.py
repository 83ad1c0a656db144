"""The engines that grow the benchmark's forests: memlib's own, scikit-learn's two, R's two."""

import importlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from memlib.base.errors import ResultError
from memlib.base.parallel import one_thread
from memlib.bench.timing import MEASURED, SEED
from memlib.method.classifiers import EstimatorPredictor, Predictor, make_predictor
from memlib.method.data import Data
from memlib.method.features import extract_learned_features
from memlib.method.perturb import make_s_validation_set
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.runs.settings import LEARNING_RATES
from memlib.training.factory import make_step
from memlib.training.images import load_data
from memlib.training.loop import train_network
from memlib.training.networks import build_network
from memlib.training.steps import Step

PYTHON_ENGINES = ("memlib", "scikit-learn", "scikit-learn-intelex")
R_ENGINES = ("randomForest", "ranger")
ENGINES = (*PYTHON_ENGINES, *R_ENGINES)
PERTURBATIONS = (0.01, 0.05, 0.10, 1.0)

# Times only fit and predict: start-up, loading and reading are over by then.
R_SCRIPT = """
arguments <- commandArgs(trailingOnly = TRUE)
package <- arguments[1]; folder <- arguments[2]
sizes <- as.integer(arguments[3:7])  # rows, features, labellings, sets, trees
suppressPackageStartupMessages(library(package, character.only = TRUE))
numbers <- function(name, n, what, size) readBin(file.path(folder, name), what, n, size)
columns <- paste0("x", seq_len(sizes[2]))
rows <- function(name, n) matrix(numbers(name, n * sizes[2], "numeric", 4), n, byrow = TRUE,
                                 dimnames = list(NULL, columns))
x <- rows("train", sizes[1]); sets <- rows("sets", sizes[1] * sizes[4])
labels <- matrix(numbers("labels", sizes[1] * sizes[3], "integer", 4), sizes[1])
seeds <- numbers("seeds", sizes[3], "integer", 4)
mtry <- floor(sqrt(sizes[2]))
for (i in seq_len(sizes[3])) {
  set.seed(seeds[i])
  y <- factor(labels[, i])
  started <- proc.time()[["elapsed"]]
  if (package == "randomForest") {
    forest <- randomForest(x, y, ntree = sizes[5], mtry = mtry)
    predicted <- predict(forest, sets)
  } else {
    forest <- ranger(x = x, y = y, num.trees = sizes[5], mtry = mtry, min.node.size = 1,
                     num.threads = 1, oob.error = FALSE)
    predicted <- predict(forest, sets, num.threads = 1)$predictions
  }
  seconds <- proc.time()[["elapsed"]] - started
  right <- matrix(as.character(predicted) == as.character(y), sizes[1])
  cat("score", seconds, colMeans(right), "\\n")
}
"""


def step_of(panel: str, optimizer: str = "sgd", **options: Any) -> Step:
    """Return the step of a panel's untrained network, at its usual learning rate."""
    network = build_network(ARCHITECTURES[panel], seed=SEED)
    rate = LEARNING_RATES[optimizer]
    return make_step(network, optimizer=optimizer, learning_rate=rate, **options)


def train_panel_a(data: Data, n_epochs: int) -> nn.Module:
    """Return the network of panel a, trained on images."""
    step = step_of("a")
    images, labels = data.train_images, data.train_labels
    ((_, network),) = train_network(step, images, labels, epochs=[n_epochs], seed=SEED)
    return network


@dataclass(frozen=True, eq=False)
class LearnedFeatures:
    """Features of one network: float32 (row, feature), and the sets' stacked rows of the same."""

    train: np.ndarray
    labels: np.ndarray
    sets: np.ndarray


def learned_features(
    n_rows: int, n_epochs: int, perturbations: Sequence[float] = PERTURBATIONS
) -> LearnedFeatures:
    """Train panel a on images for a while; return its features of them and their s-validation sets.

    Parameters
    ----------
    n_rows
        Images, half of each class.
    n_epochs
        Training epochs.
    perturbations
        Shares of pixels shuffled, a set each.
    """
    data = load_data(n_images=n_rows, n_validation_images=2, seed=SEED)
    network, images = train_panel_a(data, n_epochs), data.train_images
    perturbed = [make_s_validation_set(images, one, seed=SEED) for one in perturbations]
    train, *sets = (extract_learned_features(network, one) for one in (images, *perturbed))
    return LearnedFeatures(train, data.train_labels, np.concatenate(sets))


@lru_cache(maxsize=1)
def r_versions() -> dict[str, str]:
    """Return the versions of R and of its packages that can be measured; empty without R."""
    if shutil.which("Rscript") is None:
        return {}
    names = ", ".join(f'"{name}"' for name in R_ENGINES)
    code = (
        'cat("R", as.character(getRversion()), "\\n"); '
        f"for (name in c({names})) if (requireNamespace(name, quietly = TRUE)) "
        'cat(name, as.character(packageVersion(name)), "\\n")'
    )
    done = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=False)
    lines = (line.split() for line in done.stdout.splitlines())
    return {f"{line[0]}_version": line[1] for line in lines if len(line) == 2}


def engine_status(engine: str) -> str:
    """Return whether an engine can be measured here, or why not."""
    if engine == "scikit-learn-intelex":
        return MEASURED if find_spec("sklearnex") else "not installed"
    if engine in R_ENGINES:
        if not r_versions():
            return "not installed: no Rscript on the PATH"
        return MEASURED if f"{engine}_version" in r_versions() else "not installed"
    return MEASURED


def run_engine(
    engine: str,
    features: LearnedFeatures,
    labellings: Sequence[np.ndarray],
    seeds: Sequence[int],
    n_trees: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a forest on each labelling and score it on each set, with one thread.

    Returns
    -------
    seconds, accuracy
        float64 (labelling,): of fit and predict; float64 (labelling, set): against the labelling
        that was fitted.
    """
    if engine in R_ENGINES:
        return _run_in_r(engine, features, labellings, seeds, n_trees)
    seconds, accuracy = [], []
    with one_thread():
        for labels, seed in zip(labellings, seeds, strict=True):
            started = time.perf_counter()
            predictor = _predictor(engine, features.train, n_trees)
            predicted = predictor.predict(labels, features.sets, seed=seed)
            seconds.append(time.perf_counter() - started)
            accuracy.append((predicted.reshape(-1, len(labels)) == labels).mean(axis=1))
    return np.array(seconds), np.array(accuracy)


def _predictor(engine: str, train: np.ndarray, n_trees: int) -> Predictor:
    if engine == "scikit-learn-intelex":
        forest = importlib.import_module("sklearnex.ensemble").RandomForestClassifier
        return EstimatorPredictor(forest(n_trees, n_jobs=1), train)
    named = {"memlib": "random_forest", "scikit-learn": "random_forest_sklearn"}
    return make_predictor(named[engine], train, n_trees=n_trees)


def _run_in_r(
    package: str,
    features: LearnedFeatures,
    labellings: Sequence[np.ndarray],
    seeds: Sequence[int],
    n_trees: int,
) -> tuple[np.ndarray, np.ndarray]:
    n_rows, n_features = features.train.shape
    n_sets = len(features.sets) // n_rows
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "run.R").write_text(R_SCRIPT, encoding="utf-8")
        for name, array, kind in (
            ("train", features.train, np.float32),
            ("sets", features.sets, np.float32),
            ("labels", np.stack(labellings), np.int32),
            ("seeds", np.array(seeds) % 2**31, np.int32),
        ):
            (folder / name).write_bytes(np.ascontiguousarray(array, kind).tobytes())
        sizes = (n_rows, n_features, len(labellings), n_sets, n_trees)
        done = subprocess.run(
            ["Rscript", str(folder / "run.R"), package, scratch, *map(str, sizes)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("score ")]
    if done.returncode or len(lines) != len(labellings):
        reason = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise ResultError(f"R package {package} failed: {reason}")
    table = np.array(lines, float)
    return table[:, 0], table[:, 1:]
