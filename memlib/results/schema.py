"""What a stored result is: a tree with a group a panel, and the table that it is checked against.

Each study declares its own `Schema`: dims, long names, units and ranges, in one table. A result is
checked by it both ways, when it is written and when it is read.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from memlib.base.errors import ResultError

ROOT_ATTRIBUTES = (
    *("title", "source", "references", "created", "figure", "scale", "parameters"),
    *("parameters_digest", "base_seed", "device", "compute_seconds", "data_checksum"),
    *("code_digest", "git_commit", "memlib_version", "schema_version"),
)
# What a root, a group and a variable may say besides: all else in a file is passed over.
OTHER_ATTRIBUTES = ("study", "wall_seconds")
PANEL_ATTRIBUTES = ("panel", "network", "layers", "compute_seconds", "made")
ARRAY_ATTRIBUTES = ("long_name", "units", "flag_values", "flag_meanings", "missing")
VERSION = re.compile(r"[\w-]{1,40}_version")
NUMBERS = ("base_seed", "compute_seconds", "schema_version", "wall_seconds")
JSON: Mapping[str, tuple[type, ...]] = {
    "parameters": (dict,),
    "layers": (list,),
    "made": (list, dict),
}

PREFIX = "panel_"  # of a panel's group


@dataclass(frozen=True)
class Variable:
    """One variable of a group: dims, long name, units and range.

    Attributes
    ----------
    optional
        Whether a group may lack it.
    missing
        What NaN says where it is allowed; empty where it is not.
    """

    dims: tuple[str, ...]
    long_name: str
    smallest: float = -np.inf
    largest: float = np.inf
    units: str = "1"
    optional: bool = False
    missing: str = ""


@dataclass(frozen=True)
class Schema:
    """The variables, coordinates and attributes of a study's results.

    Attributes
    ----------
    variables
        By name. A group holds all that are not optional, and no other.
    by_panel
        Variables of those panels that have their own.
    coordinates
        Long name by coordinate.
    attributes, panel_attributes
        Attributes of the root besides `ROOT_ATTRIBUTES`, and of each group.
    rising
        Coordinates whose values increase.
    flags
        Meanings of the codes 0, 1, ... of a variable.
    renamed
        Today's name of a variable by the one that it has in older files.
    """

    variables: Mapping[str, Variable]
    coordinates: Mapping[str, str]
    attributes: tuple[str, ...] = ()
    panel_attributes: tuple[str, ...] = ("panel",)
    rising: tuple[str, ...] = ("epoch",)
    version: int = 1
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_panel: Mapping[str, Mapping[str, Variable]] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)

    def with_todays_names(self, tree: xr.DataTree) -> xr.DataTree:
        """Return a stored tree whose variables are called as they are today, see `renamed`."""
        groups = {}
        for path, dataset in tree.to_dict().items():
            old = {one: new for one, new in self.renamed.items() if one in dataset}
            groups[path] = dataset.rename(old)
            for new in old.values():
                own = self.variables[new]
                groups[path][new].attrs = {"long_name": own.long_name, "units": own.units}
        return xr.DataTree.from_dict(groups)

    def variables_of(self, panel: str) -> Mapping[str, Variable]:
        """Return the variables that a panel's group holds."""
        return self.by_panel.get(panel, self.variables)

    def label(self, dataset: xr.Dataset, panel: str = "") -> xr.Dataset:
        """Give variables and coordinates of a panel their dims' order, long names and units."""
        for name, variable in self.variables_of(panel).items():
            if name in dataset.data_vars:
                dataset[name] = dataset[name].transpose(*variable.dims, missing_dims="ignore")
                dataset[name].attrs = {"long_name": variable.long_name, "units": variable.units}
                if variable.missing:
                    dataset[name].attrs["missing"] = f"NaN: {variable.missing}"
        for name, meanings in self.flags.items():
            if name in dataset.data_vars:
                dataset[name].attrs |= {
                    "flag_values": np.arange(len(meanings), dtype=np.int8),
                    "flag_meanings": " ".join(meanings),
                }
        for name, long_name in self.coordinates.items():
            if name in dataset.coords:
                dataset[name].attrs = {"long_name": long_name, "units": "1"} | dataset[name].attrs
        return dataset

    def declared(self, tree: xr.DataTree) -> xr.DataTree:
        """Return a tree without attributes and groups that no result of ours has."""
        root = (*ROOT_ATTRIBUTES, *OTHER_ATTRIBUTES, *self.attributes)
        kept = {name: value for name, value in tree.attrs.items() if _is_one_of(name, root)}
        groups: dict[str, xr.Dataset] = {"/": xr.Dataset(attrs=kept)}
        for panel, dataset in panels_of(tree).items():
            own = (*PANEL_ATTRIBUTES, *self.panel_attributes)
            dataset.attrs = {name: value for name, value in dataset.attrs.items() if name in own}
            for array in dataset.variables.values():
                array.attrs = {k: v for k, v in array.attrs.items() if k in ARRAY_ATTRIBUTES}
            groups[f"/{PREFIX}{panel}"] = dataset
        return xr.DataTree.from_dict(groups)

    def check(self, tree: xr.DataTree, origin: str = "result") -> None:
        """Check that a tree is a result: attributes, groups, dims, coordinates and ranges.

        Raises
        ------
        ResultError
            Names the first thing that is missing or wrong.
        """
        for name in (*ROOT_ATTRIBUTES, *self.attributes):
            if name not in tree.attrs:
                raise ResultError(f"{origin}: attribute {name!r} is missing")
        _check_values(tree.attrs, origin)
        if tree.attrs["schema_version"] != self.version:
            raise ResultError(
                f"{origin}: schema version {tree.attrs['schema_version']}, "
                f"this memlib reads {self.version}: run it again"
            )
        panels = panels_of(tree)
        if not panels:
            raise ResultError(f"{origin}: holds no panel")
        for panel, dataset in panels.items():
            self._check_panel(dataset, self.variables_of(panel), f"{origin}: panel {panel}")

    def _check_panel(
        self, dataset: xr.Dataset, variables: Mapping[str, Variable], place: str
    ) -> None:
        for name in self.panel_attributes:
            if name not in dataset.attrs:
                raise ResultError(f"{place}: attribute {name!r} is missing")
        _check_values(dataset.attrs, place)
        for name in map(str, dataset.data_vars):
            if name not in variables:
                raise ResultError(f"{place} holds {name!r}, which no result of this study has")
        for name, variable in variables.items():
            if name in dataset:
                _check_array(dataset[name], variable, f"{place}, {name}")
            elif not variable.optional:
                raise ResultError(f"{place}, {name} is missing")
        dims = {str(dim) for one in variables if one in dataset for dim in dataset[one].dims}
        for name in sorted(dims):
            if name not in dataset.coords:
                raise ResultError(f"{place} has no coordinate {name!r}")
        for name in map(str, dataset.coords):
            _check_words(dataset[name], f"{place}, {name}")
        for name in self.rising:
            if name in dataset.coords and dataset[name].size == 0:
                raise ResultError(f"{place} holds no {name}")
            if name in dataset.coords and not (np.diff(dataset[name].values) > 0).all():
                raise ResultError(f"{place}: {name}s do not increase")


