"""``memlib meaning``: which layer forgets, how classes collapse, what memorization scores say."""

import sys
from pathlib import Path

import click

from memlib.base import files
from memlib.cli.options import JOBS, OUTPUT, require_netcdf, shown_path
from memlib.papers.chaibub_neto_2018.meaning import N_SEEDS, PANELS


@click.command()
@click.option("--seeds", default=N_SEEDS, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--verify",
    "n_verified",
    default=0,
    type=click.IntRange(min=0),
    help="Train so many stored networks again, at random, measure them, and compare.",
)
@JOBS
@OUTPUT
def meaning(seeds: int, n_verified: int, jobs: int | None, output: Path | None) -> None:
    """Measure what is memorized, learned and forgotten, and write data/results/meaning.nc.

    Panels a, b, d and e on images and on noise, at teaching scale: about half an hour of one core.
    A run that was cut off goes on where it was.
    """
    from memlib.papers.chaibub_neto_2018.meaning import meaning_path

    path = output or meaning_path()
    require_netcdf(path)
    if n_verified:
        sys.exit(_verify(path, n_verified))
    from memlib.papers.chaibub_neto_2018.meaning_runs import run_meaning, write_meaning

    files.require_writable(path.parent, "--output")
    tree = run_meaning(n_jobs=jobs, panels=PANELS, n_seeds=seeds)
    click.echo(f"dataset   {shown_path(write_meaning(tree, path))}")


def _verify(path: Path, n: int) -> int:
    """Compare networks trained again with what is stored; return the exit status."""
    from memlib.base.errors import InputError
    from memlib.papers.chaibub_neto_2018.meaning import read_meaning
    from memlib.papers.chaibub_neto_2018.meaning_runs import compare_again, draw_places

    tree = read_meaning(path)
    if tree is None:
        raise InputError(f"{shown_path(path)} is not there: `memlib meaning` makes it")
    agree = True
    for place in draw_places(tree, n):
        found = compare_again(tree, *place)
        agree &= found.holds
        click.echo(str(found))
    return 0 if agree else 1
