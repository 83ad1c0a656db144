"""The paper's claims on examples and their sensitivity: sections 3.1 and 3.2, Figs. 1 to 4."""

from collections.abc import Iterable

import numpy as np

from memlib.papers.arpit_2017.quantities import (
    Panels,
    at,
    diagonal_gap,
    diagonal_rows,
    mean_at,
    off_diagonal_spread,
)
from memlib.results.claim import Check, Claim, declare

DATA = ("real", "randX")
HALF = "randX 0.5"
EXAMPLE_CLAIMS: list[Claim] = []


@declare(
    EXAMPLE_CLAIMS,
    1,
    "fig1",
    "section 3.1",
    "Many real examples are consistently right or wrong after an epoch.",
    "rho(real) >= 3",
)
def _easy_and_hard(fig1: Panels) -> Iterable[Check]:
    rho = mean_at(fig1["examples"], "pooled_dispersion", "real")
    yield Check("real", f"rho {rho:.2f}", rho >= 3, rho)


@declare(
    EXAMPLE_CLAIMS,
    2,
    "fig1",
    "section 3.1",
    "Noise is far less variable.",
    "rho(real) >= 1.5 x rho(randX) and randY",
)
def _noise_varies_less(fig1: Panels) -> Iterable[Check]:
    panel = fig1["examples"]
    real = mean_at(panel, "pooled_dispersion", "real")
    for noise in ("randX", "randY"):
        rho = mean_at(panel, "pooled_dispersion", noise)
        yield Check(noise, f"{real:.2f} against {rho:.2f}", real >= 1.5 * rho, real / rho)


@declare(
    EXAMPLE_CLAIMS,
    3,
    "fig1",
    "section 3.1, Fig. 1",
    "randX is binomial noise.",
    "pooled rho(randX) <= 1.5; within-class rho <= 1.1",
    revised=True,
)
def _randx_is_binomial(fig1: Panels) -> Iterable[Check]:
    panel = fig1["examples"]
    pooled = mean_at(panel, "pooled_dispersion", "randX")
    yield Check("pooled", f"rho {pooled:.2f}", pooled <= 1.5, pooled)
    within = mean_at(panel, "within_dispersion", "randX")
    yield Check("within classes", f"rho {within:.2f}", within <= 1.1, within)


@declare(
    EXAMPLE_CLAIMS,
    4,
    "fig1",
    "section 3.1",
    "randY is not binomial.",
    "Within-class rho(randY) >= 1.2",
)
def _randy_is_not(fig1: Panels) -> Iterable[Check]:
    rho = mean_at(fig1["examples"], "within_dispersion", "randY")
    yield Check("within classes", f"rho {rho:.2f}", rho >= 1.2, rho)


@declare(
    EXAMPLE_CLAIMS,
    5,
    "fig2",
    "Fig. 2",
    "Filters of a network trained on random labels show structure.",
    "S(real), S(randY) < 0.85 S(init), S(randX) not",
)
def _filters(fig2: Panels) -> Iterable[Check]:
    panel = fig2["filters"]
    first = mean_at(panel, "smoothness", "init")
    for name, smooth in (("real", True), ("randY", True), ("randX", False)):
        own = mean_at(panel, "smoothness", name)
        label = name if smooth else f"{name}, not so"
        holds = (own < 0.85 * first) == smooth
        yield Check(label, f"{own:.2f}, at first {first:.2f}", holds, own / first)


LAST = {"direct_term": False, "norm": "l1"}


def _gini(fig3: Panels, panel: str, condition: str, **where: object) -> float:
    """Return the Gini coefficient at the last checkpoint, mean over seeds."""
    return float(at(fig3[panel], "gini", condition, **LAST | where)[:, -1].mean())


def _exploded(fig3: Panels, panel: str, *conditions: str) -> str:
    """Say where one interval between checkpoints is most of an average."""
    shares = [
        at(fig3[panel], "largest_interval_share", condition, **LAST)[:, -1].max()
        for condition in conditions
    ]
    return (
        f"; one interval is up to {100 * max(shares):.0f} % of a mean" if max(shares) > 0.8 else ""
    )


