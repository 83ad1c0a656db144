"""The paper's claims on real images: Figs. 1 to 4 (section 6)."""

from collections.abc import Iterable

import numpy as np
import xarray as xr

from memlib.claim import DEPTH, DROPOUT, NEAR_CHANCE, Check, Claim, Panels, check_pairs, declare
from memlib.quantities import PATTERN, distance_from_chance, memorization_level, null_mean

FIRST_EPOCHS = 10  # "just after a few epochs of training"
FIRST_RISE = 1000  # "during the first few hundreds of training epochs"
IMAGE_CLAIMS: list[Claim] = []


def _later(array: xr.DataArray) -> xr.DataArray:
    """Return what comes after the first few epochs (the last epoch where none does)."""
    first = min(FIRST_EPOCHS, int(array["epoch"][-1]))
    return array.sel(epoch=array["epoch"] >= first)


def _share_check(label: str, holds: xr.DataArray, least: float) -> Check:
    share = float(holds.mean())
    return Check(label, f"{100 * share:.0f} % of epochs and seeds", share >= least, share)


@declare(
    IMAGE_CLAIMS,
    1,
    "fig1",
    "section 6",
    "After a few epochs the observed 5 % and 10 % scores lie well above their nulls.",
    f"above every null score at 95 % of the epochs from {FIRST_EPOCHS} on, in each panel",
)
def _learned(fig1: Panels) -> Iterable[Check]:
    for panel, dataset in fig1.items():
        for strength in (0.05, 0.10):
            one = dataset.sel(perturbation=strength)
            above = one["observed_accuracy"] > one["null_accuracy"].max("permutation")
            yield _share_check(f"{panel}, {strength:.0%}", _later(above), 0.95)


@declare(
    IMAGE_CLAIMS,
    2,
    "fig1",
    "section 6",
    "Validation accuracy shows that the networks generalize.",
    "validation accuracy at the last epoch above chance by more than 0.1, in each panel",
)
def _generalizes(fig1: Panels) -> Iterable[Check]:
    for panel, dataset in fig1.items():
        value = float(dataset["validation_accuracy"].isel(epoch=-1).mean())
        chance = float(dataset["chance_accuracy"].mean())
        yield Check(panel, f"{value:.3f}", value > chance + 0.1, value)


@declare(
    IMAGE_CLAIMS,
    3,
    "fig1",
    "section 6",
    "The less is perturbed, the higher the null: 5 % above 10 % above 100 %.",
    "mean null ordered at 95 % of the epochs, in each panel",
)
def _ordered(fig1: Panels) -> Iterable[Check]:
    for panel, dataset in fig1.items():
        for more, less in ((0.05, 0.10), (0.10, 1.0)):
            null = dataset["null_accuracy"].mean("permutation")
            above = null.sel(perturbation=more) > null.sel(perturbation=less)
            yield _share_check(f"{panel}, {more:.0%} > {less:.0%}", above, 0.95)


@declare(
    IMAGE_CLAIMS,
    4,
    "fig1",
    "section 6",
    "With all pixels shuffled, null and observed score sit at 0.5.",
    f"null mean and observed score within {NEAR_CHANCE} of chance, averaged over epochs",
)
def _destroyed(fig1: Panels) -> Iterable[Check]:
    for panel, dataset in fig1.items():
        one = dataset.sel(perturbation=1.0)
        null = one["null_accuracy"].mean("permutation")
        for array, short in ((null, "null"), (one["observed_accuracy"], "observed")):
            distance = distance_from_chance(array, one["chance_accuracy"])
            value = f"{float(array.mean()):.3f}, off by {distance:.3f}"
            yield Check(f"{panel}, {short}", value, distance <= NEAR_CHANCE, distance)


@declare(
    IMAGE_CLAIMS,
    5,
    "fig1",
    "section 6",
    "More hidden layers, less memorization.",
    "5 % null, averaged over log-spaced epochs, higher in a than b and in d than e",
    panels="abde",
)
def _depth(fig1: Panels) -> Iterable[Check]:
    return check_pairs(fig1, DEPTH, 0.05)


@declare(
    IMAGE_CLAIMS,
    6,
    "fig1",
    "section 6",
    "With dropout, less memorization.",
    "5 % null, averaged over log-spaced epochs, higher in a than d, b than e, c than f",
)
def _dropout(fig1: Panels) -> Iterable[Check]:
    return check_pairs(fig1, DROPOUT, 0.05)


