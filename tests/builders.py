"""Small results with planted curves, labelled and stamped as a run's are; a counting classifier."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neighbors import KNeighborsClassifier

from memlib.base.version import __version__
from memlib.base.words import label_null
from memlib.method.verdicts import null_dataset
from memlib.papers.chaibub_neto_2018.claims import check_claims
from memlib.papers.chaibub_neto_2018.figures import FIGURES
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.papers.chaibub_neto_2018.schema import SCHEMA
from memlib.results.claim import Outcome
from memlib.results.files import assemble
from memlib.results.schema import panels_of
from memlib.runs.study import resolve

EPOCHS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)
CNN_EPOCHS = EPOCHS[:9]
SPREAD = 0.008  # half the range of a planted null around its mean


@dataclass
class Curves:
    """One panel's accuracies: arrays over epochs, of nulls and observed scores by strength."""

    epochs: tuple[int, ...]
    null: dict[float, np.ndarray]
    observed: dict[float, np.ndarray]
    validation: np.ndarray


Figures = dict[str, dict[str, Curves]]


def through(epochs: Sequence[int], *points: tuple[float, float]) -> np.ndarray:
    """Return a curve through (epoch, accuracy) points, straight over log epochs."""
    at, values = zip(*points, strict=True)
    return np.interp(np.log(epochs), np.log(at), values)


def panel_curves(
    epochs: tuple[int, ...],
    null: np.ndarray,
    *,
    onset: float = 10,
    observed: float = 0.95,
    validation: np.ndarray | float = 0.5,
) -> Curves:
    """Return curves of all four strengths around a 5 % null; learning sets in at `onset`."""
    nulls = {0.01: null + 0.08, 0.05: null, 0.10: null - 0.03, 1.0: np.full(len(epochs), 0.5)}
    learned = np.array(epochs) >= onset
    scores = {s: np.where(learned & (s < 1), observed, one) for s, one in nulls.items()}
    return Curves(epochs, nulls, scores, np.broadcast_to(validation, len(epochs)).copy())


def paper_curves() -> Figures:
    """Return curves of all five figures in which each of the paper's 22 claims holds."""
    peaks = {"a": (0.80, 0.74), "b": (0.74, 0.60), "d": (0.72, 0.68), "e": (0.66, 0.56)}
    first = {"a": 0.64, "b": 0.58, "d": 0.58, "e": 0.58}
    last_validation = {"a": 0.900, "b": 0.905, "c": 0.93, "d": 0.900, "e": 0.895, "f": 0.94}

    def image_panel(panel: str, *points: tuple[float, float], gain: float = 0.0) -> Curves:
        epochs = CNN_EPOCHS if panel in "cf" else EPOCHS
        valid = through(epochs, (1, 0.6), (300, last_validation[panel])) + gain
        return panel_curves(epochs, through(epochs, *points), validation=valid)

    def mlps(lower: float = 0.0) -> dict[str, Curves]:
        """With more images the null rises less from the same first epoch, validation gains."""
        found = {}
        for panel, (peak, last) in peaks.items():
            points = ((1, first[panel]), (300, peak - lower), (1e5, last - lower))
            found[panel] = image_panel(panel, *points, gain=lower)
        return found

    noise = {
        "a": panel_curves(EPOCHS, through(EPOCHS, (1, 0.74), (1e5, 0.96)), onset=1, observed=0.99),
        "b": panel_curves(EPOCHS, through(EPOCHS, (1, 0.74), (1e5, 0.90)), onset=1, observed=0.99),
        "c": panel_curves(
            CNN_EPOCHS, through(CNN_EPOCHS, (1, 0.75), (1e4, 0.95)), onset=1, observed=0.99
        ),
    }
    for panel, onset, *points in (
        ("d", 30, (1, 0.62), (30, 0.60), (300, 0.85), (1e5, 0.65)),
        ("e", 300, (1, 0.59), (300, 0.57), (1000, 0.75), (1e5, 0.55)),
        ("f", 10, (1, 0.60), (10, 0.58), (300, 0.80), (1e4, 0.60)),
    ):
        epochs = CNN_EPOCHS if panel == "f" else EPOCHS
        noise[panel] = panel_curves(epochs, through(epochs, *points), onset=onset, observed=0.99)
    cnns = {
        "c": image_panel("c", (1, 0.60), (1e4, 0.92)),
        "f": image_panel("f", (1, 0.63), (300, 0.80), (1e4, 0.76)),
    }
    return {
        "fig1": dict(sorted((mlps() | cnns).items())),
        "fig2": mlps(),
        "fig3": mlps(lower=0.02),
        "fig4": {panel: image_panel(panel, (1, 0.58), (1e5, 0.84)) for panel in peaks},
        "fig5": noise,
    }


