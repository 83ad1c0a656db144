"""Runs: plan a figure's pieces, compute what is missing, assemble the dataset."""

import datetime
import os
import platform
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from joblib import Parallel, delayed
from tqdm import tqdm

from memlib import costs, store
from memlib.architectures import ARCHITECTURES
from memlib.figures import FIGURES, Settings, resolve
from memlib.null import null_dataset
from memlib.perturb import KINDS
from memlib.pieces import BLOCK, NullBlock, Training, compute_piece
from memlib.results import SCHEMA_VERSION, assemble, label_panel, read_result, write_result
from memlib.version import __version__

RESULT_CODE = ("figures", "pieces", "results", "runs")


@dataclass(frozen=True)
class Plan:
    """All pieces of one figure run."""

    settings: Settings
    trainings: tuple[Training, ...]
    nulls: tuple[NullBlock, ...]

    @property
    def digest(self) -> str:
        """Digest of all that the dataset depends on: parameters, data and code."""
        pieces = [store.digest(null.spec) for null in self.nulls]
        return store.digest(
            [self.settings.model_dump(mode="json"), pieces, store.code_digest(RESULT_CODE)]
        )

    @property
    def path(self) -> Path:
        """Where the figure's dataset is stored."""
        settings = self.settings
        return store.results_dir() / f"{settings.figure}-{settings.scale}-{self.digest[:8]}.nc"

    def missing(self) -> tuple[list[Training], list[NullBlock]]:
        """Return the pieces still to compute, the most expensive trainings first."""
        nulls = [null for null in self.nulls if not null.is_stored()]
        # A network is needed only where a null is still to be computed from it.
        needed = {null.training for null in nulls}
        trainings = [one for one in self.trainings if one in needed and one.missing_epochs()]
        return sorted(trainings, key=costs.training_seconds, reverse=True), nulls


