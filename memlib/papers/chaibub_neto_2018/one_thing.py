"""One thing changed at a time: the command that does it, and a picture of what happens.

Drawn from the stored dataset of the open choices alone (no torch).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullFormatter

from memlib.base.words import duration
from memlib.papers.chaibub_neto_2018.choice_tables import change_text, effect, run_of
from memlib.papers.chaibub_neto_2018.choices import CHOICES, RUNS, Choice
from memlib.report.pictures import Picture, picture
from memlib.report.styles import LIGHT, Theme, style_axes
from memlib.report.tables import markdown_table
from memlib.runs.study import resolve

TITLES = {
    "images": "images, panel a",
    "noise": "noise, panel d (dropout)",
    "cnn": "noise, panel f (CNN, dropout)",
}
NAMES = {"cnn": "noise (panel f)"}  # where a sentence speaks of a run
BAND = (0.05, 0.95)  # share of the shuffles between which the band lies


@dataclass(frozen=True)
class Card:
    """One change: its command and what it did, as Markdown, and a picture where one is stored."""

    text: str
    picture: Picture | None


def command_of(choice: Choice) -> str:
    """Return the line that makes one change; on noise if that was run, else on images."""
    run = _shown_runs(choice)[-1]
    return run_command(RUNS[run].figure, (RUNS[run].panel,), choice.settings(run))


def _shown_runs(choice: Choice, stored: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return the runs that a page shows, of those stored: the CNN's only where it has no other."""
    runs = tuple(run for run in choice.runs if run != "cnn") or choice.runs
    return runs if stored is None else tuple(run for run in runs if run in stored)


