"""How a panel was made: an account for each run that gave it seeds, and the command for it.

Panels join seed by seed, each with its account. No torch: this is about stored results.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from memlib.base.errors import ResultError
from memlib.base.keys import to_json

# What an account says besides its seeds, its parameters and the seconds that it took one core.
MADE = ("created", "device", "git_commit", "code_digest", "memlib_version", "torch_version")
Account = dict[str, Any]


def with_account(dataset: xr.Dataset, run: Mapping[Any, Any]) -> xr.Dataset:
    """Return a panel that carries the account of its run, given the attributes of its result."""
    return dataset.assign_attrs(made=to_json([_account(dataset, run)]))


def _account(dataset: xr.Dataset, run: Mapping[Any, Any]) -> Account:
    return {name: run[name] for name in MADE} | {
        "parameters": json.loads(run["parameters"]),
        "seeds": dataset["seed"].values.tolist(),
        "compute_seconds": float(dataset.attrs["compute_seconds"]),
    }


def accounts_of(dataset: xr.Dataset, run: Mapping[Any, Any] | None = None) -> list[Account]:
    """Return how a panel was made: one account, or one for each run that gave it seeds.

    Parameters
    ----------
    dataset
        A panel, see `panels_of`.
    run
        Attributes of the result, for a panel of a single run, which carries no account itself.

    Raises
    ------
    ResultError
        When the panel does not say.
    """
    if "made" not in dataset.attrs:
        if run is None:
            raise ResultError("this panel does not say how it was made: is it a shipped result?")
        return [_account(dataset, run)]
    made = json.loads(dataset.attrs["made"])
    if isinstance(made, dict):  # from before seeds could join
        seeds, seconds = dataset["seed"].values.tolist(), float(dataset.attrs["compute_seconds"])
        made = [made | {"seeds": seeds, "compute_seconds": seconds}]
    for account in made:
        if not _is_account(account):
            raise ResultError("this panel's attribute 'made' does not say how it was made")
    return list(made)


def _is_account(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and isinstance(found.get("parameters"), dict)
        and isinstance(found.get("seeds"), list)
        and isinstance(found.get("compute_seconds"), int | float)
        and all(isinstance(found.get(name), str) for name in MADE)
    )


def account_of(dataset: xr.Dataset, seed: int) -> Account:
    """Return the account of one seed of a panel.

    Raises
    ------
    ResultError
        When the panel does not say how that seed was made.
    """
    for account in accounts_of(dataset):
        if seed in account["seeds"]:
            return account
    raise ResultError(f"this panel does not say how its seed {seed} was made")


def join_seeds(before: xr.Dataset | None, after: xr.Dataset) -> xr.Dataset:
    """Return a panel with the seeds of both, those of `after` where both have one.

    Panels with other epochs, perturbations or permutations do not go together: `after` replaces
    such a one. What only one of them holds, a variable of a later version, is left out.
    """
    if before is None or not all(
        np.array_equal(before[name], after[name])
        for name in ("epoch", "perturbation", "permutation")
    ):
        return after
    kept = [seed for seed in before["seed"].values.tolist() if seed not in after["seed"].values]
    if not kept:
        return after
    accounts = [_share(account, kept) for account in accounts_of(before)] + accounts_of(after)
    accounts = [account for account in accounts if account["seeds"]]
    shared = [name for name in after.data_vars if name in before.data_vars]
    both = [before[shared].sel(seed=kept), after[shared]]
    joined = xr.concat(both, "seed", combine_attrs="override")
    return joined.sortby("seed").assign_attrs(
        after.attrs,
        made=to_json(accounts),
        compute_seconds=round(sum(account["compute_seconds"] for account in accounts), 3),
    )


def _share(account: Account, kept: list[int]) -> Account:
    """Return an account of those seeds that are kept."""
    seeds = [seed for seed in account["seeds"] if seed in kept]
    seconds = account["compute_seconds"] * len(seeds) / len(account["seeds"])
    return account | {"seeds": seeds, "compute_seconds": seconds}
