"""``memlib run``: compute a figure and execute its notebook, or another chapter's."""

from collections.abc import Sequence

import click

from memlib.base import files
from memlib.base.parallel import n_workers
from memlib.cli.checkout_kit import find_kit
from memlib.cli.options import (
    ALL_SCALES,
    ASSIGNMENTS,
    JOBS,
    PANELS,
    SCHEDULER,
    given_values,
    reused_note,
    scale_option,
    shown_path,
    split_names,
)
from memlib.runs.study import figures, resolve


@click.command()
@click.argument("figure")
@scale_option(ALL_SCALES, help="Of a figure; teaching if left out.")
@click.option("--seed", type=int, help="Base seed.")
@PANELS
@ASSIGNMENTS
@JOBS
@SCHEDULER
@click.option("--dry-run", is_flag=True, help="Print what would be computed, and its cost.")
def run(
    figure: str,
    scale: str | None,
    seed: int | None,
    panels: str | None,
    assignments: Sequence[str],
    jobs: int | None,
    scheduler: str | None,
    dry_run: bool,
) -> None:
    """Compute FIGURE (or another chapter) and execute its notebook.

    Parameters are those of the notebook's own parameters cell; `memlib list` shows them.
    """
    find_kit()
    from kit.chapters import execute_chapter
    from kit.parameters import check_parameters, notebook_parameters

    own = {"seed": ("--seed", seed), "scale": ("--scale", scale)}
    given = given_values(assignments, own | {"panels": ("--panels", split_names(panels))})
    given = check_parameters(figure, given)
    if figure in figures():
        from memlib.runs.costs import describe_plan
        from memlib.runs.figure import run_plan, stored_result
        from memlib.runs.plan import plan

        given.setdefault("scale", "teaching")
        one = plan(resolve(figure, **given))
        if dry_run:
            click.echo(describe_plan(one, n_jobs=n_workers(jobs)))
            return
        reused = stored_result(one) is not None
        if not reused:
            run_plan(one, n_jobs=jobs, scheduler=scheduler)
        click.echo(f"dataset   {shown_path(one.path)}{reused_note(reused)}")
    elif dry_run:
        click.echo(f"{figure}: a method chapter, seconds")
        return
    files.require_writable(files.results_dir())
    path, reused = execute_chapter(figure, notebook_parameters(figure, given))
    click.echo(f"notebook  {shown_path(path)}{reused_note(reused)}")
