"""``memlib audit``: ask of your own network, or of features at hand."""

from pathlib import Path

import click

from memlib.base.errors import InputError


@click.command()
@click.argument("features", required=False, type=click.Path(path_type=Path))
@click.option("--model", help="package.module:name of a network, or of a function that makes one.")
@click.option(
    "--data", help="package.module:name of (inputs, labels) or a Dataset; or an .npz file."
)
@click.option("--validation", help="package.module:name of independent samples.")
@click.option("--layer", help="Layer whose inputs are the features.")
@click.option("--checkpoints", type=click.Path(path_type=Path), help="Folder of weights.")
@click.option("--perturbation", help="Kind; by default what fits the inputs.")
@click.option(
    "--strengths", metavar="NUMBERS", help="Like 0.1,0.2; by default a ladder finds them."
)
@click.option("--permutations", type=click.IntRange(min=1), default=59, show_default=True)
@click.option("--trees", type=click.IntRange(min=1), default=100, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), help="Threads; as many as cores.")
@click.option("--report", type=click.Path(path_type=Path), help="Write an HTML report.")
@click.option("--output", type=click.Path(path_type=Path), help="Write the dataset, as netCDF.")
def audit(
    features: Path | None,
    model: str | None,
    data: str | None,
    validation: str | None,
    layer: str | None,
    checkpoints: Path | None,
    perturbation: str | None,
    strengths: str | None,
    permutations: int,
    trees: int,
    seed: int,
    jobs: int | None,
    report: Path | None,
    output: Path | None,
) -> None:
    """Did a network learn, or memorize? Ask of FEATURES (.npz, .nc, .csv, .parquet) or a --model.

    FEATURES holds features, labels, and copies_0.1 ... of perturbed inputs.
    """
    from memlib.audit import command
    from memlib.base.files import require_writable

    for name, path, ending in (("--report", report, ".html"), ("--output", output, ".nc")):
        if path is not None and path.suffix != ending:
            raise InputError(f"{name} {path}: the name should end in {ending}")
        if path is not None:
            require_writable(path.parent, name)
    fits = {"n_permutations": permutations, "n_trees": trees, "seed": seed, "n_jobs": jobs}
    named = command.kept(
        {
            "layer": layer,
            "checkpoints": checkpoints,
            "perturbation": perturbation,
            "strengths": command.strengths_of(strengths),
        }
    )
    if (features is None) == (model is None):
        raise InputError("give a file of features, or --model and --data")
    if features is not None:
        if unused := [*named, *command.kept({"data": data, "validation": validation})]:
            raise InputError(f"--{unused[0]} goes with --model, not with a file of features")
        answer = command.audit_file(features, **fits)
    else:
        if model is None or data is None:
            raise InputError("--model needs --data")
        if validation is not None:
            named["validation"] = command.loaded(validation, "--validation")
        answer = command.audit_named(model, data, **named, **fits)
    click.echo(answer)
    if report is not None:
        click.echo(f"report    {answer.to_html(report)}")
    if output is not None:
        click.echo(f"dataset   {answer.to_netcdf(output)}")
