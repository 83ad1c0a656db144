"""Run the measures of that chapter: the trainings of Figs. 1 and 5 at teaching scale, in pieces."""

import datetime
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import xarray as xr

from memlib.base import keys
from memlib.base.seeds import stream
from memlib.base.version import __version__, git_commit, installed_version
from memlib.papers.chaibub_neto_2018.figures import ShuffleSettings
from memlib.papers.chaibub_neto_2018.meaning import (
    INPUTS,
    N_SEEDS,
    PANELS,
    SCALE,
    SCHEMA,
    SCORED_ON,
)
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.results.files import assemble, write_result
from memlib.results.schema import panels_of
from memlib.runs.measures import Measure, MeasurePiece
from memlib.runs.pieces import Piece
from memlib.runs.plan import Plan, plan
from memlib.runs.schedule import compute
from memlib.runs.study import resolve, study_of
from memlib.runs.trainings import Training
from memlib.training.devices import choose_device, device_name

ROOM = "memlib.papers.chaibub_neto_2018.meaning_measures"
CODE = (
    "method",
    "papers/chaibub_neto_2018/meaning.py",
    "papers/chaibub_neto_2018/meaning_measures.py",
    "papers/chaibub_neto_2018/measures.py",
)
SIZES = ("n_permutations", "n_trees", "n_validation_images")
LAYERS = Measure("layers", f"{ROOM}:measure_layers", "network", SIZES, CODE, 6.0)
PIXELS = Measure("pixels", f"{ROOM}:measure_pixels", "network", (), CODE, 6.0)
HITS = Measure("hits", f"{ROOM}:measure_hits", "network", ("n_trees",), CODE, 10.0)
HALVES = Measure("halves", f"{ROOM}:measure_influence", "run", SIZES[2:], (*CODE, "training"), 300)


def cut_meaning(
    inputs: str, *, panels: Sequence[str] = PANELS, n_seeds: int = N_SEEDS, **changes: Any
) -> Plan:
    """Return the pieces of one kind of inputs: of each panel and seed, and of panel a's images."""
    settings: ShuffleSettings = resolve(
        INPUTS[inputs], SCALE, panels=list(panels), n_seeds=n_seeds, **changes
    )
    pieces: list[Piece] = []
    for panel in settings.panels:
        for seed in settings.seeds:
            training = Training(settings, panel, seed)
            pieces.append(training)
            measured = [LAYERS]
            if panel == settings.panels[0]:  # pixels are those of all panels
                pieces.append(MeasurePiece(PIXELS, settings, panel, seed, training.epochs[0]))
            if (inputs, panel, seed) == ("images", "a", settings.seed):
                measured.append(HITS)
                pieces.append(MeasurePiece(HALVES, settings, panel, seed))
            for one in measured:
                for epoch in training.epochs:
                    piece = MeasurePiece(one, settings, panel, seed, epoch)
                    piece.__dict__["training"] = training  # its key is computed once
                    pieces.append(piece)
    return Plan(settings, tuple(pieces))


def run_meaning(*, n_jobs: int | None = None, progress: bool = True, **changes: Any) -> xr.DataTree:
    """Return the dataset of `memlib.papers.chaibub_neto_2018.meaning`; pieces stored are reused.

    Parameters
    ----------
    n_jobs, progress
        See `memlib.runs.schedule.compute`.
    changes
        Fields of `ShuffleSettings`, of all runs.

    Returns
    -------
    xarray.DataTree
        A group for each panel and inputs (``images_a``, ``noise_e``) and one, ``influence``, of the
        networks trained on random halves; see `meaning.SCHEMA`.
    """
    plans = {inputs: cut_meaning(inputs, **changes) for inputs in INPUTS}
    for one in plans.values():
        plan(one.settings)  # refuses what cannot be run
    compute(list(plans.values()), n_jobs=n_jobs, progress=progress)
    return assemble_meaning(plans)


def assemble_meaning(plans: dict[str, Plan]) -> xr.DataTree:
    """Join stored pieces into the dataset."""
    groups: dict[str, xr.Dataset] = {}
    seconds = 0.0
    for inputs, one in plans.items():
        for panel in one.settings.panels:
            runs = []
            for seed in one.settings.seeds:
                own = [p for p in one.pieces if (p.panel, p.seed) == (panel, seed)]
                found, took = _of_seed(own)
                seconds += took + sum(p.seconds() for p in own if isinstance(p, Training))
                runs.append(found.expand_dims(seed=[seed]))
            dataset = xr.concat(runs, "seed", join="exact")
            about = {"panel": panel, "inputs": inputs, "network": ARCHITECTURES[panel].label}
            groups[f"{inputs}_{panel}"] = dataset.assign_attrs(about)
        for piece in one.pieces:
            if isinstance(piece, MeasurePiece) and piece.measure is HALVES:
                hits = [p for p in one.pieces if isinstance(p, MeasurePiece) and p.measure is HITS]
                found, took = _of_seed([*hits, piece])
                seconds += took
                about = {"panel": piece.panel, "inputs": inputs, "network": "random halves"}
                groups[SCORED_ON] = found.expand_dims(seed=[piece.seed]).assign_attrs(about)
    settings = {inputs: cast(ShuffleSettings, one.settings) for inputs, one in plans.items()}
    return assemble(groups, _provenance(settings, seconds), SCHEMA)


