"""What scores say: p-values against the null, the verdict, and the dataset of both (section 5).

*Learned* is decided by a p-value: under its null hypothesis it is at or below 0.05 in at most one
draw in twenty. *Memorized* is not: it is a rule on an effect, how far the whole null lies above
chance, whose threshold moves with the number of samples. `memlib.results.effect` has what compares
results of any size.
"""

from collections.abc import Hashable, Sequence

import numpy as np
import xarray as xr

from memlib.base.words import VERDICTS

SIGNIFICANCE = 0.05
ROUNDING = 1e-9  # far below the accuracy of one sample more or less


def permutation_p_value(null: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Return (C + 1) / (B + 1), with C the null scores not below the observed one.

    Parameters
    ----------
    null
        (..., permutation), B values along the last axis.
    observed
        (...).

    Notes
    -----
    Never 0, and at most uniform under the null hypothesis (Phipson and Smyth 2010).
    """
    exceeding = (null >= np.asarray(observed)[..., None]).sum(axis=-1)
    return (exceeding + 1) / (null.shape[-1] + 1)


def share_at_chance(null: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Return (C + 1) / (B + 1), with C the null scores not above their chance level.

    Parameters
    ----------
    null
        (..., permutation), B values along the last axis.
    chance
        The same shape, or one value for all: each score has a level of its own, which follows
        from how often each class was predicted there (`memlib.method.null.chance_accuracy`).

    Notes
    -----
    This is a share of a distribution, no p-value: without any memorization it is near a half, and
    hardly ever at or below 0.05. More shuffles do not make it smaller. A null whose mean lies above
    chance by less than about 1.6 of its standard deviations has a share of more than 5 %, however
    sure that mean is (`null_excess` and its error). These standard deviations shrink with the
    number of samples, and with them the distance from chance that is called memorized.

    A classifier that names one class only scores just its chance level, whatever the shuffle. So
    does one on features that are all alike: such ties are no memorization, though both sides are
    rounded differently.
    """
    exceeding = (null <= np.asarray(chance) + ROUNDING).sum(axis=-1)
    return (exceeding + 1) / (null.shape[-1] + 1)


def null_excess(null: np.ndarray, chance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the null's mean above chance, and its standard error over shuffles.

    Parameters
    ----------
    null, chance
        As for `share_at_chance`.

    Returns
    -------
    tuple
        float64 (...) each; the error of a single shuffle is NaN.
    """
    excess = null - np.broadcast_to(np.asarray(chance), null.shape)
    n = excess.shape[-1]
    if n < 2:
        return excess.mean(axis=-1), np.full(excess.shape[:-1], np.nan)
    return excess.mean(axis=-1), excess.std(axis=-1, ddof=1) / np.sqrt(n)


def can_be_significant(n_permutations: int) -> bool:
    """Return whether the smallest p-value of so many permutations is `SIGNIFICANCE` at most."""
    return 1 / (n_permutations + 1) <= SIGNIFICANCE


def decide_verdict(p_value: np.ndarray, at_chance: np.ndarray, n_permutations: int) -> np.ndarray:
    """Return the reading of section 5 as codes into `VERDICTS`.

    The rule: *memorized* when at most 5 % of the null lies at or below chance (`share_at_chance`; a
    rule on an effect), *learned* when at most 5 % of the null
    reaches the observed score (p-value at most 0.05). With fewer than 19 permutations neither can
    fall that low, and the verdict is *undecided*.
    """
    if not can_be_significant(n_permutations):
        return np.full(np.shape(p_value), VERDICTS.index("undecided"), np.int8)
    memorized = np.asarray(at_chance) <= SIGNIFICANCE
    learned = np.asarray(p_value) <= SIGNIFICANCE
    return (memorized + 2 * learned).astype(np.int8)


def null_dataset(
    observed: np.ndarray, null: np.ndarray, chance: np.ndarray, perturbations: Sequence[Hashable]
) -> xr.Dataset:
    """Label the scores and add p-values and verdicts.

    Parameters
    ----------
    observed
        float (..., perturbation) with leading dims seed and epoch, or none.
    null, chance
        float (..., perturbation, permutation): each shuffle's score, and the level it would have by
        chance. Of the levels the mean is kept.
    perturbations
        Coordinate values of the sets.
    """
    p_value = permutation_p_value(null, observed)
    at_chance = share_at_chance(null, chance)
    dims = ("seed", "epoch", "perturbation")[-observed.ndim :]
    return xr.Dataset(
        {
            "observed_accuracy": (dims, observed),
            "null_accuracy": ((*dims, "permutation"), null),
            "chance_accuracy": (dims, chance.mean(axis=-1)),
            "p_value": (dims, p_value),
            "share_at_chance": (dims, at_chance),
            "verdict": (dims, decide_verdict(p_value, at_chance, null.shape[-1])),
        },
        coords={
            "perturbation": list(perturbations),
            "permutation": np.arange(1, null.shape[-1] + 1),
        },
    )


def with_excess(dataset: xr.Dataset, null: np.ndarray, chance: np.ndarray) -> xr.Dataset:
    """Return the dataset of a null with ``null_excess`` and its error, see `null_excess`.

    A figure's stored result does without: both follow from its null and its chance level.
    """
    dims = dataset["p_value"].dims
    excess, error = null_excess(null, chance)
    return dataset.assign(null_excess=(dims, excess), null_excess_error=(dims, error))
