"""Commands on the results that come with the checkout: claims, draw, ship, verify."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from memlib.base import files, keys
from memlib.base.errors import InputError
from memlib.cli.options import (
    ALL_SCALES,
    ASSIGNMENTS,
    PANELS,
    SHIPPED_SCALES,
    given_values,
    scale_option,
    shown_path,
    split_names,
)
from memlib.report.formats import FORMATS
from memlib.runs.study import figures, resolve, studies


@click.command()
@click.option("--paper", type=click.Choice(list(studies())), default=next(iter(studies())))
@click.option(
    "--figure", type=click.Choice(list(figures())), help="Only the claims of this figure."
)
@scale_option(
    ALL_SCALES,
    help="Shipped results of this scale, or your own runs with its parameters. When left out, "
    "each check's most complete shipped one.",
)
@click.option(
    "--resamples",
    default=100,
    show_default=True,
    type=click.IntRange(min=0, max=100_000),
    help="Draws for the ranges in brackets; 0 for none.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def claims(
    paper: str, figure: str | None, scale: str | None, resamples: int, as_json: bool
) -> None:
    """Check a paper's claims on the results that come with the checkout."""
    from memlib.papers.chaibub_neto_2018.claims import check_claims, choose_runs
    from memlib.report.tables import claims_data, claims_text
    from memlib.runs.figure import default_results
    from memlib.runs.shipped import shipped_results

    shipped = studies()[paper].shipped_scales
    found = {
        one: check_claims(
            shipped_results(one) if one in shipped else default_results(one),
            figure=figure,
            n_resamples=resamples,
        )
        for one in (shipped if scale is None else (scale,))
    }
    outcomes = choose_runs(found) if scale is None else found[scale]
    if scale not in (None, *shipped) and not any(one.checks for one in outcomes):
        click.echo(
            f"memlib: no claim can be decided: of your own runs at {scale} scale those with the "
            "scale's own parameters count, all panels",
            err=True,
        )
    click.echo(keys.to_json(claims_data(outcomes)) if as_json else claims_text(outcomes))


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--format", "file_format", type=click.Choice(FORMATS), default="svg", show_default=True
)
@click.option("--dark", is_flag=True, help="For dark slides.")
@click.option(
    "--output", type=click.Path(path_type=Path), help="Folder to write to, else results/pictures."
)
def draw(names: Sequence[str], file_format: str, dark: bool, output: Path | None) -> None:
    """Draw stored results as picture files, for papers and slides.

    NAME is a figure, one of its scales (fig1-tenth), choices, puzzle, or the path of a dataset that
    memlib run or memlib choices has written; all that come with the checkout when left out.
    """
    from memlib.base.parallel import with_bar
    from memlib.cli.drawings import chosen_drawings
    from memlib.report.drawing import draw_files
    from memlib.report.styles import DARK, LIGHT

    chosen = chosen_drawings(names)
    folder = output or files.results_dir() / "pictures"
    files.require_writable(folder, "--output")
    drawn = draw_files(chosen, folder, file_format=file_format, theme=DARK if dark else LIGHT)
    written: list[Path] = []
    try:
        written.extend(with_bar(drawn, "pictures", len(chosen), shown=True))
    finally:
        for path in written:
            click.echo(f"picture   {shown_path(path)}")


@click.command()
@click.argument("figure")
@scale_option(SHIPPED_SCALES, default="paper", show_default=True)
@PANELS
@ASSIGNMENTS
def ship(figure: str, scale: str, panels: str | None, assignments: Sequence[str]) -> None:
    """Add a finished run to data/results, the results that come with the checkout."""
    from memlib.runs.figure import stored_result
    from memlib.runs.plan import plan
    from memlib.runs.shipped import ship as add

    given = given_values(
        assignments,
        {"panels": ("--panels", split_names(panels))},
        elsewhere={"scale": "--scale", "figure": "FIGURE"},
    )
    tree = stored_result(plan(resolve(figure, scale, **given)))
    if tree is None:
        raise InputError(f"{figure} at {scale} scale has not been run: `memlib run` it first")
    click.echo(f"shipped   {shown_path(add(tree))}")


@click.command()
@scale_option(SHIPPED_SCALES, help="All when left out.")
@click.option(
    "--pieces", default=1, show_default=True, type=click.IntRange(min=1), help="How many to redo."
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Which pieces are drawn.",
)
@click.option(
    "--minutes",
    default=5.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True, max=1e6),
    help="Longest time of a piece.",
)
def verify(scale: str | None, pieces: int, seed: int, minutes: float) -> None:
    """Compute random pieces of the results in data/results again, from scratch, and compare."""
    from memlib.runs.shipped import shipped_results
    from memlib.runs.verify import draw_samples, verify_sample

    if minutes != minutes:  # no range refuses it
        raise InputError(f"--minutes {minutes}: take a number")
    results = {
        (one, figure): tree
        for name, study in studies().items()
        for one in study.shipped_scales
        if scale in (None, one)
        for figure, tree in shipped_results(one, name).items()
    }
    drawn = draw_samples(results, pieces, seed=seed, max_seconds=60 * minutes)
    agreements = []
    for sample in drawn:
        agreements.append(verify_sample(sample, results))
        click.echo(str(agreements[-1]))
    if not all(one.holds for one in agreements):
        sys.exit(1)
