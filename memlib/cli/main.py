"""The ``memlib`` command."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from memlib.base import files
from memlib.base.checkout import checkout_path
from memlib.base.errors import InputError, MemlibError
from memlib.base.version import __version__
from memlib.cli.checkout_kit import find_kit
from memlib.cli.stored import choices, claims, draw, ship, shown_path, verify
from memlib.papers.chaibub_neto_2018.figures import FIGURES, SCALES


class OneLineErrors(click.Group):
    """Shows what a user can mend as one line, and an interruption as what is kept."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; turn our errors into a line on stderr and exit code 1."""
        try:
            return super().invoke(ctx)
        except MemlibError as error:
            click.echo(f"memlib: {error}", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo(
                f"\nmemlib: stopped. Finished pieces are kept in {files.results_dir()}; "
                "the same command goes on from there.",
                err=True,
            )
            ctx.exit(130)


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="memlib")
def main() -> None:
    """Did the network learn or memorize? Run the figures of Chaibub Neto (2018) and the book."""


@main.command("list")
def list_command() -> None:
    """List figures, scales and parameters."""
    find_kit()
    from kit.chapters import chapters
    from kit.notebooks import declared_parameters
    from kit.parameters import describe_parameters

    from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES

    click.echo("figures")
    for figure in FIGURES.values():
        click.echo(f"  {figure.name}  {figure.title} (panels {', '.join(figure.panels)})")
    click.echo("\nother chapters")
    for name, path in chapters().items():
        if name not in FIGURES:
            click.echo(f"  {name}  {', '.join(declared_parameters(path))}")
    click.echo("\npanels")
    for panel, architecture in ARCHITECTURES.items():
        click.echo(f"  {panel}  {architecture.label}")
    click.echo("\nscales")
    for scale in SCALES.values():
        click.echo(
            f"  {scale.name:9} {scale.epochs:,} epochs (CNNs {scale.cnn_epochs:,}), "
            f"{scale.n_permutations} permutations, {scale.n_trees} trees ({scale.expect})"
        )
    click.echo("\nparameters of a figure (-p name=value), with their values at teaching scale")
    click.echo(describe_parameters("fig1"))


SCALE = click.option(
    "--scale", default="teaching", show_default=True, help=f"One of {', '.join(SCALES)}."
)
SCHEDULER = click.option(
    "--scheduler", help="Address of a Dask scheduler whose workers compute, tcp://HOST:PORT."
)
JOBS = click.option("--jobs", type=click.IntRange(min=1), help="Processes; as many as cores.")


