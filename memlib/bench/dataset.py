"""The benchmark's dataset: its schema, how it is put together, and how it is read (no torch)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from memlib.base.errors import ResultError
from memlib.bench.timing import Comparison, Scaling
from memlib.results.files import read_tree

SCHEMA_VERSION = 2
# name: (dims, long name, units)
VARIABLES: Mapping[str, tuple[tuple[str, ...], str, str]] = {
    "subject": (("comparison",), "what is compared", ""),
    "reference": (("comparison",), "what memlib is compared with", ""),
    "status": (("comparison",), "measured, or why not", ""),
    "ratio": (("comparison", "repeat"), "time of the reference over memlib's in the repeat", "1"),
    "memlib_seconds": (("comparison", "repeat"), "time of memlib", "s"),
    "reference_seconds": (("comparison", "repeat"), "time of the reference", "s"),
    "engine_status": (("engine",), "measured, or why not", ""),
    "null_accuracy": (
        ("engine", "perturbation", "permutation"),
        "accuracy on the s-validation set, forest of shuffled labels",
        "1",
    ),
    "observed_accuracy": (
        ("engine", "perturbation"),
        "accuracy on the s-validation set, forest of true labels",
        "1",
    ),
    "null_mean_difference": (
        ("engine", "perturbation"),
        "mean null accuracy of memlib minus that of the engine",
        "1",
    ),
    "ks_p_value": (
        ("engine", "perturbation"),
        "two-sample Kolmogorov-Smirnov p-value, null hypothesis: the engine's null is memlib's",
        "1",
    ),
    "variant_status": (("variant",), "measured, or why not", ""),
    "variant_null_mean": (
        ("variant", "run", "epoch", "perturbation"),
        "mean null accuracy of a run whose networks are trained in that way",
        "1",
    ),
    "scaling_size": (("scaling", "point"), "size of the work", "1"),
    "scaling_seconds": (("scaling", "point", "repeat"), "time of the work", "s"),
    "scaling_exponent": (
        ("scaling", "repeat"),
        "least-squares slope of log time on log size",
        "1",
    ),
    "product_rate": (
        ("repeat",),
        "floating-point operations a second, large float32 matrix product",
        "s-1",
    ),
    "step_operations": ((), "floating-point operations of the products of a step, panel a", "1"),
    "step_rate": (("repeat",), "floating-point operations a second, training step, panel a", "s-1"),
    "peak_fraction": (("repeat",), "rate of the training step over that of the product", "1"),
}
COORDINATES = {
    "comparison": "subject and reference",
    "repeat": "repeat, in which all alternatives take their turn",
    "engine": "software that grows the forests",
    "perturbation": "share of pixels shuffled",
    "permutation": "shuffle of the labels, drawn for each engine on its own",
    "variant": "way of training: precision of the products, device",
    "run": "figure and panel",
    "epoch": "epoch of training",
    "scaling": "what grows",
    "point": "number of the size",
}
ATTRIBUTES = ("created", "scale", "sizes", "processor", "n_cores", "git_commit", "schema_version")


def assemble_bench(
    comparisons: Sequence[Comparison],
    scalings: Sequence[Scaling],
    parts: Sequence[xr.Dataset],
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """Join what was measured into one labelled dataset, see `VARIABLES`; NaN where there is none.

    Parameters
    ----------
    comparisons, scalings
        Of all parts.
    parts
        What else was measured: nulls of the engines and of the variants, the share of the peak.
    attributes
        How it was made.
    """
    rows = xr.concat([one.as_dataset() for one in comparisons], "comparison", join="outer")
    growth = xr.concat([one.as_dataset() for one in scalings], "scaling", join="outer")
    dataset = xr.merge([rows, growth, *parts], join="outer")
    for name, (dims, long_name, units) in VARIABLES.items():
        dataset[name] = dataset[name].transpose(*dims)
        dataset[name].attrs = {"long_name": long_name} | ({"units": units} if units else {})
    for name, long_name in COORDINATES.items():
        dataset[name].attrs["long_name"] = long_name
    return dataset[list(VARIABLES)].assign_attrs(attributes)


def check_bench(dataset: xr.Dataset, origin: str) -> xr.Dataset:
    """Return a dataset that is a benchmark.

    Raises
    ------
    ResultError
        Names the first thing that is missing or wrong.
    """
    for name in ATTRIBUTES:
        if name not in dataset.attrs:
            raise ResultError(f"{origin}: attribute {name!r} is missing: is it a benchmark?")
    if dataset.attrs["schema_version"] != SCHEMA_VERSION:
        raise ResultError(f"{origin}: another schema version: run memlib bench again")
    for name, (dims, _, _) in VARIABLES.items():
        if name not in dataset or dataset[name].dims != dims:
            raise ResultError(f"{origin}: {name} {dims} is missing")
    return dataset


def read_bench(path: Path) -> xr.Dataset:
    """Read a benchmark's dataset and check it.

    Raises
    ------
    ResultError
        When the file is missing, damaged or no benchmark.
    """
    if not path.is_file():
        raise ResultError(f"no benchmark {path}: make one with memlib bench")
    return check_bench(read_tree(path).to_dataset(), path.name)
