"""Compute the missing pieces of runs in parallel processes, here or on a cluster."""

import warnings
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from joblib import Parallel, delayed

from memlib.base import files
from memlib.base.errors import InputError
from memlib.base.parallel import n_workers
from memlib.base.version import installed_version
from memlib.papers.chaibub_neto_2018.null_pieces import NullBlock
from memlib.runs import costs
from memlib.runs.cluster import connected, run_on_cluster
from memlib.runs.plan import Plan
from memlib.runs.progress import progress_bar
from memlib.runs.trainings import Training
from memlib.runs.worker import compute_pieces


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
    trainings: dict[str, dict[object, Training]] = {}
    nulls: dict[Path, dict[object, NullBlock]] = {}
    for one in plans:
        missing_trainings, missing_nulls = one.missing()
        for training in missing_trainings:
            trainings.setdefault(training.key, {})[training.epochs] = training
        for null in missing_nulls:
            asked = (tuple(null.labellings), tuple(sorted(null.strengths)))
            nulls.setdefault(null.path, {})[asked] = null
    if not nulls:  # a killed run's pieces may have been completed by another that shares them
        for one in plans:
            _note_of(one).unlink(missing_ok=True)
        return
    if installed_version("torch") == "none":
        raise InputError("torch is not installed here: nothing can be trained, pip install torch")
    n_jobs = n_workers(n_jobs)
    ordered = sorted(
        (list(same.values()) for same in trainings.values()),
        key=lambda same: sum(map(costs.training_seconds, same)),
        reverse=True,
    )
    blocks = [list(same.values()) for same in nulls.values()]
    with (
        connected(scheduler) as client,
        progress_bar(list(chain(*ordered)), list(chain(*blocks)), shown=progress),
    ):
        begun = [_record(one) for one in plans]
        if client is not None:
            for pieces in (ordered, blocks):
                run_on_cluster(client, pieces)
        else:
            # One process holds the GPU; its threads keep it busy, measuring needs it no more.
            on_gpu = any(one[0].spec["device"] != "cpu" for one in ordered)
            _run_here(ordered, n_jobs, threads=on_gpu)
            _run_here(blocks, n_jobs)
    for path in begun:
        path.unlink(missing_ok=True)


def _record(one: Plan) -> Path:
    """Note a run that begins, for `memlib status`; the note of a killed run stays."""
    path = _note_of(one)
    files.write_text(path, one.settings.model_dump_json())
    return path


def _note_of(one: Plan) -> Path:
    return files.results_dir() / "begun" / f"{one.path.stem}.json"


def _run_here(
    pieces: Sequence[Sequence[Training | NullBlock]], n_jobs: int, *, threads: bool = False
) -> None:
    results = str(files.results_dir().resolve())
    if pieces:
        n_jobs = min(n_jobs, len(pieces))
        with warnings.catch_warnings():
            # joblib warns when it replaces a worker that idled too long; nothing is lost.
            warnings.filterwarnings("ignore", "A worker stopped while some jobs were given")
            parallel = Parallel(
                n_jobs=n_jobs, **({"backend": "threading"} if threads else {"batch_size": 1})
            )
            parallel(delayed(compute_pieces)(one, results) for one in pieces)
