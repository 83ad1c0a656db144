"""The benchmark's dataset: its schema, how it is put together, and how it is read (no torch)."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from memlib.base.errors import ResultError
from memlib.bench.timing import Comparison, Nulls, Peak, Scaling, Variants

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


def _padded(rows: Iterable[np.ndarray | None], n_columns: int) -> np.ndarray:
    """Stack rows of unlike length, NaN where there is nothing."""
    empty = np.empty(0)
    found = [empty if row is None else row for row in rows]
    return np.array([[*row, *[np.nan] * (n_columns - len(row))] for row in found], float)


def assemble_bench(
    comparisons: Sequence[Comparison],
    scalings: Sequence[Scaling],
    nulls: Nulls,
    variants: Variants,
    peak: Peak,
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """Join what was measured into one labelled dataset, see `VARIABLES`."""
    n_repeats = max(
        *(len(one.ours) for one in comparisons),
        *(one.seconds.shape[1] for one in scalings),
        len(peak.step_rate),
    )
    n_points = max(len(one.sizes) for one in scalings)
    seconds = np.full((len(scalings), n_points, n_repeats), np.nan)
    for index, one in enumerate(scalings):
        seconds[index, : one.seconds.shape[0], : one.seconds.shape[1]] = one.seconds
    values: dict[str, Any] = {
        "subject": [one.subject for one in comparisons],
        "reference": [one.reference for one in comparisons],
        "status": [one.status for one in comparisons],
        "ratio": _padded((one.ratio for one in comparisons), n_repeats),
        "memlib_seconds": _padded((one.ours for one in comparisons), n_repeats),
        "reference_seconds": _padded((one.seconds for one in comparisons), n_repeats),
        "engine_status": list(nulls.status),
        "null_accuracy": nulls.null,
        "observed_accuracy": nulls.observed,
        "null_mean_difference": nulls.mean_difference,
        "ks_p_value": nulls.ks_p_value,
        "variant_status": list(variants.status),
        "variant_null_mean": variants.null_mean,
        "scaling_size": _padded((np.array(one.sizes) for one in scalings), n_points),
        "scaling_seconds": seconds,
        "scaling_exponent": _padded((one.exponents for one in scalings), n_repeats),
        "step_operations": peak.step_operations,
    }
    rates = (peak.product_rate, peak.step_rate, peak.step_rate / peak.product_rate)
    for name, rate in zip(("product_rate", "step_rate", "peak_fraction"), rates, strict=True):
        values[name] = _padded([rate], n_repeats)[0]
    dataset = xr.Dataset(
        {
            name: (
                dims,
                values[name],
                {"long_name": long_name} | ({"units": units} if units else {}),
            )
            for name, (dims, long_name, units) in VARIABLES.items()
        },
        coords={
            "comparison": [f"{one.subject}: {one.reference}" for one in comparisons],
            "repeat": np.arange(1, n_repeats + 1),
            "engine": list(nulls.engines),
            "perturbation": list(nulls.perturbations),
            "permutation": np.arange(1, nulls.null.shape[-1] + 1),
            "variant": list(variants.names),
            "run": list(variants.runs),
            "epoch": list(variants.epochs),
            "scaling": [one.name for one in scalings],
            "point": np.arange(1, n_points + 1),
        },
        attrs=dict(attributes),
    )
    for name, long_name in COORDINATES.items():
        dataset[name].attrs["long_name"] = long_name
    return dataset


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
    try:
        dataset = xr.load_dataset(path, engine="h5netcdf")
    except Exception as error:  # h5py raises many kinds on a damaged file
        raise ResultError(f"{path} is damaged ({type(error).__name__})") from error
    return check_bench(dataset, path.name)
