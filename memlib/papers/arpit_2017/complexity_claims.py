"""The paper's claims on critical samples: section 4, Figs. 7 to 9; and on fitting noise.

Critical samples of a network trained on randX alone are counted on fresh noise, all others' on
validation images. A ratio near 0 or 1 cannot show an order: most rules take the radii at which all
final ratios lie within 0.05 and 0.9.
"""

from collections.abc import Iterable

import numpy as np
import xarray as xr

from memlib.papers.arpit_2017.quantities import (
    ORDERED,
    READABLE,
    Panels,
    accuracy,
    critical_ratio,
    noisy_conditions,
    radii_within,
    shares_of,
    time_to_fit,
)
from memlib.papers.arpit_2017.statistics import kendall, spearman
from memlib.results.claim import Check, Claim, declare

ALL_DATA = ["real", "randX", "randY"]
CLEAR = 0.03  # difference of two ratios of 200 to 500 images that is no noise
COMPLEXITY_CLAIMS: list[Claim] = []


def _levels(panel: xr.Dataset, noise: str) -> list[str]:
    """Return real data and all conditions with this noise, by share."""
    return ["real", *shares_of(panel, noise).values()]


@declare(
    COMPLEXITY_CLAIMS,
    23,
    "fig9",
    "section 4.2, Fig. 9",
    "Networks of noise have more critical samples than those of real data.",
    "CSR of noise above real over the last third",
)
def _more_critical(fig9: Panels) -> Iterable[Check]:
    panel = fig9["training"]
    epochs = panel["epoch"].values
    late = epochs > epochs[-1] * 2 / 3
    for radius in radii_within(panel, ALL_DATA, READABLE):
        real = float(critical_ratio(panel, "real", radius)[late].mean())
        for name in ("randX", "randY"):
            own = float(critical_ratio(panel, name, radius)[late].mean())
            value = f"{own:.3f} against {real:.3f}"
            yield Check(f"{name}, r {radius:g}", value, own > real, own - real)


@declare(
    COMPLEXITY_CLAIMS,
    24,
    "fig9",
    "section 4.2",
    "The critical sample ratio rises gradually, then stabilizes, for all three.",
    "Spearman(epoch, CSR) >= 0.7",
)
def _rises(fig9: Panels) -> Iterable[Check]:
    panel = fig9["training"]
    for radius in radii_within(panel, ALL_DATA, READABLE):
        for name in ALL_DATA:
            found = spearman(panel["epoch"].values, critical_ratio(panel, name, radius))
            yield Check(f"{name}, r {radius:g}", f"{found:.2f}", found >= 0.7, found)


@declare(
    COMPLEXITY_CLAIMS,
    25,
    "fig9",
    "poster 4.1",
    "It rises fast for randX, and late, to almost the same level, for randY.",
    "First epoch with half the final CSR: randX < randY; final values within 0.15",
)
def _fast_and_late(fig9: Panels) -> Iterable[Check]:
    panel = fig9["training"]
    epochs = panel["epoch"].values
    for radius in radii_within(panel, ["randX", "randY"], READABLE):
        curves = [critical_ratio(panel, name, radius) for name in ("randX", "randY")]
        first, second = (int(epochs[np.argmax(one >= one[-1] / 2)]) for one in curves)
        value = f"epoch {first} against {second}"
        yield Check(f"randX first, r {radius:g}", value, first < second, second - first)
        gap = float(abs(curves[0][-1] - curves[1][-1]))
        value = f"{curves[0][-1]:.3f} and {curves[1][-1]:.3f}"
        yield Check(f"same level, r {radius:g}", value, gap <= 0.15, gap)


@declare(
    COMPLEXITY_CLAIMS,
    26,
    "fig9",
    "footnote 5",
    "Among training images the ratio rises, then falls.",
    "training-set CSR rises, then falls",
)
def _training_set(fig9: Panels) -> Iterable[Check]:
    panel = fig9["training"]
    for radius in panel["radius"].values.tolist():
        curve = critical_ratio(panel, "real", radius, images="train")
        if not READABLE[0] <= curve.max() <= READABLE[1]:
            continue
        for label, change in (("rise", curve.max() - curve[0]), ("fall", curve.max() - curve[-1])):
            value = f"{change:.3f}"
            yield Check(f"{label}, r {radius:g}", value, bool(change >= CLEAR), float(change))


@declare(
    COMPLEXITY_CLAIMS,
    27,
    "fig7",
    "Figs. 7 and 8",
    "The noisier the data, the more critical samples.",
    "final CSR rises with the share",
)
def _noisier(fig7: Panels) -> Iterable[Check]:
    panel = fig7["training"]
    for noise in ("randX", "randY"):
        names = _levels(panel, noise)
        for radius in radii_within(panel, names, READABLE) if len(names) > 1 else ():
            # On the same images for all shares.
            last = np.array([critical_ratio(panel, n, radius, "validation")[-1] for n in names])
            value = " ".join(f"{one:.3f}" for one in last)
            holds = bool((np.diff(last) > 0).all())
            yield Check(f"{noise}, r {radius:g}", value, holds, float(last[-1] - last[0]))