def plan(settings: Settings) -> Plan:
    """Cut a figure run into pieces.

    Figures that share their runs measure the union of their perturbations at once (Fig. 2 adds the
    1 % set to Fig. 1's networks and forests), unless the user chose others.
    """
    trainings, nulls = [], []
    for panel in settings.panels:
        strengths = _shared_strengths(settings, panel)
        for seed in settings.seeds:
            training = Training(settings, panel, seed)
            trainings.append(training)
            n_blocks = -(-settings.n_permutations // BLOCK)
            nulls += [
                NullBlock(training, epoch, block, strengths)
                for epoch in training.epochs
                for block in range(n_blocks)
            ]
    return Plan(settings, tuple(trainings), tuple(nulls))


def _shared_strengths(settings: Settings, panel: str) -> tuple[float, ...]:
    own = FIGURES[settings.figure]
    if settings.perturbations != own.perturbations:
        return settings.perturbations
    shared = [
        figure.perturbations
        for figure in FIGURES.values()
        if panel in figure.panels
        and (figure.inputs, figure.optimizer, figure.images_factor)
        == (own.inputs, own.optimizer, own.images_factor)
    ]
    return tuple(sorted(set().union(*shared)))


def compute(plans: Sequence[Plan], *, n_jobs: int | None = None, progress: bool = True) -> None:
    """Compute the missing pieces of several runs in parallel processes.

    Parameters
    ----------
    plans
        See `plan`; pieces that they share are computed once.
    n_jobs
        Processes; as many as cores when None. Results do not depend on it.
    progress
        Show a bar with the time left.

    Raises
    ------
    ResultError
        When the results folder cannot be written, before any work.
    """
    store.require_writable(store.results_dir())
    trainings: dict[str, Training] = {}
    nulls: dict[Path, NullBlock] = {}
    for one in plans:
        missing_trainings, missing_nulls = one.missing()
        for training in missing_trainings:
            known = trainings.get(training.key)
            if known is None or len(known.missing_epochs()) < len(training.missing_epochs()):
                trainings[training.key] = training
        for null in missing_nulls:
            known_null = nulls.get(null.path)
            if known_null is None or len(known_null.strengths) < len(null.strengths):
                nulls[null.path] = null
    if not nulls:
        return
    n_jobs = n_jobs or os.cpu_count() or 1
    ordered = sorted(trainings.values(), key=costs.training_seconds, reverse=True)
    with _progress_bar(ordered, list(nulls.values()), progress):
        for pieces in (ordered, list(nulls.values())):
            _run_pieces(pieces, n_jobs)


def _run_pieces(pieces: Sequence[Training | NullBlock], n_jobs: int) -> None:
    n_jobs = min(n_jobs, len(pieces))
    if n_jobs > 0:
        with warnings.catch_warnings():
            # joblib warns when it replaces a worker that idled too long; nothing is lost.
            warnings.filterwarnings("ignore", "A worker stopped while some jobs were given")
            Parallel(n_jobs=n_jobs, batch_size=1)(delayed(compute_piece)(one) for one in pieces)


@contextmanager
def _progress_bar(
    trainings: Sequence[Training], nulls: Sequence[NullBlock], shown: bool
) -> Iterator[None]:
    """Show how much of the estimated work is stored; reads the disk, so any worker counts."""
    weights = {one: costs.training_seconds(one) for one in trainings}
    waiting = {null: costs.null_seconds(null) for null in nulls}
    total = sum(weights.values()) + sum(waiting.values())
    base = {one: one.epochs_done() for one in trainings}
    stop = threading.Event()

    def done() -> float:
        part = 0.0
        for training, weight in weights.items():
            whole = training.epochs[-1] - base[training]
            part += weight * min(1.0, (training.epochs_done() - base[training]) / max(whole, 1))
        for null in [null for null in waiting if null.path.is_file() and null.is_stored()]:
            finished[0] += waiting.pop(null)
        return part + finished[0]

    finished = [0.0]
    bar = tqdm(
        total=100.0,
        disable=not shown or None if shown else True,
        desc=f"{len(trainings)} networks, {len(nulls)} null blocks",
        bar_format="{desc}: {percentage:3.0f}% |{bar}| {elapsed} passed, {remaining} left",
    )

    def watch() -> None:
        while not stop.wait(1.0):
            bar.n = round(100 * done() / total, 1)
            bar.refresh()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
        bar.n = 100.0
    finally:
        stop.set()
        thread.join()
        bar.refresh()
        bar.close()


def assemble_result(one: Plan) -> xr.DataTree:
    """Join the stored pieces of a run into its dataset.

    Raises
    ------
    ResultError
        When a piece is missing.
    """
    settings = one.settings
    panels, seconds = {}, 0.0
    for panel in settings.panels:
        runs = []
        for training in (t for t in one.trainings if t.panel == panel):
            runs.append(_seed_dataset(one, training))
            seconds += training.seconds()
        dataset = xr.concat(runs, dim="seed", join="exact")
        seconds += float(dataset.attrs.pop("seconds", 0.0)) + sum(
            float(run.attrs["seconds"]) for run in runs[1:]
        )
        kind = KINDS[settings.perturbation_kind]
        dataset.attrs |= {
            "panel": panel,
            "network": ARCHITECTURES[panel].label,
            "layers": store.to_json(ARCHITECTURES[panel].as_list()),
        }
        panels[panel] = label_panel(dataset, kind.strength, kind.units)
    return assemble(panels, _provenance(one, seconds))


def _seed_dataset(one: Plan, training: Training) -> xr.Dataset:
    settings = one.settings
    epochs, scalars, seconds = [], [], 0.0
    for epoch in training.epochs:
        blocks = [
            NullBlock(training, epoch, null.block, settings.perturbations).read()
            for null in one.nulls
            if null.training is training and null.epoch == epoch
        ]
        accuracy = np.concatenate([block["accuracy"] for block in blocks])
        chance = np.concatenate([block["chance"] for block in blocks])
        epochs.append((accuracy[0], accuracy[1:].T, chance[1:].mean(axis=0)))
        scalars.append({"validation_accuracy": blocks[0]["validation_accuracy"][0]} | {
            name: float(value)
            for name, value in blocks[0].items()
            if name.startswith("network_")
        })
        seconds += sum(float(block["seconds"]) for block in blocks)
    observed, null, chance = (np.stack(values)[None] for values in zip(*epochs, strict=True))
    dataset = null_dataset(observed, null, chance, settings.perturbations)
    for name in scalars[0]:
        dataset[name] = (("seed", "epoch"), np.array([[row[name] for row in scalars]]))
    dataset = dataset.assign_coords(seed=[training.seed], epoch=list(training.epochs))
    return dataset.assign_attrs(seconds=seconds)


def _provenance(one: Plan, seconds: float) -> dict[str, Any]:
    settings = one.settings
    figure = FIGURES[settings.figure]
    return {
        "title": f"{figure.title} ({settings.figure} of Chaibub Neto 2018)",
        "source": "memlib, networks trained and measured as in sections 3-7 of the paper",
        "references": "Chaibub Neto 2018, arXiv:1802.07714",
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "figure": settings.figure,
        "scale": settings.scale,
        "parameters": settings.model_dump(mode="json"),
        "parameters_digest": one.digest,
        "base_seed": settings.seed,
        "loss": "mean binary cross-entropy over sigmoid outputs",
        "initial_weights": "Glorot uniform, zero bias",
        "device": f"{platform.system()} {platform.machine()}, CPU, one process a core",
        "compute_seconds": round(seconds, 1),
        "data_checksum": one.trainings[0].spec["data"],
        "code_digest": store.code_digest(),
        "git_commit": git_commit(),
        "memlib_version": __version__,
        "schema_version": SCHEMA_VERSION,
        **{f"{name}_version": version(name) for name in ("numpy", "torch", "scikit-learn", "xarray")},
    }


def git_commit() -> str:
    """Return the checkout's commit, with ``+changes`` where files differ, or ``unknown``."""
    command = ["git", "-C", str(Path(__file__).parent.parent), "describe", "--always", "--dirty=+changes", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def stored_result(one: Plan) -> xr.DataTree | None:
    """Return the dataset of a run if it is stored and made by these parameters, data and code."""
    if not one.path.is_file():
        return None
    tree = read_result(one.path)
    return tree if tree.attrs["parameters_digest"] == one.digest else None


def run_figure(
    figure: str,
    scale: str = "teaching",
    *,
    n_jobs: int | None = None,
    progress: bool = True,
    **changes: Any,
) -> xr.DataTree:
    """Return a figure's dataset: stored, or computed now and stored.

    Parameters
    ----------
    figure, scale
        Names in `memlib.figures.FIGURES` and `memlib.figures.SCALES`.
    n_jobs
        Processes; as many as cores when None.
    progress
        Show a bar with the time left.
    changes
        Fields of `memlib.figures.Settings` to change; None keeps the default.

    Returns
    -------
    xarray.DataTree
        One group a panel with dims seed, epoch, perturbation, permutation; its source is in
        ``attrs["stored_in"]``.

    Raises
    ------
    InputError
        When a parameter is not allowed, before any work.
    """
    one = plan(resolve(figure, scale, **changes))
    tree = stored_result(one)
    if tree is None:
        started = time.monotonic()
        compute([one], n_jobs=n_jobs, progress=progress)
        tree = assemble_result(one)
        tree.attrs["wall_seconds"] = round(time.monotonic() - started, 1)
        write_result(tree, one.path)
    return tree


def sibling_path(figure: str, scale: str, seed: int) -> Path:
    """Return where another figure's result with default settings lies, whether it is there or not."""
    return plan(resolve(figure, scale, seed=seed)).path


def stored_siblings(tree: xr.DataTree) -> dict[str, xr.DataTree]:
    """Return the stored results of all figures at a result's scale and seed, with its own.

    For claims that compare figures. Others are looked up with their default settings; a figure
    that was not run is left out.
    """
    found = {}
    for figure in FIGURES:
        other = stored_result(plan(resolve(figure, tree.attrs["scale"], seed=tree.attrs["base_seed"])))
        if other is not None:
            found[figure] = other
    return found | {tree.attrs["figure"]: tree}