@declare(
    IMAGE_CLAIMS,
    7,
    "fig1",
    "section 6",
    "Nulls rise in the first few hundred epochs, then fall for thousands (all panels but c).",
    f"5 % null highest before epoch {FIRST_RISE:,}, by {PATTERN} above the first and the last "
    "epoch, which comes later",
    panels="abdef",
)
def _rise_and_fall(fig1: Panels) -> Iterable[Check]:
    for panel, dataset in fig1.items():
        if panel != "c":
            mean = null_mean(dataset, 0.05).values
            epoch = int(dataset["epoch"].values[mean.argmax()])
            holds = mean.max() - max(mean[0], mean[-1]) >= PATTERN
            holds &= epoch < FIRST_RISE <= dataset["epoch"].values[-1]
            value = f"{mean[0]:.3f}, {mean.max():.3f} at epoch {epoch:,}, {mean[-1]:.3f}"
            yield Check(panel, value, bool(holds), epoch)


@declare(
    IMAGE_CLAIMS,
    8,
    "fig1",
    "section 6",
    "The deeper MLPs forget faster.",
    "5 % null falls further from its highest to the last epoch in b than a and in e than d",
    panels="abde",
)
def _forgets_faster(fig1: Panels) -> Iterable[Check]:
    for shallow, deep in DEPTH:
        if shallow in fig1 and deep in fig1:
            means = [null_mean(fig1[panel], 0.05).values for panel in (deep, shallow)]
            fall = [float(mean.max() - mean[-1]) for mean in means]
            value = f"falls by {fall[0]:.3f} against {fall[1]:.3f}"
            holds = fall[0] > fall[1] and fall[0] >= PATTERN
            yield Check(f"{deep} faster than {shallow}", value, holds, fall[0] - fall[1])


@declare(
    IMAGE_CLAIMS,
    9,
    "fig1",
    "section 6",
    "CNNs memorize more than MLPs and yet generalize better.",
    "5 % null, averaged over log-spaced epochs that both reach, and last validation accuracy "
    "higher in c than a, b and in f than d, e",
)
def _cnns(fig1: Panels) -> Iterable[Check]:
    for cnn, mlp in (("c", "a"), ("c", "b"), ("f", "d"), ("f", "e")):
        if cnn in fig1 and mlp in fig1:
            # The two have different epoch grids: averages are taken over a common one.
            grid = np.geomspace(1, min(int(fig1[p]["epoch"][-1]) for p in (cnn, mlp)), 25)
            level = [_at(null_mean(fig1[p], 0.05), grid).mean() for p in (cnn, mlp)]
            value = f"{level[0]:.3f} against {level[1]:.3f}"
            difference = float(level[0] - level[1])
            yield Check(f"{cnn} > {mlp}, null", value, difference > 0, difference)
            last = [fig1[panel]["validation_accuracy"].isel(epoch=-1) for panel in (cnn, mlp)]
            valid = [float(accuracy.mean()) for accuracy in last]
            value = f"{valid[0]:.3f} against {valid[1]:.3f}"
            gain = valid[0] - valid[1]
            yield Check(f"{cnn} > {mlp}, validation", value, gain > 0, gain)


@declare(
    IMAGE_CLAIMS,
    10,
    "fig1",
    "section 6",
    "Memorizing less does not mean generalizing better.",
    "last validation accuracies of the MLPs differ by less than their 5 % nulls do",
    panels="abde",
)
def _unrelated(fig1: Panels) -> Iterable[Check]:
    mlps = [panel for panel in ("a", "b", "d", "e") if panel in fig1]
    if len(mlps) > 1:
        valid = [float(fig1[p]["validation_accuracy"].isel(epoch=-1).mean()) for p in mlps]
        level = [memorization_level(fig1[p], 0.05) for p in mlps]
        spread = np.ptp(valid), np.ptp(level)
        value = f"validation {spread[0]:.3f}, null {spread[1]:.3f}"
        difference = float(spread[1] - spread[0])
        yield Check(f"range over {', '.join(mlps)}", value, difference > 0, difference)


