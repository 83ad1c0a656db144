"""The open choices: what the paper does not say, changed one at a time, and four baselines.

Each choice is two teaching-scale runs of several seeds, panel a on images and panel d on noise;
some are tried on panel f on noise, too, whose onset puzzles (`puzzle`). They are stored in
one dataset with a group a choice, which `choice_runs` makes. No torch.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xarray as xr

from memlib.base.checkout import stored_path
from memlib.base.errors import ResultError
from memlib.results.files import read_tree

N_SEEDS = 3
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Run:
    """A panel on which choices are tried, and what is set for it in every choice."""

    figure: str
    panel: str
    changes: Mapping[str, Any] = field(default_factory=dict)


RUNS = {
    "images": Run("fig1", "a"),
    "noise": Run("fig5", "d"),
    "cnn": Run("fig5", "f", {"cnn_epochs": 120, "n_measured_epochs": 14}),
}
ALL, ON_NOISE = tuple(RUNS), ("noise", "cnn")


@dataclass(frozen=True)
class Choice:
    """One change against the default: which question it answers, and on which runs."""

    name: str
    question: str
    label: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    runs: tuple[str, ...] = ("images", "noise")
    against: str = "default"

    def settings(self, run: str) -> dict[str, Any]:
        """Return what is set for one of its runs."""
        return {**RUNS[run].changes, **self.changes}


def _perturbed(kind: str, *strengths: float) -> dict[str, Any]:
    return {"perturbation_kind": kind, "perturbations": list(strengths)}


RMSPROP = {"optimizer": "rmsprop"}
UNTRAINED = {"learning_rate": 1e-30, "epochs": 1, "n_measured_epochs": 1}  # weights stay as drawn
CHOICES = {
    choice.name: choice
    for choice in (
        Choice("default", "–", "our defaults", runs=ALL),
        Choice("loss", "loss", "categorical cross-entropy", {"loss": "categorical"}, ALL),
        Choice("he", "initial weights", "He uniform", {"initial_weights": "he"}, ALL),
        Choice("torch", "initial weights", "torch's default", {"initial_weights": "torch"}, ALL),
        Choice("rmsprop", "optimizer", "rmsProp, Keras' constants", RMSPROP),
        Choice(
            "rmsprop_decay",
            "rmsProp's constants",
            "decay 0.99",
            RMSPROP | {"rmsprop_decay": 0.99},
            against="rmsprop",
        ),
        Choice(
            "rmsprop_epsilon",
            "rmsProp's constants",
            "epsilon 1e-8 (Keras before 2.1.3)",
            RMSPROP | {"rmsprop_epsilon": 1e-8},
            against="rmsprop",
        ),
        Choice(
            "rmsprop_torch",
            "rmsProp's constants",
            "decay 0.99, epsilon 1e-8 (torch)",
            RMSPROP | {"rmsprop_decay": 0.99, "rmsprop_epsilon": 1e-8},
            against="rmsprop",
        ),
        Choice(
            "standardized",
            "pixel scale",
            "mean 0, standard deviation 1",
            {"pixel_scale": "standardized"},
            ("images",),
        ),
        Choice("raw", "pixel scale", "0 to 255", {"pixel_scale": "raw"}, ("images",)),
        Choice("noise_half", "noise", "standard deviation 0.5", {"noise_sd": 0.5}, ON_NOISE),
        Choice("noise_double", "noise", "standard deviation 2", {"noise_sd": 2.0}, ON_NOISE),
        Choice("strides", "strides", "3, the caption read literally", {"conv_stride": 3}, ("cnn",)),
        Choice(
            "shared",
            "pixel shuffle",
            "the same positions in all images",
            _perturbed("shuffle_shared", 0.05, 0.1, 1.0),
        ),
        Choice("trees_25", "trees", "25 trees", {"n_trees": 25}),
        Choice("trees_500", "trees", "500 trees", {"n_trees": 500}),
        Choice("validation", "validation set", "500 images", {"n_validation_images": 500}),
        Choice("epoch_grid", "epoch grid", "20 epochs measured", {"n_measured_epochs": 20}),
        Choice("extra_trees", "classifier", "extra trees", {"classifier": "extra_trees"}),
        Choice(
            "neighbours", "classifier", "5 nearest neighbours", {"classifier": "nearest_neighbours"}
        ),
        Choice("ridge", "classifier", "ridge regression", {"classifier": "ridge"}),
        Choice(
            "logistic", "classifier", "logistic regression", {"classifier": "logistic_regression"}
        ),
        Choice(
            "discriminant",
            "classifier",
            "linear discriminant",
            {"classifier": "linear_discriminant"},
        ),
        Choice("svm", "classifier", "support vector machine", {"classifier": "svm"}),
        Choice(
            "rotate", "perturbation", "rotated 5, 10, 90 degrees", _perturbed("rotate", 5, 10, 90)
        ),
        Choice(
            "add_noise",
            "perturbation",
            "noise added, sd 0.05, 0.1, 1",
            _perturbed("add_noise", 0.05, 0.1, 1.0),
        ),
        Choice(
            "occlude",
            "perturbation",
            "5 %, 10 %, 100 % hidden",
            _perturbed("occlude", 0.05, 0.1, 1.0),
        ),
        Choice(
            "first_hidden",
            "feature layer",
            "the first hidden layer",
            {"feature_layer": "first_hidden"},
        ),
        Choice("untrained", "baseline", "an untrained network", UNTRAINED),
        Choice(
            "pixels",
            "baseline",
            "the raw pixels as features",
            UNTRAINED | {"feature_layer": "pixels"},
        ),
        Choice("shuffled", "baseline", "trained on shuffled labels", {"shuffled_labels": 1.0}),
        Choice("half", "baseline", "trained on half-shuffled labels", {"shuffled_labels": 0.5}),
    )
}


def choices_path(name: str = "choices") -> Path:
    """Return a stored file of open choices: the checkout's by name, or a path ending in .nc."""
    return stored_path(name)