def _is_one_of(name: Any, declared: Iterable[str]) -> bool:
    return name in declared or VERSION.fullmatch(str(name)) is not None


def _check_values(attributes: Mapping[Any, Any], place: str) -> None:
    """Refuse words where numbers belong, what is no text, and JSON of another kind."""
    for name, value in attributes.items():
        if name in NUMBERS:
            # Numbers as NumPy's own kinds, or as text.
            if not _is_number(value):
                raise ResultError(f"{place}: attribute {name!r} is {value!r:.80}, not a number")
        elif not isinstance(value, str):
            raise ResultError(f"{place}: attribute {name!r} is {value!r:.80}, not text")
        if name in JSON:
            try:
                found = json.loads(str(value))
            except (ValueError, RecursionError):
                found = None
            if not isinstance(found, JSON[name]):
                raise ResultError(f"{place}: attribute {name!r} is not the JSON that it should be")


def _is_number(value: Any) -> bool:
    try:
        return bool(np.isfinite(float(value)))
    except (TypeError, ValueError):
        return False


def _check_array(array: xr.DataArray, variable: Variable, place: str) -> None:
    if array.dims != variable.dims:
        raise ResultError(f"{place} has dims {array.dims}, it should have {variable.dims}")
    values = array.values
    if values.dtype.kind not in "fiub":
        raise ResultError(f"{place} holds {values.dtype}, not numbers")
    low, high = variable.smallest, variable.largest
    if variable.missing:
        values = values[~np.isnan(values)]
    if not (np.isfinite(values) & (values >= low) & (values <= high)).all():
        raise ResultError(f"{place} holds a value outside {low} to {high}")
    _check_words(array, place)


def _check_words(array: xr.DataArray, place: str) -> None:
    for attribute in ("long_name", "units"):
        if attribute not in array.attrs:
            raise ResultError(f"{place} has no {attribute}")


def panels_of(tree: xr.DataTree) -> dict[str, xr.Dataset]:
    """Return a result's panels as datasets, by name."""
    return {
        name.removeprefix(PREFIX): node.to_dataset()
        for name, node in tree.children.items()
        if name.startswith(PREFIX)
    }