def _of_seed(pieces: Sequence[Piece]) -> tuple[xr.Dataset, float]:
    """Return one seed's measures, joined along epochs, and the seconds that they took.

    Hits of single images go with the networks of random halves.
    """
    parts: dict[str, list[xr.Dataset]] = {}
    seconds = 0.0
    with_halves = any(isinstance(p, MeasurePiece) and p.measure is HALVES for p in pieces)
    for piece in pieces:
        if not isinstance(piece, MeasurePiece) or (piece.measure in (HITS, HALVES)) != with_halves:
            continue
        found = piece.read()
        seconds += float(found.attrs.pop("seconds"))
        if piece.measure in (LAYERS, HITS):
            found = found.expand_dims(epoch=[piece.epoch])
        parts.setdefault(piece.measure.name, []).append(found)
    joined = [xr.concat(some, "epoch") if len(some) > 1 else some[0] for some in parts.values()]
    return xr.merge(joined, combine_attrs="drop"), seconds


def _provenance(settings: dict[str, ShuffleSettings], seconds: float) -> dict[str, Any]:
    first = settings["images"]
    parameters = {inputs: one.model_dump(mode="json") for inputs, one in settings.items()}
    return {
        "title": "What is memorized, learned and forgotten: layers, collapse, influence",
        "source": "memlib, networks of Figs. 1 and 5 and panel a trained on random halves",
        "references": "Chaibub Neto 2018, arXiv:1802.07714; Feldman and Zhang 2020, "
        "arXiv:2008.03703; Papyan, Han and Donoho 2020, arXiv:2008.08186",
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "figure": "meaning",
        "scale": first.scale,
        "parameters": parameters,
        "parameters_digest": keys.digest(parameters),
        "base_seed": first.seed,
        "device": f"{platform.system()} {platform.machine()}, "
        + device_name(choose_device(first.device)),
        "compute_seconds": round(seconds, 1),
        "data_checksum": study_of(first).data_key(first, first.panels[0])["data"],
        "code_digest": keys.code_digest(),
        "git_commit": git_commit(),
        "memlib_version": __version__,
        "schema_version": SCHEMA.version,
        **{
            f"{name}_version": installed_version(name)
            for name in ("numpy", "torch", "scikit-learn", "xarray")
        },
    }


def write_meaning(tree: xr.DataTree, path: Path) -> Path:
    """Check the measures and write them whole or not at all."""
    return write_result(tree, path, SCHEMA)


def measure_again(tree: xr.DataTree, group: str, seed: int, epoch: int) -> xr.Dataset:
    """Train one network of the stored dataset from its first weights and measure it again."""
    from memlib.papers.chaibub_neto_2018.meaning_measures import measure_layers
    from memlib.training.loop import train_network

    settings, panel = settings_of_group(tree, group)
    training = Training(settings, panel, seed)
    ((_, network),) = train_network(
        training.make_step(),
        training.data.train_images,
        training.data.train_labels,
        epochs=[epoch],
        batch_size=settings.batch_size,
        seed=seed,
    )
    return measure_layers(network.cpu(), training.data, settings, seed, epoch)


def settings_of_group(tree: xr.DataTree, group: str) -> tuple[ShuffleSettings, str]:
    """Return the settings of a stored group's networks, and their panel."""
    inputs, panel = group.split("_")
    parameters = json.loads(tree.attrs["parameters"])[inputs]
    return cast(ShuffleSettings, resolve(**parameters)), panel


@dataclass(frozen=True)
class Again:
    """How far a stored network's measures are from those of the same network trained again."""

    place: str
    differences: dict[str, float]

    @property
    def holds(self) -> bool:
        """Whether every difference is within its tolerance."""
        return all(value <= TOLERANCE[name] for name, value in self.differences.items())

    def __str__(self) -> str:
        told = ", ".join(f"{name} {value:.4f}" for name, value in self.differences.items())
        return f"meaning, {self.place}: {'agrees' if self.holds else 'DIFFERS'}: {told}"


# As for other stored results: elsewhere sums round otherwise, and a long training drifts apart.
TOLERANCE = {
    "twin_share": 0.03,
    "observed_accuracy": 0.02,
    "validation_accuracy": 0.03,
    "null_accuracy": 0.02,
}


def draw_places(tree: xr.DataTree, n: int, *, seed: int = 0) -> list[tuple[str, int, int]]:
    """Draw stored networks at random: group, seed and epoch."""
    places = [
        (group, int(one), int(epoch))
        for group, dataset in panels_of(tree).items()
        if group != SCORED_ON
        for one in dataset["seed"].values
        for epoch in dataset["epoch"].values
    ]
    rows = stream(seed, "verify").choice(len(places), min(n, len(places)), replace=False)
    return [places[row] for row in rows]


def compare_again(tree: xr.DataTree, group: str, seed: int, epoch: int) -> Again:
    """Train a stored network again from its first weights, measure it, and compare."""
    stored = panels_of(tree)[group].sel(seed=seed, epoch=epoch)
    found = measure_again(tree, group, seed, epoch)
    apart = {
        name: float(np.abs(stored[name].values - found[name].values).max())
        for name in TOLERANCE
        if name != "null_accuracy"
    }
    nulls = [float(one["null_accuracy"].mean()) for one in (stored, found)]
    apart["null_accuracy"] = abs(nulls[0] - nulls[1])
    return Again(f"{group}, seed {seed}, epoch {epoch:,}", apart)
