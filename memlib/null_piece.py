"""A piece of work: the null of one network at one epoch, a block of labellings at a time."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from memlib import store
from memlib.devices import busy_seconds
from memlib.errors import ResultError
from memlib.training_piece import Training
from memlib.version import installed_version

NULL_CODE = (
    "classifiers",
    "features",
    "forest",
    "forest_split",
    "forest_trees",
    "measures",
    "null",
    "perturb",
    "seeds",
    "smoothers",
)
BLOCK = 25  # labellings in one stored block of a null


@dataclass(frozen=True)
class NullBlock:
    """The null of one network at one epoch: a block of labellings on some s-validation sets."""

    training: Training
    epoch: int
    block: int
    strengths: tuple[float, ...]

    @cached_property
    def spec(self) -> dict[str, Any]:
        """All that the scores depend on, but for the labellings and strengths themselves."""
        settings = self.training.settings
        forest = settings.classifier in ("random_forest", "random_forest_sklearn", "extra_trees")
        own = settings.classifier in ("random_forest", "nearest_neighbours", "ridge")
        return {
            "training": self.training.key,
            "n_validation_images": settings.n_validation_images,
            "perturbation_kind": settings.perturbation_kind,
            "classifier": settings.classifier,
            "n_trees": settings.n_trees if forest else None,
            "feature_layer": settings.feature_layer,
            "scikit-learn": None if own else installed_version("scikit-learn"),
            "code": store.code_digest(NULL_CODE),
        }

    @property
    def folder(self) -> Path:
        """Where the scores are stored."""
        return store.results_dir() / "pieces" / f"null-{store.digest(self.spec)}"

    @property
    def path(self) -> Path:
        """The block's file; it grows with the strengths and permutations asked for."""
        return self.folder / f"epoch_{self.epoch:07d}_block_{self.block:03d}.npz"

    @property
    def labellings(self) -> list[int]:
        """Labellings of this block: 0 (the true labels) and 1 to 25, then 26 to 50, ..."""
        last = min((self.block + 1) * BLOCK, self.training.settings.n_permutations)
        return list(range(self.block * BLOCK + 1 if self.block else 0, last + 1))

    def _stored(self) -> dict[str, np.ndarray]:
        empty = {
            "strengths": np.empty(0),
            "labellings": np.empty(0, int),
            "accuracy": np.empty((0, 0)),
            "chance": np.empty((0, 0)),
            "validation_accuracy": np.empty(0),
            "seconds": np.array(0.0),
        }
        return store.read_arrays(self.path) or empty

    def is_stored(self) -> bool:
        """Whether every labelling and strength asked for is there."""
        stored = self._stored()
        return set(self.labellings) <= set(stored["labellings"].tolist()) and set(
            self.strengths
        ) <= set(stored["strengths"].tolist())

    def compute(self) -> None:
        """Score what is missing and store it with what was there."""
        from memlib.measures import network_performance, score_network

        started = busy_seconds()
        stored = self._stored()
        network, data = self.training.network(self.epoch), self.training.data
        settings = self.training.settings
        old_strengths = stored["strengths"].tolist()
        strengths = sorted({*old_strengths, *self.strengths})
        old_labellings = stored["labellings"].tolist()
        labellings = sorted({*old_labellings, *self.labellings})
        shape = (len(labellings), len(strengths))
        accuracy, chance = np.full(shape, np.nan), np.full(shape, np.nan)
        validation = np.full(len(labellings), np.nan)
        kept = np.ix_(
            np.searchsorted(labellings, old_labellings), np.searchsorted(strengths, old_strengths)
        )
        accuracy[kept], chance[kept] = stored["accuracy"], stored["chance"]
        validation[kept[0].ravel()] = stored["validation_accuracy"]
        new_labellings = [one for one in labellings if one not in old_labellings]
        new_strengths = [one for one in strengths if one not in old_strengths]
        for fits, sets in ((new_labellings, strengths), (old_labellings, new_strengths)):
            if not fits or not sets:
                continue
            scores = score_network(
                network,
                data,
                fits,
                perturbations=sets,
                perturbation_kind=settings.perturbation_kind,
                classifier=settings.classifier,
                n_trees=settings.n_trees,
                feature_layer=settings.feature_layer,
                seed=self.training.seed,
                epoch=self.epoch,
            )
            rows = np.searchsorted(labellings, fits)
            cells = np.ix_(rows, np.searchsorted(strengths, sets))
            accuracy[cells], chance[cells] = scores.accuracy, scores.chance
            validation[rows] = scores.validation_accuracy
        arrays = {
            "strengths": np.array(strengths, float),
            "labellings": np.array(labellings, int),
            "accuracy": accuracy,
            "chance": chance,
            "validation_accuracy": validation,
            "seconds": stored["seconds"] + (busy_seconds() - started),
        }
        if self.block == 0:
            performance = network_performance(network, data)
            arrays |= {str(name): array.values for name, array in performance.items()}
        store.write_arrays(self.path, arrays)

    def read(self) -> dict[str, np.ndarray]:
        """Return the stored scores of exactly the labellings and strengths asked for."""
        stored = self._stored()
        if not self.is_stored():
            raise ResultError(f"{self.path} does not hold what was asked for: run it again")
        rows = np.searchsorted(stored["labellings"], self.labellings)
        cells = np.ix_(rows, np.searchsorted(stored["strengths"], self.strengths))
        return stored | {
            "accuracy": stored["accuracy"][cells],
            "chance": stored["chance"][cells],
            "validation_accuracy": stored["validation_accuracy"][rows],
        }
