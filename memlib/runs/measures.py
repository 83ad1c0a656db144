"""Measures: what a study computes of its networks, declared once and run as pieces.

A measure is a stateless function that returns a dataset. Most need one network at one epoch. Some
need the course of a whole training, or many small trainings: these are given a `Run`, which trains
and resumes, and can keep what they have found so far.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Literal

import numpy as np
import xarray as xr

from memlib.base import files, keys
from memlib.base.errors import ResultError
from memlib.method.data import Data
from memlib.results.files import read_tree
from memlib.runs.pieces import Piece, pieces_folder, told_of
from memlib.runs.settings import Settings
from memlib.runs.study import study_of
from memlib.runs.trainings import Training, cached_data
from memlib.training.devices import busy_seconds, choose_device


@dataclass(frozen=True)
class Measure:
    """A measure of a study.

    Attributes
    ----------
    name
        Part of the names of stored files.
    function
        ``"module:function"``, imported where it runs, since it may need torch. For `of` network it
        is called with ``(network, data, settings, seed, epoch)``, for `of` run with a `Run`; it
        returns an xarray.Dataset of the study's variables, without the dims seed and epoch that
        are joined later.
    of
        ``"network"``: one network at each measured epoch. ``"run"``: once a panel and seed.
    settings
        Names of the settings, besides those of the training, on which its numbers depend.
    code
        Rooms or files that decide its numbers, see `memlib.base.keys.code_digest`.
    seconds
        What it takes one core: of one network, or of one run. Or ``"module:function"`` of settings
        and panel that says so.
    figures
        Figures that have it; all when empty.
    """

    name: str
    function: str
    of: Literal["network", "run"]
    settings: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    seconds: float | str = 1.0
    figures: tuple[str, ...] = ()

    def load(self) -> Any:
        """Import the function."""
        return resolve_name(self.function)

    def seconds_of(self, settings: Settings, panel: str) -> float:
        """Estimate what it takes one core, in seconds."""
        if isinstance(self.seconds, str):
            return float(resolve_name(self.seconds)(settings, panel))
        return self.seconds


class Run:
    """What a measure of a whole run is given: its data, a step to train, and a place to keep state.

    Attributes
    ----------
    settings, panel, seed
        Of the run.
    data
        Its samples and labels.
    """

    def __init__(self, piece: "MeasurePiece") -> None:
        self.settings, self.panel, self.seed = piece.settings, piece.panel, piece.seed
        self.training = piece.training
        self._state = piece.place.with_suffix(".state.npz")

    @property
    def data(self) -> Data:
        """The samples and labels of this run."""
        return cached_data(self.settings, self.panel, self.seed)

    def kept(self) -> dict[str, np.ndarray]:
        """Return what was kept when this measure was cut off; empty when it begins."""
        return files.read_arrays(self._state) or {}

    def keep(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep arrays, so that this measure can go on from here after it is cut off."""
        files.write_arrays(self._state, arrays)

    def train(self, step: Any, *, after: int = 0) -> Iterator[tuple[int, Any]]:
        """Train a step of `make_step` epoch by epoch to the run's last, and yield each epoch."""
        from memlib.training.loop import train_network

        last = study_of(self.settings).last_epoch(self.settings, self.panel)
        yield from train_network(
            step,
            self.data.train_images,
            self.data.train_labels,
            epochs=range(after + 1, last + 1),
            after=after,
            batch_size=self.settings.batch_size,
            seed=self.seed,
        )

    def make_step(self) -> Any:
        """Return the training step of the panel's untrained network."""
        return self.training.make_step()

    def forget(self) -> None:
        """Remove what was kept: the measure is stored."""
        self._state.unlink(missing_ok=True)