@declare(
    EXAMPLE_CLAIMS,
    6,
    "fig3",
    "section 3.2",
    "For real data few examples have a high loss-sensitivity, for random data virtually all.",
    "Share of x with g-bar above half the mean: real <= 0.7, randX >= 0.95",
)
def _few_or_all(fig3: Panels) -> Iterable[Check]:
    for name in DATA:
        share = float(at(fig3["classes"], "share_above_half", name, **LAST)[:, -1].mean())
        holds = share <= 0.7 if name == "real" else share >= 0.95
        yield Check(name, f"{100 * share:.0f} % of examples", holds, share)


@declare(
    EXAMPLE_CLAIMS,
    7,
    "fig3",
    "Fig. 3, left",
    "Sensitivity is more unequal for real than for random data.",
    "Gini real > randX at T",
)
def _more_unequal(fig3: Panels) -> Iterable[Check]:
    yield _unequal(fig3, "classes", "real", "randX")


def _unequal(fig3: Panels, panel: str, more: str, less: str) -> Check:
    one, other = (_gini(fig3, panel, name) for name in (more, less))
    value = f"{one:.3f} against {other:.3f}{_exploded(fig3, panel, more, less)}"
    return Check(f"{more} > {less}", value, one > other, one - other)


@declare(
    EXAMPLE_CLAIMS,
    8,
    "fig3",
    "Fig. 3, right",
    "So it is with one class per example.",
    "Gini real > randX at T, one class per example",
)
def _one_class_each(fig3: Panels) -> Iterable[Check]:
    yield _unequal(fig3, "one_class_each", "real", "randX")


@declare(
    EXAMPLE_CLAIMS,
    9,
    "fig3",
    "poster 3.2",
    "With 50 % noise the inequality lies between.",
    "Gini real > half > randX at T",
)
def _between(fig3: Panels) -> Iterable[Check]:
    yield _unequal(fig3, "classes", "real", HALF)
    yield _unequal(fig3, "classes", HALF, "randX")


@declare(
    EXAMPLE_CLAIMS,
    10,
    "fig3",
    "section 3.2",
    "l2 and l-infinity norms give very similar results.",
    "abs difference of Gini <= 0.03",
)
def _norms_agree(fig3: Panels) -> Iterable[Check]:
    for name in DATA:
        for norm in ("l2", "linf"):
            one, other = (_gini(fig3, "classes", name, norm=own) for own in (norm, "l1"))
            gap = abs(one - other)
            yield Check(f"{name}, {norm}", f"{one:.3f} against {other:.3f}", gap <= 0.03, gap)


def _cells(fig4: Panels, condition: str, direct_term: bool = False) -> np.ndarray:
    return at(fig4["classes"], "class_sensitivity", condition, direct_term=direct_term)


@declare(
    EXAMPLE_CLAIMS,
    11,
    "fig4",
    "Fig. 4",
    "Sensitivity is higher for i = j.",
    "Diagonal is the row's maximum in >= 9 rows, both data",
)
def _diagonal(fig4: Panels) -> Iterable[Check]:
    for name in DATA:
        rows = diagonal_rows(_cells(fig4, name))
        direct = diagonal_rows(_cells(fig4, name, direct_term=True))
        n_rows = fig4["classes"].sizes["loss_class"]
        if n_rows >= 10:  # the rule speaks of ten classes
            value = f"{rows:.1f} of {n_rows} rows ({direct:.1f} with the direct term)"
            yield Check(name, value, rows >= 9, rows)


@declare(
    EXAMPLE_CLAIMS,
    12,
    "fig4",
    "Fig. 4",
    "Sensitivity is more spread out for real data.",
    "sd of log10 off-diagonal: real > randX",
)
def _spread_out(fig4: Panels) -> Iterable[Check]:
    real, noise = (off_diagonal_spread(_cells(fig4, name)) for name in DATA)
    yield Check("real > randX", f"{real:.3f} against {noise:.3f}", real > noise, real - noise)


@declare(
    EXAMPLE_CLAIMS,
    13,
    "fig4",
    "poster 3.3",
    "Sensitivity is more class-correlated for real data.",
    "mean log10 diagonal minus off-diagonal real > randX",
)
def _class_correlated(fig4: Panels) -> Iterable[Check]:
    real, noise = (diagonal_gap(_cells(fig4, name)) for name in DATA)
    yield Check("real > randX", f"{real:.3f} against {noise:.3f}", real > noise, real - noise)
