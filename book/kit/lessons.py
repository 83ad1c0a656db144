"""What a lecturer needs to know of a run: the command, what to watch, and how long it takes.

Times are `memlib.runs.costs` estimates, and where a run is stored, what it took.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import xarray as xr

from memlib.base.words import duration
from memlib.papers.chaibub_neto_2018.figures import FIGURES
from memlib.papers.chaibub_neto_2018.one_thing import run_command
from memlib.report.tables import markdown_table
from memlib.runs.costs import figure_seconds
from memlib.runs.study import resolve

TIMED_SCALES = ("smoke", "teaching", "paper")


@dataclass(frozen=True)
class Demonstration:
    """A run to show in a lesson: what is changed, and what to watch while it is talked about."""

    change: str
    watch: str
    figure: str
    panels: tuple[str, ...]
    changes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """The line to type."""
        return run_command(self.figure, self.panels, self.changes)

    @property
    def seconds(self) -> float:
        """The time it takes one core when nothing is stored yet, estimated."""
        return run_seconds(self.figure, self.panels, self.changes)


DEMONSTRATIONS: Mapping[str, Demonstration] = {
    "dropout": Demonstration(
        "dropout",
        "the blue boxes of d lie below those of a, the red curves close together",
        "fig1",
        ("a", "d"),
    ),
    "depth": Demonstration(
        "two more hidden layers",
        "the null of the deeper network",
        "fig1",
        ("a", "b"),
    ),
    "noise": Demonstration(
        "noise in place of images, dropout",
        "boxes fall, then rise with the blue curve at a sudden onset, then fall again; the red "
        "curve stays at chance",
        "fig5",
        ("d",),
        {"epochs": 1500, "n_measured_epochs": 25},
    ),
    "gentle": Demonstration(
        "gentler perturbations, down to none",
        "the gentler, the higher the null of one and the same network; at 0 % it is the forest's "
        "own memory",
        "fig2",
        ("a",),
        {"perturbations": [0.0, 0.01, 0.05, 1.0], "epochs": 200},
    ),
    "rotate": Demonstration(
        "rotation in place of shuffled pixels",
        "another kind of copy: at 5 degrees a null a little above chance, and an observed score "
        "well above it",
        "fig1",
        ("a",),
        {"perturbation_kind": "rotate", "perturbations": [5, 15, 45], "epochs": 200},
    ),
    "linear": Demonstration(
        "a linear classifier in place of the forest",
        "the null stays just above chance: this classifier hardly remembers, whatever the "
        "network did",
        "fig1",
        ("a",),
        {"classifier": "linear_discriminant", "epochs": 200},
    ),
    "shuffled": Demonstration(
        "labels shuffled before training",
        "the observed score still rises above the null while the red curve stays near chance",
        "fig1",
        ("a",),
        {"shuffled_labels": 1.0},
    ),
    "seed": Demonstration(
        "another seed",
        "what moves from run to run, and what does not",
        "fig5",
        ("d",),
        {"seed": 1, "epochs": 1500, "n_measured_epochs": 25},
    ),
}


def run_seconds(
    figure: str, panels: tuple[str, ...], changes: Mapping[str, Any], scale: str = "teaching"
) -> float:
    """Estimate how long a run takes one core, in seconds, when nothing of it is stored.

    Raises
    ------
    InputError
        When a parameter is unknown or out of range.
    """
    chosen = {"panels": list(panels)} if panels else {}
    return sum(figure_seconds(resolve(figure, scale, **chosen, **changes)))


def demonstrations_table() -> str:
    """Return the demonstrations with their commands and estimated times."""
    rows = [
        [one.change, f"`{one.command}`", one.watch, duration(one.seconds)]
        for one in DEMONSTRATIONS.values()
    ]
    return markdown_table(["change", "command", "watch", "one core"], rows)


def running_times_table(results: Mapping[str, xr.DataTree]) -> str:
    """Return each figure's running time: estimated by scale, and measured for given results."""
    scale = next((str(tree.attrs["scale"]) for tree in results.values()), "")
    rows = []
    for figure, declared in FIGURES.items():
        estimates = [duration(run_seconds(figure, (), {}, one)) for one in TIMED_SCALES]
        tree = results.get(figure)
        took = "–" if tree is None else duration(float(tree.attrs["compute_seconds"]))
        link = f"[Figure {figure.removeprefix('fig')}](chapters/{figure})"
        rows.append([link, declared.title, *estimates, took])
    header = ["", "figure", *(f"{one}, estimated" for one in TIMED_SCALES)]
    return markdown_table([*header, f"this copy ({scale}), measured"], rows)


def lesson_values(results: Mapping[str, xr.DataTree]) -> dict[str, str]:
    """Return what the lecturer's page fills in: two tables, and the time of each demonstration."""
    return {
        "running_times": running_times_table(results),
        "demonstrations": demonstrations_table(),
        **{f"{name}_command": f"`{one.command}`" for name, one in DEMONSTRATIONS.items()},
        **{f"{name}_time": duration(one.seconds) for name, one in DEMONSTRATIONS.items()},
    }
