"""The ``memlib`` command: its subcommands are in the other files of this room."""

import click

from memlib.base import files
from memlib.base.version import __version__
from memlib.cli.audit import audit
from memlib.cli.bench import bench
from memlib.cli.book import book
from memlib.cli.checkout_kit import find_kit
from memlib.cli.choices import choices
from memlib.cli.data import data
from memlib.cli.meaning import meaning
from memlib.cli.options import FIRST, OneLineErrors
from memlib.cli.run import run
from memlib.cli.stored import claims, draw, ship, verify
from memlib.runs.study import Scale, figures, studies


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="memlib")
def main() -> None:
    """Did the network learn or memorize? Run the papers' figures, the test, and the book."""


@main.command("list")
def list_command() -> None:
    """List figures, scales and parameters."""
    find_kit()
    from kit.chapters import chapters
    from kit.notebooks import declared_parameters
    from kit.parameters import describe_parameters

    for study in studies().values():
        click.echo(f"figures of {study.label}")
        for figure in study.figures.values():
            click.echo(f"  {figure.name}  {figure.title} (panels {', '.join(figure.panels)})")
        click.echo("\n  panels")
        for panel, architecture in study.networks.items():
            click.echo(f"  {panel}  {architecture.label}")
        click.echo("\n  scales")
        for scale in study.scales.values():
            click.echo(f"  {scale.name:9} {scale.expect} ({_sizes(scale)})")
        click.echo("")
    click.echo("other chapters")
    for name, path in chapters().items():
        if name not in figures():
            click.echo(f"  {name}  {', '.join(declared_parameters(path))}")
    first = next(iter(FIRST.figures))
    click.echo(f"\nparameters of {first} (-p name=value), with their values at teaching scale")
    click.echo(describe_parameters(first))


def _sizes(scale: Scale) -> str:
    sizes = (f"{name} {value:,}" for name, value in scale.settings.items())
    return ", ".join(sizes)


@main.command()
def status() -> None:
    """Show what is stored: figure runs, finished and unfinished pieces."""
    from memlib.runs.status import describe_store

    click.echo(describe_store(files.results_dir()))


for command in (audit, bench, book, choices, claims, data, draw, meaning, run, ship, verify):
    main.add_command(command)