@declare(
    COMPLEXITY_CLAIMS,
    28,
    "fig7",
    "Figs. 7 and 8",
    "Final and highest validation accuracy are lower for noisier data.",
    "final and maximal validation accuracy fall with the share",
)
def _less_accurate(fig7: Panels) -> Iterable[Check]:
    panel = fig7["training"]
    for noise in ("randX", "randY"):
        names = _levels(panel, noise)
        curves = [accuracy(panel, "validation_accuracy", name) for name in names]
        for label, levels in (
            ("final", np.array([one[-1] for one in curves])),
            ("highest", np.array([one.max() for one in curves])),
        ):
            if len(names) > 1:
                value = " ".join(f"{one:.3f}" for one in levels)
                holds = bool((np.diff(levels) < 0).all())
                yield Check(f"{noise}, {label}", value, holds, float(levels[0] - levels[-1]))


def _much_label_noise(panel: xr.Dataset) -> list[str]:
    return [name for share, name in shares_of(panel, "randY").items() if share >= 0.4]


@declare(
    COMPLEXITY_CLAIMS,
    29,
    "fig7",
    "section 4.2",
    "With random labels, validation peaks before training accuracy is high.",
    "Training accuracy at the peak <= 0.8 for shares >= 0.4",
)
def _peaks_early(fig7: Panels) -> Iterable[Check]:
    panel = fig7["training"]
    for name in _much_label_noise(panel):
        validation = accuracy(panel, "validation_accuracy", name)
        peak = int(validation.argmax())
        train = float(accuracy(panel, "train_accuracy", name)[peak])
        epoch = int(panel["epoch"].values[peak])
        yield Check(name, f"{train:.3f} at epoch {epoch}", train <= 0.8, train)


@declare(
    COMPLEXITY_CLAIMS,
    30,
    "fig7",
    "section 4.2",
    "Then validation falls and the critical sample ratio rises greatly.",
    "Fall >= 0.02; CSR(end)/CSR(peak) >= 1.2 at the r whose CSR lies in 0.05-0.9",
)
def _falls_and_rises(fig7: Panels) -> Iterable[Check]:
    panel = fig7["training"]
    for name in _much_label_noise(panel):
        validation = accuracy(panel, "validation_accuracy", name)
        peak = int(validation.argmax())
        fall = float(validation[peak] - validation[-1])
        value = f"{validation[peak]:.3f} to {validation[-1]:.3f}"
        yield Check(f"{name}, fall", value, fall >= 0.02 - 1e-9, fall)
        for radius in radii_within(panel, [name], READABLE):
            curve = critical_ratio(panel, name, radius)
            growth = float(curve[-1] / curve[peak]) if curve[peak] else np.inf
            value = f"{curve[peak]:.3f} to {curve[-1]:.3f}"
            yield Check(f"{name}, rise, r {radius:g}", value, growth >= 1.2 - 1e-9, growth)


@declare(
    COMPLEXITY_CLAIMS,
    31,
    "fig7",
    "footnote 6",
    "The box size does not matter qualitatively.",
    "Order of conditions the same for all r with CSR in 0.02-0.98",
)
def _any_radius(fig7: Panels) -> Iterable[Check]:
    panel = fig7["training"]
    for noise in ("randX", "randY"):
        names = _levels(panel, noise)
        radii = list(radii_within(panel, names, ORDERED)) if len(names) > 1 else []
        last = [
            [critical_ratio(panel, name, radius, "validation")[-1] for name in names]
            for radius in radii
        ]
        for radius, one in zip(radii[1:], last[1:], strict=True):
            tau = kendall(np.array(last[0]), np.array(one))
            label = f"{noise}, r {radii[0]:g} and {radius:g}"
            yield Check(label, f"Kendall's tau {tau:.2f}", tau >= 1 - 1e-9, tau)


@declare(
    COMPLEXITY_CLAIMS,
    32,
    "fig7",
    "section 4.1",
    "LASS explores the box better than FGSM.",
    "CSR(10 steps) > CSR(1 step), and > without noise",
)
def _explores(fig7: Panels) -> Iterable[Check]:
    ratio = fig7["search"]["critical_sample_ratio"].mean("seed")
    for radius in ratio["radius"].values.tolist():
        own = float(ratio.sel(search="10 steps", radius=radius))
        if not READABLE[0] <= own <= READABLE[1]:
            continue
        for other in ("1 step", "10 steps, no noise"):
            level = float(ratio.sel(search=other, radius=radius))
            value = f"{own:.3f} against {level:.3f}"
            yield Check(f"more than {other}, r {radius:g}", value, own > level, own - level)


@declare(
    COMPLEXITY_CLAIMS,
    36,
    "fig6 fig9",
    "section 1, after Zhang et al. (2017)",
    "Random inputs and random labels are fitted fully.",
    "Training accuracy >= 0.99",
)
def _fitted(fig6: Panels, fig9: Panels) -> Iterable[Check]:
    widest = fig6["units"]["units"].values.max()
    for name in noisy_conditions(fig6["units"]):
        time = time_to_fit(fig6["units"], name, units=widest)
        value = f"100 % {'not ' if time.censored else ''}reached, {time} epochs"
        yield Check(f"MLP, {name}", value, not time.censored)
    for name in ("randX", "randY"):
        level = float(accuracy(fig9["training"], "train_accuracy", name)[-1])
        yield Check(f"CNN, {name}", f"{level:.3f}", level >= 0.99, level)
