"""Results: one netCDF tree a figure run, a group a panel; the schema is checked both ways."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from memlib.base.errors import ResultError
from memlib.base.files import write_netcdf
from memlib.base.keys import to_json
from memlib.method.verdicts import VERDICTS

SCHEMA_VERSION = 1
# name: (dims, long name, smallest, largest)
VARIABLES: dict[str, tuple[tuple[str, ...], str, float, float]] = {
    "observed_accuracy": (
        ("seed", "epoch", "perturbation"),
        "accuracy on the s-validation set, shallow classifier of the true labels",
        0,
        1,
    ),
    "null_accuracy": (
        ("seed", "epoch", "perturbation", "permutation"),
        "accuracy on the s-validation set, shallow classifier of shuffled labels",
        0,
        1,
    ),
    "chance_accuracy": (
        ("seed", "epoch", "perturbation"),
        "accuracy expected if predictions had nothing to do with the labels",
        0,
        1,
    ),
    "p_value": (
        ("seed", "epoch", "perturbation"),
        "permutation p-value, null hypothesis: not learned",
        0,
        1,
    ),
    "memorization_p_value": (
        ("seed", "epoch", "perturbation"),
        "share of the null at or below chance, with one added above and below the line",
        0,
        1,
    ),
    "verdict": (("seed", "epoch", "perturbation"), "reading of section 5", 0, len(VERDICTS) - 1),
    "validation_accuracy": (
        ("seed", "epoch"),
        "accuracy on independent images, shallow classifier of the true labels",
        0,
        1,
    ),
    "network_train_accuracy": (("seed", "epoch"), "network's own accuracy, training images", 0, 1),
    "network_validation_accuracy": (
        ("seed", "epoch"),
        "network's own accuracy, independent images",
        0,
        1,
    ),
    "network_train_loss": (
        ("seed", "epoch"),
        "mean binary cross-entropy over the outputs, training images",
        0,
        np.inf,
    ),
}
COORDINATES = {
    "seed": "base seed",
    "epoch": "training epoch",
    "perturbation": "strength of the perturbation",
    "permutation": "shuffle of the labels",
}
ROOT_ATTRIBUTES = (
    "title",
    "source",
    "references",
    "created",
    "figure",
    "scale",
    "parameters",
    "parameters_digest",
    "base_seed",
    "loss",
    "initial_weights",
    "device",
    "compute_seconds",
    "data_checksum",
    "code_digest",
    "git_commit",
    "memlib_version",
    "schema_version",
)
PANEL_ATTRIBUTES = ("panel", "network", "layers")


def label_panel(dataset: xr.Dataset, strength: str, units: str) -> xr.Dataset:
    """Give the variables and coordinates of a panel, or of one test, long names and units."""
    for name in VARIABLES.keys() & dataset.data_vars.keys():
        dims, long_name, _, _ = VARIABLES[name]
        dataset[name] = dataset[name].transpose(*dims, missing_dims="ignore")
        dataset[name].attrs = {"long_name": long_name, "units": "1"}
    dataset["verdict"].attrs |= {
        "flag_values": np.arange(len(VERDICTS), dtype=np.int8),
        "flag_meanings": " ".join(VERDICTS),
    }
    for name in COORDINATES.keys() & dataset.coords.keys():
        dataset[name].attrs = {"long_name": COORDINATES[name], "units": "1"}
    dataset["perturbation"].attrs = {"long_name": strength, "units": units}
    return dataset


def assemble(panels: dict[str, xr.Dataset], attributes: dict[str, Any]) -> xr.DataTree:
    """Join labelled panels into one tree; nested attribute values become JSON."""
    plain = {
        name: value if isinstance(value, str | int | float) else to_json(value)
        for name, value in attributes.items()
    }
    tree = xr.DataTree.from_dict(
        {"/": xr.Dataset(attrs=plain)}
        | {f"/panel_{panel}": dataset for panel, dataset in panels.items()}
    )
    check_schema(tree)
    return tree


def result_name(figure: str, scale: str, parameters_digest: str) -> str:
    """Return the file name of a figure run's dataset."""
    return f"{figure}-{scale}-{parameters_digest[:8]}.nc"


def panels_of(tree: xr.DataTree) -> dict[str, xr.Dataset]:
    """Return a result's panels as datasets, by letter."""
    return {
        name.removeprefix("panel_"): node.to_dataset()
        for name, node in tree.children.items()
        if name.startswith("panel_")
    }


def check_schema(tree: xr.DataTree, origin: str = "result") -> None:
    """Check that a tree is a result: attributes, groups, dims, coordinates and ranges.

    Raises
    ------
    ResultError
        Names the first thing that is missing or wrong.
    """
    for name in ROOT_ATTRIBUTES:
        if name not in tree.attrs:
            raise ResultError(f"{origin}: attribute {name!r} is missing")
    if tree.attrs["schema_version"] != SCHEMA_VERSION:
        raise ResultError(
            f"{origin}: schema version {tree.attrs['schema_version']}, "
            f"this memlib reads {SCHEMA_VERSION}: run it again"
        )
    panels = panels_of(tree)
    if not panels:
        raise ResultError(f"{origin}: holds no panel")
    for panel, dataset in panels.items():
        for name in PANEL_ATTRIBUTES:
            if name not in dataset.attrs:
                raise ResultError(f"{origin}: panel {panel}: attribute {name!r} is missing")
        for name, (dims, _, smallest, largest) in VARIABLES.items():
            place = f"{origin}: panel {panel}, {name}"
            if name not in dataset:
                raise ResultError(f"{place} is missing")
            array = dataset[name]
            if array.dims != dims:
                raise ResultError(f"{place} has dims {array.dims}, it should have {dims}")
            values = array.values
            if values.dtype.kind not in "fiu":
                raise ResultError(f"{place} holds {values.dtype}, not numbers")
            if not (np.isfinite(values) & (values >= smallest) & (values <= largest)).all():
                raise ResultError(f"{place} holds a value outside {smallest} to {largest}")
            for attribute in ("long_name", "units"):
                if attribute not in array.attrs:
                    raise ResultError(f"{place} has no {attribute}")
        for name in COORDINATES:
            if name not in dataset.coords:
                raise ResultError(f"{origin}: panel {panel} has no coordinate {name!r}")
            for attribute in ("long_name", "units"):
                if attribute not in dataset[name].attrs:
                    raise ResultError(f"{origin}: panel {panel}, {name} has no {attribute}")
        if not (np.diff(dataset["epoch"].values) > 0).all():
            raise ResultError(f"{origin}: panel {panel}: epochs do not increase")


def write_result(tree: xr.DataTree, path: Path) -> Path:
    """Check a result and write it whole or not at all."""
    check_schema(tree, path.name)
    write_netcdf(tree, path)
    return path


def read_result(path: str | Path) -> xr.DataTree:
    """Read a result and check its schema.

    Raises
    ------
    ResultError
        When the file is missing, damaged or not a result.
    """
    if not Path(path).is_file():
        raise ResultError(f"no result {path}")
    try:
        with xr.open_datatree(path, engine="h5netcdf") as file:
            tree = file.load()
    except Exception as error:  # h5py raises many kinds on a damaged file
        raise ResultError(f"{path} is damaged ({type(error).__name__}): run it again") from error
    check_schema(tree, Path(path).name)
    return tree
