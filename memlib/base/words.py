"""How strengths of a perturbation are called, in figures, tables and legends."""

import xarray as xr

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
