"""Measuring the open choices: their runs in one dataset, which more choices join later."""

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from memlib.base.errors import InputError
from memlib.base.files import alone_with, write_netcdf
from memlib.base.keys import to_json
from memlib.base.words import duration
from memlib.papers.chaibub_neto_2018.choices import (
    ALL,
    CHOICES,
    N_SEEDS,
    RUNS,
    SCHEMA_VERSION,
    read_choices,
)
from memlib.results.provenance import with_account
from memlib.results.schema import panels_of
from memlib.runs.figure import run_figure
from memlib.runs.plan import plan
from memlib.runs.study import resolve

# What the dataset says of the machine and the code that made it.
ROOT = (
    *("device", "data_checksum", "code_digest", "git_commit", "memlib_version", "created"),
    *("torch_version", "numpy_version"),
)
# What a run is compared by with a stored one: all that it scored.
SCORED = ("null_accuracy", "observed_accuracy", "validation_accuracy")


def measure_choices(
    names: tuple[str, ...] = tuple(CHOICES),
    *,
    runs: tuple[str, ...] = ALL,
    scale: str = "teaching",
    n_seeds: int = N_SEEDS,
    n_jobs: int | None = None,
    say: Callable[[str], None] = print,
    before: xr.DataTree | None = None,
    **changes: Any,
) -> xr.DataTree:
    """Run choices (what is stored is reused) and put them into one dataset.

    Parameters
    ----------
    names
        Of `CHOICES`; the default, and what a choice is held against, come with them. Those that
        are tried on none of the runs are left out.
    runs
        Of `RUNS`. The default is measured on those that the choices named are tried on.
    scale, n_seeds
        Of every run.
    n_jobs
        Processes; as many as cores when None.
    say
        Is told each choice as it ends.
    before
        A dataset that the choices join: its own stay, but those measured again. The default is
        measured again, first, so that all are held against the same.
    changes
        Of every run, for example a smaller number of images.

    Returns
    -------
    xarray.DataTree
        A group a choice with its runs (``images``, ``noise``, ``cnn``) below, each as in
        `memlib.results.schema`, with an account (`memlib.results.provenance`) of how it was made.

    Raises
    ------
    InputError
        When no choice is tried on any of the runs, or the default is not that of the dataset to
        join: it was of another scale, or other code or another machine made it.
    """
    of_choices = {run for name in names if name != "default" for run in CHOICES[name].runs}
    runs = tuple(run for run in runs if run in (of_choices or ALL))
    if not runs:
        raise InputError(f"{', '.join(names)}: tried on {', '.join(sorted(of_choices))} only")
    for run in runs:
        if before is not None and run not in before["default"].children:
            raise InputError(f"the stored default was not run on {run}: name an --output")
    names = _with_references(names, runs, before)
    asked = {
        (name, run): {
            "panels": [RUNS[run].panel],
            "n_seeds": n_seeds,
            **RUNS[run].changes,
            **changes,
            **CHOICES[name].changes,
        }
        for name in names
        for run in CHOICES[name].runs
        if run in runs
    }
    groups: dict[str, xr.Dataset] = {}
    made: dict[str, Any] = {}
    # What is stored takes no time: time left goes by the estimated cost of what is missing.
    costs = dict.fromkeys(names, 0.0)
    for (name, run), parameters in asked.items():
        costs[name] += plan(resolve(RUNS[run].figure, scale, **parameters)).seconds_left()
    began, paid = time.monotonic(), 0.0
    for done, name in enumerate(names, start=1):
        choice = CHOICES[name]
        about = {"question": choice.question, "label": choice.label, "against": choice.against}
        groups[f"/{name}"] = xr.Dataset(attrs=about | {"changes": to_json(dict(choice.changes))})
        for run in (run for run in choice.runs if run in runs):
            tree = run_figure(
                RUNS[run].figure, scale, n_jobs=n_jobs, progress=False, **asked[name, run]
            )
            dataset = with_account(panels_of(tree)[RUNS[run].panel], tree.attrs)
            if name == "default" and before is not None:
                _require_same(dataset, before, run)
            groups[f"/{name}/{run}"] = dataset
            made = {key: tree.attrs[key] for key in ROOT}
        paid += costs.pop(name)
        left = sum(costs.values()) * ((time.monotonic() - began) / paid if paid else 1.0)
        done_text = f"{done} of {len(names)}, about {duration(left)} left"
        say(f"{done_text}: {choice.question}, {choice.label}")
    root = made | {
        "title": "What the paper leaves open, changed one at a time",
        "source": "memlib choices",
        "scale": scale,
        "n_seeds": n_seeds,
        "schema_version": SCHEMA_VERSION,
    }
    new = {"/": xr.Dataset(attrs=root), **groups}
    return xr.DataTree.from_dict(new if before is None else _joined(before, new))


def _with_references(
    names: Iterable[str], runs: tuple[str, ...], before: xr.DataTree | None
) -> tuple[str, ...]:
    """Return the choices to measure, in the order of `CHOICES`: with what they are held against."""
    wanted = {"default", *names}
    for name in names:
        reference = CHOICES[name].against
        stored = set() if before is None else set(before.to_dict())
        if not {f"/{reference}/{run}" for run in CHOICES[reference].runs if run in runs} <= stored:
            wanted.add(reference)
    return tuple(n for n, one in CHOICES.items() if n in wanted and set(one.runs) & set(runs))


def _require_same(dataset: xr.Dataset, before: xr.DataTree, run: str) -> None:
    """Refuse a default that differs from the stored one: an effect is a difference of seeds."""
    stored = before["default"].children[run].to_dataset()
    for name in SCORED:
        if not np.array_equal(dataset[name].values, stored[name].values):
            raise InputError(
                f"{name} of the default on {run} is not what is stored, by other parameters or "
                "other code, or on another machine: name an --output for a file of its own"
            )


def _joined(before: xr.DataTree, new: Mapping[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    """Return the groups of both by path, in the order of `CHOICES`.

    Root and default stay the older ones; the default's values are the same.
    """
    old = {str(path): dataset for path, dataset in before.to_dict().items()}
    kept = [path for path in old if path == "/" or path.split("/")[1] == "default"]
    groups = {**old, **new, **{path: old[path] for path in kept}}
    order = {"": -1} | {name: place for place, name in enumerate(CHOICES)}
    return {
        path: groups[path]
        for path in sorted(groups, key=lambda path: order.get(path.split("/")[1], len(order)))
    }


def write_choices(tree: xr.DataTree, path: Path, before: xr.DataTree | None = None) -> Path:
    """Write the dataset of the open choices, whole or not at all.

    Parameters
    ----------
    tree, path
        What to write, and where.
    before
        What the choices measured have joined, see `measure_choices`. Others that joined the file
        while they were measured stay.

    Raises
    ------
    InputError
        When the file has been given another default meanwhile.
    """
    if before is None:
        write_netcdf(tree, path)
        return path
    with alone_with(path):
        now = read_choices(path)
        if now is not None:
            if not now.children["default"].identical(before.children["default"]):
                raise InputError(
                    f"{path.name} has been given another default meanwhile: run the same again"
                )
            old = before.to_dict()
            new = {
                place: dataset
                for place, dataset in tree.to_dict().items()
                if place not in old or not dataset.identical(old[place])
            }
            tree = xr.DataTree.from_dict(_joined(now, new))
        write_netcdf(tree, path)
    return path
