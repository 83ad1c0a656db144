"""What an audit found: an object that says it in words, and keeps every number (no torch)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from memlib.base.errors import InputError, ResultError
from memlib.base.files import write_netcdf
from memlib.base.seeds import stream
from memlib.base.words import strength_labels
from memlib.report.styles import LIGHT, Theme
from memlib.report.tables import markdown_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_RESAMPLES = 1000
LEVEL = 0.95
# name: (dims, long name)
VARIABLES: dict[str, tuple[tuple[str, ...], str]] = {
    "observed_accuracy": (
        ("network", "perturbation"),
        "accuracy on copies, shallow classifier of the true labels",
    ),
    "null_accuracy": (
        ("network", "perturbation", "permutation"),
        "accuracy on copies, shallow classifier of shuffled labels",
    ),
    "chance_accuracy": (
        ("network", "perturbation"),
        "accuracy on copies expected if predictions had nothing to do with the labels",
    ),
    "p_value": (("network", "perturbation"), "permutation p-value, null hypothesis: not learned"),
    "share_at_chance": (
        ("network", "perturbation"),
        "share of the null at or below chance, with one added above and below the line",
    ),
    "verdict": (("network", "perturbation"), "reading of Chaibub Neto 2018, section 5, in words"),
    "recognized": (
        ("network", "perturbation", "sample"),
        "share of shuffles in which the sample's copy was given the sample's label",
    ),
    "rows_changed": (
        ("network", "perturbation"),
        "share of samples whose features differ between original and copy",
    ),
    "joint_p_value": (
        ("network",),
        "permutation p-value of the largest standardized score over usable strengths",
    ),
    "validation_accuracy": (
        ("network",),
        "accuracy on independent samples, shallow classifier of the true labels",
    ),
    "null_validation_accuracy": (
        ("network", "permutation"),
        "accuracy on independent samples, shallow classifier of shuffled training labels",
    ),
    "validation_low": (("network",), "Wilson 95 % interval of the validation accuracy, low end"),
    "validation_high": (("network",), "Wilson 95 % interval of the validation accuracy, high end"),
    "validation_chance": ((), "share of the commonest class among independent samples"),
    "shown_strength": (("network",), "strength whose null is nearest the middle, told in words"),
    "n_features": (("network",), "width of the features"),
    "layer": (("network",), "what the features are"),
    "role": (("network",), "asked about, or a baseline"),
    "learned": (("network",), "do features hold more of the true labels than of shuffled ones"),
    "recognizes": (("network",), "does a classifier of shuffled labels know copies of its samples"),
    "generalizes": (
        ("network",),
        "is validation above chance, and above what shuffled labels reach",
    ),
    "answer": (("network",), "the answer in words"),
    "samples_changed": (("perturbation",), "share of copies that differ from their originals"),
    "values_changed": (("perturbation",), "share of input values that differ, realized strength"),
    "relative_change": (
        ("perturbation",),
        "root mean square of the changes in standard deviations of the inputs",
    ),
    "copies": (("perturbation",), "digest of the copies: equal where networks saw the same ones"),
}


@dataclass(frozen=True, eq=False)
class Audit:
    """The answer about one network or several, with every number behind it.

    Print it to read it; in a notebook it shows its figure too.

    Attributes
    ----------
    dataset
        `xarray.Dataset` with dims network, perturbation, permutation and sample. Verdicts and
        answers are words, so that the file can be read by anything that reads netCDF.
    """

    dataset: xr.Dataset

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes the answer doubtful, a line each."""
        return tuple(json.loads(self.dataset.attrs["warnings"]))

    @property
    def networks(self) -> tuple[str, ...]:
        """Names of the networks that were asked about; baselines are not among them."""
        asked = self.dataset["role"].values == "asked"
        return tuple(map(str, self.dataset["network"].values[asked]))

    def __str__(self) -> str:
        asked = self.dataset.sel(network=list(self.networks))["answer"].values
        names = [f"{name}: " if len(asked) > 1 else "" for name in self.networks]
        lines = [f"{name}{one}" for name, one in zip(names, asked, strict=True)]
        rest = [name for name in self.dataset["network"].values if name not in self.networks]
        for name in rest:
            lines.append(f"beside it, {name}: {self.dataset['answer'].sel(network=name).item()}")
        return "\n".join(lines + [f"warning: {one}" for one in self.warnings])

    def __repr__(self) -> str:
        return str(self)

    def table(self) -> str:
        """Return a Markdown table, a row a network and strength."""
        ds, rows = self.dataset, []
        labels = strength_labels(ds["perturbation"])
        for name in ds["network"].values:
            for strength, label in labels.items():
                one = ds.sel(network=name, perturbation=strength)
                null = float(one["null_accuracy"].mean())
                chance = float(one["chance_accuracy"])
                row = (null, chance, null - chance, float(one["observed_accuracy"]))
                numbers = [f"{value:.3f}" for value in (*row, float(one["p_value"]))]
                valid = float(one["validation_accuracy"]) if "validation_accuracy" in ds else np.nan
                rows.append(
                    [
                        name,
                        label,
                        f"{float(one['samples_changed']):.0%}",
                        *numbers,
                        "–" if np.isnan(valid) else f"{valid:.3f}",
                        one["verdict"].item().replace("_", " "),
                    ]
                )
        header = ["network", ds["perturbation"].attrs["long_name"], "copies changed", "null"]
        header += ["chance", "null minus chance", "observed", "p", "validation", "verdict"]
        return markdown_table(header, rows)

    def ranks(self, perturbation: float | None = None) -> xr.Dataset:
        """Rank the networks by null minus chance on the same copies: how well they know samples.

        Verdicts alone do not tell networks apart. Intervals are from 1,000 resamples of the
        samples (of whole groups, where rows belong together), the same ones for all networks; the
        shuffles and the copies are taken as they are.

        Parameters
        ----------
        perturbation
            Strength; that with nulls nearest the middle between chance and 1 when None.

        Returns
        -------
        xarray.Dataset
            ``recognition``, ``rank`` (1 recognizes most) and the ends of their 95 % intervals, by
            ``network``.
        """
        ds = self.dataset.sel(network=list(self.networks))
        strength = _middle(ds) if perturbation is None else perturbation
        if strength not in ds["perturbation"].values:
            raise InputError(
                f"perturbation = {strength}: measured are "
                f"{', '.join(f'{one:g}' for one in ds['perturbation'].values)}"
            )
        one = ds.sel(perturbation=strength)
        hits = one["recognized"].transpose("network", "sample").values.astype(np.float64)
        chance = one["chance_accuracy"].values
        groups = ds["group"].values if "group" in ds else np.arange(hits.shape[1])
        _, member = np.unique(groups, return_inverse=True)
        sizes = np.bincount(member).astype(float)
        sums = np.stack([np.bincount(member, weights=row) for row in hits])
        rng, n = stream(0, "ranks"), len(sizes)
        drawn = []
        for _ in range(N_RESAMPLES):
            weights = np.bincount(rng.integers(n, size=n), minlength=n)
            drawn.append(sums @ weights / (sizes @ weights) - chance)
        resampled = np.array(drawn)
        places = (-resampled).argsort(axis=1).argsort(axis=1) + 1
        recognition = hits.mean(axis=1) - chance
        ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
        low, high = np.quantile(resampled, ends, axis=0)
        first, last = np.quantile(places, ends, axis=0, method="nearest")
        return xr.Dataset(
            {
                "recognition": ("network", recognition, {"long_name": "null minus chance"}),
                "recognition_low": ("network", low),
                "recognition_high": ("network", high),
                "rank": ("network", (-recognition).argsort().argsort() + 1),
                "rank_low": ("network", first),
                "rank_high": ("network", last),
            },
            coords={"network": list(self.networks), "perturbation": strength},
        )

    def ranks_table(self, perturbation: float | None = None) -> str:
        """Return `ranks` as a Markdown table, best recognizer first."""
        ranks = self.ranks(perturbation).sortby("rank")
        rows = [
            [
                name,
                f"{one['recognition'].item():.3f} [{one['recognition_low'].item():.3f}, "
                f"{one['recognition_high'].item():.3f}]",
                f"{one['rank'].item()} [{one['rank_low'].item()}, {one['rank_high'].item()}]",
            ]
            for name in ranks["network"].values
            for one in [ranks.sel(network=name)]
        ]
        return markdown_table(["network", "null minus chance", "rank"], rows)

    def plot(self, theme: Theme = LIGHT) -> "Figure":
        """Draw nulls, observed scores, chance and validation accuracy; return the figure."""
        from memlib.audit.plots import plot_audit

        return plot_audit(self.dataset, theme=theme)

    def _repr_html_(self) -> str:
        from memlib.audit.page import fragment

        return fragment(self)

    def to_html(self, path: str | Path) -> Path:
        """Write a report of one file that asks for nothing over the network; return its path."""
        from memlib.audit.page import write_page

        return write_page(self, Path(path))

    def to_netcdf(self, path: str | Path) -> Path:
        """Write the dataset, whole or not at all; return its path."""
        write_netcdf(self.dataset, Path(path))
        return Path(path)