@declare(
    IMAGE_CLAIMS,
    11,
    "fig2",
    "caption of Fig. 2",
    "The 1 % null is considerably higher than the 5 % null.",
    "averaged over epochs, higher by 0.05 in each panel",
)
def _one_percent(fig2: Panels) -> Iterable[Check]:
    for panel, dataset in fig2.items():
        level = [memorization_level(dataset, strength) for strength in (0.01, 0.05)]
        value = f"{level[0]:.3f} against {level[1]:.3f}"
        difference = level[0] - level[1]
        yield Check(panel, value, difference >= 0.05, difference)


@declare(
    IMAGE_CLAIMS,
    12,
    "fig2",
    "section 6",
    "The same orderings hold with 1 % perturbed.",
    "1 % null, averaged over log-spaced epochs: a > b, d > e, a > d, b > e",
)
def _same_at_one_percent(fig2: Panels) -> Iterable[Check]:
    return check_pairs(fig2, (*DEPTH, *DROPOUT), 0.01)


def _both(first: Panels, second: Panels) -> Iterable[tuple[str, xr.Dataset, xr.Dataset, int]]:
    """Pair the panels that two figures share, with the last epoch that both reach."""
    for panel in first:
        if panel in second:
            pair = first[panel], second[panel]
            yield panel, *pair, min(int(dataset["epoch"][-1]) for dataset in pair)


def _at(array: xr.DataArray, epochs: np.ndarray) -> np.ndarray:
    """Interpolate a curve over log epochs."""
    return np.interp(np.log(epochs), np.log(array["epoch"].values), array.values)


@declare(
    IMAGE_CLAIMS,
    13,
    "fig1 fig3",
    "section 6",
    "With 10,000 images, slightly less memorization than with 2,000.",
    "5 % null, averaged over log-spaced epochs that both reach, lower in each panel",
)
def _less_with_more(fig1: Panels, fig3: Panels) -> Iterable[Check]:
    for panel, small, large, until in _both(fig1, fig3):
        grid = np.geomspace(1, until, 25)
        level = [_at(null_mean(ds, 0.05), grid).mean() for ds in (large, small)]
        value = f"{level[0]:.3f} against {level[1]:.3f}"
        difference = float(level[0] - level[1])
        yield Check(panel, value, difference < 0, difference)


@declare(
    IMAGE_CLAIMS,
    14,
    "fig1 fig3",
    "section 6",
    "With 10,000 images, slightly better generalization.",
    "validation accuracy at the last epoch that both reach, higher in each panel",
)
def _better_with_more(fig1: Panels, fig3: Panels) -> Iterable[Check]:
    for panel, small, large, until in _both(fig1, fig3):
        last = np.array([until])
        valid = [_at(ds["validation_accuracy"].mean("seed"), last)[0] for ds in (large, small)]
        value = f"{valid[0]:.3f} against {valid[1]:.3f}"
        difference = float(valid[0] - valid[1])
        yield Check(panel, value, difference > 0, difference)


@declare(
    IMAGE_CLAIMS,
    15,
    "fig3",
    "section 6",
    "Otherwise the same patterns with 10,000 images.",
    "learned (claim 1), ordered nulls (claim 3), depth and dropout (claims 5, 6)",
)
def _same_with_more(fig3: Panels) -> Iterable[Check]:
    for check in (_learned, _ordered, _depth, _dropout):
        yield from check(fig3)


@declare(
    IMAGE_CLAIMS,
    16,
    "fig1 fig4",
    "section 6",
    "rmsProp can follow other memorization dynamics than SGD.",
    "5 % nulls differ by more than 0.05 at some epoch, in at least one panel (checked in each)",
    panels="",
)
def _other_dynamics(fig1: Panels, fig4: Panels) -> Iterable[Check]:
    largest = {}
    for panel, sgd, rmsprop, until in _both(fig1, fig4):
        grid = np.geomspace(1, until, 25)
        difference = _at(null_mean(rmsprop, 0.05), grid) - _at(null_mean(sgd, 0.05), grid)
        largest[panel] = float(difference[np.abs(difference).argmax()])
    if largest:
        text = ", ".join(f"{panel} {value:+.3f}" for panel, value in largest.items())
        holds = max(abs(value) for value in largest.values()) > 0.05
        extreme = max(largest.values(), key=abs)
        yield Check("largest difference, rmsProp minus SGD", text, holds, extreme)
