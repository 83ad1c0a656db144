"""The results that come with the checkout, in data/results: read, and added to (no torch).

A file holds one figure at one scale. Panels, and seeds of a panel, join it as their runs end, each
with an account of how it was made; what a file lacks is said wherever it is shown.
"""

import json
from pathlib import Path

import xarray as xr

from memlib.base.checkout import checkout_path
from memlib.base.errors import InputError
from memlib.base.files import alone_with
from memlib.base.keys import to_json
from memlib.results.provenance import accounts_of, join_seeds, with_account
from memlib.results.schema import panels_of
from memlib.runs.commands import arguments_of
from memlib.runs.figure import read_result, write_figure
from memlib.runs.study import find_study, resolve, studies, study_of


def shipped_folder() -> Path:
    """Return the folder of the results that come with the checkout."""
    return checkout_path("data", "results")


def shipped_path(figure: str, scale: str) -> Path:
    """Return the file of a figure's results that come with the checkout."""
    return shipped_folder() / f"{figure}-{scale}.nc"


def read_shipped(figure: str, scale: str = "paper") -> xr.DataTree | None:
    """Return a figure's shipped result, or None where there is none.

    Raises
    ------
    ResultError
        When the file is damaged.
    """
    path = shipped_path(figure, scale)
    return read_result(path) if path.is_file() else None


def shipped_results(
    scale: str = "paper", study: str = "chaibub_neto_2018"
) -> dict[str, xr.DataTree]:
    """Return all shipped results of a study at a scale, by figure."""
    found = {figure: read_shipped(figure, scale) for figure in studies()[study].figures}
    return {figure: tree for figure, tree in found.items() if tree is not None}


def ship(tree: xr.DataTree) -> Path:
    """Add a run's panels to the shipped result of its figure and scale; return the file.

    A panel that is there already is given the run's seeds; where both have one, or where the run
    measures other epochs, what is there is replaced.

    Raises
    ------
    InputError
        When the run is of another scale, has parameters that this memlib has not, or changed
        what makes the figure.
    ResultError
        When the file cannot be written.
    """
    figure, scale = tree.attrs["figure"], tree.attrs["scale"]
    study, parameters = find_study(figure), json.loads(tree.attrs["parameters"])
    if scale not in study.shipped_scales:
        allowed = ", ".join(study.shipped_scales)
        raise InputError(f"scale = {scale!r}: shipped results are of {allowed}")
    default = resolve(figure, scale).model_dump(mode="json")
    for name in sorted(parameters.keys() - study.shorter):
        if name not in default:
            raise InputError(f"{name}: no parameter of this memlib, run {figure} again with it")
        if parameters[name] != default[name]:
            raise InputError(
                f"{name} = {parameters[name]!r}: {figure} is shipped with {default[name]!r}"
            )
    with alone_with(shipped_path(figure, scale)):
        return write_figure(_joined(tree, read_shipped(figure, scale)), shipped_path(figure, scale))


def _joined(tree: xr.DataTree, before: xr.DataTree | None) -> xr.DataTree:
    """Return a shipped result with the panels of a run."""
    figure, parameters = tree.attrs["figure"], json.loads(tree.attrs["parameters"])
    panels = {} if before is None else panels_of(before)
    panels |= {
        panel: join_seeds(panels.get(panel), with_account(dataset, tree.attrs))
        for panel, dataset in panels_of(tree).items()
    }
    letters = [panel for panel in find_study(figure).figures[figure].panels if panel in panels]
    seeds = [panels[panel]["seed"].values for panel in letters]
    whole = {
        "panels": letters,
        "seed": min(int(some.min()) for some in seeds),
        "n_seeds": max(len(some) for some in seeds),
    }
    attributes = dict(tree.attrs) | {
        "parameters": to_json(parameters | whole),
        "base_seed": whole["seed"],
        "compute_seconds": sum(float(panels[p].attrs["compute_seconds"]) for p in letters),
    }
    attributes.pop("wall_seconds", None)
    return xr.DataTree.from_dict(
        {"/": xr.Dataset(attrs=attributes)} | {f"/panel_{p}": panels[p] for p in letters}
    )