def read_audit(path: str | Path) -> Audit:
    """Read what `Audit.to_netcdf` wrote.

    Raises
    ------
    ResultError
        When the file is missing, damaged, or no audit.
    """
    try:
        with xr.open_dataset(path, engine="h5netcdf") as file:
            dataset = file.load()
    except Exception as error:  # h5py raises many kinds on a damaged file
        raise ResultError(f"{path} cannot be read ({type(error).__name__})") from error
    if "warnings" not in dataset.attrs or "recognized" not in dataset:
        raise ResultError(f"{path} is no audit: memlib.audit writes them")
    return Audit(dataset)


def compare(audits: Mapping[str, Audit]) -> Audit:
    """Put audits that were measured one by one beside each other, to rank their networks.

    Parameters
    ----------
    audits
        By the names that the networks are to have; one of several networks keeps their names.

    Raises
    ------
    InputError
        When they were not measured on the same copies, by the same classifiers of the same
        shuffles: their numbers say nothing about each other then.
    """
    if not isinstance(audits, Mapping) or len(audits) < 2:
        raise InputError("compare: give two audits or more, {name: audit}")
    (first_name, first), *others = audits.items()
    common = first.dataset["copies"]
    for name, other in others:
        for key in ("measured_on", "fitted"):
            if other.dataset.attrs[key] != first.dataset.attrs[key]:
                what = "samples" if key == "measured_on" else "classifiers or shuffles"
                raise InputError(
                    f"{name!r} and {first_name!r} were measured with different {what}: ask about "
                    "both at once, audit({name: network, ...}, data)"
                )
        theirs = other.dataset["copies"]
        same = [
            strength
            for strength in common["perturbation"].values
            if strength in theirs["perturbation"].values
            and theirs.sel(perturbation=strength).item() == common.sel(perturbation=strength).item()
        ]
        common = common.sel(perturbation=same)
        if not same:
            raise InputError(
                f"{name!r} and {first_name!r} were measured on different copies: give both "
                "the same strengths= and seed=, or ask about both at once"
            )
    parts, warnings = [], []
    for name, one in audits.items():
        ds = one.dataset.sel(network=list(one.networks), perturbation=common["perturbation"])
        alone = len(one.networks) == 1
        names = [name] if alone else [f"{name} {other}" for other in one.networks]
        parts.append(ds.assign_coords(network=names))
        warnings += [f"{name}: {warning}" for warning in one.warnings]
    common_variables = set.intersection(*(set(map(str, part.data_vars)) for part in parts))
    joined = xr.concat(
        [part[sorted(common_variables)] for part in parts],
        "network",
        join="exact",
        data_vars="minimal",
        coords="minimal",
        compat="override",
        combine_attrs="override",
    )
    if joined.sizes["network"] > len(set(joined["network"].values)):
        raise InputError("compare: two networks have the same name")
    joined.attrs |= {"warnings": json.dumps(warnings)}
    return Audit(joined)


