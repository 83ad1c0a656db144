"""Compute the missing pieces of runs in parallel processes, here or on a cluster."""

import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from memlib.base import files
from memlib.base.errors import InputError
from memlib.base.parallel import in_processes, in_threads, n_workers
from memlib.base.version import installed_version
from memlib.runs.cluster import connected, run_on_cluster
from memlib.runs.pieces import Piece, compute_pieces
from memlib.runs.plan import Plan
from memlib.runs.progress import progress_bar


def compute(
    plans: Sequence[Plan],
    *,
    n_jobs: int | None = None,
    progress: bool = True,
    scheduler: str | None = None,
) -> None:
    """Compute the missing pieces of several runs in parallel processes, here or on a cluster.

    Parameters
    ----------
    plans
        See `plan`; pieces that they share are computed once.
    n_jobs
        Processes; as many as cores that we may use when None. Results do not depend on it.
    progress
        Show a bar with the time left.
    scheduler
        Address of a Dask scheduler, for example ``tcp://10.0.0.1:8786``: its workers compute, and
        have to see the results folder under the same path. A worker that dies is replaced, and
        its piece goes on from what it stored.

    Raises
    ------
    ResultError
        When the results folder cannot be written, before any work, or when a worker of the cluster
        has other code, versions or data than we have.
    InputError
        When no Dask scheduler answers at the address, or no worker joins it; when something is
        missing and torch is not installed.
    """
    files.require_writable(files.results_dir())
    # Runs may ask different things of one piece, other epochs or strengths: one after the other.
    together: dict[Path, dict[object, Piece]] = {}
    for one in plans:
        for piece in one.missing():
            together.setdefault(piece.place, {})[piece.asked] = piece
    if not together:  # a killed run's pieces may have been completed by another that shares them
        for one in plans:
            _note_of(one).unlink(missing_ok=True)
        return
    if installed_version("torch") == "none":
        raise InputError("torch is not installed here: nothing can be trained, pip install torch")
    n_jobs = n_workers(n_jobs)
    if progress:
        _say_whether_code_is_kept()
    groups = [list(same.values()) for same in together.values()]
    first = [same for same in groups if not same[0].needs]
    first.sort(key=lambda same: sum(one.seconds_left() for one in same), reverse=True)
    then = [same for same in groups if same[0].needs]
    with (
        connected(scheduler) as client,
        progress_bar(list(chain(*first, *then)), shown=progress),
    ):
        begun = [_record(one) for one in plans]
        if client is not None:
            for pieces in (first, then):
                run_on_cluster(client, pieces)
        else:
            # One process holds the GPU; its threads keep it busy, measuring needs it no more.
            on_gpu = any(one[0].spec.get("device", "cpu") != "cpu" for one in first)
            _run_here(first, n_jobs, threads=on_gpu)
            _run_here(then, n_jobs)
    for path in begun:
        path.unlink(missing_ok=True)


def _say_whether_code_is_kept() -> None:
    from memlib.base.compiled import is_kept

    if not is_kept():
        print(
            "memlib: numba finds no folder that it can write to, so each process compiles anew, "
            "a minute or so: name one with NUMBA_CACHE_DIR",
            file=sys.stderr,
        )


def _record(one: Plan) -> Path:
    """Note a run that begins, for `memlib status`; the note of a killed run stays."""
    path = _note_of(one)
    files.write_text(path, one.settings.model_dump_json())
    return path


def _note_of(one: Plan) -> Path:
    return files.results_dir() / "begun" / f"{one.path.stem}.json"


def _run_here(pieces: Sequence[Sequence[Piece]], n_jobs: int, *, threads: bool = False) -> None:
    results = str(files.results_dir().resolve())
    calls = [(one, results) for one in pieces]
    if threads:
        for _ in in_threads(compute_pieces, calls, n_jobs=n_jobs):
            pass
    else:
        in_processes(compute_pieces, calls, n_jobs=n_jobs, is_done=_are_stored)


def _are_stored(pieces: Sequence[Piece], _results: str) -> bool:
    return all(piece.is_stored() for piece in pieces)
