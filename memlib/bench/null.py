"""Benchmark of the null: forests of all engines in turns, whether they agree, how time grows."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from joblib import Parallel, delayed
from scipy.stats import ks_2samp

from memlib.base.parallel import n_workers, one_thread
from memlib.base.seeds import stream, stream_integer
from memlib.bench.engines import (
    ENGINES,
    PERTURBATIONS,
    PYTHON_ENGINES,
    LearnedFeatures,
    engine_status,
    learned_features,
    run_engine,
)
from memlib.bench.timing import (
    MEASURED,
    SEED,
    Comparison,
    Scaling,
    Timed,
    compare,
    measure_scaling,
    timed,
)
from memlib.method.null import score_labellings

if TYPE_CHECKING:
    from memlib.bench.suite import Sizes

BLOCK = 10  # labellings in one call of an engine


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
) -> xr.Dataset:
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
    scores = Parallel(n_jobs=n_workers(n_jobs), batch_size=1)(
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
    by_set = ("engine", "perturbation")
    return xr.Dataset(
        {
            "engine_status": ("engine", list(status)),
            "null_accuracy": ((*by_set, "permutation"), null),
            "observed_accuracy": (by_set, accuracy[:, 0]),
            "null_mean_difference": (by_set, difference),
            "ks_p_value": (by_set, p_value),
        },
        {
            "engine": list(ENGINES),
            "perturbation": list(PERTURBATIONS),
            "permutation": np.arange(1, n_permutations + 1),
        },
    )


def _score_block(
    engine: str, features: LearnedFeatures, block: Sequence[int], n_trees: int
) -> np.ndarray:
    labellings, seeds = zip(*(_shuffled(engine, features, b) for b in block), strict=True)
    return run_engine(engine, features, labellings, seeds, n_trees)[1]


def bench_null(
    sizes: "Sizes", say: Callable[[str], None]
) -> tuple[list[Comparison], list[Scaling], xr.Dataset]:
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
    for engine in ENGINES[1:]:
        own = nulls.sel(engine=engine)
        if own["engine_status"] == MEASURED:
            say(
                f"null of {engine}: means within "
                f"{float(abs(own['null_mean_difference']).max()):.4f} of memlib's, smallest "
                f"p-value {float(own['ks_p_value'].min()):.2f}"
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