def informative(null: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Return how far nulls lie on the way from chance (0) to perfect recognition (1)."""
    return (null - chance) / np.maximum(1 - chance, 1e-9)


def _middle(ds: xr.Dataset) -> float:
    way = informative(ds["null_accuracy"].mean("permutation").values, ds["chance_accuracy"].values)
    nearest = np.abs(way.mean(axis=0) - 0.5).argmin()
    return float(ds["perturbation"].values[nearest])


def in_words(
    ds: xr.Dataset, *, learned: str, recognizes: str, generalizes: str, strengths: Sequence[float]
) -> str:
    """Return the answer about one network (a dataset without the dim network) in a sentence."""
    labels = strength_labels(ds["perturbation"])
    p = float(ds["joint_p_value"])
    if learned == "no answer":
        changed = min(float(ds["samples_changed"].min()), float(ds["rows_changed"].min()))
        why = "copies equal their originals" if changed < 0.95 else "the null is saturated"
        said = f"learned: no answer, {why}"
    else:
        n = len(strengths)
        joint = f" over {n} strengths" if n > 1 else ""
        said = f"learned: {learned}, p = {p:.3f}{joint}"
    at = float(ds["shown_strength"])
    shown = ds.sel(perturbation=at)
    null, chance = float(shown["null_accuracy"].mean()), float(shown["chance_accuracy"])
    said += (
        f"; recognizes single samples: {recognizes}, null {null:.2f} against chance {chance:.2f} "
        f"({labels[at]})"
    )
    if generalizes == "not asked":
        said += "; generalizes: not asked, there are no validation samples"
    else:
        low, high = float(ds["validation_low"]), float(ds["validation_high"])
        said += (
            f"; generalizes: {generalizes}, validation {float(ds['validation_accuracy']):.2f} "
            f"[{low:.2f}, {high:.2f}], chance {float(ds['validation_chance']):.2f}"
        )
        if generalizes != "yes" and low > float(ds["validation_chance"]):
            reached = float(ds["null_validation_accuracy"].max())
            said += f", but shuffled labels reach {reached:.2f}"
    layer, width = ds["layer"].item(), int(ds["n_features"])
    return f"{layer}, {width} features. {said[0].upper()}{said[1:]}."
