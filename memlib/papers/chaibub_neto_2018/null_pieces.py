"""A piece of work: the null of one network at one epoch, a block of labellings at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from memlib.base import files, keys
from memlib.base.errors import ResultError
from memlib.base.version import installed_version
from memlib.base.words import label_null
from memlib.method.data import Data
from memlib.method.names import FORESTS
from memlib.method.perturb import describe_kind
from memlib.method.verdicts import null_dataset
from memlib.papers.chaibub_neto_2018.costs import fits_seconds
from memlib.papers.chaibub_neto_2018.figures import BLOCK, FIGURES, STRENGTHS, ShuffleSettings
from memlib.runs.pieces import Piece, pieces_folder, told_of
from memlib.runs.same_numbers import earliest
from memlib.runs.study import Figure, study_of
from memlib.runs.trainings import Training
from memlib.training.devices import busy_seconds

NULL_CODE = ("method", "papers/chaibub_neto_2018/measures.py", "base/seeds.py")


def null_code() -> str:
    """Return the digest of the code that decides a null's scores."""
    return earliest("null", keys.code_digest(*NULL_CODE))


HITS = ("validation_hits",)  # in a block of the true labels


@dataclass(frozen=True)
class NullBlock(Piece):
    """The null of one network at one epoch: a block of labellings on some s-validation sets."""

    kind = "null blocks"

    settings: ShuffleSettings
    panel: str
    seed: int
    epoch: int
    block: int
    strengths: tuple[float, ...]
    device: str | None = None  # where its network is trained; measured it is on the CPU

    @cached_property
    def training(self) -> Training:
        """The training of the network."""
        return Training(self.settings, self.panel, self.seed, self.device)

    @cached_property
    def spec(self) -> dict[str, Any]:
        """All that the scores depend on, but for the labellings and strengths themselves."""
        settings = self.settings
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
            "code": null_code(),
        }

    @cached_property
    def folder(self) -> Path:
        """Where the scores are stored."""
        return pieces_folder() / f"null-{keys.digest(self.spec)}"

    @property
    def place(self) -> Path:
        """The block's file; it grows with the strengths and permutations asked for."""
        return self.folder / f"epoch_{self.epoch:07d}_block_{self.block:03d}.npz"

    @property
    def asked(self) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Labellings and strengths asked for."""
        return tuple(self.labellings), tuple(sorted(self.strengths))

    @property
    def needs(self) -> tuple[Training, ...]:
        """The training whose network is measured."""
        return (self.training,)

    @property
    def labellings(self) -> list[int]:
        """Labellings of this block: 0 (the true labels) and 1 to 25, then 26 to 50, ..."""
        last = min((self.block + 1) * BLOCK, self.settings.n_permutations)
        return list(range(self.block * BLOCK + 1 if self.block else 0, last + 1))

    def seconds_left(self) -> float:
        """Estimate the time of the block."""
        return fits_seconds(self.settings, self.panel, len(self.labellings), len(self.strengths))

    seconds_in_all = seconds_left

    def depends_on(self) -> dict[str, Any]:
        """Return all that the block depends on, with what its network does."""
        own = {f"{name} of the null": value for name, value in self.spec.items()}
        return self.training.depends_on() | own

    def _stored(self) -> dict[str, np.ndarray]:
        empty = {
            "strengths": np.empty(0),
            "labellings": np.empty(0, int),
            "accuracy": np.empty((0, 0)),
            "chance": np.empty((0, 0)),
            "validation_accuracy": np.empty(0),
            "seconds": np.array(0.0),
        }
        stored = files.read_arrays(self.place)
        if stored is None:
            return empty
        with told_of(self.place):
            shape = (len(stored["labellings"]), len(stored["strengths"]))
            shapes = dict.fromkeys(("accuracy", "chance"), shape) | {
                "labellings": shape[:1],
                "strengths": shape[1:],
                "validation_accuracy": shape[:1],
                "seconds": (),
            }
            for name, wanted in shapes.items():
                if stored[name].shape != wanted or stored[name].dtype.kind not in "fiu":
                    raise ValueError(name)
        return stored

    def is_stored(self) -> bool:
        """Whether every labelling and strength asked for is there."""
        with told_of(self.place):
            grid = self._on_grid(self._stored(), self.labellings, self.strengths)
            return not np.isnan(grid).any()

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
            files.write_arrays(self.place, joined)

    def _score_missing(self, network: Any, data: Data) -> list[dict[str, np.ndarray]]:
        """Return scores of what is not stored: labellings that lack the same strengths at once."""
        from memlib.papers.chaibub_neto_2018.measures import score_network

        settings = self.settings
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
                seed=self.seed,
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
                | ({} if scores.validation_hits is None else _packed(scores.validation_hits))
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
        hits = {name: new[name] for name in HITS if name in new}
        return old | joined | {"validation_accuracy": validation} | hits

    def read(self) -> dict[str, np.ndarray]:
        """Return the stored scores of exactly the labellings and strengths asked for."""
        stored = self._stored()
        if not self.is_stored():
            raise ResultError(f"{self.place} does not hold what was asked for: run it again")
        rows = np.searchsorted(stored["labellings"], self.labellings)
        cells = np.ix_(rows, np.searchsorted(stored["strengths"], self.strengths))
        return stored | {
            "accuracy": stored["accuracy"][cells],
            "chance": stored["chance"][cells],
            "validation_accuracy": stored["validation_accuracy"][rows],
        }


def _packed(hits: np.ndarray) -> dict[str, np.ndarray]:
    """Return hits (validation image,) as bits, eight a byte."""
    return {"validation_hits": np.packbits(hits)}


def cut(settings: ShuffleSettings) -> list[Piece]:
    """Cut a figure run into trainings and blocks of nulls.

    Figures that share their runs measure the union of their perturbations at once (Fig. 2 adds the
    1 % set to Fig. 1's networks and forests), unless the user chose others.
    """
    pieces: list[Piece] = []
    n_blocks = -(-settings.n_permutations // BLOCK)
    for panel in settings.panels:
        strengths = _shared_strengths(settings, panel)
        epochs = study_of(settings).epochs(settings, panel)
        for seed in settings.seeds:
            training = Training(settings, panel, seed)
            pieces.append(training)
            for epoch in epochs:
                for block in range(n_blocks):
                    piece = NullBlock(settings, panel, seed, epoch, block, strengths)
                    piece.__dict__["training"] = training  # its key is computed once
                    pieces.append(piece)
    return pieces


def _shared_strengths(settings: ShuffleSettings, panel: str) -> tuple[float, ...]:
    own = FIGURES[settings.figure]
    usual = own.settings.get("perturbations", STRENGTHS)
    if settings.perturbations != usual:
        return settings.perturbations
    shared = [
        figure.settings.get("perturbations", STRENGTHS)
        for figure in FIGURES.values()
        if panel in figure.panels and _runs_of(figure) == _runs_of(own)
    ]
    return tuple(sorted(set().union(*shared)))


def _runs_of(figure: Figure) -> tuple[dict[str, Any], dict[str, int]]:
    """Return what tells a figure's trainings from those of another."""
    return {k: v for k, v in figure.settings.items() if k != "perturbations"}, dict(figure.times)


def join(settings: ShuffleSettings, pieces: Sequence[Piece]) -> dict[str, xr.Dataset]:
    """Join stored blocks into a dataset for each panel, with the time that they took.

    Raises
    ------
    ResultError
        When a piece is missing.
    """
    blocks: dict[tuple[str, int, int], list[NullBlock]] = {}
    networks: dict[str, list[Training]] = {}
    for piece in pieces:
        if isinstance(piece, Training):
            networks.setdefault(piece.panel, []).append(piece)
        elif isinstance(piece, NullBlock):
            own = replace(piece, strengths=settings.perturbations)
            blocks.setdefault((piece.panel, piece.seed, piece.epoch), []).append(own)
    panels: dict[str, xr.Dataset] = {}
    for panel, trainings in networks.items():
        runs = [
            _seed_dataset(one, [blocks[panel, one.seed, epoch] for epoch in one.epochs])
            for one in trainings
        ]
        seconds = sum(run.attrs["seconds"] for run in runs) + sum(t.seconds() for t in trainings)
        dataset = xr.concat(runs, dim="seed", join="exact", combine_attrs="drop")
        _, meaning, units = describe_kind(settings.perturbation_kind)
        architecture = trainings[0].architecture
        dataset.attrs |= {
            "panel": panel,
            "network": architecture.label,
            "layers": keys.to_json(architecture.as_list()),
            "compute_seconds": round(seconds, 3),
        }
        panels[panel] = label_null(dataset, meaning, units)
    return panels


def _seed_dataset(training: Training, nulls: Sequence[Sequence[NullBlock]]) -> xr.Dataset:
    """Join the blocks of one network's nulls, given epoch by epoch."""
    epochs, scalars, bits, seconds = [], [], [], 0.0
    for one_epoch in nulls:
        blocks = [null.read() for null in one_epoch]
        accuracy = np.concatenate([block["accuracy"] for block in blocks])
        chance = np.concatenate([block["chance"] for block in blocks])
        epochs.append((accuracy[0], accuracy[1:].T, chance[1:].T))
        scalars.append(
            {"validation_accuracy": blocks[0]["validation_accuracy"][0]}
            | {
                name: float(value)
                for name, value in blocks[0].items()
                if name.startswith("network_")
            }
        )
        bits.append(blocks[0])
        seconds += sum(float(block["seconds"]) for block in blocks)
    observed, null, chance = (np.stack(values)[None] for values in zip(*epochs, strict=True))
    strengths = nulls[0][0].strengths
    dataset = null_dataset(observed, null, chance, strengths)
    if all("validation_hits" in row for row in bits):  # not in pieces of an earlier version
        hits = np.stack([row["validation_hits"] for row in bits])[None]
        dataset["validation_hits"] = (("seed", "epoch", "validation_byte"), hits)
        dataset = dataset.assign_coords(validation_byte=np.arange(hits.shape[-1]))
    for name in scalars[0]:
        dataset[name] = (("seed", "epoch"), np.array([[row[name] for row in scalars]]))
    dataset = dataset.assign_coords(seed=[training.seed], epoch=list(training.epochs))
    return dataset.assign_attrs(seconds=seconds)
