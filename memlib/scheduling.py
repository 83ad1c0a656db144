"""Compute the missing pieces of runs in parallel processes, with progress and time left."""

import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from joblib import Parallel, delayed
from tqdm import tqdm

from memlib import costs, store
from memlib.null_piece import NullBlock
from memlib.plan import Plan
from memlib.training_piece import Training


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


def compute_piece(piece: Training | NullBlock) -> None:
    """Compute what is missing of a piece; the unit that workers are given."""
    single_threaded(piece.compute)


def compute(plans: Sequence[Plan], *, n_jobs: int | None = None, progress: bool = True) -> None:
    """Compute the missing pieces of several runs in parallel processes.

    Parameters
    ----------
    plans
        See `plan`; pieces that they share are computed once.
    n_jobs
        Processes; as many as cores when None. Results do not depend on it.
    progress
        Show a bar with the time left.

    Raises
    ------
    ResultError
        When the results folder cannot be written, before any work.
    """
    store.require_writable(store.results_dir())
    trainings: dict[str, Training] = {}
    nulls: dict[Path, NullBlock] = {}
    for one in plans:
        missing_trainings, missing_nulls = one.missing()
        for training in missing_trainings:
            known = trainings.get(training.key)
            if known is None or len(known.missing_epochs()) < len(training.missing_epochs()):
                trainings[training.key] = training
        for null in missing_nulls:
            known_null = nulls.get(null.path)
            if known_null is None or len(known_null.strengths) < len(null.strengths):
                nulls[null.path] = null
    if not nulls:
        return
    n_jobs = n_jobs or os.cpu_count() or 1
    ordered = sorted(trainings.values(), key=costs.training_seconds, reverse=True)
    with _progress_bar(ordered, list(nulls.values()), progress):
        for pieces in (ordered, list(nulls.values())):
            _run_pieces(pieces, n_jobs)


def _run_pieces(pieces: Sequence[Training | NullBlock], n_jobs: int) -> None:
    n_jobs = min(n_jobs, len(pieces))
    if n_jobs > 0:
        with warnings.catch_warnings():
            # joblib warns when it replaces a worker that idled too long; nothing is lost.
            warnings.filterwarnings("ignore", "A worker stopped while some jobs were given")
            Parallel(n_jobs=n_jobs, batch_size=1)(delayed(compute_piece)(one) for one in pieces)


@contextmanager
def _progress_bar(
    trainings: Sequence[Training], nulls: Sequence[NullBlock], shown: bool
) -> Iterator[None]:
    """Show how much of the estimated work is stored; reads the disk, so any worker counts."""
    weights = {one: costs.training_seconds(one) for one in trainings}
    waiting = {null: costs.null_seconds(null) for null in nulls}
    total = sum(weights.values()) + sum(waiting.values())
    base = {one: one.epochs_done() for one in trainings}
    stop = threading.Event()

    def done() -> float:
        part = 0.0
        for training, weight in weights.items():
            whole = training.epochs[-1] - base[training]
            part += weight * min(1.0, (training.epochs_done() - base[training]) / max(whole, 1))
        for null in [null for null in waiting if null.path.is_file() and null.is_stored()]:
            finished[0] += waiting.pop(null)
        return part + finished[0]

    finished = [0.0]
    # A bar that cannot be drawn over again, in a log, becomes a line now and then.
    interval = 1.0 if sys.stderr.isatty() or "ipykernel" in sys.modules else 20.0
    bar = tqdm(
        total=100.0,
        mininterval=interval,
        **({} if shown else {"disable": True}),
        desc=f"{len(trainings)} networks, {len(nulls)} null blocks",
        bar_format="{desc}: {percentage:3.0f}% |{bar}| {elapsed} passed, {remaining} left",
    )

    def watch() -> None:
        while not stop.wait(interval):
            bar.n = round(100 * done() / total, 1)
            bar.refresh()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
        bar.n = 100.0
    finally:
        stop.set()
        thread.join()
        bar.refresh()
        bar.close()
