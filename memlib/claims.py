"""What the paper claims of each figure, checked against stored results (no torch).

A claim is declared with its place in the paper, a paraphrase, and a function that turns results
into checks: quantities, each with the rule it has to meet. The verdict follows from the checks,
so it changes when the data does.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from memlib.null import SIGNIFICANCE
from memlib.results import panels_of

FIRST_EPOCHS = 10  # "just after a few epochs of training"
PATTERN = 0.01  # a rise or fall of a null's mean that counts, in accuracy
NEAR_CHANCE = 0.03  # about three standard errors of an accuracy on 2,000 balanced samples

Panels = Mapping[str, xr.Dataset]


@dataclass(frozen=True)
class Check:
    """One quantity of a claim: what, its value as text, and whether it meets the claim."""

    label: str
    value: str
    holds: bool


@dataclass(frozen=True)
class Claim:
    """One claim of the paper. ``needs`` names the figures whose results `check` is given."""

    number: int
    needs: tuple[str, ...]
    place: str
    text: str
    rule: str
    check: Callable[..., Iterable[Check]]


@dataclass(frozen=True)
class Outcome:
    """A claim with its checks on stored results."""

    claim: Claim
    checks: tuple[Check, ...]

    @property
    def verdict(self) -> str:
        """``reproduced`` when all checks hold, ``partly`` when at least half do."""
        if not self.checks:
            return "not yet run"
        share = np.mean([check.holds for check in self.checks])
        return "reproduced" if share == 1 else "partly" if share >= 0.5 else "not reproduced"


CLAIMS: dict[int, Claim] = {}


def _claim(number: int, needs: str, place: str, text: str, rule: str) -> Callable:
    def declare(check: Callable[..., Iterable[Check]]) -> Callable[..., Iterable[Check]]:
        CLAIMS[number] = Claim(number, tuple(needs.split()), place, text, rule, check)
        return check

    return declare


def null_mean(dataset: xr.Dataset, strength: float) -> xr.DataArray:
    """Return the mean of a null over permutations and seeds, by epoch."""
    null = dataset["null_accuracy"].sel(perturbation=strength, method="nearest", tolerance=1e-9)
    return null.mean(("permutation", "seed"))


def memorization_level(dataset: xr.Dataset, strength: float, until: float = np.inf) -> float:
    """Return the mean of a null over log-spaced epochs, of all permutations and seeds."""
    mean = null_mean(dataset, strength)
    return float(mean.sel(epoch=mean["epoch"] <= until).mean())


def _observed(dataset: xr.Dataset, strength: float) -> xr.DataArray:
    return dataset["observed_accuracy"].sel(perturbation=strength).mean("seed")


def _later(array: xr.DataArray | xr.Dataset) -> xr.DataArray | xr.Dataset:
    """Return what comes after the first few epochs (the last epoch where none does)."""
    first = min(FIRST_EPOCHS, int(array["epoch"][-1]))
    return array.sel(epoch=array["epoch"] >= first)


def _share_check(label: str, holds: xr.DataArray, least: float) -> Check:
    share = float(holds.mean())
    return Check(label, f"{100 * share:.0f} % of epochs and seeds", share >= least)


def _pairs(
    panels: Panels, pairs: Iterable[tuple[str, str]], strength: float
) -> Iterable[Check]:
    """Check that the first panel of each pair has the higher null, over all epochs."""
    for more, less in pairs:
        if more in panels and less in panels:
            first, second = (memorization_level(panels[p], strength) for p in (more, less))
            yield Check(f"{more} > {less}", f"{first:.3f} against {second:.3f}", first > second)


DEPTH = (("a", "b"), ("d", "e"))
DROPOUT = (("a", "d"), ("b", "e"), ("c", "f"))


@_claim(
    1,
    "fig1",
    "section 6",
    "After a few epochs the observed 5 % and 10 % scores lie well above their nulls.",
    f"p-value at most {SIGNIFICANCE} at 95 % of the epochs from {FIRST_EPOCHS} on, in each panel",
)
def _learned(fig1: Panels) -> Iterable[Check]:
    for panel, dataset in fig1.items():
        for strength in (0.05, 0.10):
            p_value = _later(dataset["p_value"].sel(perturbation=strength))
            yield _share_check(f"{panel}, {strength:.0%}", p_value <= SIGNIFICANCE, 0.95)


@_claim(
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
        yield Check(panel, f"{value:.3f}", value > chance + 0.1)


@_claim(
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


@_claim(
    4,
    "fig1",
    "section 6",
    "With all pixels shuffled, null and observed score sit at 0.5.",
    f"null mean and observed score averaged over epochs within {NEAR_CHANCE} of chance",
)
def _destroyed(fig1: Panels) -> Iterable[Check]:
    for panel, dataset in fig1.items():
        one = dataset.sel(perturbation=1.0)
        chance = float(one["chance_accuracy"].mean())
        for name, short in (("null_accuracy", "null"), ("observed_accuracy", "observed")):
            value = float(one[name].mean())
            yield Check(f"{panel}, {short}", f"{value:.3f}", abs(value - chance) <= NEAR_CHANCE)


@_claim(
    5,
    "fig1",
    "section 6",
    "More hidden layers, less memorization.",
    "5 % null, averaged over log-spaced epochs, higher in a than b and in d than e",
)
def _depth(fig1: Panels) -> Iterable[Check]:
    return _pairs(fig1, DEPTH, 0.05)


@_claim(
    6,
    "fig1",
    "section 6",
    "With dropout, less memorization.",
    "5 % null, averaged over log-spaced epochs, higher in a than d, b than e, c than f",
)
def _dropout(fig1: Panels) -> Iterable[Check]:
    return _pairs(fig1, DROPOUT, 0.05)


@_claim(
    7,
    "fig1",
    "section 6",
    "Nulls rise in the first few hundred epochs, then fall for thousands (all panels but c).",
    f"5 % null at its highest exceeds the first and the last epoch by {PATTERN}",
)
def _rise_and_fall(fig1: Panels) -> Iterable[Check]:
    for panel, dataset in fig1.items():
        if panel != "c":
            mean = null_mean(dataset, 0.05).values
            epoch = int(dataset["epoch"].values[mean.argmax()])
            holds = mean.max() - mean[0] >= PATTERN and mean.max() - mean[-1] >= PATTERN
            value = f"{mean[0]:.3f}, {mean.max():.3f} at epoch {epoch:,}, {mean[-1]:.3f}"
            yield Check(panel, value, bool(holds))


@_claim(
    8,
    "fig1",
    "section 6",
    "The deeper MLPs forget faster.",
    "5 % null falls further from its highest to the last epoch in b than a and in e than d",
)
def _forgets_faster(fig1: Panels) -> Iterable[Check]:
    for shallow, deep in DEPTH:
        if shallow in fig1 and deep in fig1:
            means = [null_mean(fig1[panel], 0.05).values for panel in (deep, shallow)]
            fall = [float(mean.max() - mean[-1]) for mean in means]
            value = f"falls by {fall[0]:.3f} against {fall[1]:.3f}"
            holds = fall[0] > fall[1] and fall[0] >= PATTERN
            yield Check(f"{deep} faster than {shallow}", value, holds)


@_claim(
    9,
    "fig1",
    "section 6",
    "CNNs memorize more than MLPs and yet generalize better.",
    "5 % null and last validation accuracy higher in c than a, b and in f than d, e, "
    "at epochs that both have",
)
def _cnns(fig1: Panels) -> Iterable[Check]:
    for cnn, mlp in (("c", "a"), ("c", "b"), ("f", "d"), ("f", "e")):
        if cnn in fig1 and mlp in fig1:
            until = min(int(fig1[panel]["epoch"][-1]) for panel in (cnn, mlp))
            level = [memorization_level(fig1[panel], 0.05, until) for panel in (cnn, mlp)]
            value = f"{level[0]:.3f} against {level[1]:.3f}"
            yield Check(f"{cnn} > {mlp}, null", value, level[0] > level[1])
            valid = [
                float(fig1[panel]["validation_accuracy"].isel(epoch=-1).mean())
                for panel in (cnn, mlp)
            ]
            value = f"{valid[0]:.3f} against {valid[1]:.3f}"
            yield Check(f"{cnn} > {mlp}, validation", value, valid[0] > valid[1])


@_claim(
    10,
    "fig1",
    "section 6",
    "Memorizing less does not mean generalizing better.",
    "last validation accuracies of the MLPs differ by less than their 5 % nulls do",
)
def _unrelated(fig1: Panels) -> Iterable[Check]:
    mlps = [panel for panel in ("a", "b", "d", "e") if panel in fig1]
    if len(mlps) > 1:
        valid = [float(fig1[p]["validation_accuracy"].isel(epoch=-1).mean()) for p in mlps]
        level = [memorization_level(fig1[p], 0.05) for p in mlps]
        spread = np.ptp(valid), np.ptp(level)
        value = f"validation {spread[0]:.3f}, null {spread[1]:.3f}"
        yield Check(f"range over {', '.join(mlps)}", value, bool(spread[0] < spread[1]))


@_claim(
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
        yield Check(panel, value, level[0] - level[1] >= 0.05)


@_claim(
    12,
    "fig2",
    "section 6",
    "The same orderings hold with 1 % perturbed.",
    "1 % null, averaged over log-spaced epochs: a > b, d > e, a > d, b > e",
)
def _same_at_one_percent(fig2: Panels) -> Iterable[Check]:
    return _pairs(fig2, (*DEPTH, *DROPOUT), 0.01)


def _both(first: Panels, second: Panels) -> Iterable[tuple[str, xr.Dataset, xr.Dataset, int]]:
    """Pair the panels that two figures share, with the last epoch that both reach."""
    for panel in first:
        if panel in second:
            pair = first[panel], second[panel]
            yield panel, *pair, min(int(dataset["epoch"][-1]) for dataset in pair)


def _at(array: xr.DataArray, epochs: np.ndarray) -> np.ndarray:
    """Interpolate a curve over log epochs."""
    return np.interp(np.log(epochs), np.log(array["epoch"].values), array.values)


@_claim(
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
        yield Check(panel, value, bool(level[0] < level[1]))


@_claim(
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
        yield Check(panel, value, bool(valid[0] > valid[1]))


@_claim(
    15,
    "fig3",
    "section 6",
    "Otherwise the same patterns with 10,000 images.",
    "learned (claim 1), ordered nulls (claim 3), depth and dropout (claims 5, 6)",
)
def _same_with_more(fig3: Panels) -> Iterable[Check]:
    for check in (_learned, _ordered, _depth, _dropout):
        yield from check(fig3)


@_claim(
    16,
    "fig1 fig4",
    "section 6",
    "rmsProp can follow other memorization dynamics than SGD.",
    "5 % nulls differ by more than 0.05 at some epoch, in at least one panel (checked in each)",
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
        yield Check("largest difference, rmsProp minus SGD", text, holds)


@_claim(
    17,
    "fig5",
    "section 7",
    "Nulls lie above 0.5 although the inputs are noise.",
    f"5 % null, averaged over epochs, above chance by {NEAR_CHANCE} in each panel",
)
def _memorizes_noise(fig5: Panels) -> Iterable[Check]:
    for panel, dataset in fig5.items():
        value, chance = memorization_level(dataset, 0.05), float(dataset["chance_accuracy"].mean())
        yield Check(panel, f"{value:.3f}", value > chance + NEAR_CHANCE)


@_claim(
    18,
    "fig5",
    "section 7",
    "Observed scores lie above the nulls: networks learn from noise, too.",
    f"p-value of the 5 % set at most {SIGNIFICANCE} at the last epoch, in each panel",
)
def _learns_noise(fig5: Panels) -> Iterable[Check]:
    for panel, dataset in fig5.items():
        last = dataset.sel(perturbation=0.05).isel(epoch=-1)
        value = (
            f"observed {float(last['observed_accuracy'].mean()):.3f}, "
            f"null {float(last['null_accuracy'].mean()):.3f}"
        )
        yield Check(panel, value, bool((last["p_value"] <= SIGNIFICANCE).all()))


@_claim(
    19,
    "fig5",
    "section 7",
    "Validation accuracy stays at 0.5.",
    f"averaged over epochs within {NEAR_CHANCE} of chance, in each panel",
)
def _no_generalization(fig5: Panels) -> Iterable[Check]:
    for panel, dataset in fig5.items():
        value = float(dataset["validation_accuracy"].mean())
        chance = float(dataset["chance_accuracy"].mean())
        yield Check(panel, f"{value:.3f}", abs(value - chance) <= NEAR_CHANCE)


@_claim(
    20,
    "fig5",
    "section 7",
    "Depth and dropout reduce memorization of noise.",
    "5 % null, averaged over log-spaced epochs: a > b, d > e, a > d, b > e, c > f",
)
def _less_noise(fig5: Panels) -> Iterable[Check]:
    return _pairs(fig5, (*DEPTH, *DROPOUT), 0.05)


def onset_epoch(dataset: xr.Dataset, strength: float = 0.05) -> int | None:
    """Return the first epoch from which on the observed score stays above the null, or None."""
    one = dataset.sel(perturbation=strength)
    learned = (one["p_value"] <= SIGNIFICANCE).all("seed").values
    if not learned[-1]:
        return None
    unlearned = np.flatnonzero(~learned)
    first = unlearned[-1] + 1 if len(unlearned) else 0
    return int(dataset["epoch"].values[first])


def forgetting_epoch(dataset: xr.Dataset, strength: float = 0.05) -> int | None:
    """Return the epoch of the null's last peak, from which it falls, or None if it does not fall.

    The peak is looked for after the null's lowest point, so that the fall from the untrained
    network's high null at the start of training does not count.
    """
    mean = null_mean(dataset, strength).values
    low = int(mean[:-1].argmin()) if len(mean) > 1 else 0
    peak = low + int(mean[low:].argmax())
    falls = mean[peak] - mean[-1] >= PATTERN
    return int(dataset["epoch"].values[peak]) if falls else None


def _near(epoch: int | None, paper: int) -> bool:
    return epoch is not None and paper / 3 <= epoch <= paper * 3


@_claim(
    21,
    "fig5",
    "section 7",
    "With dropout, memorization falls while nothing is learned, then a sudden onset of learning: "
    "near epoch 40 (d), 400 (e), 10 (f).",
    "5 % null falls before the onset; onset within a factor of 3 of the paper's epoch",
)
def _onset(fig5: Panels) -> Iterable[Check]:
    for panel, paper in (("d", 40), ("e", 400), ("f", 10)):
        if panel in fig5:
            epoch = onset_epoch(fig5[panel])
            mean = null_mean(fig5[panel], 0.05)
            before = mean.sel(epoch=mean["epoch"] <= (epoch or mean["epoch"][-1]))
            fall = float(before[0] - before.min())
            value = f"null falls by {fall:.3f} before it"
            yield Check(f"{panel}, early fall", value, fall >= PATTERN)
            text = "none yet" if epoch is None else f"epoch {epoch:,}"
            yield Check(f"{panel}, onset", f"{text} (paper: {paper:,})", _near(epoch, paper))


@_claim(
    22,
    "fig5",
    "section 7",
    "Then the networks forget what they memorized, from about epoch 300 (d), 1,000 (e), 200 (f), "
    "and keep what they learned.",
    "last peak of the 5 % null within a factor of 3 of the paper's epoch, then falling; observed "
    "score at the last epoch above 0.9",
)
def _forgets(fig5: Panels) -> Iterable[Check]:
    for panel, paper in (("d", 300), ("e", 1000), ("f", 200)):
        if panel in fig5:
            epoch = forgetting_epoch(fig5[panel])
            text = "does not fall yet" if epoch is None else f"epoch {epoch:,}"
            yield Check(f"{panel}, peak", f"{text} (paper: {paper:,})", _near(epoch, paper))
            last = float(_observed(fig5[panel], 0.05)[-1])
            yield Check(f"{panel}, observed at the end", f"{last:.3f}", last > 0.9)


def check_claims(
    results: Mapping[str, xr.DataTree], *, figure: str | None = None
) -> list[Outcome]:
    """Check the paper's claims on results.

    Parameters
    ----------
    results
        Results by figure name; a claim whose figures are not all there, or whose perturbations or
        panels were left out, is ``not yet run``.
    figure
        Only the claims of this figure (those whose last needed figure it is).
    """
    outcomes = []
    for claim in CLAIMS.values():
        if figure is not None and claim.needs[-1] != figure:
            continue
        checks: tuple[Check, ...] = ()
        if all(name in results for name in claim.needs):
            try:
                checks = tuple(claim.check(*(panels_of(results[name]) for name in claim.needs)))
            except KeyError:  # a perturbation that this run does not have
                checks = ()
        outcomes.append(Outcome(claim, checks))
    return outcomes


def claims_table(outcomes: Iterable[Outcome]) -> str:
    """Return outcomes as a Markdown table, one row a claim."""
    rows = ["| | the paper says | we find | verdict |", "|---|---|---|---|"]
    for outcome in outcomes:
        claim = outcome.claim
        found = "; ".join(
            f"{check.label}: {check.value}" + ("" if check.holds else " ✗")
            for check in _summarized(outcome.checks)
        )
        rows.append(
            f"| {claim.number} | {claim.text} *Rule: {claim.rule}.* | {found or '–'} | "
            f"**{outcome.verdict}** |"
        )
    return "\n".join(rows)


def _summarized(checks: tuple[Check, ...]) -> Iterable[Check]:
    """Fold many checks that hold into one, so that those that do not can be seen."""
    if len(checks) <= 6:
        return checks
    kept = [check for check in checks if check.holds]
    broken = [check for check in checks if not check.holds]
    return [Check("hold", f"{len(kept)} of {len(checks)} checks", True), *broken]
