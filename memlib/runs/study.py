"""A study: one paper's figures, scales, networks, schema and measures, found by a figure's name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, ClassVar

from memlib.base.errors import InputError
from memlib.runs.settings import Settings, epoch_grid

if TYPE_CHECKING:
    import xarray as xr

    from memlib.method.data import Data
    from memlib.results.schema import Schema
    from memlib.runs.measures import Measure
    from memlib.runs.pieces import Piece
    from memlib.training.layers import Architecture

GROUP = "memlib.studies"  # entry points by which another package adds a study of its own


@dataclass(frozen=True)
class Figure:
    """One figure of a paper: what it shows, its panels, and how it differs from the usual run.

    Attributes
    ----------
    panels
        Names of its networks.
    settings
        Values of `Settings` that are the figure's own.
    times
        Numbers of the scale, and by what the figure multiplies them.
    by_scale
        Values that the figure has at one scale only.
    """

    name: str
    title: str
    change: str
    panels: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    times: Mapping[str, int] = field(default_factory=dict)
    by_scale: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Scale:
    """How much of a figure is run; `expect` tells a reader how long it takes."""

    name: str
    expect: str
    settings: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        """Return one of the settings, like ``scale.epochs``."""
        try:
            return self.__dict__["settings"][name]
        except KeyError:
            raise AttributeError(name) from None


class Study:
    """A paper. Subclasses declare; what most papers share is done here."""

    name: ClassVar[str]  # of its room in `memlib.papers`
    label: ClassVar[str]  # "Chaibub Neto 2018"
    reference: ClassVar[str]
    source: ClassVar[str]
    settings: ClassVar[type[Settings]]
    figures: ClassVar[Mapping[str, Figure]]
    scales: ClassVar[Mapping[str, Scale]]
    shipped_scales: ClassVar[tuple[str, ...]] = ()  # whose results come with the checkout
    # Settings in which a shipped run may differ from its scale: less of it, or made elsewhere.
    shorter: ClassVar[frozenset[str]] = frozenset(
        {"panels", "seed", "n_seeds", "epochs", "n_measured_epochs", "precision", "device"}
    )
    networks: ClassVar[Mapping[str, "Architecture"]]
    schema: ClassVar["Schema"]
    measures: ClassVar[tuple["Measure", ...]] = ()
    # How far what is computed again elsewhere may be from what is stored, by variable; means are
    # taken over `averaged` before they are compared.
    tolerance: ClassVar[Mapping[str, float]] = {}
    averaged: ClassVar[tuple[str, ...]] = ()
    # Draws a result: a function of tree and theme.
    plot: ClassVar[str] = "memlib.report.curves:plot_curves"
    notebooks: ClassVar[Path | None] = None  # folder of its chapters; the checkout's when None
    # The module that cuts a run into pieces and joins them; loaded where it runs: it needs torch.
    machinery: ClassVar[str] = "memlib.runs.measures"

    def resolve(self, figure: str, scale: str = "teaching", **changes: Any) -> Settings:
        """Join a figure, a scale and a user's changes; see `resolve`."""
        if scale not in self.scales:
            raise InputError(f"scale = {scale!r}: take one of {', '.join(self.scales)}")
        allowed = self.settings.changeable()
        for name in changes:
            if name not in allowed:
                raise InputError(f"unknown parameter {name!r}: take one of {', '.join(allowed)}")
        declared = self.figures[figure]
        sizes = dict(self.scales[scale].settings)
        values = {name: value * declared.times.get(name, 1) for name, value in sizes.items()}
        values |= {"figure": figure, "scale": scale, "panels": declared.panels}
        values |= {**declared.settings, **declared.by_scale.get(scale, {})}
        values |= {name: value for name, value in changes.items() if value is not None}
        for panel in values["panels"] if isinstance(values["panels"], list | tuple) else ():
            if panel not in declared.panels:
                raise InputError(
                    f"panels: {panel!r} is not a panel of {figure}, "
                    f"which has {', '.join(declared.panels)}"
                )
        return self.settings.validated(values)

    def architecture(self, settings: Settings, panel: str) -> "Architecture":
        """Return a panel's network, as declared."""
        return self.networks[panel]

    def last_epoch(self, settings: Settings, panel: str) -> int:
        """Return the epoch to which a panel is trained."""
        return settings.epochs

    def epochs(self, settings: Settings, panel: str) -> tuple[int, ...]:
        """Return the log-spaced epochs at which a panel is measured."""
        return epoch_grid(self.last_epoch(settings, panel), settings.n_measured_epochs)

    def only_epoch(self, settings: Settings, panel: str, epoch: int) -> Settings:
        """Return the settings of a run that ends at an epoch and measures nothing before."""
        return self.changed(settings, epochs=epoch, n_measured_epochs=1)

    def changed(self, settings: Settings, **changes: Any) -> Settings:
        """Return settings with some values changed."""
        return self.settings.validated(settings.model_dump() | changes)

    def data(self, settings: Settings, panel: str, seed: int) -> "Data":
        """Return the samples and labels of one run."""
        from memlib.training.images import load_data

        return load_data(
            settings.data,
            n_images=settings.n_images,
            n_validation_images=settings.n_validation_images,
            seed=seed,
        )

    def data_key(self, settings: Settings, panel: str) -> dict[str, Any]:
        """Return all that the training samples depend on besides the seed."""
        from memlib.training.images import load_labelled_images

        checksum = load_labelled_images(settings.data).attrs["content_checksum"]
        return {"data": checksum, "n_images": settings.n_images}

    def training_options(self, settings: Settings, panel: str) -> dict[str, Any]:
        """Return the options of `make_step`; they are in a training's key."""
        return {
            "optimizer": settings.optimizer,
            "learning_rate": settings.learning_rate,
            "loss": settings.loss,
            "precision": settings.precision,
        }

    def schema_of(self, figure: str) -> "Schema":
        """Return what the results of a figure hold."""
        return self.schema

    def check(self, settings: Settings) -> None:
        """Refuse what cannot be run, before any work; also loads the data, to see that it can."""
        from memlib.runs.build_images import check_labelled
        from memlib.training.images import check_counts, load_labelled_images

        labelled = load_labelled_images(settings.data)
        check_labelled(labelled, settings.data)
        check_counts(labelled, settings.n_images, settings.n_validation_images)

    def describe(self, settings: Settings) -> dict[str, Any]:
        """Return what the root of a result says besides the usual, by attribute."""
        return {}

    def step_seconds(self, settings: Settings, panel: str) -> float:
        """Estimate the time of one training step on 128 samples, in seconds of one core."""
        return 2e-3

    def n_pieces(self, settings: Settings) -> int:
        """Return how many pieces a run is cut into, or an upper bound, without cutting it."""
        own = [one for one in self.measures if settings.figure in (one.figures or self.figures)]
        of_network = sum(one.of == "network" for one in own)
        epochs = sum(len(self.epochs(settings, panel)) for panel in settings.panels)
        per_panel = 1 + len(own) - of_network
        return settings.n_seeds * (epochs * of_network + len(settings.panels) * per_panel)

    def pieces(self, settings: Settings) -> "Sequence[Piece]":
        """Cut a run into the pieces that its dataset is put together from.

        Those of a panel and seed do not depend on the other panels and seeds of the run.
        """
        pieces: Sequence[Piece] = import_module(self.machinery).cut(settings)
        return pieces

    def assemble(self, settings: Settings, pieces: "Sequence[Piece]") -> "dict[str, xr.Dataset]":
        """Join stored pieces into a dataset for each panel."""
        panels: dict[str, xr.Dataset] = import_module(self.machinery).join(settings, pieces)
        return panels


