"""Files on disk: where results live, writing whole or not at all, keys of what is stored."""

import glob
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from memlib.base.checkout import ROOT, is_checkout
from memlib.base.errors import ResultError

DAY = 24 * 60 * 60  # seconds
PART_OF_NAME = 150  # characters of a file's name in that of its half


def results_dir() -> Path:
    """Return the folder of stored results.

    ``$MEMLIB_RESULTS`` where set, else ``results`` in the checkout that holds this package, else
    ``results`` in the current folder.
    """
    named = os.environ.get("MEMLIB_RESULTS")
    if named:
        return Path(named)
    return (ROOT if is_checkout() else Path.cwd()) / "results"


def require_writable(folder: Path, named_by: str = "MEMLIB_RESULTS") -> None:
    """Raise `ResultError` now, not after an hour, when `folder` cannot be written.

    Parameters
    ----------
    folder
        Is made where it is not there yet.
    named_by
        How a user names another: a variable of the environment, or an option.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ResultError(
            f"folder {folder} cannot be written ({error.strerror or error}): "
            f"name another with {named_by}"
        ) from error


def require_file(path: Path, named_by: str) -> None:
    """Raise `ResultError` now when `path` cannot become a file of its folder: its name is too long.

    Parameters
    ----------
    path
        Nothing is left there.
    named_by
        The option by which a user names another.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = _part_of(path)
        part.touch()
        part.unlink()
        path.is_file()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ResultError(
            f"{path} cannot be written ({reason}): name another with {named_by}"
        ) from error


def _part_of(path: Path) -> Path:
    """Return a name beside a file that no other writer has, however long the file's own."""
    # Process ids repeat on machines that share a folder.
    return path.with_name(f".{path.name[:PART_OF_NAME]}.{uuid.uuid4().hex}.part")


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Call `write` with a temporary path beside `path`, then rename: whole or not at all.

    What a killed writer of the same file left behind a day ago or earlier goes, too.

    Raises
    ------
    ResultError
        When the disk is full or the folder cannot be written; nothing is left behind.
    """
    temporary = _part_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _sweep(path)
    except OSError as error:
        raise ResultError(f"{path} could not be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # where the folder cannot be, neither is the file
            temporary.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Remove old halves of a file; young ones may have a writer, perhaps on another machine."""
    for part in path.parent.glob(f".{glob.escape(path.name[:PART_OF_NAME])}.*.part"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > DAY:
                part.unlink()


@contextmanager
def alone_with(path: Path) -> Iterator[None]:
    """Let no other process read, change and write the same file while the body does.

    Raises
    ------
    ResultError
        When the folder cannot be written.
    """
    from filelock import FileLock

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{path.name}.lock"))
        lock.acquire()
    except OSError as error:
        raise ResultError(f"{path} could not be written: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""

    def write(part: Path) -> None:
        part.write_text(text, encoding="utf-8")

    write_atomically(path, write)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays as ``.npz``, whole or not at all."""

    def write(part: Path) -> None:
        with open(part, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    write_atomically(path, write)


def read_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """Read named arrays, or None when there is no such file.

    Raises
    ------
    ResultError
        When the file is damaged (the archive's own checksums are tested).
    """
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:  # another run has ended meanwhile, and taken its checkpoint away
        return None
    except Exception as error:  # zipfile, zlib and NumPy each raise their own kinds
        raise ResultError(
            f"{path} is damaged ({type(error).__name__}): delete it and run again; "
            "the other pieces are kept"
        ) from error


def write_netcdf(
    data: xr.Dataset | xr.DataTree, path: Path, encoding: Mapping[str, Any] | None = None
) -> None:
    """Write a dataset or tree as netCDF, whole or not at all."""
    # Made in memory: on a full disk HDF5 itself fills the terminal and can end the process.
    content = data.to_netcdf(None, engine="h5netcdf", encoding=encoding)

    def write(part: Path) -> None:
        part.write_bytes(content)

    write_atomically(path, write)
