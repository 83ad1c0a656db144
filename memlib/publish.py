"""From nothing to the website: compute all figures, execute all notebooks, build the book."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import xarray as xr
from joblib import Parallel, delayed

from memlib.book import build_book
from memlib.chapters import CHAPTERS, check_parameters, execute_chapter
from memlib.claims import check_claims
from memlib.figures import FIGURES, resolve
from memlib.lessons import lesson_values
from memlib.plan import plan
from memlib.quantities import forgetting_epoch, null_mean, onset_epoch
from memlib.results import panels_of
from memlib.runs import run_figure, stored_result
from memlib.scheduling import compute


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
    folder = folder or Path(__file__).parent.parent / "book"
    return build_book(paths, folder, folder / "_site", prose_values(results))


def _executed(name: str, given: Mapping[str, Any]) -> Path:
    return execute_chapter(name, given)[0]


def prose_values(results: Mapping[str, xr.DataTree]) -> dict[str, Any]:
    """Return the numbers that the book's prose uses, all taken from results."""
    outcomes = check_claims(results)
    verdicts = [outcome.verdict for outcome in outcomes]
    fig1, fig5 = panels_of(results["fig1"]), panels_of(results["fig5"])
    parameters = json.loads(results["fig1"].attrs["parameters"])
    noise = null_mean(fig5["d"], 0.05)
    observed = fig5["d"]["observed_accuracy"].sel(perturbation=0.05)
    seconds = sum(float(tree.attrs["compute_seconds"]) for tree in results.values())
    return {
        "scale": results["fig1"].attrs["scale"],
        "n_claims": len(outcomes),
        "n_reproduced": verdicts.count("reproduced"),
        "n_partly": verdicts.count("partly"),
        "n_not_reproduced": verdicts.count("not reproduced"),
        "epochs": f"{parameters['epochs']:,}",
        "cnn_epochs": f"{parameters['cnn_epochs']:,}",
        "n_permutations": parameters["n_permutations"],
        "n_trees": parameters["n_trees"],
        "minutes": f"{seconds / 60:.0f}",
        **{
            f"fig1_{panel}_null_peak": f"{float(null_mean(fig1[panel], 0.05).max()):.2f}"
            for panel in fig1
        },
        **{
            f"fig1_{panel}_validation": (
                f"{float(fig1[panel]['validation_accuracy'].isel(epoch=-1).mean()):.2f}"
            )
            for panel in fig1
        },
        "fig5_d_start": f"{float(noise[0]):.2f}",
        "fig5_d_low": f"{float(noise.min()):.2f}",
        "fig5_d_onset": _epoch(onset_epoch(fig5["d"])),
        "fig5_d_forgets": _epoch(forgetting_epoch(fig5["d"])),
        "fig5_d_observed": f"{float(observed[:, -1].mean()):.2f}",
        "lessons": lesson_values(results),
    }


def _epoch(epoch: int | None) -> str:
    return "not within this run" if epoch is None else f"near epoch {epoch:,}"
