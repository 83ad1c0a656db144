"""A training as a piece of work: the network is stored at every epoch that is measured.

A training cut off half-way goes on from its last stored epoch.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from memlib.base import files, keys
from memlib.base.errors import ResultError
from memlib.base.version import installed_version
from memlib.method.data import Data
from memlib.runs.pieces import Piece, pieces_folder, told_of
from memlib.runs.same_numbers import earliest
from memlib.runs.settings import Settings
from memlib.runs.study import study_of
from memlib.training.devices import busy_seconds, choose_device
from memlib.training.layers import Architecture

# What decides a trained network; the declared layers are part of its specification anyway.
TRAINING_CODE = ("training", "base/seeds.py")
CHECKPOINT_SECONDS = 60.0
HEARTBEAT_SECONDS = 1.0


@lru_cache(maxsize=8)
def cached_data(settings: Settings, panel: str, seed: int) -> Data:
    """Return a run's data, loaded once a process."""
    return study_of(settings).data(settings, panel, seed)


@dataclass(frozen=True)
class Training(Piece):
    """One network's training. Stores the network at every epoch asked for."""

    kind = "networks"

    settings: Settings
    panel: str
    seed: int
    device: str | None = None

    @cached_property
    def spec(self) -> dict[str, Any]:
        """All that the trained network depends on."""
        settings, study = self.settings, study_of(self.settings)
        spec = study.data_key(settings, self.panel) | {
            "layers": self.architecture.as_list(),
            "initial_weights": settings.initial_weights,
            "batch_size": settings.batch_size,
            "device": self.device or choose_device(settings.device),
            "seed": self.seed,
            "torch": installed_version("torch").split("+")[0],  # without what it was built for
        }
        spec |= study.training_options(settings, self.panel)
        spec["code"] = earliest(
            self._kind_of_code(spec["device"]), keys.code_digest(*TRAINING_CODE)
        )
        return spec

    def _kind_of_code(self, device: str) -> str:
        if device != "cpu":
            return "gpu"
        return "convolution" if self.architecture.is_cnn else "dense"

    @property
    def architecture(self) -> Architecture:
        """The panel's network, as declared."""
        return study_of(self.settings).architecture(self.settings, self.panel)

    @cached_property
    def key(self) -> str:
        """Digest of the specification."""
        return keys.digest(self.spec)

    @property
    def place(self) -> Path:
        """Where the networks are stored."""
        return pieces_folder() / f"training-{self.key}"

    @property
    def asked(self) -> tuple[int, ...]:
        """The epochs asked for."""
        return self.epochs

    @property
    def data(self) -> Data:
        """The samples and labels of this run."""
        return cached_data(self.settings, self.panel, self.seed)

    def snapshot(self, epoch: int) -> Path:
        """Return the file of the network after an epoch."""
        return self.place / f"epoch_{epoch:07d}.npz"

    @cached_property
    def epochs(self) -> tuple[int, ...]:
        """Epochs at which the network is measured."""
        return study_of(self.settings).epochs(self.settings, self.panel)

    # Runs that measure other epochs share the networks. What each leaves of its work in progress
    # has a name of its own, so that none loses what another, stopped or still at work, has left.

    @property
    def checkpoint(self) -> Path:
        """Return the file of the network between two measured epochs."""
        return self.place / f"latest_{self.epochs[-1]:07d}_{len(self.epochs):03d}.npz"

    @property
    def heartbeat(self) -> Path:
        """Return the file that says how far the training has come."""
        return self.place / f"progress_{self.epochs[-1]:07d}_{len(self.epochs):03d}.txt"

    def missing_epochs(self) -> list[int]:
        """Return the epochs of which no network is stored yet."""
        return [epoch for epoch in self.epochs if not self.snapshot(epoch).is_file()]

    def network(self, epoch: int) -> Any:
        """Load the stored network of an epoch (a torch module)."""
        import torch

        from memlib.training.networks import load_network_arrays

        arrays = files.read_arrays(self.snapshot(epoch))
        if arrays is None:
            raise ResultError(f"no network of epoch {epoch} in {self.place}")
        network = self._build()
        with told_of(self.snapshot(epoch)):
            load_network_arrays(network, {name: arrays[name] for name in network.state_dict()})
        # Convolutions of the CPU are twice as fast so; dense layers are as they were.
        return network.to(memory_format=torch.channels_last)

    def _build(self) -> Any:
        from memlib.training.networks import build_network

        data = self.data
        return build_network(
            self.architecture,
            image_shape=data.train_images.shape[1:],
            n_classes=data.n_classes,
            initial_weights=self.settings.initial_weights,
            seed=self.seed,
        )

    def make_step(self) -> Any:
        """Return the step of the untrained network."""
        from memlib.training.factory import make_step

        options = study_of(self.settings).training_options(self.settings, self.panel)
        return make_step(self._build(), device=self.spec["device"], **options)

    def compute(self) -> None:
        """Train to the last missing epoch, from the latest stored network before the first."""
        from memlib.training.loop import train_network

        missing = self.missing_epochs()
        if not missing:
            return
        files.write_text(self.place / "about.json", keys.to_json(self.spec))
        step = self.make_step()
        after, seconds = 0, 0.0
        for _, path in self._beginnings(missing[0]):
            arrays = files.read_arrays(path)
            # Another run may have gone on, or ended, since its checkpoint was looked at.
            with told_of(path):
                if arrays is not None and int(arrays["epoch"]) < missing[0]:
                    after, seconds = int(arrays["epoch"]), float(arrays["seconds"])
                    step.load_arrays(arrays)
                    break
        beat = Heartbeat(self.heartbeat)
        beat(after)
        started, saved = busy_seconds(self.spec["device"]), time.monotonic()
        every_epoch = range(after + 1, missing[-1] + 1)
        for epoch, _ in train_network(
            step,
            self.data.train_images,
            self.data.train_labels,
            epochs=every_epoch,
            after=after,
            batch_size=self.settings.batch_size,
            seed=self.seed,
        ):
            now = time.monotonic()
            wanted = epoch in missing
            if wanted or now - saved > CHECKPOINT_SECONDS:
                arrays = step.arrays() | {
                    "epoch": np.array(epoch),
                    "seconds": np.array(seconds + busy_seconds(self.spec["device"]) - started),
                }
                files.write_arrays(self.snapshot(epoch) if wanted else self.checkpoint, arrays)
                saved = now
            beat(epoch)
        self.checkpoint.unlink(missing_ok=True)
        self.heartbeat.unlink(missing_ok=True)

    def _beginnings(self, first: int) -> list[tuple[int, Path]]:
        """Return stored networks of any run from before an epoch, the latest first."""
        stored = {_epoch_of(path): path for path in self.place.glob("latest_*.npz")}
        stored |= dict(snapshots(self.place))
        return [one for one in sorted(stored.items(), reverse=True) if 0 < one[0] < first]

    def is_stored(self) -> bool:
        """Whether a network of every epoch asked for is there."""
        return not self.missing_epochs()

    def seconds_of(self, n_epochs: int) -> float:
        """Estimate the time of training for some epochs, in seconds of one core."""
        settings = self.settings
        batch_size = min(settings.batch_size, settings.n_images)
        n_steps = -(-settings.n_images // batch_size)
        step = study_of(settings).step_seconds(settings, self.panel)
        return n_epochs * n_steps * step * batch_size / 128

    def seconds_left(self) -> float:
        """Estimate the time of the missing epochs."""
        missing = self.missing_epochs()
        # Later networks may be stored by other runs: all from the first missing one on is trained.
        return self.seconds_of(max(missing[-1] - self.goes_on_after(), 0)) if missing else 0.0

    def seconds_in_all(self) -> float:
        """Estimate the time of the whole training."""
        return self.seconds_of(self.epochs[-1])

    def share_done(self) -> float:
        """Return how far the training has come, by its epochs; it goes on from what is stored."""
        last = max(self.missing_epochs(), default=0)
        return max(self.epochs_done(), self.goes_on_after()) / last if last else 1.0

    def goes_on_after(self) -> int:
        """Return the epoch after which the training would begin or go on now."""
        missing = self.missing_epochs()
        if not missing:
            return self.epochs[-1]
        return next((epoch for epoch, _ in self._beginnings(missing[0])), 0)

    def epochs_done(self) -> int:
        """Return how far the training says it has come, for progress."""
        if not self.missing_epochs():
            return self.epochs[-1]
        return epoch_noted(self.heartbeat) or 0

    def seconds(self) -> float:
        """Return the seconds that the stored training took one core, or the GPU."""
        path = self.snapshot(self.epochs[-1])
        arrays = files.read_arrays(path)
        with told_of(path):
            return 0.0 if arrays is None else float(arrays["seconds"])


def snapshots(place: Path) -> Iterator[tuple[int, Path]]:
    """Yield epoch and path of each stored network; copies by other names are passed over."""
    for path in place.glob("epoch_*.npz"):
        if re.fullmatch(r"epoch_[0-9]{7,9}", path.stem) and path.is_file():
            yield int(path.stem[6:]), path


def epoch_noted(path: Path) -> int | None:
    """Return the epoch that a training says it is at, None where the file says nothing of it."""
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, ValueError):  # not begun, just ended, or no text
        return None
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def _epoch_of(path: Path) -> int:
    """Return the epoch of a stored network, 0 when it is gone or no whole file."""
    try:
        with np.load(path, allow_pickle=False) as file:  # reads no more than is asked for
            return int(file["epoch"])
    except Exception:  # zipfile, zlib and NumPy each raise their own kinds
        return 0


class Heartbeat:
    """Writes how far a piece has come, at most once a second; losing it loses nothing."""

    def __init__(self, path: Path) -> None:
        self.path, self.last = path, -np.inf

    def __call__(self, value: int) -> None:
        """Write a number unless one was written a moment ago."""
        now = time.monotonic()
        if now - self.last > HEARTBEAT_SECONDS:
            self.last = now
            files.write_text(self.path, str(value))
