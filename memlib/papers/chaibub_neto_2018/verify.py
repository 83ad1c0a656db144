"""Verify a stored result: compute a piece of it again from scratch and compare."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from memlib.base.errors import InputError
from memlib.base.seeds import stream
from memlib.papers.chaibub_neto_2018.costs import fits_seconds
from memlib.papers.chaibub_neto_2018.figures import ShuffleSettings
from memlib.results.provenance import account_of
from memlib.results.schema import panels_of
from memlib.runs.study import resolve
from memlib.runs.trainings import Training

# On the machine that made a result, nothing differs. Elsewhere sums round otherwise, and a long
# training drifts apart to another draw of the same experiment: accuracies on 2,000 images, and
# means of nulls over 100 permutations, agree within these.
TOLERANCE: Mapping[str, float] = {
    "null_accuracy": 0.01,
    "observed_accuracy": 0.02,
    "validation_accuracy": 0.03,
}

# Shipped results by scale and figure.
Results = Mapping[tuple[str, str], xr.DataTree]


@dataclass(frozen=True)
class Piece:
    """One network of a stored result: where it stands, and the seconds it takes one core."""

    scale: str
    figure: str
    panel: str
    seed: int
    epoch: int
    seconds: float


@dataclass(frozen=True)
class Agreement:
    """How far a piece computed again is from what is stored: largest difference by variable.

    Of ``null_accuracy`` the mean over permutations is compared, set by set.
    """

    piece: Piece
    differences: dict[str, float]
    identical: bool

    @property
    def holds(self) -> bool:
        """Whether every difference is within `TOLERANCE`."""
        return all(value <= TOLERANCE[name] for name, value in self.differences.items())

    def __str__(self) -> str:
        one = self.piece
        where = f"{one.figure} at {one.scale} scale"
        where += f", panel {one.panel}, seed {one.seed}, epoch {one.epoch:,}"
        if self.identical:
            return f"{where}: the same, bit for bit"
        found = ", ".join(
            f"{name} {value:.4f} (allowed {TOLERANCE[name]})"
            for name, value in self.differences.items()
        )
        return f"{where}: {'agrees' if self.holds else 'DIFFERS'}: {found}"


def pieces_of(results: Results) -> Iterator[Piece]:
    """Yield all pieces of shipped results, with the time it takes to compute each again."""
    for (scale, figure), tree in results.items():
        for panel, dataset in panels_of(tree).items():
            for seed in dataset["seed"].values.tolist():
                settings = settings_of(dataset, seed)
                training = Training(settings, panel, seed)
                fits = fits_seconds(
                    settings, panel, settings.n_permutations + 1, dataset.sizes["perturbation"]
                )
                for epoch in dataset["epoch"].values.tolist():
                    seconds = training.seconds_of(epoch) + fits
                    yield Piece(scale, figure, panel, seed, epoch, seconds)


def settings_of(dataset: xr.Dataset, seed: int) -> ShuffleSettings:
    """Return the settings by which a seed of a shipped panel was made.

    What has become a choice since is at the figure's own value.
    """
    settings: ShuffleSettings = resolve(**account_of(dataset, seed)["parameters"])
    return settings


def draw_pieces(results: Results, n: int, *, seed: int, max_seconds: float) -> list[Piece]:
    """Draw pieces at random among those that take no longer than `max_seconds` each.

    Raises
    ------
    InputError
        When there are not so many.
    """
    pieces = [piece for piece in pieces_of(results) if piece.seconds <= max_seconds]
    if len(pieces) < n:
        raise InputError(
            f"--pieces {n}: only {len(pieces)} stored pieces take at most "
            f"{max_seconds / 60:.1f} minutes; allow more with --minutes"
        )
    rows = stream(seed, "verify").choice(len(pieces), n, replace=False)
    return [pieces[row] for row in rows]


def verify_piece(piece: Piece, results: Results) -> Agreement:
    """Train a network again from its first weights, measure it, and compare with what is stored."""
    from memlib.papers.chaibub_neto_2018.measures import score_network
    from memlib.runs.pieces import single_threaded
    from memlib.training.loop import train_network

    dataset = panels_of(results[piece.scale, piece.figure])[piece.panel]
    settings = settings_of(dataset, piece.seed)
    training = Training(settings, piece.panel, piece.seed)
    strengths = [float(value) for value in dataset["perturbation"].values]
    found: dict[str, Any] = {}

    def work() -> None:
        step, data = training.make_step(), training.data
        trained = train_network(
            step,
            data.train_images,
            data.train_labels,
            epochs=[piece.epoch],
            batch_size=settings.batch_size,
            seed=piece.seed,
        )
        ((_, network),) = trained
        network = network.cpu()
        scores = score_network(
            network,
            data,
            range(settings.n_permutations + 1),
            perturbations=strengths,
            perturbation_kind=settings.perturbation_kind,
            classifier=settings.classifier,
            n_trees=settings.n_trees,
            feature_layer=settings.feature_layer,
            seed=piece.seed,
            epoch=piece.epoch,
        )
        found["null_accuracy"] = scores.accuracy[1:].T
        found["observed_accuracy"] = scores.accuracy[0]
        found["validation_accuracy"] = scores.validation_accuracy[0]

    single_threaded(work)
    stored = dataset.sel(seed=piece.seed, epoch=piece.epoch)
    identical = all(np.array_equal(stored[name].values, found[name]) for name in TOLERANCE)
    means = {
        "null_accuracy": (stored["null_accuracy"].values.mean(-1), found["null_accuracy"].mean(-1))
    }
    pairs = {name: (stored[name].values, found[name]) for name in TOLERANCE} | means
    differences = {name: float(np.abs(a - b).max()) for name, (a, b) in pairs.items()}
    return Agreement(piece, differences, identical)
