"""What is stored in a results folder, and what is still to be computed, in words."""

import json
from collections.abc import Sequence
from pathlib import Path

import xarray as xr
from pydantic import ValidationError

from memlib.base.errors import MemlibError, ResultError
from memlib.base.words import duration, printable
from memlib.results.schema import panels_of
from memlib.runs.figure import read_result
from memlib.runs.pieces import Piece
from memlib.runs.plan import plan
from memlib.runs.study import find_study
from memlib.runs.trainings import epoch_noted, snapshots


def describe_store(folder: Path) -> str:
    """Return a line for each run, finished or begun, and each training; and the size of it all."""
    results = sorted(folder.glob("*.nc"))
    lines = [f"results folder {folder}"]
    lines += [f"  {path.name}: {_describe_dataset(path)}" for path in results]
    if not results:
        lines.append("  no finished run yet: try `memlib run fig1 --scale smoke`")
    begun = map(_describe_begun, sorted(folder.glob("begun/*.json")))
    lines += [f"  {one}" for one in begun if one]
    pieces = folder / "pieces"
    for training in sorted(pieces.glob("training-*")):
        if not training.is_dir():
            continue
        found = dict(snapshots(training))
        line = f"  {training.name}: {len(found)} networks, up to epoch {max(found, default=0):,}"
        noted = map(epoch_noted, training.glob("progress_*.txt"))
        running = [epoch for epoch in noted if epoch is not None]
        if running:
            line += f"; in training or cut off at epoch {max(running):,}"
        lines.append(line)
        strange = sorted(set(training.glob("epoch_*")) - set(found.values()))
        lines += [f"    {path.name!r}: no file of ours, passed over" for path in strange]
    n_blocks = len(list(pieces.glob("null-*/*.npz")))
    size = sum(map(_size, folder.rglob("*")))
    lines.append(f"  {n_blocks} null blocks; {size / 2**20:.0f} MiB in all")
    return "\n".join(printable(line, 300) for line in lines)


def _describe_dataset(path: Path) -> str:
    """Say what a file holds: a run, a benchmark or the open choices; or what is wrong with it."""
    title = _title(path)
    if title:
        return title
    try:
        tree = read_result(path)
    except ResultError as error:
        return str(error)
    parameters = json.loads(tree.attrs["parameters"])
    return (
        f"panels {', '.join(panels_of(tree))}; seeds from "
        f"{parameters['seed']} on: {parameters['n_seeds']}; {tree.attrs['created']}; "
        f"{float(tree.attrs['compute_seconds']) / 60:.1f} minutes of one core"
    )


def _title(path: Path) -> str:
    """Return title and date of what is no run and says of itself what it is, else nothing."""
    try:
        with xr.open_dataset(path, engine="h5netcdf") as file:
            about = file.attrs
    except Exception:  # h5py raises many kinds on a damaged file
        return ""
    if "title" not in about or "figure" in about:
        return ""
    return f"{about['title']}; {about.get('created', 'of unknown date')}"


def _describe_begun(path: Path) -> str:
    """Say what a run that was begun and has not ended still needs; nothing when it just ended."""
    try:
        noted = path.read_text(encoding="utf-8")
    except OSError:
        return ""
    except ValueError:
        return f"{path.name}: no text, passed over"
    try:
        study = find_study(json.loads(noted)["figure"])
        one = plan(study.settings.model_validate_json(noted))
        same_code, missing = one.path.stem == path.stem, one.missing()
    except ResultError as error:  # a piece that holds something else, or is damaged
        return f"{path.stem}: begun; {error}"
    except (MemlibError, ValidationError, ValueError, TypeError, KeyError, RecursionError):
        return f"{path.stem}: begun with parameters, data or a device that this machine has not"
    if not same_code:
        return f"{path.stem}: begun by other code; running it again begins anew"
    return (
        f"{path.stem}: begun; {_counts(missing, one.pieces)} missing; about "
        f"{duration(one.seconds_left())} of one core left"
    )


def _counts(missing: Sequence[Piece], pieces: Sequence[Piece]) -> str:
    kinds = dict.fromkeys(piece.kind for piece in pieces)
    return ", ".join(
        f"{sum(one.kind == kind for one in missing)} of "
        f"{sum(one.kind == kind for one in pieces)} {kind}"
        for kind in kinds
    )


def _size(path: Path) -> int:
    """Return a file's bytes; 0 for what a running job has just renamed or removed."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0
