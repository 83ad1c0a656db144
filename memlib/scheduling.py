"""Compute the missing pieces of runs in parallel processes, here or on a cluster."""

import asyncio
import logging
import os
import socket
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed

from memlib import costs, store
from memlib.devices import choose_device
from memlib.errors import InputError, MemlibError, ResultError
from memlib.null_piece import NullBlock
from memlib.plan import Plan
from memlib.progress import progress_bar
from memlib.training_piece import Training
from memlib.version import installed_version

SCHEDULER_SECONDS = 10.0  # a scheduler that is there answers at once
WORKER_SECONDS = 24 * 3600.0  # the first job of a cluster may wait in its queue for most of a day
# What carries a piece out; it is in no key, for with one checkout it is the same for all.
PIECE_CODE = ("architectures", "compiled", "figures", "null_piece", "store", "training_piece")
PIECE_PACKAGES = ("numpy", "numba")


def single_threaded(work: Callable[[], None]) -> None:
    """Run a piece on one thread: one process a core is faster, and sums keep their order."""
    import torch
    from threadpoolctl import threadpool_limits

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            work()
    finally:
        torch.set_num_threads(threads)


def compute_pieces(pieces: Sequence[Training | NullBlock], results: str) -> None:
    """Compute what is missing of pieces that share a folder or file; what a process is given.

    Parameters
    ----------
    pieces
        Computed one after the other.
    results
        Results folder; a worker of a cluster does not inherit our environment.
    """
    os.environ["MEMLIB_RESULTS"] = results
    for piece in pieces:
        single_threaded(piece.compute)


def compute_elsewhere(
    pieces: Sequence[Training | NullBlock], results: str, asked: Sequence[dict[str, Any]]
) -> None:
    """Compute pieces on a worker of a cluster, unless it would compute something else.

    Parameters
    ----------
    pieces, results
        See `compute_pieces`.
    asked
        What each piece depends on where the run was begun: code, versions, data, device.

    Raises
    ------
    ResultError
        When this machine has other code, versions or data: its results would bear a wrong name.
    InputError
        When it has not the device on which a network is to be trained.
    DataError
        When it has not the data.
    """
    worker, own = f"the worker on {socket.gethostname()}", []
    for piece, wanted in zip(pieces, asked, strict=True):
        fresh = _afresh(piece, wanted["device"])
        try:
            if isinstance(fresh, Training):  # to measure a network takes no GPU
                choose_device(wanted["device"])
            found = _depends_on(fresh)
        except MemlibError as error:
            raise type(error)(f"{worker}: {error}") from error
        for name in wanted | found:
            there, here = found.get(name), wanted.get(name)
            if there != here:
                raise ResultError(
                    f"{worker} would compute something else: {name} is {there!r} there and "
                    f"{here!r} where the run was begun; install the same there, and start it again"
                )
        own.append(fresh)
    compute_pieces(own, results)


def _afresh(piece: Training | NullBlock, device: str) -> Training | NullBlock:
    """Return a piece for a device without what was sent along: the keys that its sender gave it."""
    if isinstance(piece, Training):
        return replace(piece, device=device)
    return replace(piece, training=replace(piece.training, device=device))


def _depends_on(piece: Training | NullBlock) -> dict[str, Any]:
    """Return all that a piece depends on, with that of its network."""
    about = {name: installed_version(name) for name in PIECE_PACKAGES}
    about["code of pieces"] = store.code_digest(PIECE_CODE)
    if isinstance(piece, Training):
        return about | piece.spec
    own = {f"{name} of the null": value for name, value in piece.spec.items()}
    return about | piece.training.spec | own


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
        Processes; as many as cores when None. Results do not depend on it.
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
    store.require_writable(store.results_dir())
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
    n_jobs = n_jobs or os.cpu_count() or 1
    ordered = sorted(
        (list(same.values()) for same in trainings.values()),
        key=lambda same: sum(map(costs.training_seconds, same)),
        reverse=True,
    )
    blocks = [list(same.values()) for same in nulls.values()]
    with (
        _cluster(scheduler) as client,
        progress_bar(list(chain(*ordered)), list(chain(*blocks)), shown=progress),
    ):
        begun = [_record(one) for one in plans]
        if client is not None:
            for pieces in (ordered, blocks):
                _run_on_cluster(client, pieces)
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
    store.write_text(path, one.settings.model_dump_json())
    return path