@dataclass(frozen=True)
class MeasurePiece(Piece):
    """One measure: of a network at an epoch, or of a whole run (epoch 0)."""

    measure: Measure
    settings: Settings
    panel: str
    seed: int
    epoch: int = 0
    device: str | None = None

    @cached_property
    def training(self) -> Training:
        """The training whose network is measured, or that the measure carries out itself."""
        return Training(self.settings, self.panel, self.seed, self.device)

    @cached_property
    def spec(self) -> dict[str, Any]:
        """All that the measure depends on, but for the epoch itself."""
        own = {name: getattr(self.settings, name) for name in self.measure.settings}
        spec: dict[str, Any] = {
            "measure": self.measure.name,
            "training": self.training.key,
            "settings": own,
            "code": keys.code_digest("base/seeds.py", *self.measure.code),
        }
        if self.measure.of == "run":
            spec["epochs"] = list(self.training.epochs)
            spec["device"] = self.device or choose_device(self.settings.device)
        return spec

    @cached_property
    def place(self) -> Path:
        """The file of the dataset."""
        folder = pieces_folder() / f"{self.measure.name}-{keys.digest(self.spec)}"
        return folder / f"epoch_{self.epoch:07d}.nc"

    @property
    def needs(self) -> tuple[Training, ...]:
        """The training whose network is measured."""
        return (self.training,) if self.measure.of == "network" else ()

    def is_stored(self) -> bool:
        """Whether the dataset is there."""
        return self.place.is_file()

    def seconds_left(self) -> float:
        """Estimate the time of the measure."""
        return 0.0 if self.is_stored() else self.seconds_in_all()

    def seconds_in_all(self) -> float:
        """Estimate the time of the measure, as if it were not stored."""
        return self.measure.seconds_of(self.settings, self.panel)

    def depends_on(self) -> dict[str, Any]:
        """Return all that the measure depends on, with what its network does."""
        own = {f"{name} of {self.measure.name}": value for name, value in self.spec.items()}
        return self.training.depends_on() | own

    def compute(self) -> None:
        """Measure, and store the dataset with the time that it took."""
        if self.is_stored():
            return
        started, function = busy_seconds(), self.measure.load()
        if self.measure.of == "network":
            network, data = self.training.network(self.epoch), self.training.data
            found = function(network, data, self.settings, self.seed, self.epoch)
        else:
            run = Run(self)
            found = function(run)
        found.attrs["seconds"] = busy_seconds() - started
        files.write_netcdf(found, self.place)
        if self.measure.of == "run":
            run.forget()

    def read(self) -> xr.Dataset:
        """Return the stored dataset.

        Raises
        ------
        ResultError
            When it is not there.
        """
        if not self.is_stored():
            raise ResultError(f"{self.place} is not stored: run it again")
        found = read_tree(self.place).to_dataset()
        with told_of(self.place):
            found.attrs = {"seconds": float(found.attrs["seconds"])}
        return found


def cut(settings: Settings) -> list[Piece]:
    """Cut a run into its trainings and measures."""
    measures = study_of(settings).measures
    own = [one for one in measures if settings.figure in (one.figures or (settings.figure,))]
    pieces: list[Piece] = []
    for panel in settings.panels:
        for seed in settings.seeds:
            training = Training(settings, panel, seed)
            if any(one.of == "network" for one in own):
                pieces.append(training)
            for one in own:
                epochs = training.epochs if one.of == "network" else (0,)
                for epoch in epochs:
                    piece = MeasurePiece(one, settings, panel, seed, epoch)
                    piece.__dict__["training"] = training  # its key is computed once
                    pieces.append(piece)
    return pieces


def join(settings: Settings, pieces: Sequence[Piece]) -> dict[str, xr.Dataset]:
    """Join stored measures into a dataset for each panel: along epoch, then along seed.

    Raises
    ------
    ResultError
        When a piece is missing.
    """
    panels: dict[str, xr.Dataset] = {}
    for panel in settings.panels:
        seconds, runs = 0.0, []
        for seed in settings.seeds:
            own = [one for one in pieces if (one.panel, one.seed) == (panel, seed)]
            parts: dict[str, list[xr.Dataset]] = {}
            for piece in own:
                if isinstance(piece, Training):
                    seconds += piece.seconds()
                elif isinstance(piece, MeasurePiece):
                    found = piece.read()
                    seconds += float(found.attrs.pop("seconds"))
                    if piece.measure.of == "network":
                        found = found.expand_dims(epoch=[piece.epoch])
                    parts.setdefault(piece.measure.name, []).append(found)
            joined = [
                xr.concat(some, "epoch") if len(some) > 1 else some[0] for some in parts.values()
            ]
            runs.append(xr.merge(joined, combine_attrs="drop").expand_dims(seed=[seed]))
        dataset = xr.concat(runs, "seed", join="outer", combine_attrs="drop")
        architecture = study_of(settings).architecture(settings, panel)
        dataset.attrs = {
            "panel": panel,
            "network": architecture.label,
            "layers": keys.to_json(architecture.as_list()),
            "compute_seconds": round(seconds, 3),
        }
        panels[panel] = dataset
    return panels
