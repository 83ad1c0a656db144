"""A piece of work: the null of one network at one epoch, a block of labellings at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from memlib.base import files, keys
from memlib.base.errors import ResultError
from memlib.base.version import installed_version
from memlib.method.classifiers import FORESTS
from memlib.method.data import Data
from memlib.runs.trainings import Training
from memlib.training.devices import busy_seconds

NULL_CODE = ("method", "papers/chaibub_neto_2018/measures.py", "base/seeds.py")
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
        forest = settings.classifier in FORESTS
        own = settings.classifier in ("random_forest", "nearest_neighbours", "ridge")
        return {
            "training": self.training.key,
            "n_validation_images": settings.n_validation_images,
            "perturbation_kind": settings.perturbation_kind,
            "classifier": settings.classifier,
            "n_trees": settings.n_trees if forest else None,
            "feature_layer": settings.feature_layer,
            "scikit-learn": None if own else installed_version("scikit-learn"),
            "code": keys.code_digest(*NULL_CODE),
        }

    @property
    def folder(self) -> Path:
        """Where the scores are stored."""
        return files.results_dir() / "pieces" / f"null-{keys.digest(self.spec)}"

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
        return files.read_arrays(self.path) or empty

    def is_stored(self) -> bool:
        """Whether every labelling and strength asked for is there."""
        return not np.isnan(self._on_grid(self._stored(), self.labellings, self.strengths)).any()

    @staticmethod
    def _on_grid(
        stored: dict[str, np.ndarray],
        labellings: Sequence[int] | np.ndarray,
        strengths: Sequence[float] | np.ndarray,
        name: str = "accuracy",
    ) -> np.ndarray:
        """Return stored scores (labelling, strength) on another grid, NaN where they are not."""
        values = np.full((len(labellings), len(strengths)), np.nan)
        _, rows, old_rows = np.intersect1d(labellings, stored["labellings"], return_indices=True)
        _, columns, old = np.intersect1d(strengths, stored["strengths"], return_indices=True)
        values[np.ix_(rows, columns)] = stored[name][np.ix_(old_rows, old)]
        return values

    def compute(self) -> None:
        """Score what is missing and join it to what is stored, by this run or by another.

        Two runs may ask different things of one block at the same time: each keeps what the
        other has stored meanwhile.
        """
        from filelock import FileLock

        from memlib.papers.chaibub_neto_2018.measures import network_performance

        started = busy_seconds()
        network, data = self.training.network(self.epoch), self.training.data
        pieces = self._score_missing(network, data)
        performance = {}
        if self.block == 0:
            found = network_performance(network, data)
            performance = {str(name): array.values for name, array in found.items()}
        seconds = busy_seconds() - started
        with FileLock(self.folder / ".lock"):
            joined = self._stored()
            for piece in pieces:
                joined = self._join(joined, piece)
            joined |= {"seconds": joined["seconds"] + seconds} | performance
            files.write_arrays(self.path, joined)

    def _score_missing(self, network: Any, data: Data) -> list[dict[str, np.ndarray]]:
        """Return scores of what is not stored: labellings that lack the same strengths at once."""
        from memlib.papers.chaibub_neto_2018.measures import score_network

        settings = self.training.settings
        lacking = np.isnan(self._on_grid(self._stored(), self.labellings, self.strengths))
        together: dict[tuple[float, ...], list[int]] = {}
        for labelling, row in zip(self.labellings, lacking, strict=True):
            together.setdefault(tuple(np.array(self.strengths)[row].tolist()), []).append(labelling)
        pieces = []
        for strengths, labellings in together.items():
            if not strengths:
                continue
            scores = score_network(
                network,
                data,
                labellings,
                perturbations=strengths,
                perturbation_kind=settings.perturbation_kind,
                classifier=settings.classifier,
                n_trees=settings.n_trees,
                feature_layer=settings.feature_layer,
                seed=self.training.seed,
                epoch=self.epoch,
            )
            pieces.append(
                {
                    "strengths": np.array(strengths, float),
                    "labellings": np.array(labellings, int),
                    "accuracy": scores.accuracy,
                    "chance": scores.chance,
                    "validation_accuracy": scores.validation_accuracy,
                }
            )
        return pieces

    def _join(
        self, old: dict[str, np.ndarray], new: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Return the scores of both on the smallest grid that holds them."""
        labellings, strengths = (
            np.union1d(old[name], new[name]) for name in ("labellings", "strengths")
        )
        joined = {"labellings": labellings.astype(int), "strengths": strengths}
        for name in ("accuracy", "chance"):
            both = [self._on_grid(one, labellings, strengths, name) for one in (old, new)]
            joined[name] = np.where(np.isnan(both[1]), *both)
        validation = np.full(len(labellings), np.nan)
        for one in (old, new):
            rows = np.searchsorted(labellings, one["labellings"])
            validation[rows] = one["validation_accuracy"]
        return old | joined | {"validation_accuracy": validation}

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
