"""Benchmark of the null: one random forest on learned features, with each engine that is here."""

import importlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from joblib import Parallel, delayed
from scipy.stats import ks_2samp

from memlib.architectures import ARCHITECTURES
from memlib.bench_timing import (
    MEASURED,
    Comparison,
    Nulls,
    Scaling,
    Timed,
    compare,
    measure_scaling,
    timed,
)
from memlib.bench_training import one_thread
from memlib.classifiers import EstimatorPredictor, Predictor, make_predictor
from memlib.data import load_data
from memlib.errors import ResultError
from memlib.features import extract_learned_features
from memlib.figures import LEARNING_RATES
from memlib.models import build_network
from memlib.null import score_labellings
from memlib.perturb import make_s_validation_set
from memlib.seeds import stream, stream_integer
from memlib.steps import make_step
from memlib.training import train_network

if TYPE_CHECKING:
    from memlib.bench import Sizes

PYTHON_ENGINES = ("memlib", "scikit-learn", "scikit-learn-intelex")
R_ENGINES = ("randomForest", "ranger")
ENGINES = (*PYTHON_ENGINES, *R_ENGINES)
PERTURBATIONS = (0.01, 0.05, 0.10, 1.0)
BLOCK = 10  # labellings in one call of an engine
SEED = 0

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
    network = build_network(ARCHITECTURES["a"], seed=SEED)
    step = make_step(network, optimizer="sgd", learning_rate=LEARNING_RATES["sgd"])
    images, labels = data.train_images, data.train_labels
    for _ in train_network(step, images, labels, epochs=[n_epochs], seed=SEED):
        pass
    perturbed = [make_s_validation_set(images, one, seed=SEED) for one in perturbations]
    train, *sets = (extract_learned_features(network, one) for one in (images, *perturbed))
    return LearnedFeatures(train, labels, np.concatenate(sets))


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


