"""Commands on the results that come with the checkout: choices, claims, draw, ship, verify."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from memlib.base import files, keys
from memlib.base.errors import InputError
from memlib.cli.checkout_kit import find_kit
from memlib.papers.chaibub_neto_2018.figures import FIGURES, SCALES


def shown_path(path: Path) -> str:
    """Return a path as short as it can be typed here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


@click.command()
@click.option("--figure", help="Only the claims of this figure.")
@click.option(
    "--scale",
    help="paper or tenth (shipped), or another: your own runs with the scale's parameters. When "
    "left out, each claim's most complete shipped one.",
)
@click.option(
    "--resamples",
    default=100,
    show_default=True,
    type=click.IntRange(min=0),
    help="Draws for the ranges in brackets; 0 for none.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def claims(figure: str | None, scale: str | None, resamples: int, as_json: bool) -> None:
    """Check the paper's 22 claims on the results that come with the checkout."""
    from memlib.papers.chaibub_neto_2018.claims import check_claims, most_complete
    from memlib.papers.chaibub_neto_2018.figures import SHIPPED_SCALES
    from memlib.report.tables import claims_data, claims_text
    from memlib.runs.figure import default_results
    from memlib.runs.shipped import shipped_results

    if figure is not None and figure not in FIGURES:
        raise InputError(f"--figure {figure}: take one of {', '.join(FIGURES)}")
    if scale is not None and scale not in SCALES:
        raise InputError(f"--scale {scale}: take one of {', '.join(SCALES)}")
    found = {
        one: check_claims(
            shipped_results(one) if one in SHIPPED_SCALES else default_results(one),
            figure=figure,
            n_resamples=resamples,
        )
        for one in (SHIPPED_SCALES if scale is None else (scale,))
    }
    outcomes = most_complete(found) if scale is None else found[scale]
    if scale not in (None, *SHIPPED_SCALES) and not any(one.checks for one in outcomes):
        click.echo(
            f"memlib: no claim can be decided: of your own runs at {scale} scale those with the "
            "scale's own parameters count, all panels",
            err=True,
        )
    click.echo(keys.to_json(claims_data(outcomes)) if as_json else claims_text(outcomes))


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--format", "file_format", default="svg", show_default=True, help="svg, pdf or png.")
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
    from memlib.papers.chaibub_neto_2018.drawing import FORMATS, chosen_drawings, draw_files
    from memlib.report.styles import DARK, LIGHT

    if file_format not in FORMATS:
        raise InputError(f"--format {file_format}: take one of {', '.join(FORMATS)}")
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
@click.option("--scale", default="paper", show_default=True, help="paper or tenth.")
@click.option("--panels", help="Panels, for example a,d.")
@click.option(
    "-p", "assignments", multiple=True, metavar="NAME=VALUE", help="A parameter; may be repeated."
)
def ship(figure: str, scale: str, panels: str | None, assignments: Sequence[str]) -> None:
    """Add a finished run to data/results, the results that come with the checkout."""
    from memlib.papers.chaibub_neto_2018.figures import SHIPPED_SCALES
    from memlib.runs.figure import stored_result
    from memlib.runs.plan import plan
    from memlib.runs.shipped import ship as add
    from memlib.runs.study import resolve

    if scale not in SHIPPED_SCALES:
        raise InputError(f"--scale {scale}: take one of {', '.join(SHIPPED_SCALES)}")
    given = _changes(assignments, scale="--scale", panels="--panels", figure="FIGURE")
    if panels is not None:
        given["panels"] = [panel.strip() for panel in panels.split(",")]
    tree = stored_result(plan(resolve(figure, scale, **given)))
    if tree is None:
        raise InputError(f"{figure} at {scale} scale has not been run: `memlib run` it first")
    click.echo(f"shipped   {shown_path(add(tree))}")


def _changes(assignments: Sequence[str], **options: str) -> dict[str, Any]:
    """Return the values given with -p, but those that an option of the command gives."""
    find_kit()
    from kit.parameters import parse_assignments

    given = parse_assignments(assignments)
    for name, option in options.items():
        if name in given:
            raise InputError(f"-p {name}: give it with {option}")
    return given


@click.command()
@click.option("--scale", help="paper or tenth; when left out, both.")
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
@click.option("--minutes", default=5.0, show_default=True, help="Longest time of a piece.")
def verify(scale: str | None, pieces: int, seed: int, minutes: float) -> None:
    """Compute random pieces of the results in data/results again, from scratch, and compare."""
    from memlib.papers.chaibub_neto_2018.figures import SHIPPED_SCALES
    from memlib.papers.chaibub_neto_2018.verify import draw_pieces, verify_piece
    from memlib.runs.shipped import shipped_results

    if scale is not None and scale not in SHIPPED_SCALES:
        raise InputError(f"--scale {scale}: take one of {', '.join(SHIPPED_SCALES)}")
    results = {
        (one, figure): tree
        for one in (SHIPPED_SCALES if scale is None else (scale,))
        for figure, tree in shipped_results(one).items()
    }
    drawn = draw_pieces(results, pieces, seed=seed, max_seconds=60 * minutes)
    agreements = []
    for piece in drawn:
        agreements.append(verify_piece(piece, results))
        click.echo(str(agreements[-1]))
    if not all(one.holds for one in agreements):
        sys.exit(1)


@click.command()
@click.option("--only", help="Names of choices, for example loss,he; all when left out.")
@click.option("--runs", help="Runs: images, noise, cnn (slow, the last); all when left out.")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(min=1))
@click.option("--scale", default="teaching", show_default=True, help=f"One of {', '.join(SCALES)}.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes; as many as cores.")
@click.option("--output", type=click.Path(path_type=Path), help="File to write, ending in .nc.")
@click.option(
    "-p", "assignments", multiple=True, metavar="NAME=VALUE", help="A parameter, set for every run."
)
def choices(
    only: str | None,
    runs: str | None,
    seeds: int,
    scale: str,
    jobs: int | None,
    output: Path | None,
    assignments: Sequence[str],
) -> None:
    """Change what the paper leaves open, one thing at a time, and write data/results/choices.nc.

    With --only the choices join that file, or are written to an --output of their own.
    """
    from memlib.papers.chaibub_neto_2018.choice_runs import measure_choices, write_choices
    from memlib.papers.chaibub_neto_2018.choices import CHOICES, RUNS, choices_path, read_choices

    names = tuple(CHOICES) if only is None else tuple(only.split(","))
    for name in names:
        if name not in CHOICES:
            raise InputError(f"--only {name}: take some of {', '.join(CHOICES)}")
    chosen = tuple(RUNS) if runs is None else tuple(runs.split(","))
    for run in chosen:
        if run not in RUNS:
            raise InputError(f"--runs {run}: take some of {', '.join(RUNS)}")
    for name in names if only is not None else ():
        if not set(chosen) & set(CHOICES[name].runs):
            tried = ", ".join(CHOICES[name].runs)
            raise InputError(f"--runs {runs}: {name} is tried on {tried} only")
    path = output or choices_path()
    if path.suffix != ".nc":
        raise InputError(f"--output {path}: the name should end in .nc")
    if runs is not None and only is None and output is None:
        raise InputError("--runs needs an --output, or --only: the file of all choices stays whole")
    before = read_choices(path) if only is not None and output is None else None
    if before is not None:
        for option, given, stored in (
            ("--scale", scale, before.attrs["scale"]),
            ("--seeds", seeds, before.attrs["n_seeds"]),
            ("-p", " ".join(assignments), ""),
        ):
            if given != stored:
                wanted = f"is of {stored}" if stored else "has the scale's parameters"
                raise InputError(f"{option} {given}: {path.name} {wanted}; name an --output")
    changes = _changes(
        assignments, scale="--scale", n_seeds="--seeds", panels="--runs", figure="--runs"
    )
    sets = changes.get("perturbations", [0, 0, 0])
    if not isinstance(sets, list) or len(sets) != 3:
        raise InputError(f"perturbations = {sets!r}: choices compare lists of three strengths")
    files.require_writable(path.parent, "--output")
    tree = measure_choices(
        names,
        runs=chosen,
        scale=scale,
        n_seeds=seeds,
        n_jobs=jobs,
        say=click.echo,
        before=before,
        **changes,
    )
    click.echo(f"dataset   {shown_path(write_choices(tree, path, before))}")
