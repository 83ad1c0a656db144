"""Workers of a Dask cluster: reach them, and have them compute what we would."""

import asyncio
import logging
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from memlib.base import files, keys
from memlib.base.errors import InputError, MemlibError, ResultError
from memlib.base.version import installed_version
from memlib.base.words import duration
from memlib.runs.costs import PROCESS_GIB
from memlib.runs.pieces import Piece, compute_pieces
from memlib.training.devices import choose_device

SCHEDULER_SECONDS = 10.0  # a scheduler that is there answers at once
WORKER_SECONDS = 24 * 3600.0  # the first job of a cluster may wait in its queue for most of a day
# What carries a piece out; it is in no key, for with one checkout it is the same for all.
PIECE_CODE = ("base", "papers", "runs")
PIECE_PACKAGES = ("numpy", "numba")


def compute_elsewhere(
    pieces: Sequence[Piece], results: str, asked: Sequence[dict[str, Any]]
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
        fresh = piece.on(wanted["device"])
        try:
            if not fresh.needs:  # to measure a network takes no GPU
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


def _depends_on(piece: Piece) -> dict[str, Any]:
    """Return all that a piece depends on, with what carries it out."""
    about = {name: installed_version(name) for name in PIECE_PACKAGES}
    return about | {"code of pieces": keys.code_digest(*PIECE_CODE)} | piece.depends_on()


@contextmanager
def connected(scheduler: str | None) -> Iterator[Any]:
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
                f"{duration(WORKER_SECONDS)}: start some with `dask worker {scheduler}`"
            ) from None
        yield client


async def _reach(scheduler: str) -> None:
    """Shake hands with a scheduler: a client itself may wait for ever for one that is none."""
    from distributed.comm import connect
    from distributed.security import Security

    own = Security().get_connection_args("client")  # certificates, where Dask's settings name some
    comm = await asyncio.wait_for(
        connect(scheduler, timeout=SCHEDULER_SECONDS, **own), SCHEDULER_SECONDS + 1
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


def run_on_cluster(client: Any, pieces: Sequence[Sequence[Piece]]) -> None:
    """Give pieces to workers in this order, to those, too, that join later; raise the first error.

    When a piece fails, or we are interrupted, workers finish the pieces they have begun.
    """
    from concurrent.futures import CancelledError

    from distributed import KilledWorker, as_completed

    results = str(files.results_dir().resolve())
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
            f"{1 + error.allowed_failures} workers died over one piece: do they have "
            f"{PROCESS_GIB} GiB of memory each? What is stored is kept"
        ) from error
    except CancelledError as error:
        raise ResultError(
            "the Dask scheduler was lost: the same command with another goes on from what is stored"
        ) from error