def null_agreement(ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compare two nulls, set by set.

    Parameters
    ----------
    ours, theirs
        float (set, permutation), of shuffles drawn independently of each other, as the test asks.

    Returns
    -------
    difference, p_value
        float64 (set,): mean of ours minus mean of theirs; two-sample Kolmogorov-Smirnov p-value
        of the null hypothesis that both have the same distribution.
    """
    p_value = [ks_2samp(one, other).pvalue for one, other in zip(ours, theirs, strict=True)]
    return ours.mean(axis=1) - theirs.mean(axis=1), np.array(p_value)


def _shuffled(engine: str, features: LearnedFeatures, labelling: int) -> tuple[np.ndarray, int]:
    """Return an engine's own labelling (0: the true labels) and forest seed."""
    purpose = f"benchmark {engine}"
    seed = stream_integer(SEED, f"{purpose} forest", labelling) % 2**31
    if labelling == 0:
        return features.labels, seed
    return stream(SEED, purpose, labelling).permutation(features.labels), seed


def measure_nulls(
    features: LearnedFeatures, *, n_permutations: int, n_trees: int, n_jobs: int | None = None
) -> Nulls:
    """Give every engine's null and observed scores; untimed, so all cores take part.

    Parameters
    ----------
    features
        What forests are fitted on, with one set for each of `PERTURBATIONS`.
    n_permutations
        Shuffles for each engine, 1 or more.
    n_trees
        Trees of a forest.
    n_jobs
        Processes; as many as cores when None. Scores do not depend on it.
    """
    status = tuple(engine_status(engine) for engine in ENGINES)
    blocks = [
        (engine, range(first, min(first + BLOCK, n_permutations + 1)))
        for engine, found in zip(ENGINES, status, strict=True)
        if found == MEASURED
        for first in range(0, n_permutations + 1, BLOCK)
    ]
    scores = Parallel(n_jobs=n_jobs or os.cpu_count() or 1, batch_size=1)(
        delayed(_score_block)(engine, features, block, n_trees) for engine, block in blocks
    )
    accuracy = np.full((len(ENGINES), n_permutations + 1, len(PERTURBATIONS)), np.nan)
    for (engine, block), one in zip(blocks, scores, strict=True):
        accuracy[ENGINES.index(engine), block] = one
    null = accuracy[:, 1:].transpose(0, 2, 1)
    difference, p_value = np.full((2, len(ENGINES), len(PERTURBATIONS)), np.nan)
    for index, found in enumerate(status):
        if found == MEASURED:
            difference[index], p_value[index] = null_agreement(null[0], null[index])
    return Nulls(ENGINES, status, PERTURBATIONS, null, accuracy[:, 0], difference, p_value)


def _score_block(
    engine: str, features: LearnedFeatures, block: Sequence[int], n_trees: int
) -> np.ndarray:
    labellings, seeds = zip(*(_shuffled(engine, features, b) for b in block), strict=True)
    return run_engine(engine, features, labellings, seeds, n_trees)[1]


def bench_null(
    sizes: "Sizes", say: Callable[[str], None]
) -> tuple[list[Comparison], list[Scaling], Nulls]:
    """Measure the null: engines in turns, their agreement, and how memlib's time grows."""
    with one_thread():
        features = learned_features(sizes.n_rows, sizes.feature_epochs)
        comparisons = compare(
            f"null, one forest of {sizes.n_trees} trees, n = {sizes.n_rows:,}",
            {engine: _one_forest(engine, features, sizes.n_trees) for engine in ENGINES},
            sizes.n_repeats,
        )
        say("\n".join(map(str, comparisons)))
        scalings = _measure_growth(features, sizes)
        say("\n".join(map(str, scalings)))
    nulls = measure_nulls(features, n_permutations=sizes.n_permutations, n_trees=sizes.n_trees)
    for engine, difference, p_value in zip(
        nulls.engines[1:], nulls.mean_difference[1:], nulls.ks_p_value[1:], strict=True
    ):
        if np.isfinite(difference).all():
            say(
                f"null of {engine}: means within {np.abs(difference).max():.4f} of memlib's, "
                f"smallest p-value {p_value.min():.2f}"
            )
    return comparisons, scalings, nulls


def _one_forest(engine: str, features: LearnedFeatures, n_trees: int) -> Timed | str:
    status = engine_status(engine)
    if status != MEASURED:
        return status
    if engine in PYTHON_ENGINES:  # compiles and loads before anything is timed
        run_engine(engine, features, [features.labels], [0], 1)

    def seconds(repeat: int) -> float:
        # the same shuffles for all: another tree depth would be another amount of work
        labels, seed = _shuffled("timing", features, repeat + 1)
        return float(run_engine(engine, features, [labels], [seed], n_trees)[0][0])

    return seconds


def _measure_growth(features: LearnedFeatures, sizes: "Sizes") -> list[Scaling]:
    """Time memlib's null with more rows, permutations and trees."""
    by_rows = {n: learned_features(n, sizes.feature_epochs) for n in sizes.row_sizes}
    sets = np.split(features.sets, len(PERTURBATIONS))

    def rows(n: int) -> Timed:
        return _forest_of(by_rows[n], sizes.n_trees)

    def trees(n: int) -> Timed:
        return _forest_of(features, n)

    def permutations(n: int) -> Timed:
        labels, n_trees = features.labels, sizes.tree_sizes[0]
        return timed(
            lambda: score_labellings(
                features.train, labels, sets, range(1, n + 1), n_trees=n_trees, seed=SEED
            )
        )

    return [
        measure_scaling(f"null: {name}", sizes_of, make, sizes.n_repeats)
        for name, sizes_of, make in (
            ("rows", sizes.row_sizes, rows),
            ("permutations", sizes.permutation_sizes, permutations),
            ("trees", sizes.tree_sizes, trees),
        )
    ]


def _forest_of(features: LearnedFeatures, n_trees: int) -> Timed:
    forest = _one_forest("memlib", features, n_trees)
    assert not isinstance(forest, str)
    return forest
