"""A panel's scores as plain arrays: what quantities and claims read, thousands of times."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import numpy as np
import xarray as xr

from memlib.method.verdicts import can_be_significant, permutation_p_value
from memlib.papers.chaibub_neto_2018.schema import SCHEMA

# Share of validation images on which exactly one of two networks is taken to be right, where hits
# are not stored.
DISAGREEMENT = 0.1


@dataclass(frozen=True, eq=False)
class StrengthScores:
    """Scores of a panel at one strength of the perturbation.

    Attributes
    ----------
    null
        float64 (seed, epoch, permutation): accuracy with shuffled labels.
    observed, chance, p_value
        float64 (seed, epoch).
    """

    null: np.ndarray
    observed: np.ndarray
    chance: np.ndarray
    p_value: np.ndarray

    @cached_property
    def null_mean(self) -> np.ndarray:
        """The null's mean over permutations; float64 (seed, epoch)."""
        return self.null.mean(-1)


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of a panel.

    Attributes
    ----------
    epochs
        int64 (epoch,), rising.
    strengths
        float64 (perturbation,).
    seeds
        int64 (seed,).
    null
        float64 (seed, epoch, perturbation, permutation): accuracy with shuffled labels.
    observed, chance, p_value
        float64 (seed, epoch, perturbation).
    validation
        float64 (seed, epoch): accuracy on independent images.
    n_validation
        How many independent images; None where not known.
    validation_hits
        bool (seed, epoch, validation_image): which were classified right; None where not stored.
    """

    epochs: np.ndarray
    strengths: np.ndarray
    seeds: np.ndarray
    null: np.ndarray
    observed: np.ndarray
    chance: np.ndarray
    p_value: np.ndarray
    validation: np.ndarray
    n_validation: int | None = None
    validation_hits: np.ndarray | None = None
    _at: dict[float, StrengthScores] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, panel: "xr.Dataset | Scores", n_validation: int | None = None) -> "Scores":
        """Return the scores of a panel of a result, see `memlib.results.schema`."""
        if isinstance(panel, Scores):
            return panel

        def values(name: str) -> np.ndarray:
            return panel[name].transpose(*SCHEMA.variables[name].dims).values

        return cls(
            panel["epoch"].values,
            panel["perturbation"].values,
            panel["seed"].values,
            values("null_accuracy"),
            values("observed_accuracy"),
            values("chance_accuracy"),
            values("p_value"),
            values("validation_accuracy"),
            n_validation,
            unpack_hits(panel, n_validation),
        )

    @property
    def n_seeds(self) -> int:
        """How many runs there are."""
        return len(self.seeds)

    @property
    def can_be_significant(self) -> bool:
        """Whether there are permutations enough for a p-value of `SIGNIFICANCE`."""
        return can_be_significant(self.null.shape[-1])

    def at(self, strength: float) -> StrengthScores:
        """Return the scores at a strength.

        Raises
        ------
        KeyError
            When that strength was not measured.
        """
        if strength not in self._at:
            (found,) = np.nonzero(abs(self.strengths - strength) <= 1e-9)
            if not len(found):
                raise KeyError(strength)
            own = (self.null, self.observed, self.chance, self.p_value)
            self._at[strength] = StrengthScores(*(array[:, :, found[0]] for array in own))
        return self._at[strength]

    def resample(self, rng: np.random.Generator, seed_rng: np.random.Generator) -> Self:
        """Draw permutations (`rng`), seeds (`seed_rng`) and validation images with replacement.

        p-values follow the drawn nulls. Where hits are stored the same validation images are drawn
        in all panels (`seed_rng`), so that comparisons are paired. Else accuracies move, at all
        epochs and seeds alike, by what the images share among panels and by what they do not:
        two networks are taken to disagree on `DISAGREEMENT` of them.
        """
        seeds, permutations = (
            one.integers(0, size, size)
            for one, size in ((seed_rng, len(self.seeds)), (rng, self.null.shape[-1]))
        )
        null, observed = self.null[seeds][..., permutations], self.observed[seeds]
        validation, hits = self.validation[seeds], self.validation_hits
        if hits is not None:
            hits = hits[seeds][..., seed_rng.integers(0, hits.shape[-1], hits.shape[-1])]
            validation = hits.mean(-1)
        elif self.n_validation is not None:
            variance = validation * (1 - validation) / self.n_validation
            own = np.minimum(variance, DISAGREEMENT / (2 * self.n_validation))
            moved = np.sqrt(variance - own) * seed_rng.standard_normal()
            moved += np.sqrt(own) * rng.standard_normal()
            validation = np.clip(validation + moved, 0, 1)
        return type(self)(
            self.epochs,
            self.strengths,
            self.seeds[seeds],
            null,
            observed,
            self.chance[seeds],
            permutation_p_value(null, observed),
            validation,
            self.n_validation,
            hits,
        )


def unpack_hits(panel: xr.Dataset, n: int | None) -> np.ndarray | None:
    """Return which validation images were classified right, bool (seed, epoch, image), or None.

    Stored are bits, eight images a byte, see `memlib.papers.chaibub_neto_2018.schema`.
    """
    if "validation_hits" not in panel or n is None:
        return None
    bits = panel["validation_hits"].transpose("seed", "epoch", "validation_byte").values
    return np.unpackbits(bits.astype(np.uint8), axis=-1, count=n).astype(bool)
