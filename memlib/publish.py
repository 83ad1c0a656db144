"""From nothing to the website: compute all figures, execute all notebooks, build the book."""

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
import xarray as xr
from joblib import Parallel, delayed

from memlib.book import build_book
from memlib.by_eye import by_eye_data
from memlib.chapters import CHAPTERS, check_parameters, execute_chapter, source_path
from memlib.checkout import checkout_path
from memlib.claim import CLAIM_VERDICTS, Outcome
from memlib.claims import check_claims, most_complete
from memlib.downloads import add_downloads
from memlib.explorer import explorer_data
from memlib.figures import FIGURES, SCALES, resolve
from memlib.lessons import lesson_values
from memlib.live import live_values
from memlib.opening import opening_values
from memlib.plan import plan
from memlib.preview import NAME as PREVIEW
from memlib.preview import preview_picture
from memlib.quantities import forgetting_epoch, null_mean, onset_epoch
from memlib.repository import Repository, read_repository
from memlib.results import panels_of
from memlib.runs import run_figure, stored_result
from memlib.sanitise import sanitise
from memlib.scheduling import compute
from memlib.shipped import SHIPPED_SCALES, read_shipped, shipped_path, shipped_results
from memlib.verdicts import VERDICTS


def publish_book(
    scale: str,
    given: Mapping[str, Any],
    *,
    n_jobs: int | None = None,
    folder: Path | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Make the book at a scale and return its first page.

    Parameters
    ----------
    scale
        Name of a scale.
    given
        Parameters for all figures, for example the seed.
    n_jobs
        Processes; as many as cores when None.
    folder
        The book's sources, into which the site is built; those of the checkout when None.
    say
        Is told, a line each, what is being done.
    """
    figure_values = {"scale": scale, **given}
    folder = folder or checkout_path("book")
    repository = read_repository(folder)  # said now, not after an hour, when it is mistyped
    for name in FIGURES:
        check_parameters(name, figure_values)
    plans = {name: plan(resolve(name, **figure_values)) for name in FIGURES}
    reused = [name for name, one in plans.items() if stored_result(one) is not None]
    if reused:
        say(f"reused    {', '.join(reused)}: parameters, data and code are the same")
    compute([one for name, one in plans.items() if name not in reused], n_jobs=n_jobs)
    results = {name: run_figure(name, n_jobs=n_jobs, **figure_values) for name in FIGURES}
    say(f"notebooks {len(CHAPTERS)} to execute or reuse")
    # One process per notebook waits for its kernel: two at a time keep two cores busy.
    paths = Parallel(n_jobs=min(n_jobs or 2, 2))(
        delayed(_executed)(name, figure_values if name in FIGURES else {}) for name in CHAPTERS
    )
    say("site      rendering")
    datasets = {name: one.path for name, one in plans.items()}
    with tempfile.TemporaryDirectory(prefix="memlib-") as scratch:
        pages, files = _with_downloads(paths, datasets, repository, Path(scratch))
        shown = _shipped_panel("fig5", "d")
        files[PREVIEW] = preview_picture(results["fig5"] if shown is None else shown, "d")
        values, scripts = prose_values(results), page_scripts(results)
        return build_book(pages, folder, folder / "_site", values, files, scripts)


def _with_downloads(
    paths: Sequence[Path],
    datasets: Mapping[str, Path],
    repository: Repository | None,
    scratch: Path,
) -> tuple[list[Path], dict[str, bytes]]:
    """Write the figures' chapters again with what they offer for download, and list its files."""
    shipped = {
        f"{figure}-{scale}": (figure, scale) for figure in FIGURES for scale in SHIPPED_SCALES
    }
    known = {key: shipped_path(*one) for key, one in shipped.items()} | dict(datasets)
    pages: list[Path] = []
    files: dict[str, bytes] = {}
    for path in paths:
        pages.append(path)
        if path.stem in FIGURES:
            notebook = sanitise(nbformat.read(path, as_version=4))
            source = source_path(path.stem)
            added, own = add_downloads(path.stem, notebook, source, known, repository)
            files |= own
            pages[-1] = scratch / path.name
            nbformat.write(added, pages[-1])
    return pages, files


def _shipped_panel(figure: str, panel: str) -> xr.DataTree | None:
    """Return a figure at the paper's scale when it comes with the checkout and has this panel."""
    tree = read_shipped(figure)
    return tree if tree is not None and panel in panels_of(tree) else None


def _executed(name: str, given: Mapping[str, Any]) -> Path:
    return execute_chapter(name, given)[0]


def page_scripts(results: Mapping[str, xr.DataTree]) -> dict[str, str]:
    """Return the data of interactive pages as scripts: files on disk may not be fetched."""
    pages = {"explorer": explorer_data(results), "by_eye": by_eye_data()}
    texts = {
        name: json.dumps(data, separators=(",", ":"), allow_nan=False)
        for name, data in pages.items()
    }
    return {
        f"{name}_data.js": f'(globalThis.memlibData ??= {{}})["{name}"] = {text};\n'
        for name, text in texts.items()
    }


def prose_values(results: Mapping[str, xr.DataTree]) -> dict[str, Any]:
    """Return the numbers that the book's prose uses, all taken from results."""
    shipped = {scale: check_claims(shipped_results(scale)) for scale in SHIPPED_SCALES}
    complete = most_complete(shipped)
    scales = Counter(outcome.scale for outcome in complete if outcome.checks)
    fig1, fig5 = panels_of(results["fig1"]), panels_of(results["fig5"])
    parameters = json.loads(results["fig1"].attrs["parameters"])
    noise = null_mean(fig5["d"], 0.05)
    observed = fig5["d"]["observed_accuracy"].sel(perturbation=0.05)
    # Figure 2 measures Figure 1's runs: their time is counted once.
    seconds = sum(
        float(t.attrs["compute_seconds"]) for name, t in results.items() if name != "fig2"
    )
    shown = _shipped_panel("fig1", "a")
    return {
        "live": live_values(),
        "opening": opening_values(results["fig1"] if shown is None else shown, "a"),
        "scale": results["fig1"].attrs["scale"],
        "n_claims": len(complete),
        "best_reproduced": sum(outcome.verdict == "reproduced" for outcome in complete),
        "best_rest": _rest(complete),
        "best_scales": ", ".join(f"{n} at {scale} scale" for scale, n in scales.items()),
        "scales": "; ".join(
            f"*{one.name}*, {one.epochs:,} epochs (CNNs {one.cnn_epochs:,}), {one.n_permutations} "
            f"permutations, {one.n_trees} trees"
            for one in SCALES.values()
        ),
        "epochs": f"{parameters['epochs']:,}",
        "cnn_epochs": f"{parameters['cnn_epochs']:,}",
        "n_permutations": parameters["n_permutations"],
        "n_trees": parameters["n_trees"],
        "minutes": f"{seconds / 60:.0f}",
        **{
            f"fig1_{panel}_{name}": text
            for panel in fig1
            for name, text in _summary(fig1[panel]).items()
        },
        "fig5_d_start": f"{float(noise[0]):.2f}",
        "fig5_d_low": f"{float(noise.min()):.2f}",
        "fig5_d_onset": _epoch(onset_epoch(fig5["d"])),
        "fig5_d_forgets": _epoch(forgetting_epoch(fig5["d"])),
        "fig5_d_observed": f"{float(observed[:, -1].mean()):.2f}",
        "lessons": lesson_values(results),
    }


def _rest(outcomes: Sequence[Outcome]) -> str:
    """Say which claims are not reproduced in full, by verdict; begins with a comma."""
    text = ""
    for verdict in CLAIM_VERDICTS[1:]:
        numbers = [str(one.claim.number) for one in outcomes if one.verdict == verdict]
        if numbers:
            text += f", {len(numbers)} {verdict} ({', '.join(numbers)})"
    return text


def _summary(panel: xr.Dataset) -> dict[str, str]:
    """Return a panel's 5 % null at its start and end, and what the end says."""
    null, last = null_mean(panel, 0.05), panel.isel(epoch=-1)
    ((verdict, _),) = Counter(last["verdict"].sel(perturbation=0.05).values).most_common(1)
    return {
        "null_first": f"{null[0]:.2f}",
        "null_last": f"{null[-1]:.2f}",
        "verdict": VERDICTS[verdict].replace("_", " "),
        "validation": f"{float(last['validation_accuracy'].mean()):.2f}",
    }


def _epoch(epoch: int | None) -> str:
    return "not within this run" if epoch is None else f"near epoch {epoch:,}"
