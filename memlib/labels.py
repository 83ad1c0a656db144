"""How strengths of a perturbation are called, in figures, tables and legends."""

import xarray as xr


def strength_label(strength: float, units: str) -> str:
    """Return a strength for a legend: ``5 %`` for the share 0.05, ``15°`` for an angle."""
    if units == "degree":
        return f"{strength:g}°"
    return f"{100 * strength:g} %" if strength <= 1 else f"{strength:g}"


def strength_labels(perturbation: xr.DataArray) -> dict[float, str]:
    """Return a label for each strength of a panel's coordinate: a share, an angle, or an sd."""
    noise = str(perturbation.attrs["long_name"]).startswith("standard deviation")
    units = str(perturbation.attrs["units"])
    return {
        float(strength): f"sd {strength:g}" if noise else strength_label(float(strength), units)
        for strength in perturbation.values
    }
