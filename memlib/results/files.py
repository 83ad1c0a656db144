"""Results as files: one netCDF tree a figure run, checked by its schema when written and read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from memlib.base.errors import ResultError
from memlib.base.files import write_netcdf
from memlib.base.keys import to_json
from memlib.results.schema import PREFIX, Schema


def assemble(
    panels: Mapping[str, xr.Dataset], attributes: Mapping[str, Any], schema: Schema
) -> xr.DataTree:
    """Join panels into one tree, labelled and checked; nested attribute values become JSON."""
    plain = {
        name: value if isinstance(value, str | int | float) else to_json(value)
        for name, value in attributes.items()
    }
    groups = {f"/{PREFIX}{name}": schema.label(one, name) for name, one in panels.items()}
    tree = xr.DataTree.from_dict({"/": xr.Dataset(attrs=plain)} | groups)
    schema.check(tree)
    return tree


def result_name(figure: str, scale: str, parameters_digest: str) -> str:
    """Return the file name of a figure run's dataset."""
    return f"{figure}-{scale}-{parameters_digest[:8]}.nc"


def write_result(tree: xr.DataTree, path: Path, schema: Schema) -> Path:
    """Check a result and write it whole or not at all."""
    schema.check(tree, path.name)
    write_netcdf(tree, path)
    return path


def read_tree(path: str | Path) -> xr.DataTree:
    """Read a stored tree into memory, whatever it holds.

    Raises
    ------
    ResultError
        When the file is missing or damaged.
    """
    if not Path(path).is_file():
        raise ResultError(f"no result {path}")
    try:
        with xr.open_datatree(path, engine="h5netcdf") as file:
            return file.load()
    except Exception as error:  # h5py raises many kinds on a damaged file
        raise ResultError(f"{path} is damaged ({type(error).__name__}): run it again") from error
