"""The results that come with the checkout, in data/results: read, and added to (no torch).

A file holds one figure at one scale. Panels join it as their runs end, each with its own account
of how it was made; what a file lacks is said wherever it is shown.
"""

import json
from pathlib import Path

import xarray as xr

from memlib.architectures import ARCHITECTURES
from memlib.errors import InputError, ResultError
from memlib.figures import FIGURES, SCALES, resolve
from memlib.results import panels_of, read_result, write_result
from memlib.store import to_json

FOLDER = Path(__file__).parent.parent / "data" / "results"
SHIPPED_SCALES = ("paper", "tenth")
# How a panel was made; panels of one file may differ in these, and in the parameters.
MADE = ("created", "device", "git_commit", "code_digest", "memlib_version", "torch_version")
# Parameters in which a shipped run may differ from its scale: less of it, or made elsewhere.
SHORTER = {
    *("panels", "seed", "n_seeds", "epochs", "cnn_epochs", "n_measured_epochs"),
    *("precision", "device"),
}


def shipped_path(figure: str, scale: str) -> Path:
    """Return the file of a figure's results that come with the checkout."""
    return FOLDER / f"{figure}-{scale}.nc"


def read_shipped(figure: str, scale: str = "paper") -> xr.DataTree | None:
    """Return a figure's shipped result, or None where there is none.

    Raises
    ------
    ResultError
        When the file is damaged.
    """
    path = shipped_path(figure, scale)
    return read_result(path) if path.is_file() else None


def shipped_results(scale: str = "paper") -> dict[str, xr.DataTree]:
    """Return all shipped results of a scale, by figure."""
    found = {figure: read_shipped(figure, scale) for figure in FIGURES}
    return {figure: tree for figure, tree in found.items() if tree is not None}


def ship(tree: xr.DataTree) -> Path:
    """Add a run's panels to the shipped result of its figure and scale; return the file.

    A panel that is there already is replaced.

    Raises
    ------
    InputError
        When the run is of another scale, has parameters that this memlib has not, or changed
        what makes the figure.
    ResultError
        When the file cannot be written.
    """
    figure, scale = tree.attrs["figure"], tree.attrs["scale"]
    parameters = json.loads(tree.attrs["parameters"])
    if scale not in SHIPPED_SCALES:
        raise InputError(f"scale = {scale!r}: shipped results are of {', '.join(SHIPPED_SCALES)}")
    default = resolve(figure, scale).model_dump(mode="json")
    for name in sorted(parameters.keys() - SHORTER):
        if name not in default:
            raise InputError(f"{name}: no parameter of this memlib, run {figure} again with it")
        if parameters[name] != default[name]:
            raise InputError(
                f"{name} = {parameters[name]!r}: {figure} is shipped with {default[name]!r}"
            )
    made = {name: tree.attrs[name] for name in MADE} | {"parameters": parameters}
    panels = {
        panel: dataset.assign_attrs(made=to_json(made))
        for panel, dataset in panels_of(tree).items()
    }
    before = read_shipped(figure, scale)
    if before is not None:
        panels = panels_of(before) | panels
    letters = [panel for panel in FIGURES[figure].panels if panel in panels]
    attributes = dict(tree.attrs) | {
        "parameters": to_json(parameters | {"panels": letters}),
        "compute_seconds": sum(float(panels[p].attrs["compute_seconds"]) for p in letters),
    }
    attributes.pop("wall_seconds", None)
    joined = xr.DataTree.from_dict(
        {"/": xr.Dataset(attrs=attributes)} | {f"/panel_{p}": panels[p] for p in letters}
    )
    return write_result(joined, shipped_path(figure, scale))


def lacks(figure: str, scale: str = "paper") -> dict[str, str]:
    """Return what each panel of a shipped result lacks of its scale; empty when it is whole."""
    tree, size = read_shipped(figure, scale), SCALES[scale]
    panels = {} if tree is None else panels_of(tree)
    found = {}
    for panel in FIGURES[figure].panels:
        whole = size.cnn_epochs if ARCHITECTURES[panel].is_cnn else size.epochs
        if panel not in panels:
            found[panel] = "not yet run"
        elif (last := int(panels[panel]["epoch"][-1])) < whole:
            found[panel] = f"run to epoch {last:,} of {whole:,}"
        elif (seeds := panels[panel].sizes["seed"]) < size.n_seeds:
            longer = f", but to epoch {last:,}, not {whole:,}" if last > whole else ""
            found[panel] = f"run with {seeds} of {size.n_seeds} seeds{longer}"
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
    """Return a Markdown sentence on what a shipped result lacks, and what would finish it."""
    lacking, command = lacks(figure, scale), f"memlib run {figure} --scale {scale}"
    if not lacking:
        return f"This is the whole of {figure} at {scale} scale."
    if read_shipped(figure, scale) is None:
        return (
            f"**Not yet run at {scale} scale.** `{command}` would do it, and `memlib ship` with "
            "the same arguments adds it here."
        )
    return (
        f"**Short of the {scale} scale:** {'; '.join(shortfalls(figure, scale))}. This would "
        f"finish it: `{command} --panels {','.join(lacking)}`, then `memlib ship` with the same "
        "arguments."
    )


def how_made(dataset: xr.Dataset) -> dict[str, str]:
    """Return how a shipped panel was made: commit, device, versions, parameters.

    Raises
    ------
    ResultError
        When the panel does not say.
    """
    if "made" not in dataset.attrs:
        raise ResultError("this panel does not say how it was made: is it a shipped result?")
    return dict(json.loads(dataset.attrs["made"]))
