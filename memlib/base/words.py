"""Words that a reader sees: strengths, times, verdicts, and the long names of a null."""

import numpy as np
import xarray as xr

VERDICTS = ("neither", "memorized", "learned", "memorized_and_learned", "undecided")
OWN = "strength of "  # how the meaning of a strength begins where a user's function perturbs


def strength_label(strength: float, units: str) -> str:
    """Return a strength for a legend: ``5 %`` for the share 0.05, ``15°`` for an angle."""
    if units == "degree":
        return f"{strength:g}°"
    return f"{100 * strength:g} %" if strength <= 1 else f"{strength:g}"


def strength_labels(perturbation: xr.DataArray) -> dict[float, str]:
    """Return a label for each strength of a coordinate: a share, an angle, an sd, or your own."""
    meaning = str(perturbation.attrs.get("long_name", ""))
    units = str(perturbation.attrs.get("units", "1"))
    if meaning.startswith("share") or units == "degree":
        return {float(one): strength_label(float(one), units) for one in perturbation.values}
    noise = meaning.startswith("standard deviation")
    name = "sd " if noise else f"{meaning.removeprefix(OWN)} " if meaning.startswith(OWN) else ""
    return {float(one): f"{name}{one:g}" for one in perturbation.values}


def duration(seconds: float) -> str:
    """Return a time in words: ``40 s``, ``12 min``, ``3.4 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def printable(text: str, length: int = 600) -> str:
    """Return one line for a terminal, whatever a file or a user has put into the text.

    Control characters are written out, and the middle of a long text is left out.
    """
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return shown if len(shown) <= length else f"{shown[: length // 2]} ... {shown[-length // 2 :]}"


# Long name of each variable of a null; `label_null` puts them on.
LONG_NAMES = {
    "observed_accuracy": "accuracy on the s-validation set, shallow classifier of the true labels",
    "null_accuracy": "accuracy on the s-validation set, shallow classifier of shuffled labels",
    "chance_accuracy": "accuracy expected if predictions had nothing to do with the labels",
    "p_value": "permutation p-value, null hypothesis: not learned",
    "share_at_chance": (
        "share of the null at or below chance, with one added above and below the line"
    ),
    "null_excess": "null's mean above chance",
    "null_excess_error": "standard error over shuffles of the null's mean above chance",
    "verdict": "reading of section 5",
    "validation_accuracy": "accuracy on independent images, shallow classifier of the true labels",
}


COORDINATES = {
    "seed": "base seed",
    "epoch": "training epoch",
    "perturbation": "strength of the perturbation",
    "permutation": "shuffle of the labels",
}


def label_null(dataset: xr.Dataset, strength: str, units: str) -> xr.Dataset:
    """Give the variables and coordinates of a null long names and units.

    Parameters
    ----------
    dataset
        As `null_dataset` returns it.
    strength, units
        What the perturbation's strength means, and its units.
    """
    for name in LONG_NAMES.keys() & dataset.data_vars.keys():
        dataset[name].attrs = {"long_name": LONG_NAMES[str(name)], "units": "1"}
    dataset["verdict"].attrs |= {
        "flag_values": np.arange(len(VERDICTS), dtype=np.int8),
        "flag_meanings": " ".join(VERDICTS),
    }
    for name in COORDINATES.keys() & dataset.coords.keys():
        dataset[name].attrs = {"long_name": COORDINATES[str(name)], "units": "1"}
    dataset["perturbation"].attrs = {"long_name": strength, "units": units}
    return dataset
