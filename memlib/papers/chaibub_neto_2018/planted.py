"""Features with a known answer: each of the four readings of section 5, produced on purpose."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from memlib.base.errors import InputError
from memlib.base.seeds import stream
from memlib.report.plots import plot_null
from memlib.report.styles import LIGHT, Theme

CASES = ("neither", "memorized", "learned", "both")


def planted_features(
    case: str, n_samples: int = 200, disturbance: float = 0.1, *, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make labels and two features a sample, for a training set and its s-validation set.

    Parameters
    ----------
    case
        ``"neither"``: both sets are unrelated noise. ``"memorized"``: noise, of which the copy is
        a disturbed repetition. ``"learned"``: fresh noise around the label in both sets.
        ``"both"``: noise around the label, of which the copy is a disturbed repetition.
    n_samples
        Even number of samples, half of each class.
    disturbance
        Standard deviation of what the perturbation adds to a feature; places have 1.
    seed
        Base seed.

    Returns
    -------
    labels, training, copies
        int64 (sample,), float32 (sample, 2) twice.

    Raises
    ------
    InputError
        For an unknown case or an odd or too small number of samples.
    """
    if case not in CASES:
        raise InputError(f"case = {case!r}: take one of {', '.join(CASES)}")
    if n_samples < 2 or n_samples % 2:
        raise InputError(f"n_samples = {n_samples}: take an even number, 2 or more")
    rng = stream(seed, "planted", CASES.index(case))
    labels = np.tile([0, 1], n_samples // 2)
    centre = labels[:, None] * 2.0 if case in ("learned", "both") else 0.0
    training = centre + rng.standard_normal((n_samples, 2))
    if case in ("memorized", "both"):
        copies = training + disturbance * rng.standard_normal((n_samples, 2))
    else:
        copies = centre + rng.standard_normal((n_samples, 2))
    return labels, training.astype(np.float32), copies.astype(np.float32)


def plot_cases(nulls: Mapping[str, xr.Dataset], *, theme: Theme = LIGHT) -> Figure:
    """Draw nulls of several cases, one under the other; see `plot_null`."""
    figure = Figure(figsize=(6.4, 0.8 * len(nulls) + 1.0), layout="constrained")
    plot_null(xr.concat(nulls.values(), dim="perturbation"), ax=figure.subplots(), theme=theme)
    return figure
