"""Verify a stored result: compute a piece of it again from scratch and compare."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import xarray as xr

from memlib.base.errors import InputError
from memlib.base.parallel import one_thread
from memlib.base.seeds import stream
from memlib.results.provenance import account_of
from memlib.results.schema import panels_of
from memlib.runs.plan import plan
from memlib.runs.settings import Settings
from memlib.runs.study import resolve, study_of

# Shipped results by scale and figure.
Results = Mapping[tuple[str, str], xr.DataTree]


@dataclass(frozen=True)
class Sample:
    """One seed of a stored panel at one epoch (None without epochs), and the seconds it takes."""

    scale: str
    figure: str
    panel: str
    seed: int
    epoch: int | None
    seconds: float


@dataclass(frozen=True)
class Agreement:
    """How far a sample computed again is from what is stored: largest difference by variable.

    On the machine that made a result, nothing differs. Elsewhere sums round otherwise, and a long
    training drifts apart to another draw of the same experiment: what is measured of it agrees
    within the study's ``tolerance``.
    """

    sample: Sample
    differences: Mapping[str, float]
    tolerance: Mapping[str, float]
    identical: bool

    @property
    def holds(self) -> bool:
        """Whether every difference is within its tolerance."""
        return all(value <= self.tolerance[name] for name, value in self.differences.items())

    def __str__(self) -> str:
        one = self.sample
        where = f"{one.figure} at {one.scale} scale, panel {one.panel}, seed {one.seed}"
        where += "" if one.epoch is None else f", epoch {one.epoch:,}"
        if self.identical:
            return f"{where}: the same, bit for bit"
        found = ", ".join(
            f"{name} {value:.4f} (allowed {self.tolerance[name]})"
            for name, value in self.differences.items()
        )
        return f"{where}: {'agrees' if self.holds else 'DIFFERS'}: {found}"


def samples_of(results: Results) -> Iterator[Sample]:
    """Yield all samples of shipped results, with the time it takes to compute each again."""
    for (scale, figure), tree in results.items():
        for panel, dataset in panels_of(tree).items():
            epochs = dataset["epoch"].values.tolist() if "epoch" in dataset.coords else [None]
            for seed in dataset["seed"].values.tolist():
                settings = settings_of(dataset, panel, seed)
                for epoch in epochs:
                    one = _at_epoch(settings, panel, epoch)
                    pieces = study_of(one).pieces(one)
                    seconds = sum(piece.seconds_in_all() for piece in pieces)
                    yield Sample(scale, figure, panel, seed, epoch, seconds)


def settings_of(dataset: xr.Dataset, panel: str, seed: int) -> Settings:
    """Return the settings by which a seed of a shipped panel was made, for it alone.

    What has become a choice since is at the figure's own value.
    """
    made = account_of(dataset, seed)["parameters"]
    settings: Settings = resolve(**made | {"panels": [panel], "seed": seed, "n_seeds": 1})
    return settings


def _at_epoch(settings: Settings, panel: str, epoch: int | None) -> Settings:
    """Return the settings of a run that ends at an epoch and measures nothing before."""
    return settings if epoch is None else study_of(settings).only_epoch(settings, panel, epoch)


def draw_samples(results: Results, n: int, *, seed: int, max_seconds: float) -> list[Sample]:
    """Draw samples at random among those that take no longer than `max_seconds` each.

    Raises
    ------
    InputError
        When there are not so many.
    """
    samples = [one for one in samples_of(results) if one.seconds <= max_seconds]
    if len(samples) < n:
        raise InputError(
            f"--pieces {n}: only {len(samples)} stored pieces take at most "
            f"{max_seconds / 60:.1f} minutes; allow more with --minutes"
        )
    rows = stream(seed, "verify").choice(len(samples), n, replace=False)
    return [samples[row] for row in rows]


def verify_sample(sample: Sample, results: Results) -> Agreement:
    """Compute a sample again from the first weights on, and compare with what is stored."""
    dataset = panels_of(results[sample.scale, sample.figure])[sample.panel]
    settings = _at_epoch(
        settings_of(dataset, sample.panel, sample.seed), sample.panel, sample.epoch
    )
    study = study_of(settings)
    with _empty_results():
        one = plan(settings)
        for piece in one.missing():
            with one_thread():
                piece.compute()
        again = study.assemble(settings, one.pieces)[sample.panel]
    place = {"seed": sample.seed} | ({} if sample.epoch is None else {"epoch": sample.epoch})
    pairs = {}
    for name in study.tolerance:
        if name in dataset:
            both = (dataset[name].sel(place), again[name].sel(place))
            pairs[name] = tuple(array.transpose(*both[0].dims) for array in both)
    identical = all(np.array_equal(a.values, b.values) for a, b in pairs.values())
    differences = {}
    for name, (a, b) in pairs.items():
        over = [dim for dim in study.averaged if dim in a.dims]
        differences[name] = float(np.abs(a.mean(over).values - b.mean(over).values).max())
    return Agreement(sample, differences, study.tolerance, identical)


@contextmanager
def _empty_results() -> Iterator[None]:
    """Let results lie in an empty folder of their own while the body runs."""
    before = os.environ.get("MEMLIB_RESULTS")
    with tempfile.TemporaryDirectory(prefix="memlib-") as folder:
        os.environ["MEMLIB_RESULTS"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["MEMLIB_RESULTS"]
            else:
                os.environ["MEMLIB_RESULTS"] = before
