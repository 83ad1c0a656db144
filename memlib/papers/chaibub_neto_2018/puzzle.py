"""A puzzle of Fig. 5: with our defaults panel f starts to learn noise later than the paper says.

Which open choice moves the onset? From the stored dataset of the open choices alone (no torch).
"""

from functools import partial

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from memlib.base.errors import ResultError
from memlib.papers.chaibub_neto_2018.choice_tables import run_of
from memlib.papers.chaibub_neto_2018.noise_claims import ONSETS, near
from memlib.papers.chaibub_neto_2018.quantities import null_mean, onset_epochs
from memlib.report.pictures import Picture, picture
from memlib.report.styles import LIGHT, Theme, style_axes
from memlib.report.tables import markdown_table

PANEL, STRENGTH = "f", 0.05


def tried(tree: xr.DataTree) -> dict[str, xr.Dataset]:
    """Return the runs of panel f on noise, by choice."""
    runs = {name: run_of(tree, name, "cnn") for name in tree.children}
    return {name: dataset for name, dataset in runs.items() if dataset is not None}


def n_near(dataset: xr.Dataset) -> int:
    """Return the number of seeds whose onset is near the paper's, as claim 21's rule has it."""
    return sum(near(epoch, ONSETS[PANEL]) for epoch in onset_epochs(dataset))


def explains(dataset: xr.Dataset) -> bool:
    """Say whether every seed's onset is near the paper's."""
    return n_near(dataset) == dataset.sizes["seed"]


def _shown(dataset: xr.Dataset) -> str:
    found = ("none" if epoch is None else f"{epoch:,}" for epoch in onset_epochs(dataset))
    return ", ".join(found)


def puzzle_table(tree: xr.DataTree) -> str:
    """Return each choice with its seeds' onsets, its lowest null, and where both scores end.

    Empty where no run of panel f is stored.
    """
    if not tried(tree):
        return ""
    rows, ends = [], set()
    for name, dataset in tried(tree).items():
        mean, last = null_mean(dataset, STRENGTH), dataset.isel(epoch=-1)
        ends.add(f"{int(last['epoch']):,}")
        about = tree.children[name].attrs
        rows.append(
            [
                about["question"],
                about["label"],
                _shown(dataset),
                f"{float(mean.min()):.3f} (epoch {int(dataset['epoch'][mean.argmin()]):,})",
                f"{float(mean[-1]):.3f}",
                f"{float(last['observed_accuracy'].sel(perturbation=STRENGTH).mean()):.3f}",
                f"{n_near(dataset)} of {dataset.sizes['seed']} seeds",
            ]
        )
    end = f"epoch {' or '.join(sorted(ends))}"
    header = ["open", "choice", "onset, by seed", "lowest null", f"null, {end}"]
    header += [f"observed, {end}", f"near the paper's {ONSETS[PANEL]}"]
    return markdown_table(header, rows)


def describe_puzzle(tree: xr.DataTree) -> str:
    """Say what the default finds, what the paper says, and which choices explain the difference."""
    runs = tried(tree)
    if "default" not in runs:
        return "No run of panel f is stored among these choices: `memlib choices` adds them."
    default = runs.pop("default")
    n_seeds = default.sizes["seed"]
    labels = [
        f"{tree.children[name].attrs['question']}: {tree.children[name].attrs['label']}"
        for name, dataset in runs.items()
        if explains(dataset)
    ]
    chance = "So the seed alone can bring it there. " if 0 < n_near(default) < n_seeds else ""
    if explains(default):
        answer = "So there is nothing to explain at this resolution"
    elif labels:
        answer = f"What brings it there in every seed is {'; '.join(labels)}"
    else:
        answer = "None of the choices below brings it there in every seed"
    return (
        f"The paper sees the onset of panel f near epoch {ONSETS[PANEL]}; with our defaults it "
        f"comes at epoch {_shown(default)}, one number a seed: {n_near(default)} of {n_seeds} are "
        f"within a factor of three of the paper's. {chance}{answer}. Measured epochs are "
        f"{', '.join(f'{epoch:,}' for epoch in default['epoch'].values)}: an onset is "
        "known only as finely as this grid."
    )


def plot_onset(dataset: xr.Dataset, *, ax: Axes, theme: Theme = LIGHT) -> Axes:
    """Draw the null as a band, the observed score as a line a seed, and onsets as upright lines.

    Parameters
    ----------
    dataset
        A run of panel f, see `tried`.
    ax
        Where to draw.
    theme
        `LIGHT` or `DARK`.
    """
    one = dataset.sel(perturbation=STRENGTH)
    epochs, colour = one["epoch"].values, theme.colours[STRENGTH]
    low, high = one["null_accuracy"].quantile((0.05, 0.95), ("seed", "permutation")).values
    ax.fill_between(epochs, low, high, color=colour, alpha=0.25, linewidth=0)
    for observed in one["observed_accuracy"].transpose("seed", "epoch").values:
        ax.plot(epochs, observed, color=colour, linewidth=1.1)
    for epoch in onset_epochs(dataset):
        if epoch is not None:
            ax.axvline(epoch, color=theme.ink, linewidth=0.7, alpha=0.7)
    ax.axvline(ONSETS[PANEL], color=theme.ink, linewidth=1.6, linestyle=":")
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    style_axes(ax, theme, grid="y")
    return ax


def draw_puzzle(tree: xr.DataTree, theme: Theme = LIGHT) -> Figure:
    """Return all choices tried on panel f, side by side, as a figure.

    Raises
    ------
    ResultError
        When no run of panel f is stored.
    """
    runs = tried(tree)
    if not runs:
        raise ResultError("these open choices hold no run of panel f: memlib choices makes them")
    n_columns = min(len(runs), 4)
    n_rows = -(-len(runs) // n_columns)
    figure = Figure(figsize=(9.5, 2.3 * n_rows + 0.2), layout="constrained")
    axes = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
    for ax, (name, dataset) in zip(axes.flat, runs.items(), strict=False):
        plot_onset(dataset, ax=ax, theme=theme)
        question = "" if name == "default" else f"{tree.children[name].attrs['question']}:\n"
        title = f"{question}{tree.children[name].attrs['label']}"
        ax.set_title(title, loc="left", fontsize=9, color=theme.ink)
    for ax in axes.flat[len(runs) :]:
        ax.set_visible(False)
    figure.supxlabel("training epoch", color=theme.ink, fontsize=9)
    figure.supylabel("accuracy", color=theme.ink, fontsize=9)
    return figure


def show_puzzle(tree: xr.DataTree) -> Picture | None:
    """Return all choices tried on panel f, side by side, for a page; None where there are none."""
    runs = tried(tree)
    if not runs:
        return None
    labels = {name: str(tree.children[name].attrs["label"]) for name in runs}
    words = (f"{labels[name]}: {_shown(dataset)}" for name, dataset in runs.items())
    return picture(
        partial(draw_puzzle, tree),
        alt=f"Onsets of learning of panel f on noise, by seed: {'; '.join(words)}.",
        caption=(
            f"{str(tree.attrs['scale']).capitalize()} scale, panel f on noise, "
            f"{tree.attrs['n_seeds']} seeds, the least perturbed set. Lines: observed scores; "
            "band: nine tenths of the shuffles; vertical lines: our onsets; dotted: the paper's."
        ),
    )