def stored_choices(name: str = "choices") -> xr.DataTree | None:
    """Return a stored dataset of open choices, or None where there is none."""
    return read_choices(choices_path(name))


def holds_choices(path: Path) -> bool:
    """Say whether a file is a dataset of the open choices; its groups are looked at only."""
    import h5py

    try:
        with h5py.File(path) as file:
            return "default" in file
    except OSError:
        return False


def read_choices(path: Path) -> xr.DataTree | None:
    """Read the dataset of the open choices; None where there is none.

    Raises
    ------
    ResultError
        When the file is damaged, or of another schema.
    """
    if not path.is_file():
        return None
    tree = read_tree(path)
    if tree.attrs.get("schema_version") != SCHEMA_VERSION or "default" not in tree.children:
        raise ResultError(f"{path} is no dataset of the open choices: run memlib choices again")
    for name, group in tree.children.items():
        _check_choice(group, f"{path}: choice {name!r:.80}")
    return tree


def _check_choice(group: xr.DataTree, place: str) -> None:
    """Refuse a stored choice that does not say what it is in words of ours."""
    for name in ("question", "label", "against", "changes"):
        text = group.attrs.get(name)
        if not isinstance(text, str) or "<" in text or not text.isprintable():
            raise ResultError(f"{place} has no {name} as memlib writes it: run it again")
    try:
        changes = json.loads(group.attrs["changes"])
    except (ValueError, RecursionError):
        changes = None
    if not isinstance(changes, dict) or group.attrs["against"] not in CHOICES:
        raise ResultError(f"{place} has other changes than memlib writes: run it again")


def changes_of(group: xr.DataTree) -> dict[str, Any]:
    """Return what a stored choice changed."""
    return dict(json.loads(group.attrs["changes"]))
