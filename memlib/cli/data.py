"""``memlib data``: the bundled images, and labelled files of one's own."""

from pathlib import Path

import click

from memlib.base import files
from memlib.base.checkout import checkout_path
from memlib.base.errors import InputError
from memlib.cli.options import OUTPUT, require_netcdf, shown_path


@click.group(invoke_without_command=True)
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
@OUTPUT
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
    require_netcdf(target)
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