def parameters_table() -> str:
    """Return every change as a row: parameter, our default, the changed value, the command."""
    rows = []
    for choice in CHOICES.values():
        if choice.changes:
            where = RUNS[_shown_runs(choice)[-1]]
            before = resolve(where.figure, panels=[where.panel], **CHOICES[choice.against].changes)
            old = {name: getattr(before, name) for name in choice.changes}
            moved = [
                name for name, value in choice.changes.items() if _shown(value) != _shown(old[name])
            ]
            rows.append(
                [
                    ", ".join(f"`{name}`" for name in moved),
                    ", ".join(_shown(old[name]) for name in moved),
                    ", ".join(_shown(choice.changes[name]) for name in moved),
                    f"`{command_of(choice)}`",
                ]
            )
    return markdown_table(["parameter", "default", "changed to", "command"], rows)


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return " ".join(f"{one:g}" for one in value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def change_cards(tree: xr.DataTree | None, *names: str) -> Iterator[Card]:
    """Yield a card for each named choice.

    Parameters
    ----------
    tree
        See `stored_choices`; None where there is none, which the cards then say.
    names
        Of `CHOICES`.
    """
    for name in names:
        choice = CHOICES[name]
        head = f"**{choice.question}: {choice.label}**\n\n```bash\n{command_of(choice)}\n```"
        if tree is None or not {name, choice.against} <= set(tree.children):
            yield Card(f"{head}\n\nNo run of this change is stored here.", None)
        else:
            yield Card(f"{head}\n\n{describe_change(tree, name)}", show_change(tree, name))


def describe_change(tree: xr.DataTree, name: str) -> str:
    """Say in numbers what a change did to null and observed score, and how long it takes."""
    parts, seconds = [], []
    for run in _shown_runs(CHOICES[name], tree.children[name].children):
        node, one = tree[f"{name}/{run}"], effect(tree, name, run)
        assert one is not None
        where = NAMES.get(run, run)
        seconds.append(f"{where} {duration(node.attrs['compute_seconds'] / node.sizes['seed'])}")
        parts.append(
            f"On {where} the null changes by {change_text(one.null_change)}, the observed score "
            f"at the end by {change_text(one.observed_change)}."
        )
    return f"{' '.join(parts)} On one core a seed takes: {', '.join(seconds)}."


def plot_change(
    changed: xr.Dataset, reference: xr.Dataset, *, ax: Axes, theme: Theme = LIGHT
) -> Axes:
    """Draw null (band and line) and observed score (broken line) of two runs over epochs.

    Parameters
    ----------
    changed, reference
        Panels of a result; the least perturbed set of each is drawn, means over seeds. A run
        measured at one epoch only, such as an untrained network, is drawn as a level.
    ax
        Where to draw.
    theme
        `LIGHT` or `DARK`.
    """
    ends = (
        min(int(one["epoch"][0]) for one in (changed, reference)),
        max(int(one["epoch"][-1]) for one in (changed, reference)),
    )
    for dataset, colour, order in ((reference, theme.ink, 2), (changed, theme.colours[0.05], 4)):
        least = dataset.isel(perturbation=0)
        null = least["null_accuracy"]
        low, high = (null.quantile(share, ("seed", "permutation")).values for share in BAND)
        curves = (null.mean(("seed", "permutation")), least["observed_accuracy"].mean("seed"))
        epochs, middle, observed = dataset["epoch"].values, *(curve.values for curve in curves)
        if len(epochs) == 1:
            epochs = np.array(ends)
            low, high, middle, observed = (np.repeat(v, 2) for v in (low, high, middle, observed))
        ax.fill_between(epochs, low, high, color=colour, alpha=0.22, linewidth=0, zorder=order)
        ax.plot(epochs, middle, color=colour, linewidth=1.6, zorder=order + 1)
        ax.plot(epochs, observed, color=colour, linewidth=1.4, linestyle="--", zorder=order + 1)
    ax.axhline(
        float(reference["chance_accuracy"].mean()), color=theme.ink, linewidth=0.7, linestyle=":"
    )
    ax.set_xscale("log")
    ax.set_xlim(ends[0] / 1.2, max(ends[1], 2) * 1.2)
    ax.set_ylim(0.45, 1.02)
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    style_axes(ax, theme, grid="y")
    return ax


def show_change(tree: xr.DataTree, name: str) -> Picture:
    """Return a choice beside what it is held against, one small picture a run.

    Alternative text and caption are taken from the data.
    """
    group = tree.children[name]
    against = tree.children[str(group.attrs["against"])]
    pairs = {}
    for run in _shown_runs(CHOICES[name], group.children):
        changed, reference = run_of(tree, name, run), run_of(tree, against.name or "", run)
        assert changed is not None
        assert reference is not None
        pairs[run] = changed, reference

    def draw(theme: Theme) -> Figure:
        figure = Figure(figsize=(7.2, 2.5), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        for ax, (run, pair) in zip(axes, pairs.items(), strict=False):
            plot_change(*pair, ax=ax, theme=theme)
            ax.set_title(TITLES[run], loc="left", fontsize=9, color=theme.ink)
            ax.set_xlabel("training epoch", color=theme.ink, fontsize=9)
        for ax in axes[len(pairs) :]:
            ax.set_visible(False)
        axes[0].set_ylabel("accuracy", color=theme.ink, fontsize=9)
        handles = [
            Patch(color=theme.ink, label=str(against.attrs["label"])),
            Patch(color=theme.colours[0.05], label=str(group.attrs["label"])),
            Line2D([], [], color=theme.ink, linewidth=1.6, label="null"),
            Line2D([], [], color=theme.ink, linewidth=1.4, linestyle="--", label="observed"),
        ]
        figure.legend(
            handles=handles,
            loc="outside upper left",
            ncols=4,
            frameon=False,
            fontsize=8,
            labelcolor=theme.ink,
        )
        return figure

    n_seeds = int(tree.attrs["n_seeds"])
    size = f"{str(tree.attrs['scale']).capitalize()} scale, mean of {n_seeds} seed"
    return picture(
        draw,
        alt=" ".join(_words(run, *pair) for run, pair in pairs.items()),
        caption=(
            f"Blue: {group.attrs['label']}; before: {against.attrs['label']}. "
            f"{size}{'s' if n_seeds > 1 else ''}, the least perturbed set. "
            "Band: nine tenths of all shuffles; dotted: chance."
        ),
    )


def _words(run: str, changed: xr.Dataset, reference: xr.Dataset) -> str:
    """Return what is to be seen in one picture, for those who cannot see it."""
    said = []
    for dataset in (changed, reference):
        least = dataset.isel(perturbation=0)
        null = least["null_accuracy"].mean(("seed", "permutation")).values
        observed = float(least["observed_accuracy"].isel(epoch=-1).mean())
        said.append(
            f"null from {null[0]:.2f} to {null[-1]:.2f}, highest {null.max():.2f}, observed score "
            f"{observed:.2f} at the end"
        )
    return f"On {NAMES.get(run, run)}: {said[0]}; before the change {said[1]}."


def run_command(figure: str, panels: tuple[str, ...], changes: Mapping[str, Any]) -> str:
    """Return the line that runs a figure with some parameters changed.

    Lists stand in quotes: some shells read brackets as patterns of file names.

    Examples
    --------
    >>> run_command("fig1", ("a",), {"loss": "categorical", "perturbations": [5, 10]})
    'memlib run fig1 --panels a -p loss=categorical -p "perturbations=[5,10]"'
    """
    words = ["memlib run", figure]
    if panels:
        words.append(f"--panels {','.join(panels)}")
    for name, value in changes.items():
        if isinstance(value, list):
            words.append(f'-p "{name}=[{",".join(map(str, value))}]"')
        else:
            words.append(f"-p {name}={value}")
    return " ".join(words)
