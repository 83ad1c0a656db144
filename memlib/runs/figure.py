"""Run a figure: from settings to its stored dataset."""

import datetime
import json
import platform
import time
from pathlib import Path
from typing import Any

import xarray as xr

from memlib.base import keys
from memlib.base.errors import ResultError
from memlib.base.version import __version__, git_commit, installed_version
from memlib.results.files import assemble, read_tree, write_result
from memlib.results.schema import panels_of
from memlib.runs.plan import Plan, plan
from memlib.runs.schedule import compute
from memlib.runs.study import Study, find_study, resolve, studies, study_of
from memlib.training.devices import choose_device, device_name


def assemble_result(one: Plan) -> xr.DataTree:
    """Join the stored pieces of a run into its dataset.

    Raises
    ------
    ResultError
        When a piece is missing.
    """
    settings, study = one.settings, study_of(one.settings)
    panels = study.assemble(settings, one.pieces)
    seconds = sum(dataset.attrs["compute_seconds"] for dataset in panels.values())
    return assemble(panels, _provenance(one, seconds), study.schema_of(settings.figure))


def _provenance(one: Plan, seconds: float) -> dict[str, Any]:
    settings, study = one.settings, study_of(one.settings)
    figure = study.figures[settings.figure]
    return {
        "title": f"{figure.title} ({settings.figure} of {study.label})",
        "source": study.source,
        "references": study.reference,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "study": study.name,
        "figure": settings.figure,
        "scale": settings.scale,
        "parameters": settings.model_dump(mode="json"),
        "parameters_digest": one.digest,
        "base_seed": settings.seed,
        **study.describe(settings),
        "device": f"{platform.system()} {platform.machine()}, "
        + device_name(choose_device(settings.device)),
        "compute_seconds": round(seconds, 1),
        "data_checksum": study.data_key(settings, settings.panels[0])["data"],
        "code_digest": keys.code_digest(),
        "git_commit": git_commit(),
        "memlib_version": __version__,
        "schema_version": study.schema_of(settings.figure).version,
        **{
            f"{name}_version": installed_version(name)
            for name in ("numpy", "torch", "scikit-learn", "xarray")
        },
    }


def read_result(path: str | Path) -> xr.DataTree:
    """Read a stored result of any study and check it by the study's schema.

    Raises
    ------
    ResultError
        When the file is missing, damaged or no result of a study that is known here.
    """
    tree, origin = read_tree(path), Path(path).name
    study = _study_of(tree, path)
    schema = study.schema_of(str(tree.attrs.get("figure")))
    tree = schema.with_todays_names(schema.declared(tree))
    schema.check(tree, origin)
    for name, allowed in (("figure", study.figures), ("scale", study.scales)):
        if tree.attrs[name] not in allowed:
            raise ResultError(f"{origin}: {name} is {tree.attrs[name]!r:.80}, unknown to memlib")
    panels = study.figures[tree.attrs["figure"]].panels
    for panel, dataset in panels_of(tree).items():
        if panel not in panels or dataset.attrs.get("panel", panel) != panel:
            raise ResultError(f"{origin}: {panel!r:.80} is no panel of {tree.attrs['figure']}")
    parameters = json.loads(tree.attrs["parameters"])
    for name in ("seed", "n_seeds", "epochs", "n_images"):
        if not isinstance(parameters.get(name), int):
            raise ResultError(f"{origin}: its parameters have no whole number {name}")
    return tree


def write_figure(tree: xr.DataTree, path: Path) -> Path:
    """Check a figure's result by its study's schema, and write it whole or not at all."""
    schema = _study_of(tree, path).schema_of(str(tree.attrs.get("figure")))
    return write_result(tree, path, schema)


def _study_of(tree: xr.DataTree, path: str | Path) -> Study:
    name = str(tree.attrs.get("study", "chaibub_neto_2018"))  # older files do not say
    if name not in studies():
        raise ResultError(f"{path} is of the study {name!r}, which this memlib has not")
    return studies()[name]


def stored_result(one: Plan) -> xr.DataTree | None:
    """Return the dataset of a run if it is stored and made by these parameters, data and code."""
    if not one.path.is_file():
        return None
    try:
        tree = read_result(one.path)
    except ResultError:  # damaged: it is joined again from its pieces
        return None
    return tree if tree.attrs["parameters_digest"] == one.digest else None


def run_plan(
    one: Plan, *, n_jobs: int | None = None, progress: bool = True, scheduler: str | None = None
) -> xr.DataTree:
    """Return a planned run's dataset: stored, or computed now and stored; see `run_figure`."""
    tree = stored_result(one)
    if tree is None:
        started = time.monotonic()
        compute([one], n_jobs=n_jobs, progress=progress, scheduler=scheduler)
        tree = assemble_result(one)
        tree.attrs["wall_seconds"] = round(time.monotonic() - started, 1)
        write_figure(tree, one.path)
    return tree


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
        Names of a study's figure and scale; `memlib list` shows them.
    n_jobs
        Processes; as many as cores when None.
    progress
        Show a bar with the time left.
    scheduler
        Address of a Dask scheduler, see `memlib.runs.schedule.compute`.
    changes
        Fields of the study's `Settings` to change; None keeps the default.

    Returns
    -------
    xarray.DataTree
        One group a panel; dims and variables are those of the study's schema.

    Raises
    ------
    InputError
        When a parameter is not allowed, before any work.
    """
    one = plan(resolve(figure, scale, **changes))
    return run_plan(one, n_jobs=n_jobs, progress=progress, scheduler=scheduler)


def sibling_path(figure: str, scale: str, seed: int) -> Path:
    """Return where another figure's result with default settings lies, if it was run."""
    return plan(resolve(figure, scale, seed=seed)).path


def default_results(
    scale: str, seed: int = 0, study: str = "chaibub_neto_2018"
) -> dict[str, xr.DataTree]:
    """Return the stored results of a study's figures at a scale with their default settings."""
    found = {}
    for figure in studies()[study].figures:
        tree = stored_result(plan(resolve(figure, scale, seed=seed)))
        if tree is not None:
            found[figure] = tree
    return found


def stored_siblings(tree: xr.DataTree) -> dict[str, xr.DataTree]:
    """Return the stored results of all figures at a result's scale and seed, with its own.

    For claims that compare figures. Others are looked up with their default settings; a figure
    that was not run is left out.
    """
    study = find_study(tree.attrs["figure"])
    others = default_results(tree.attrs["scale"], int(tree.attrs["base_seed"]), study.name)
    return others | {tree.attrs["figure"]: tree}