def label_curves(
    letter: str, curves: Curves, strengths: Sequence[float], seeds: Sequence[int], n_null: int
) -> xr.Dataset:
    """Return a panel's dataset; each further seed lies 0.01 above the one before."""
    draws = SPREAD * np.linspace(-1, 1, n_null)
    shifts = 0.01 * np.arange(len(seeds))[:, None, None]
    observed = np.stack([curves.observed[s] for s in strengths], axis=-1) + shifts
    mean = np.stack([curves.null[s] for s in strengths], axis=-1) + shifts
    null = mean[..., None] + draws
    dataset = null_dataset(observed, null, np.full(null.shape, 0.5), strengths)
    validation = curves.validation + shifts[..., 0]
    for name in ("validation_accuracy", "network_train_accuracy", "network_validation_accuracy"):
        dataset[name] = (("seed", "epoch"), validation)
    dataset["network_train_loss"] = (("seed", "epoch"), np.full(validation.shape, 0.7))
    dataset = dataset.assign_coords(seed=list(seeds), epoch=list(curves.epochs))
    dataset.attrs = {"panel": letter, "network": ARCHITECTURES[letter].label, "layers": "[]"}
    return label_null(dataset, "share of pixels shuffled", "1")


def make_result(
    figure: str = "fig1",
    panels: Mapping[str, Curves] | None = None,
    *,
    strengths: Sequence[float] | None = None,
    seeds: Sequence[int] = (0,),
    n_permutations: int = 19,
    n_trees: int = 50,
) -> xr.DataTree:
    """Return a figure's result from planted curves (those of the paper's claims when None)."""
    panels = paper_curves()[figure] if panels is None else panels
    settings = resolve(
        figure,
        "teaching",
        panels=list(panels),
        perturbations=strengths,
        seed=seeds[0],
        n_seeds=len(seeds),
        n_permutations=n_permutations,
        n_trees=n_trees,
    )
    datasets = {
        letter: label_curves(letter, one, settings.perturbations, seeds, n_permutations)
        for letter, one in panels.items()
    }
    attributes = {
        "title": f"planted curves in the form of {figure}",
        "source": "tests/builders.py",
        "references": "Chaibub Neto 2018, arXiv:1802.07714",
        "created": "2026-01-02T03:04:05+00:00",
        "figure": figure,
        "scale": settings.scale,
        "parameters": settings.model_dump(mode="json"),
        "parameters_digest": "0123456789abcdef",
        "base_seed": settings.seed,
        "loss": "mean binary cross-entropy over sigmoid outputs",
        "initial_weights": "Glorot uniform, zero bias",
        "device": "none",
        "compute_seconds": 90.0,
        "data_checksum": "sha256:0",
        "code_digest": "0",
        "git_commit": "unknown",
        "memlib_version": __version__,
        "schema_version": SCHEMA.version,
        "numpy_version": np.__version__,
    }
    return assemble(datasets, attributes, SCHEMA)


@cache
def _two_panels() -> xr.DataTree:
    panels = paper_curves()["fig5"]
    return make_result("fig5", {"d": panels["d"], "f": panels["f"]}, seeds=(3, 4))


def small_result() -> xr.DataTree:
    """Return a result of two panels and two seeds, to be spoilt at will."""
    return _two_panels().copy(deep=True)


def make_results(
    change: Callable[[Figures], object] | None = None,
    names: Sequence[str] = tuple(FIGURES),
    seeds: Sequence[int] = (0,),
) -> dict[str, xr.DataTree]:
    """Return results of figures, of the paper's curves after `change` has spoilt them."""
    figures = paper_curves()
    if change is not None:
        change(figures)
    return {name: make_result(name, figures[name], seeds=seeds) for name in names}


def one_panel(letter: str, curves: Curves) -> xr.Dataset:
    """Return one panel of Fig. 5 from planted curves."""
    return panels_of(make_result("fig5", {letter: curves}))[letter]


def flat(value: float) -> np.ndarray:
    """Return a curve over `EPOCHS` that stays where it is."""
    return np.full(len(EPOCHS), value)


def put(
    figure: str, panel: str, kind: str, strength: float, value: Any
) -> Callable[[Figures], None]:
    """Return a change of one curve; `value` may be a function of all figures."""

    def change(figures: Figures) -> None:
        curves = figures[figure][panel]
        new = value(figures) if callable(value) else value
        if kind == "validation":
            curves.validation[:] = new
        else:
            getattr(curves, kind)[strength] = np.broadcast_to(new, len(curves.epochs)).copy()

    return change


def null_of(
    figure: str, panel: str, strength: float, plus: float = 0.0
) -> Callable[[Figures], np.ndarray]:
    """Return what gives a null's mean, moved by `plus`, as `put` takes it for a value."""
    return lambda figures: figures[figure][panel].null[strength] + plus


class CountingClassifier(ClassifierMixin, BaseEstimator):
    """One nearest neighbour; adds a line to `log` at each fit: clones share the list."""

    log: list[np.ndarray] = []

    def fit(self, features: np.ndarray, labels: np.ndarray) -> "CountingClassifier":
        self.log.append(labels)
        self.model_ = KNeighborsClassifier(1).fit(features, labels)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        return self.model_.predict(features)


def outcome(results: Mapping[str, xr.DataTree], number: int) -> Outcome:
    """Return the outcome of one claim."""
    return next(one for one in check_claims(results) if one.claim.number == number)
