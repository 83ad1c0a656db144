"""The paper's claims on regularization: section 5, Figs. 10 and 11."""

from collections.abc import Iterable

import numpy as np
import xarray as xr

from memlib.papers.arpit_2017.quantities import Panels, accuracy, at
from memlib.papers.arpit_2017.statistics import kendall
from memlib.results.claim import Check, Claim, declare

REGULARIZER_CLAIMS: list[Claim] = []


def _ends(panel: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return per setting final training accuracy on randY, best and last validation on real."""
    train = accuracy(panel, "train_accuracy", "randY")[:, -1]
    validation = at(panel, "validation_accuracy", "real")
    return train, validation.max(-1).mean(0), validation[..., -1].mean(0)


def _names(panel: xr.Dataset) -> np.ndarray:
    return panel["regularizer"].values.astype(str)


@declare(
    REGULARIZER_CLAIMS,
    33,
    "fig10",
    "section 5, Fig. 10",
    "Regularizers limit memorization at no cost.",
    'A value exists with randY training accuracy <= 0.5 of "none" and real validation >= none - '
    "0.01",
)
def _no_cost(fig10: Panels) -> Iterable[Check]:
    panel = fig10["regularizers"]
    names, strengths = _names(panel), panel["strength"].values
    train, best, last = _ends(panel)
    none = int(np.flatnonzero(names == "none")[0])
    for name in dict.fromkeys(names[names != "none"].tolist()):
        own = np.flatnonzero(names == name)
        holds = (train[own] <= 0.5 * train[none]) & (best[own] >= best[none] - 0.01 - 1e-9)
        # The value that holds, or else the one that limits memorization most at no cost.
        score = np.where(holds, -1.0, np.where(best[own] >= best[none] - 0.01, train[own], 2.0))
        one = own[int(score.argmin())]
        value = (
            f"{strengths[one]:g}: {train[one]:.3f} of {train[none]:.3f}, validation "
            f"{best[one]:.3f} against {best[none]:.3f} (last epoch {last[one]:.3f}, "
            f"{last[none]:.3f})"
        )
        yield Check(name, value, bool(holds.any()), float(train[one] / train[none]))


@declare(
    REGULARIZER_CLAIMS,
    34,
    "fig10",
    "section 5",
    "Dropout is most effective; with adversarial training it is best.",
    "At randY accuracy <= 0.6, highest validation",
)
def _dropout_best(fig10: Panels) -> Iterable[Check]:
    panel = fig10["regularizers"]
    names = _names(panel)
    train, best, _ = _ends(panel)
    limited = train <= 0.6
    highest = {
        name: float(best[limited & (names == name)].max())
        for name in dict.fromkeys(names[limited].tolist())
    }
    for name, rivals in (
        ("dropout", set(highest) - {"adversarial"}),
        ("adversarial", set(highest)),
    ):
        others = {one: highest[one] for one in rivals - {name}}
        if name not in set(names) or not others:
            continue
        rival = max(others, key=lambda one: others[one])
        own = highest.get(name)
        text = "none so limited" if own is None else f"{own:.3f}"
        holds = own is not None and own >= others[rival]
        gap = None if own is None else own - others[rival]
        yield Check(name, f"{text}, best other {others[rival]:.3f} ({rival})", holds, gap)


@declare(
    REGULARIZER_CLAIMS,
    35,
    "fig10",
    "Fig. 11",
    "The order of the training curves differs between random labels and real data.",
    "Kendall tau of final losses < 1",
)
def _order(fig10: Panels) -> Iterable[Check]:
    panel = fig10["regularizers"]
    losses = [accuracy(panel, "train_loss", name)[:, -1] for name in ("randY", "real")]
    tau = kendall(*losses)
    yield Check("randY and real", f"tau {tau:.2f}", tau < 1 - 1e-9, tau)
