"""Runs: from settings to a figure's stored dataset."""

import datetime
import platform
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from memlib.base import keys
from memlib.base.errors import ResultError
from memlib.base.version import __version__, git_commit, installed_version
from memlib.method.perturb import describe_kind
from memlib.method.verdicts import null_dataset
from memlib.papers.chaibub_neto_2018.figures import FIGURES, resolve
from memlib.papers.chaibub_neto_2018.null_pieces import NullBlock
from memlib.results.schema import SCHEMA_VERSION, assemble, label_panel, read_result, write_result
from memlib.runs.plan import Plan, plan
from memlib.runs.schedule import compute
from memlib.runs.trainings import Training
from memlib.training.devices import device_name

LOSS_NAMES = {
    "binary": "mean binary cross-entropy over sigmoid outputs",
    "categorical": "mean cross-entropy over the softmax of the outputs",
}
INITIAL_WEIGHTS = {"glorot": "Glorot", "he": "He", "torch": "torch's default, Kaiming"}


def assemble_result(one: Plan) -> xr.DataTree:
    """Join the stored pieces of a run into its dataset.

    Raises
    ------
    ResultError
        When a piece is missing.
    """
    settings = one.settings
    nulls: dict[tuple[str, int, int], list[NullBlock]] = {}
    for null in one.nulls:
        key = null.training.panel, null.training.seed, null.epoch
        nulls.setdefault(key, []).append(replace(null, strengths=settings.perturbations))
    panels: dict[str, xr.Dataset] = {}
    for panel in settings.panels:
        trainings = [training for training in one.trainings if training.panel == panel]
        runs = [
            _seed_dataset(training, [nulls[panel, training.seed, n] for n in training.epochs])
            for training in trainings
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
        panels[panel] = label_panel(dataset, meaning, units)
    seconds = sum(dataset.attrs["compute_seconds"] for dataset in panels.values())
    return assemble(panels, _provenance(one, seconds))


def _seed_dataset(training: Training, nulls: Sequence[Sequence[NullBlock]]) -> xr.Dataset:
    """Join the blocks of one network's nulls, given epoch by epoch."""
    epochs, scalars, seconds = [], [], 0.0
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
        seconds += sum(float(block["seconds"]) for block in blocks)
    observed, null, chance = (np.stack(values)[None] for values in zip(*epochs, strict=True))
    dataset = null_dataset(observed, null, chance, training.settings.perturbations)
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
        "loss": LOSS_NAMES[settings.loss],
        "initial_weights": f"{INITIAL_WEIGHTS[settings.initial_weights]} uniform, zero bias",
        "device": f"{platform.system()} {platform.machine()}, "
        + device_name(one.trainings[0].spec["device"]),
        "compute_seconds": round(seconds, 1),
        "data_checksum": one.trainings[0].spec["data"],
        "code_digest": keys.code_digest(),
        "git_commit": git_commit(),
        "memlib_version": __version__,
        "schema_version": SCHEMA_VERSION,
        **{
            f"{name}_version": installed_version(name)
            for name in ("numpy", "torch", "scikit-learn", "xarray")
        },
    }


def stored_result(one: Plan) -> xr.DataTree | None:
    """Return the dataset of a run if it is stored and made by these parameters, data and code."""
    if not one.path.is_file():
        return None
    try:
        tree = read_result(one.path)
    except ResultError:  # damaged: it is joined again from its pieces
        return None
    return tree if tree.attrs["parameters_digest"] == one.digest else None


def run_figure(
    figure: str,
    scale: str = "teaching",
    *,
    n_jobs: int | None = None,
    progress: bool = True,
    scheduler: str | None = None,
    **changes: Any,
) -> xr.DataTree:
    """Return a figure's dataset: stored, or computed now and stored.

    Parameters
    ----------
    figure, scale
        Names in `memlib.papers.chaibub_neto_2018.figures.FIGURES` and `memlib.papers.chaibub_neto_2018.figures.SCALES`.
    n_jobs
        Processes; as many as cores when None.
    progress
        Show a bar with the time left.
    scheduler
        Address of a Dask scheduler, see `memlib.runs.schedule.compute`.
    changes
        Fields of `memlib.papers.chaibub_neto_2018.figures.Settings` to change; None keeps the default.

    Returns
    -------
    xarray.DataTree
        One group a panel with dims seed, epoch, perturbation, permutation.

    Raises
    ------
    InputError
        When a parameter is not allowed, before any work.
    """
    one = plan(resolve(figure, scale, **changes))
    tree = stored_result(one)
    if tree is None:
        started = time.monotonic()
        compute([one], n_jobs=n_jobs, progress=progress, scheduler=scheduler)
        tree = assemble_result(one)
        tree.attrs["wall_seconds"] = round(time.monotonic() - started, 1)
        write_result(tree, one.path)
    return tree


def sibling_path(figure: str, scale: str, seed: int) -> Path:
    """Return where another figure's result with default settings lies, if it was run."""
    return plan(resolve(figure, scale, seed=seed)).path


def default_results(scale: str, seed: int = 0) -> dict[str, xr.DataTree]:
    """Return the stored results of all figures at a scale with their default settings."""
    found = {}
    for figure in FIGURES:
        tree = stored_result(plan(resolve(figure, scale, seed=seed)))
        if tree is not None:
            found[figure] = tree
    return found


def stored_siblings(tree: xr.DataTree) -> dict[str, xr.DataTree]:
    """Return the stored results of all figures at a result's scale and seed, with its own.

    For claims that compare figures. Others are looked up with their default settings; a figure
    that was not run is left out.
    """
    others = default_results(tree.attrs["scale"], int(tree.attrs["base_seed"]))
    return others | {tree.attrs["figure"]: tree}