def lacks(figure: str, scale: str = "paper") -> dict[str, str]:
    """Return what each panel of a shipped result lacks of its scale; empty when it is whole."""
    tree, n_seeds = read_shipped(figure, scale), resolve(figure, scale).n_seeds
    panels = {} if tree is None else panels_of(tree)
    found = {}
    for panel in find_study(figure).figures[figure].panels:
        if panel not in panels:
            found[panel] = "not yet run"
            continue
        last, whole = int(panels[panel]["epoch"][-1]), _whole(figure, panel, scale)
        seeds = panels[panel].sizes["seed"]
        if last < whole:
            found[panel] = f"run to epoch {last:,} of {whole:,}"
        elif seeds < n_seeds:
            longer = f" (further than asked for, to epoch {last:,})" if last > whole else ""
            found[panel] = f"run with {seeds} of {n_seeds} seeds{longer}"
    return found


def shortfalls(figure: str, scale: str = "paper") -> list[str]:
    """Say what a shipped result lacks of its scale, panels that lack the same together."""
    panels: dict[str, list[str]] = {}
    for panel, lack in lacks(figure, scale).items():
        panels.setdefault(lack, []).append(panel)
    return [
        f"panel{'s' if len(some) > 1 else ''} {', '.join(some)} {lack}"
        for lack, some in panels.items()
    ]


def describe_shipped(figure: str, scale: str = "paper") -> str:
    """Return a Markdown sentence on what a shipped result lacks, and what would complete it."""
    if not lacks(figure, scale):
        return f"{_title(figure)} is complete at {_of_scale(scale)}."
    commands = " and ".join(f"`memlib run {one}`" for one in what_is_missing(figure, scale))
    if read_shipped(figure, scale) is None:
        return (
            f"**Not yet run at {_of_scale(scale)}.** {commands} would do it, and `memlib ship` "
            "with the same arguments adds it here."
        )
    return (
        f"**Not complete at {_of_scale(scale)}:** {'; '.join(shortfalls(figure, scale))}. This "
        f"would complete it: {commands}, then `memlib ship` with the same arguments."
    )


def _title(figure: str) -> str:
    return f"Figure {figure.removeprefix('fig')}"


def _of_scale(scale: str) -> str:
    return {"paper": "the paper's scale", "tenth": "a tenth of the paper's epochs"}.get(
        scale, f"{scale} scale"
    )


def what_is_missing(figure: str, scale: str = "paper") -> list[str]:
    """Return the arguments of the runs that would complete a shipped result.

    Panels that are as long as their scale are given the seeds that they lack, and keep their own.
    """
    tree, default = read_shipped(figure, scale), resolve(figure, scale).model_dump(mode="json")
    panels = {} if tree is None else panels_of(tree)
    runs: dict[str, list[str]] = {}
    for panel in lacks(figure, scale):
        parameters = dict(default)
        if panel in panels and not _is_short(figure, panel, panels[panel], scale):
            own = accounts_of(panels[panel])[-1]["parameters"]
            parameters |= {name: value for name, value in own.items() if name in default}
            missing = sorted({*range(default["n_seeds"])} - {*panels[panel]["seed"].values})
            parameters |= {"seed": missing[0], "n_seeds": missing[-1] - missing[0] + 1}
        del parameters["panels"]
        runs.setdefault(to_json(parameters), []).append(panel)
    return [arguments_of(json.loads(run) | {"panels": some}) for run, some in runs.items()]


def _is_short(figure: str, panel: str, dataset: xr.Dataset, scale: str) -> bool:
    return int(dataset["epoch"][-1]) < _whole(figure, panel, scale)


def _whole(figure: str, panel: str, scale: str) -> int:
    """Return the last epoch of a panel at a scale."""
    settings = resolve(figure, scale)
    return int(study_of(settings).last_epoch(settings, panel))
