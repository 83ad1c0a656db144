"""The chapter on what is memorized, in tables and one picture (no torch)."""

from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from memlib.base.seeds import stream
from memlib.method.verdicts import VERDICTS, null_excess
from memlib.papers.chaibub_neto_2018.choices import stored_choices
from memlib.papers.chaibub_neto_2018.meaning import (
    INPUTS,
    N_NEIGHBOURS,
    N_SEEDS,
    PANELS,
    SCORED_ON,
    memorization_scores,
    networks_of,
    pooled_scores,
    rank_correlation,
    rank_interval,
)
from memlib.papers.chaibub_neto_2018.scores import Scores
from memlib.report.pictures import Picture, picture
from memlib.report.styles import LIGHT, Theme, style_axes
from memlib.report.tables import markdown_table
from memlib.results.effect import effect_threshold, verdict_at
from memlib.results.schema import panels_of
from memlib.runs.shipped import read_shipped


def _span(values: xr.DataArray) -> str:
    """Return the mean over seeds, with the smallest and largest where there are several."""
    text = f"{float(values.mean()):.3f}"
    if values.size > 1:
        text += f" [{float(values.min()):.3f} to {float(values.max()):.3f}]"
    return text


def _rank_text(first: np.ndarray, second: np.ndarray) -> str:
    """Return a rank correlation over epochs; nothing where there are too few of them."""
    return f"{rank_correlation(first, second):+.2f}" if len(first) > 3 else "–"


def describe_meaning(tree: xr.DataTree) -> str:
    """Say which networks and seeds are stored, and what is still to be computed."""
    found = networks_of(tree)
    seeds = max((one.sizes["seed"] for one in found.values()), default=0)
    wanted = [f"{panel} on {inputs}" for inputs in INPUTS for panel in PANELS]
    names = [f"{panel} on {inputs}" for panel, inputs in found]
    lacking = [name for name in wanted if name not in names]
    text = (
        f"Stored at {tree.attrs['scale']} scale: {len(names)} of {len(wanted)} networks, "
        f"{seeds} of {N_SEEDS} seeds (commit `{tree.attrs['git_commit']}`)."
    )
    if lacking or seeds < N_SEEDS:
        missing = f" Not yet run: {', '.join(lacking)}." if lacking else ""
        text += f"{missing} **Not complete:** `memlib meaning` computes the rest."
    return text


def layers_table(tree: xr.DataTree) -> str:
    """Return what each layer keeps of the single image, at the first and the last epoch."""
    rows = []
    for (panel, inputs), ds in networks_of(tree).items():
        if "pixels_twin_share" in ds:
            pixels = [_span(ds["pixels_twin_share"]), _span(ds["pixels_neighbours_null"])]
            rows.append([inputs, "all", "pixels", "–", pixels[0], "–", pixels[1]])
        for layer in ds["layer"].values:
            one, last = ds.sel(layer=layer), layer == ds["layer"].values[-1]
            cells = [
                _span(one[name].isel(epoch=place))
                for name in ("twin_share", "neighbours_null")
                for place in (0, -1)
            ]
            name = f"hidden {layer}{' (last)' if last else ''}"
            rows.append([inputs, panel, name, cells[0], cells[1], cells[2], cells[3]])
    epochs = next(iter(networks_of(tree).values()))["epoch"].values
    header = ["inputs", "panel", "layer"]
    for what in ("twins found", f"null of {N_NEIGHBOURS} neighbours"):
        header += [f"{what}: epoch {epochs[0]:,}", f"epoch {epochs[-1]:,}"]
    return markdown_table(header, rows)


def collapse_table(tree: xr.DataTree) -> str:
    """Return, by network, how the null goes with the collapse of classes over the epochs."""
    rows = []
    for (panel, inputs), ds in networks_of(tree).items():
        null, ratio = ds["null_accuracy"].mean("permutation"), ds["variance_ratio"]
        falls = ds["epoch"].values >= 10
        together = [
            _rank_text(null.sel(seed=s).values[falls], ratio.sel(seed=s).values[falls])
            for s in ds["seed"].values
        ]
        cells = [_span(array.isel(epoch=place)) for array in (ratio, null) for place in (0, -1)]
        rows.append([inputs, panel, *cells, ", ".join(together)])
    header = ["inputs", "panel", "within / between: first epoch", "last", "null: first epoch"]
    return markdown_table([*header, "last", "rank correlation from epoch 10 on, by seed"], rows)