@cache
def studies() -> Mapping[str, Study]:
    """Return all studies by name: the rooms of `memlib.papers`, and those of other packages."""
    folder = import_module("memlib.papers").__path__
    rooms = sorted(one.name for one in iter_modules(folder) if one.ispkg)
    modules = [f"memlib.papers.{room}.study" for room in rooms]
    found = [import_module(one).STUDY for one in modules if find_spec(one) is not None]
    found += [one.load() for one in sorted(entry_points(group=GROUP), key=lambda one: one.name)]
    # The paper that memlib began with comes first.
    found.sort(key=lambda study: study.name != "chaibub_neto_2018")
    return {study.name: study for study in found}


def figures() -> dict[str, Figure]:
    """Return the figures of all studies by name."""
    return {name: one for study in studies().values() for name, one in study.figures.items()}


def find_study(figure: str) -> Study:
    """Return the study that a figure belongs to.

    Raises
    ------
    InputError
        When no study has such a figure.
    """
    for study in studies().values():
        if figure in study.figures:
            return study
    raise InputError(f"figure {figure!r}: take one of {', '.join(figures())}")


def study_of(settings: Settings) -> Study:
    """Return the study whose run these settings describe."""
    return find_study(settings.figure)


def resolve(figure: str, scale: str = "teaching", **changes: Any) -> Any:
    """Join a figure, a scale and a user's changes into validated settings.

    Parameters
    ----------
    figure
        The name of a figure of any study.
    scale
        The name of one of the study's scales.
    changes
        Fields of the study's `Settings`; None leaves the figure's or the scale's own value.

    Raises
    ------
    InputError
        For an unknown name, a wrong type or a value out of range; names the field.

    Examples
    --------
    >>> resolve("fig2", "paper", n_trees=100).perturbations
    (0.01, 0.05, 0.1, 1.0)
    """
    return find_study(figure).resolve(figure, scale, **changes)
