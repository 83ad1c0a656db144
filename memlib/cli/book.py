"""``memlib book``: from nothing to the website."""

import time

import click

from memlib.cli.checkout_kit import find_kit
from memlib.cli.options import FIRST, JOBS, scale_option, shown_path


@click.command()
@scale_option(tuple(FIRST.scales), default="teaching", show_default=True)
@click.option("--seed", type=int, help="Base seed.")
@JOBS
def book(scale: str, seed: int | None, jobs: int | None) -> None:
    """Run every notebook, render the book, print the path of its first page."""
    find_kit()
    from kit.publish import publish_book

    started = time.monotonic()
    given = {} if seed is None else {"seed": seed}
    index = publish_book(scale, given, n_jobs=jobs, say=click.echo)
    click.echo(f"book      {shown_path(index)}  ({(time.monotonic() - started) / 60:.1f} minutes)")
