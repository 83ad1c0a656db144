"""What scores say: p-values against the null, the verdict, and the dataset of both (section 5)."""

from collections.abc import Hashable, Sequence

import numpy as np
import xarray as xr

VERDICTS = ("neither", "memorized", "learned", "memorized_and_learned", "undecided")
SIGNIFICANCE = 0.05
# Long name of each variable of a null; `label_null` puts them on.
LONG_NAMES = {
    "observed_accuracy": "accuracy on the s-validation set, shallow classifier of the true labels",
    "null_accuracy": "accuracy on the s-validation set, shallow classifier of shuffled labels",
    "chance_accuracy": "accuracy expected if predictions had nothing to do with the labels",
    "p_value": "permutation p-value, null hypothesis: not learned",
    "memorization_p_value": (
        "share of the null at or below chance, with one added above and below the line"
    ),
    "verdict": "reading of section 5",
    "validation_accuracy": "accuracy on independent images, shallow classifier of the true labels",
}
COORDINATES = {
    "seed": "base seed",
    "epoch": "training epoch",
    "perturbation": "strength of the perturbation",
    "permutation": "shuffle of the labels",
}
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


def memorization_p_value(null: np.ndarray, chance: np.ndarray) -> np.ndarray:
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
    A classifier that names one class only scores just its chance level, whatever the shuffle. So
    does one on features that are all alike: such ties are no memorization, though both sides are
    rounded differently.

    It asks whether the null lies above chance as a whole, not whether its mean does: more shuffles
    do not make it smaller. A null whose mean lies above chance by less than about 1.6 of its
    standard deviations has a share of more than 5 %, however sure that mean is. The size of the
    effect is the mean's distance from chance; look at it, too.
    """
    exceeding = (null <= np.asarray(chance) + ROUNDING).sum(axis=-1)
    return (exceeding + 1) / (null.shape[-1] + 1)


def can_be_significant(n_permutations: int) -> bool:
    """Return whether the smallest p-value of so many permutations is `SIGNIFICANCE` at most."""
    return 1 / (n_permutations + 1) <= SIGNIFICANCE


def decide_verdict(
    p_value: np.ndarray, memorization: np.ndarray, n_permutations: int
) -> np.ndarray:
    """Return the reading of section 5 as codes into `VERDICTS`.

    The rule: *memorized* when at most 5 % of the null lies at or below chance (memorization
    p-value at most 0.05; a null with its mean a little above chance is not called so), *learned*
    when at most 5 % of the null reaches the observed score (p-value at most 0.05). With fewer than
    19 permutations neither p-value can fall that low, and the verdict is *undecided*.
    """
    if not can_be_significant(n_permutations):
        return np.full(np.shape(p_value), VERDICTS.index("undecided"), np.int8)
    memorized = np.asarray(memorization) <= SIGNIFICANCE
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
    memorization = memorization_p_value(null, chance)
    dims = ("seed", "epoch", "perturbation")[-observed.ndim :]
    return xr.Dataset(
        {
            "observed_accuracy": (dims, observed),
            "null_accuracy": ((*dims, "permutation"), null),
            "chance_accuracy": (dims, chance.mean(axis=-1)),
            "p_value": (dims, p_value),
            "memorization_p_value": (dims, memorization),
            "verdict": (dims, decide_verdict(p_value, memorization, null.shape[-1])),
        },
        coords={
            "perturbation": list(perturbations),
            "permutation": np.arange(1, null.shape[-1] + 1),
        },
    )


def label_null(dataset: xr.Dataset, strength: str, units: str) -> xr.Dataset:
    """Give the variables and coordinates of a null long names and units.

    Parameters
    ----------
    dataset
        As `null_dataset` returns it.
    strength, units
        What the perturbation's strength means, and its units.
    """
    for name in LONG_NAMES.keys() & dataset.data_vars.keys():
        dataset[name].attrs = {"long_name": LONG_NAMES[str(name)], "units": "1"}
    dataset["verdict"].attrs |= {
        "flag_values": np.arange(len(VERDICTS), dtype=np.int8),
        "flag_meanings": " ".join(VERDICTS),
    }
    for name in COORDINATES.keys() & dataset.coords.keys():
        dataset[name].attrs = {"long_name": COORDINATES[str(name)], "units": "1"}
    dataset["perturbation"].attrs = {"long_name": strength, "units": units}
    return dataset