def _note_of(one: Plan) -> Path:
    return store.results_dir() / "begun" / f"{one.path.stem}.json"


@contextmanager
def _cluster(scheduler: str | None) -> Iterator[Any]:
    """Connect to a Dask scheduler, if there is one, and wait for its first worker."""
    if scheduler is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError:
        raise InputError(
            "--scheduler needs Dask: install it with `pip install distributed`"
        ) from None
    try:
        with ThreadPoolExecutor(1) as thread:  # a notebook has a loop of its own in ours
            thread.submit(asyncio.run, _reach(scheduler)).result()
    except Exception as error:  # another kind of server may answer anything
        known = isinstance(error, OSError | ValueError) and str(error)
        raise InputError(
            f"no Dask scheduler answers at {scheduler}: {known or 'what is there is none'}; "
            "its address is tcp://HOST:PORT, as `dask scheduler` prints it"
        ) from error
    client = Client(scheduler, timeout=SCHEDULER_SECONDS, set_as_default=False)
    with _silent("distributed.client"), client:
        try:
            client.wait_for_workers(1, timeout=WORKER_SECONDS)
        except TimeoutError:
            raise InputError(
                f"no worker has joined the Dask scheduler at {scheduler} within "
                f"{costs.duration(WORKER_SECONDS)}: start some with `dask worker {scheduler}`"
            ) from None
        yield client


async def _reach(scheduler: str) -> None:
    """Shake hands with a scheduler: a client itself may wait for ever for one that is none."""
    from distributed.comm import connect

    comm = await asyncio.wait_for(
        connect(scheduler, timeout=SCHEDULER_SECONDS), SCHEDULER_SECONDS + 1
    )
    await comm.close()


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """Keep a logger from writing the tracebacks of what we say in one line."""
    log = logging.getLogger(name)
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(level)


def _run_on_cluster(client: Any, pieces: Sequence[Sequence[Training | NullBlock]]) -> None:
    """Give pieces to workers in this order, to those, too, that join later; raise the first error.

    What a worker is at when another piece fails, or we are interrupted, it brings to its end.
    """
    from concurrent.futures import CancelledError

    from distributed import KilledWorker, as_completed

    results = str(store.results_dir().resolve())
    futures = [
        client.submit(
            compute_elsewhere,
            one,
            results,
            [_depends_on(piece) for piece in one],
            pure=False,
            priority=-row,
        )
        for row, one in enumerate(pieces)
    ]
    try:
        for future in as_completed(futures, loop=client.loop):
            future.result()
            future.release()  # else it is done again when the worker that did it is lost
    except KilledWorker as error:
        raise ResultError(
            f"workers that died over one piece: {1 + error.allowed_failures}; have they memory "
            f"enough, {costs.PROCESS_GIB} GiB each? What is stored is kept"
        ) from error
    except CancelledError as error:
        raise ResultError(
            "the Dask scheduler was lost: the same command with another goes on from what is stored"
        ) from error


def _run_here(
    pieces: Sequence[Sequence[Training | NullBlock]], n_jobs: int, *, threads: bool = False
) -> None:
    results = str(store.results_dir().resolve())
    if pieces:
        n_jobs = min(n_jobs, len(pieces))
        with warnings.catch_warnings():
            # joblib warns when it replaces a worker that idled too long; nothing is lost.
            warnings.filterwarnings("ignore", "A worker stopped while some jobs were given")
            parallel = Parallel(
                n_jobs=n_jobs, **({"backend": "threading"} if threads else {"batch_size": 1})
            )
            parallel(delayed(compute_pieces)(one, results) for one in pieces)