def gap_table(tree: xr.DataTree) -> str:
    """Return the gap between training and validation accuracy beside the null, over the epochs."""
    rows = []
    for (panel, inputs), ds in networks_of(tree).items():
        gap = ds["network_train_accuracy"] - ds["network_validation_accuracy"]
        null = ds["null_accuracy"].mean("permutation")
        together = [
            _rank_text(gap.sel(seed=s).values, null.sel(seed=s).values) for s in ds["seed"].values
        ]
        places = (0, len(ds["epoch"]) // 2, -1)
        cells = [
            f"{float(gap.isel(epoch=p).mean()):.3f} / {float(null.isel(epoch=p).mean()):.3f}"
            for p in places
        ]
        rows.append([inputs, panel, *cells, ", ".join(together)])
    header = ["inputs", "panel", "gap / null: first epoch", "middle", "last"]
    return markdown_table([*header, "rank correlation over epochs, by seed"], rows)


def influence_table(tree: xr.DataTree, *, seed: int = 0) -> str:
    """Return how memorization scores go with the null's hits on single images.

    Empty where no networks on random halves are stored.
    """
    groups = panels_of(tree)
    if SCORED_ON not in groups:
        return ""
    ds = groups[SCORED_ON]
    halves, scores = memorization_scores(ds), pooled_scores(ds)
    both = np.isfinite(halves).all(axis=0)
    rows = [
        [
            "memorization score, the other half of the networks",
            "–",
            f"{rank_correlation(*halves[:, both]):.3f}",
            "–",
        ]
    ]
    hits = ds["null_hits"].isel(seed=0, epoch=-1)
    for number, strength in enumerate(ds["perturbation"].values):
        own = hits.sel(perturbation=strength).values
        low, high = rank_interval(scores, own, stream(seed, "rank interval", number))
        rows.append(
            [
                f"null's hits, {strength:.0%} shuffled",
                f"{own.mean():.3f}",
                f"{rank_correlation(scores, own):.3f}",
                f"{low:.3f} to {high:.3f}",
            ]
        )
    return markdown_table(["against the score", "mean", "rank correlation", "95 % interval"], rows)


def describe_influence(tree: xr.DataTree) -> str:
    """Say how the memorization scores were estimated, and how they are spread."""
    groups = panels_of(tree)
    if SCORED_ON not in groups:
        return "Networks on random halves are not stored yet: `memlib meaning` trains them."
    ds = groups[SCORED_ON]
    n = int((ds["n_in"] + ds["n_out"]).isel(sample=0).sum())
    scores = pooled_scores(ds)
    return (
        f"{n} networks of panel a, each trained on a random half of the {len(scores):,} images; "
        f"on independent images they are right in {float(ds['held_out_accuracy'].mean()):.1%}. "
        f"The mean score is {scores.mean():.3f}; {np.mean(scores > 0.5):.1%} of the images have "
        f"more than a half, {np.mean(scores < 0.1):.1%} less than a tenth."
    )


def learned_table(tree: xr.DataTree) -> str:
    """Return what each classifier reads of the labels off twins of noise, and off new noise."""
    rows = []
    for (panel, inputs), ds in networks_of(tree).items():
        if inputs == "noise":
            one = ds.isel(epoch=-1)
            last = one.isel(layer=-1)
            cells = [
                _span(array)
                for array in (
                    one["observed_accuracy"],
                    last["neighbours_observed"],
                    last["ridge_observed"],
                    one["validation_accuracy"],
                )
            ]
            rows.append([f"panel {panel}", *cells])
    choices = stored_choices()
    for name, told in (("shuffled", "panel d, labels shuffled before training"),):
        if choices is not None and name in choices.children:
            one = choices[name]["noise"].to_dataset().isel(epoch=-1).sel(perturbation=0.05)
            cells = [_span(one["observed_accuracy"]), "–", "–", _span(one["validation_accuracy"])]
            rows.append([told, *cells])
    header = ["network on noise", "twins: forest", f"{N_NEIGHBOURS} neighbours", "ridge"]
    return markdown_table([*header, "new noise: forest"], rows)


def below_table(figure: str = "fig5", scale: str = "tenth", panel: str = "a") -> str:
    """Return how far the observed score lies from the null, in the null's standard deviations."""
    tree = read_shipped(figure, scale)
    if tree is None:
        return ""
    scores = Scores.of(panels_of(tree)[panel])
    one = scores.at(0.05)
    z = (one.observed - one.null_mean) / one.null.std(-1)
    early = scores.epochs <= 100
    rows = [
        [f"seed {seed}", *(f"{value:+.1f}" for value in row[early])]
        for seed, row in zip(scores.seeds, z, strict=True)
    ]
    return markdown_table(["epoch", *(f"{e:,}" for e in scores.epochs[early])], rows)


def thresholds_table(scale: str = "tenth") -> str:
    """Return Figs. 1 and 3 at the last epoch: null above chance, and the verdict by both rules."""
    rows = []
    for figure, n in (("fig1", 2000), ("fig3", 10_000)):
        tree = read_shipped(figure, scale)
        for panel, dataset in ({} if tree is None else panels_of(tree)).items():
            if panel not in "abde":
                continue
            one = dataset.sel(perturbation=0.05).isel(epoch=-1)
            null = one["null_accuracy"].transpose("seed", "permutation").values
            excess, error = null_excess(null, one["chance_accuracy"].values[:, None])
            codes = verdict_at(one["p_value"].values, excess), one["verdict"].values
            words = [sorted({VERDICTS[c].replace("_", " ") for c in some}) for some in codes]
            rows.append(
                [
                    f"{n:,}",
                    panel,
                    ", ".join(f"{a:.3f} ± {b:.3f}" for a, b in zip(excess, error, strict=True)),
                    f"{' or '.join(words[1])} (from about {effect_threshold(n):.3f})",
                    " or ".join(words[0]),
                ]
            )
    header = ["images", "panel", "null above chance ± standard error, by seed", "verdict"]
    return markdown_table([*header, "at a common threshold of 0.02"], rows)


def draw_layers(tree: xr.DataTree, theme: Theme = LIGHT) -> Figure:
    """Return the share of twins found in each layer over training, a panel of axes a network."""
    networks = networks_of(tree)
    inputs = list(dict.fromkeys(one for _, one in networks))
    panels = list(dict.fromkeys(one for one, _ in networks))
    figure = Figure(figsize=(9.5, 2.3 * len(inputs) + 0.5), layout="constrained")
    axes = figure.subplots(len(inputs), len(panels), sharex=True, sharey=True, squeeze=False)
    for (panel, kind), ds in networks.items():
        ax = axes[inputs.index(kind)][panels.index(panel)]
        n = ds.sizes["layer"]
        for number, layer in enumerate(ds["layer"].values):
            share = ds["twin_share"].sel(layer=layer)
            strong = number == n - 1
            colour = theme.colours[0.05] if strong else theme.ink
            fade = 1.0 if strong else 0.25 + 0.5 * number / n
            label = "last hidden layer" if strong else f"hidden {layer}"
            ax.plot(ds["epoch"], share.T, color=colour, alpha=fade, linewidth=1.2)
            ax.plot([], [], color=colour, alpha=fade, label=label)
        null = ds["null_accuracy"].mean("permutation")
        ax.plot(ds["epoch"], null.T, color=theme.ink, linewidth=1.0, linestyle=":")
        ax.plot([], [], color=theme.ink, linestyle=":", label="null of the forest, last layer")
        ax.set_xscale("log")
        ax.set_ylim(0, 1.03)
        ax.set_title(f"{panel}, {kind}", color=theme.ink, fontsize=9)
        style_axes(ax, theme)
    handles: dict[str, Any] = {}
    for ax in axes.flat:
        lines, labels = ax.get_legend_handles_labels()
        handles |= dict(zip(map(str, labels), lines, strict=True))
    names = sorted(handles, key=lambda name: (not name.startswith("hidden"), name))
    figure.legend(
        [handles[name] for name in names],
        names,
        loc="outside upper center",
        ncols=len(names),
        frameon=False,
        labelcolor=theme.ink,
        fontsize=8,
    )
    for ax in axes[-1]:
        ax.set_xlabel("training epoch", color=theme.ink, fontsize=9)
    for ax in axes[:, 0]:
        ax.set_ylabel("share", color=theme.ink, fontsize=9)
    return figure


def show_layers(tree: xr.DataTree) -> Picture:
    """Return that picture for a page, with a text that says what it shows."""
    told = []
    for (panel, inputs), ds in networks_of(tree).items():
        share = ds["twin_share"].mean("seed")
        first, last = (float(share.isel(layer=place, epoch=-1)) for place in (0, -1))
        told.append(f"{panel} on {inputs}: {first:.2f} in the first layer, {last:.2f} in the last")
    return picture(
        partial(draw_layers, tree),
        alt=f"Share of twins found among {N_NEIGHBOURS} neighbours, last epoch: {'; '.join(told)}.",
        caption=(
            f"Share of training images that are among the {N_NEIGHBOURS} nearest neighbours of "
            "their twin, in each hidden layer over training, one line a seed; dotted, the paper's "
            "null of the last layer."
        ),
    )
