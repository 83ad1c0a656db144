"""``memlib choices``: what the paper leaves open, changed one thing at a time."""

from collections.abc import Sequence
from pathlib import Path

import click

from memlib.base import files
from memlib.base.errors import InputError
from memlib.cli.options import (
    ASSIGNMENTS,
    FIRST,
    JOBS,
    OUTPUT,
    Several,
    given_values,
    require_netcdf,
    scale_option,
    shown_path,
)
from memlib.papers.chaibub_neto_2018.choices import CHOICES, RUNS, choices_path, read_choices


@click.command()
@click.option("--only", type=Several(tuple(CHOICES)), help="Choices, like loss,he; else all.")
@click.option("--runs", type=Several(tuple(RUNS)), help="Of these runs (cnn is slow); else all.")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(min=1))
@scale_option(tuple(FIRST.scales), default="teaching", show_default=True)
@JOBS
@OUTPUT
@ASSIGNMENTS
def choices(
    only: tuple[str, ...] | None,
    runs: tuple[str, ...] | None,
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

    names, chosen = only or tuple(CHOICES), runs or tuple(RUNS)
    for name in names if only is not None else ():
        if not set(chosen) & set(CHOICES[name].runs):
            tried = ", ".join(CHOICES[name].runs)
            raise InputError(f"--runs {','.join(chosen)}: {name} is tried on {tried} only")
    path = output or choices_path()
    require_netcdf(path)
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
    taken = {"scale": "--scale", "n_seeds": "--seeds", "panels": "--runs", "figure": "--runs"}
    changes = given_values(assignments, elsewhere=taken)
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
