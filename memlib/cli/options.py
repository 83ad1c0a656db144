"""What the commands share: options, errors of one line, short paths."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from memlib.base import files
from memlib.base.errors import InputError, MemlibError
from memlib.base.words import printable
from memlib.cli.checkout_kit import find_kit
from memlib.runs.study import studies

FIRST = next(iter(studies().values()))  # whose scales a command means where no figure is named


class OneLineErrors(click.Group):
    """Shows what a user can mend as one line, and an interruption as what is kept."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Read the options before the command; a wrong one is a line on stderr."""
        try:
            return super().make_context(*arguments, **options)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            _say(error)
            raise click.exceptions.Exit(error.exit_code) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; turn our errors and wrong options into a line on stderr."""
        try:
            check_environment()
            with _terminated_as_interrupted():
                return super().invoke(ctx)
        except click.UsageError as error:
            _say(error)
            ctx.exit(error.exit_code)
        except MemlibError as error:
            click.echo(f"memlib: {_told(error)}", err=True)
            ctx.exit(1)
        except OSError as error:  # a disk that is full, or a file that is not to be had
            name = f"{error.filename}: " if error.filename else ""
            click.echo(f"memlib: {printable(f'{name}{error.strerror or error}')}", err=True)
            ctx.exit(1)
        except MemoryError:
            click.echo("memlib: out of memory: try fewer --jobs, or less at once", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo(
                f"\nmemlib: stopped. Finished pieces are kept in {files.results_dir()}; "
                "the same command goes on from there.",
                err=True,
            )
            ctx.exit(130)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say(error: click.UsageError) -> None:
    click.echo(f"memlib: {printable(' '.join(error.format_message().split()))}", err=True)


def check_environment() -> None:
    """Refuse variables that other libraries stumble over; pictures need no window."""
    os.environ.pop("MPLBACKEND", None)
    for name, least in (("NUMBA_NUM_THREADS", 1), ("SOURCE_DATE_EPOCH", 0)):
        value = os.environ.get(name)
        if value is not None and not (value.isascii() and value.isdigit() and int(value) >= least):
            raise InputError(f"{name} = {value!r}: set it to a whole number, {least} or more")


def _told(error: MemlibError) -> str:
    """Return an error's words: one line, unless it lists problems line by line."""
    lines = str(error).splitlines() if error.lists_problems else [str(error)]
    return "\n".join(map(printable, lines))


class Several(click.ParamType):
    """Several of some names, with commas between them, as a tuple."""

    name = "names"

    def __init__(self, allowed: Sequence[str]) -> None:
        self.allowed = tuple(allowed)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Split the text and refuse other names."""
        if isinstance(value, tuple):
            return value
        names = tuple(one.strip() for one in value.split(","))
        for name in names:
            if name not in self.allowed:
                self.fail(f"{name!r}: take some of {', '.join(self.allowed)}", param, ctx)
        return names


def scale_option(scales: Sequence[str], **options: Any) -> Callable[..., Any]:
    """Return the option ``--scale`` with these names allowed."""
    return click.option("--scale", type=click.Choice(list(scales)), **options)


ALL_SCALES = tuple(dict.fromkeys(name for study in studies().values() for name in study.scales))
SHIPPED_SCALES = tuple(
    dict.fromkeys(name for study in studies().values() for name in study.shipped_scales)
)
JOBS = click.option("--jobs", type=click.IntRange(min=1), help="Processes; as many as cores.")
SCHEDULER = click.option(
    "--scheduler", help="Address of a Dask scheduler whose workers compute, tcp://HOST:PORT."
)
PANELS = click.option("--panels", help="Panels, for example a,d.")
OUTPUT = click.option(
    "--output", type=click.Path(path_type=Path), help="File to write, ending in .nc."
)
ASSIGNMENTS = click.option(
    "-p", "assignments", multiple=True, metavar="NAME=VALUE", help="A parameter; may be repeated."
)


def given_values(
    assignments: Sequence[str],
    options: Mapping[str, tuple[str, Any]] = MappingProxyType({}),
    *,
    elsewhere: Mapping[str, str] = MappingProxyType({}),
) -> dict:
    """Return the values given with ``-p`` and those of a command's own options, each given once.

    Parameters
    ----------
    assignments
        Texts like ``n_trees=50``.
    options
        By parameter: the option that gives it, and its value; None where it is not given.
    elsewhere
        By parameter: the option that alone gives it.
    """
    find_kit()
    from kit.parameters import parse_assignments

    given = parse_assignments(assignments)
    for name, option in elsewhere.items():
        if name in given:
            raise InputError(f"-p {name}: give it with {option}, once")
    for name, (option, value) in options.items():
        if name in given and (value is not None or option != f"--{name}"):
            raise InputError(f"-p {name}: give it with {option}, once")
        if value is not None:
            given[name] = value
    return given


def split_names(text: str | None) -> list[str] | None:
    """Return names with commas between them as a list."""
    return None if text is None else [one.strip() for one in text.split(",")]


def require_netcdf(path: Path, option: str = "--output") -> None:
    """Raise `InputError` for a file whose name does not end in .nc, or that is a folder."""
    if path.suffix == ".nc":
        files.require_file(path, option)
    if path.suffix != ".nc" or path.is_dir():
        raise InputError(f"{option} {path}: name a file that ends in .nc")


def shown_path(path: Path) -> str:
    """Return a path as short as it can be typed here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def reused_note(reused: bool) -> str:
    """Return what follows a path whose file was there already."""
    return "  (reused: nothing has changed)" if reused else ""
