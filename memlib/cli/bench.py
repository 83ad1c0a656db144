"""``memlib bench``: how fast it is, against the tools it stands in for."""

import sys
from pathlib import Path

import click

from memlib.cli.options import OUTPUT, require_netcdf, shown_path


@click.command()
@click.option("--full", is_flag=True, help="All repeats and sizes (minutes, not seconds).")
@OUTPUT
def bench(full: bool, output: Path | None) -> None:
    """Measure memlib against plain torch, Keras, scikit-learn and R, as far as installed."""
    from memlib.bench.suite import FULL, SMOKE, run_bench
    from memlib.bench.tables import plain_table

    if output is not None:
        require_netcdf(output)
    try:
        path, dataset = run_bench(FULL if full else SMOKE, output=output, say=click.echo)
    except KeyboardInterrupt:
        click.echo("\nmemlib: benchmark stopped, nothing is written", err=True)
        sys.exit(130)
    click.echo(f"\n{plain_table(dataset)}\n\ndataset   {shown_path(path)}")