@main.command()
@click.argument("figure")
@click.option("--scale", help=f"One of {', '.join(SCALES)}; of a figure teaching if left out.")
@click.option("--seed", help="Base seed.")
@click.option("--panels", help="Panels, for example a,d.")
@click.option(
    "-p", "assignments", multiple=True, metavar="NAME=VALUE", help="A parameter; may be repeated."
)
@JOBS
@SCHEDULER
@click.option("--dry-run", is_flag=True, help="Print what would be computed, and its cost.")
def run(
    figure: str,
    scale: str | None,
    seed: str | None,
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
    from kit.parameters import check_parameters, notebook_parameters, parse_assignments

    given = parse_assignments(assignments)
    for name, option in (("seed", seed), ("panels", panels), ("scale", scale)):
        if option is not None and name in given:
            raise InputError(f"-p {name}: it is given with --{name} as well; give it once")
    if seed is not None:
        given |= parse_assignments([f"seed={seed}"])
    if panels is not None:
        given["panels"] = [panel.strip() for panel in panels.split(",")]
    if scale is not None:
        given["scale"] = scale
    elif figure in FIGURES:
        given.setdefault("scale", "teaching")
    given = check_parameters(figure, given)
    if dry_run:
        click.echo(_described(given, figure, jobs))
        return
    if figure in FIGURES:
        _compute_figure(given, figure, jobs, scheduler)
    path, reused = execute_chapter(figure, notebook_parameters(figure, given))
    click.echo(f"notebook  {shown_path(path)}{'  (reused: nothing has changed)' if reused else ''}")


def _described(given: dict[str, Any], figure: str, jobs: int | None) -> str:
    from memlib.base.parallel import n_workers
    from memlib.runs.costs import describe_plan
    from memlib.runs.plan import plan
    from memlib.runs.study import resolve

    if figure not in FIGURES:
        return f"{figure}: a method chapter, seconds"
    return describe_plan(plan(resolve(figure, **given)), n_jobs=n_workers(jobs))


def _compute_figure(
    given: dict[str, Any], figure: str, jobs: int | None, scheduler: str | None
) -> None:
    from memlib.runs.figure import run_figure, stored_result
    from memlib.runs.plan import plan
    from memlib.runs.study import resolve

    one = plan(resolve(figure, **given))
    reused = stored_result(one) is not None
    if not reused:
        run_figure(figure, n_jobs=jobs, scheduler=scheduler, **given)
    click.echo(
        f"dataset   {shown_path(one.path)}{'  (reused: nothing has changed)' if reused else ''}"
    )


@main.command()
@SCALE
@click.option("--seed", help="Base seed.")
@JOBS
def book(scale: str, seed: str | None, jobs: int | None) -> None:
    """Run every notebook, render the book, print the path of its first page."""
    find_kit()
    from kit.parameters import parse_assignments
    from kit.publish import publish_book

    given = parse_assignments([f"seed={seed}"] if seed is not None else [])
    started = time.monotonic()
    index = publish_book(scale, given, n_jobs=jobs, say=click.echo)
    click.echo(f"book      {shown_path(index)}  ({(time.monotonic() - started) / 60:.1f} minutes)")


@main.command()
def status() -> None:
    """Show what is stored: figure runs, finished and unfinished pieces."""
    from memlib.runs.status import describe_store

    click.echo(describe_store(files.results_dir()))


@main.command()
@click.option("--full", is_flag=True, help="All repeats and sizes (minutes, not seconds).")
@click.option("--output", type=click.Path(path_type=Path), help="File to write, ending in .nc.")
def bench(full: bool, output: Path | None) -> None:
    """Measure memlib against plain torch, Keras, scikit-learn and R, as far as installed."""
    from memlib.bench.suite import FULL, SMOKE, run_bench
    from memlib.bench.tables import plain_table

    try:
        path, dataset = run_bench(FULL if full else SMOKE, output=output, say=click.echo)
    except KeyboardInterrupt:
        click.echo("\nmemlib: benchmark stopped, nothing is written", err=True)
        sys.exit(130)
    click.echo(f"\n{plain_table(dataset)}\n\ndataset   {shown_path(path)}")


@main.group(invoke_without_command=True)
@click.pass_context
def data(ctx: click.Context) -> None:
    """Check the bundled images (no subcommand), or make a labelled file."""
    if ctx.invoked_subcommand is None:
        from memlib.runs.build_images import describe
        from memlib.training.images import data_path, load_labelled_images

        click.echo(shown_path(data_path()))
        click.echo(describe(load_labelled_images()))


@data.command()
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder with the four IDX files; without it torchvision downloads them.",
)
@click.option("--classes", default="2,4", show_default=True, help="Original class numbers, or all.")
@click.option("--output", type=click.Path(path_type=Path), help="File to write, ending in .nc.")
def build(folder: Path | None, classes: str, output: Path | None) -> None:
    """Make a labelled file from the original Fashion-MNIST IDX files."""
    import tempfile

    from memlib.runs.build_images import (
        build_labelled_images,
        check_classes,
        describe,
        download_idx,
        save_labelled_images,
    )
    from memlib.training.images import BUNDLED_CHECKSUM, BUNDLED_NAME

    target = output or checkout_path("data", f"{BUNDLED_NAME}.nc")
    if target.suffix != ".nc":
        raise InputError(f"--output {target}: the name should end in .nc")
    try:
        numbers = range(10) if classes == "all" else [int(part) for part in classes.split(",")]
    except ValueError:
        raise InputError(f"--classes {classes}: write numbers like 2,4, or all") from None
    if output is None and list(numbers) != [2, 4]:
        raise InputError("--classes other than 2,4 need an --output: the bundled file stays")
    check_classes(list(numbers))
    files.require_writable(target.parent, "--output")
    with tempfile.TemporaryDirectory() as scratch:
        dataset = build_labelled_images(folder or download_idx(Path(scratch)), classes=numbers)
    if output is None and dataset.attrs["content_checksum"] != BUNDLED_CHECKSUM:
        raise InputError("these are not Fashion-MNIST's images: name an --output for others")
    save_labelled_images(dataset, target)
    click.echo(shown_path(target))
    click.echo(describe(dataset))


for command in (choices, claims, draw, ship, verify):
    main.add_command(command)
