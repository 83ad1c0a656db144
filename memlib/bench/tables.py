"""The benchmark's dataset as tables, sentences and one figure (no torch)."""

import json

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from memlib.base.checkout import stored_path
from memlib.base.words import strength_label
from memlib.bench.dataset import read_bench
from memlib.bench.timing import MEASURED
from memlib.report.pictures import Picture, picture
from memlib.report.styles import LIGHT, Theme, side_steps, style_axes
from memlib.report.tables import markdown_table

RATIO_HEADER = ("what", "against", "times as fast", "memlib", "reference")


def stored_bench(name: str) -> xr.Dataset | None:
    """Return a benchmark of the checkout's ``data/results``, or None where there is none.

    Parameters
    ----------
    name
        File name without ``.nc``, or a path of one's own ending in it.

    Raises
    ------
    ResultError
        When the file is there but no benchmark.
    """
    path = stored_path(name)
    return read_bench(path) if path.is_file() else None


def describe_machine(dataset: xr.Dataset | None, name: str) -> str:
    """Say on which machine a benchmark was made, or that there is none."""
    if dataset is None:
        return f"No benchmark {name} is stored here: make one with `memlib bench --full`."
    found = dataset.attrs
    return (
        f"Measured on {found['created'][:10]} on {found['processor']}, {found['n_cores']} cores "
        f"({found['platform']}), in {float(found['wall_seconds']) / 60:.1f} minutes; "
        f"{found['scale']} benchmark, {_n_repeats(dataset)} repeats, load average at the start "
        f"{float(found['load_average']):.1f}, one thread where nothing else is said."
    )


def _n_repeats(dataset: xr.Dataset) -> int:
    return int(json.loads(dataset.attrs["sizes"])["n_repeats"])


def spread(values: np.ndarray, digits: int = 2) -> str:
    """Return ``median (smallest to largest)`` of what was measured, a dash for nothing."""
    known = values[np.isfinite(values)]
    if not known.size:
        return "–"
    low, middle, high = (f"{value:.{digits}f}" for value in np.quantile(known, (0, 0.5, 1)))
    return f"{middle} ({low} to {high})"


def duration(seconds: np.ndarray) -> str:
    """Return the median of times with a unit that suits it, a dash for nothing."""
    known = seconds[np.isfinite(seconds)]
    if not known.size:
        return "–"
    middle = float(np.median(known))
    return f"{middle:.3g} s" if middle >= 1 else f"{1000 * middle:.3g} ms"


def _ratio_rows(dataset: xr.Dataset) -> list[list[str]]:
    rows = []
    for index in range(dataset.sizes["comparison"]):
        one = dataset.isel(comparison=index)
        status = str(one["status"].item())
        rows.append(
            [
                str(one["subject"].item()),
                str(one["reference"].item()),
                f"**{spread(one['ratio'].values)}**" if status == MEASURED else status,
                duration(one["memlib_seconds"].values),
                duration(one["reference_seconds"].values),
            ]
        )
    return rows


def ratio_table(dataset: xr.Dataset) -> str:
    """Return each comparison with its ratio (median, smallest, largest) and median times."""
    return markdown_table(RATIO_HEADER, _ratio_rows(dataset))


def null_table(dataset: xr.Dataset) -> str:
    """Return each engine's scores against memlib's, set by set."""
    rows = []
    for engine in dataset["engine"].values:
        one = dataset.sel(engine=engine)
        if str(one["engine_status"].item()) != MEASURED:
            rows.append([engine, one["engine_status"].item(), *["–"] * 4])
            continue
        for strength in dataset["perturbation"].values:
            here = one.sel(perturbation=strength)
            own = engine == "memlib"
            rows.append(
                [
                    engine,
                    strength_label(float(strength), "1"),
                    f"{float(here['null_accuracy'].mean()):.4f}",
                    "–" if own else f"{float(here['null_mean_difference']):+.4f}",
                    "–" if own else f"{float(here['ks_p_value']):.2f}",
                    f"{float(here['observed_accuracy']):.4f}",
                ]
            )
    header = ("engine", "shuffled", "null mean", "memlib's minus it", "KS p-value", "observed")
    return markdown_table(header, rows)


def variant_table(dataset: xr.Dataset) -> str:
    """Return how far the nulls of other ways to train are from those of the first, at most."""
    reference = dataset["variant_null_mean"].isel(variant=0)
    rows = []
    for name in dataset["variant"].values[1:]:
        one = dataset.sel(variant=name)
        if str(one["variant_status"].item()) != MEASURED:
            rows.append([name, one["variant_status"].item(), *["–"] * 3])
            continue
        difference = abs(one["variant_null_mean"] - reference)
        for run in dataset["run"].values:
            here = difference.sel(run=run)
            worst = here.stack(point=("epoch", "perturbation")).idxmax().item()
            strength = strength_label(float(worst[1]), "1")
            rows.append(
                [
                    name,
                    run,
                    f"{float(here.mean()):.4f}",
                    f"{float(here.max()):.4f}",
                    f"epoch {worst[0]:,}, {strength}",
                ]
            )
    first = str(dataset["variant"].values[0])
    header = ("trained with", "run", f"mean difference from {first}", "largest", "where")
    return markdown_table(header, rows)


def scaling_table(dataset: xr.Dataset) -> str:
    """Return how times grow: sizes, median times, fitted exponents."""
    rows = []
    for name in dataset["scaling"].values:
        one = dataset.sel(scaling=name)
        known = np.isfinite(one["scaling_size"].values)
        rows.append(
            [
                name,
                ", ".join(f"{size:,.0f}" for size in one["scaling_size"].values[known]),
                ", ".join(duration(times) for times in one["scaling_seconds"].values[known]),
                spread(one["scaling_exponent"].values),
            ]
        )
    return markdown_table(("what grows", "sizes", "median times", "exponent"), rows)


def describe_peak(dataset: xr.Dataset) -> str:
    """Say which share of the machine's own matrix-product rate training reaches."""
    side = json.loads(dataset.attrs["sizes"])["matrix_side"]
    step, product = (
        spread(dataset[name].values / 1e9, 0) for name in ("step_rate", "product_rate")
    )
    return (
        f"A training step of panel a takes {int(dataset['step_operations']) / 1e6:.1f} million "
        f"floating-point operations in its matrix products. At {step} billion a second, of "
        f"{product} in a float32 product of {side:,} x {side:,} matrices on one thread, it "
        f"reaches a share of **{spread(dataset['peak_fraction'].values)}**."
    )


def made_table(dataset: xr.Dataset) -> str:
    """Return how a benchmark was made: machine, versions, commit, sizes."""
    rows = [
        [name.replace("_", " "), value]
        for name, value in dataset.attrs.items()
        if name != "sizes" and not str(name).endswith("_version")
    ]
    versions = [
        f"{str(name).removesuffix('_version')} {value}"
        for name, value in dataset.attrs.items()
        if str(name).endswith("_version")
    ]
    rows.append(["versions", ", ".join(versions)])
    rows += [[f"size `{k}`", v] for k, v in json.loads(dataset.attrs["sizes"]).items()]
    return markdown_table(["", ""], rows)


def plain_table(dataset: xr.Dataset) -> str:
    """Return the comparisons as aligned text for a terminal."""
    rows = [[cell.strip("*") for cell in row] for row in _ratio_rows(dataset)]
    lines = [list(RATIO_HEADER), *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def plot_ratios(dataset: xr.Dataset, *, ax: Axes, theme: Theme = LIGHT) -> Axes:
    """Draw every measured comparison: its repeats as points, their median as a bar.

    Parameters
    ----------
    dataset
        A benchmark, see `memlib.bench.dataset`.
    ax
        Where to draw.
    theme
        `LIGHT` or `DARK`.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`; what was not installed is left out.
    """
    measured = dataset.isel(comparison=dataset["status"].values == MEASURED)
    ratios = measured["ratio"].values
    rows = np.arange(len(ratios))
    for row, values in zip(rows, ratios, strict=True):
        known = np.sort(values[np.isfinite(values)])
        first = row == 0
        ax.scatter(
            known,
            row + side_steps(known.size, 0.12),
            s=16,
            color=theme.colours[0.05],
            alpha=0.7,
            linewidths=0,
            label="one repeat" if first else None,
        )
        ax.plot(
            [np.median(known)] * 2,
            [row - 0.3, row + 0.3],
            color=theme.ink,
            linewidth=2,
            label="median" if first else None,
        )
    ax.axvline(1, color=theme.ink, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    low, high = min(np.nanmin(ratios), 1) / 1.3, max(np.nanmax(ratios), 1) * 1.3
    ax.set_xlim(low, high)
    # powers of ten alone would leave most of these axes with one number
    ax.set_xticks([t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if low < t < high])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_yticks(rows, list(measured["comparison"].values), color=theme.ink, fontsize=8)
    ax.invert_yaxis()
    ax.set_xlabel("time of the reference over memlib's", color=theme.ink, fontsize=9)
    style_axes(ax, theme, grid="x")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, labelcolor=theme.ink)
    return ax


def show_ratios(dataset: xr.Dataset) -> Picture:
    """Return the figure of all ratios for a page, with a text that says what it shows."""
    measured = dataset.isel(comparison=dataset["status"].values == MEASURED)

    def draw(theme: Theme) -> Figure:
        height = 0.27 * measured.sizes["comparison"] + 1
        figure = Figure(figsize=(8.5, height), layout="constrained")
        plot_ratios(dataset, ax=figure.subplots(), theme=theme)
        return figure

    medians = measured["ratio"].median("repeat").values
    words = [f"{n} {m:.1f}" for n, m in zip(measured["comparison"].values, medians, strict=True)]
    return picture(
        draw,
        alt=f"Median ratios of times: {'; '.join(words)}.",
        caption=(
            f"Ratios of times, {_n_repeats(dataset)} repeats at most; right of the dashed line "
            f"memlib is faster. {dataset.attrs['processor']}, {dataset.attrs['scale']} benchmark."
        ),
    )
