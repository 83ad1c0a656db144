"""Many calls beside each other in threads or processes, and a bar that shows the time left."""

import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from numbers import Integral
from typing import Any, TypeVar

from memlib.base.errors import InputError

T = TypeVar("T")
BAR_FORMAT = "{desc}: {percentage:3.0f}% |{bar}| {elapsed} passed, {remaining} left"
PATIENCE = 3.0  # seconds without a bar: short work shows none
PARENT_SECONDS = 1.0  # between looks at whether the process that gave us work is still there
_parents: set[int] = set()


def n_workers(n_jobs: int | None = None) -> int:
    """Return how many processes or threads to take: `n_jobs`, or the cores we may use.

    These may be fewer than the machine has: a container or a batch system grants a share.

    Raises
    ------
    InputError
        When `n_jobs` is neither None nor a whole number of at least 1.
    """
    if n_jobs is not None:
        if not isinstance(n_jobs, Integral) or isinstance(n_jobs, bool) or n_jobs < 1:
            raise InputError(
                f"n_jobs = {n_jobs!r}: take a whole number, 1 or more, or None for all cores"
            )
        return int(n_jobs)
    from joblib import cpu_count

    return int(cpu_count())


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch and the linear algebra libraries to one thread.

    One process a core is faster so, and sums keep their order.
    """
    import torch
    from threadpoolctl import threadpool_limits

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


def refresh_seconds() -> float:
    """Return how often to draw a bar: in a log, where each drawing is a line, only now and then."""
    return 1.0 if sys.stderr.isatty() or "ipykernel" in sys.modules else 20.0


def with_bar(items: Iterable[T], title: str, total: int, *, shown: bool) -> Iterator[T]:
    """Yield `items`, `total` of them, and show a bar when this takes longer than a few seconds."""
    from tqdm import tqdm

    yield from tqdm(
        items,
        title,
        total,
        leave=False,
        delay=PATIENCE,
        mininterval=refresh_seconds(),
        disable=not shown,
        bar_format=BAR_FORMAT,
    )


def in_threads(
    function: Callable[..., T],
    calls: Sequence[tuple[Any, ...]],
    *,
    n_jobs: int | None = 1,
    progress: bool = False,
    title: str = "",
) -> Iterator[T]:
    """Yield ``function(*call)`` for each of `calls`, in their order.

    Parameters
    ----------
    n_jobs
        Threads, see `n_workers`; ``joblib.parallel_config`` puts processes in their place.
    progress, title
        Whether to show a bar, as `with_bar` does, and its title.
    """
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=n_workers(n_jobs), prefer="threads", return_as="generator")
    results = parallel(delayed(function)(*call) for call in calls)
    yield from with_bar(results, title, len(calls), shown=progress)


def in_processes(
    function: Callable[..., T],
    calls: Sequence[tuple[Any, ...]],
    *,
    n_jobs: int,
    is_done: Callable[..., bool] | None = None,
) -> list[T]:
    """Return ``function(*call)`` for each of `calls`, in their order, computed in processes.

    When a process is ended from outside, often for lack of memory, this says so in one line on
    stderr and goes on with one process fewer, the last time in our own. Processes end soon after
    ours has ended, however it did.

    Parameters
    ----------
    function
        Gives the same when it is called again: calls that a lost process was at are.
    n_jobs
        Processes; 1 computes in ours.
    is_done
        Whether a call need not be made again after a process was lost; its result is then left out.
    """
    from joblib import Parallel, delayed
    from tqdm import tqdm

    n_jobs = max(min(n_jobs, len(calls)), 1)
    while calls:
        try:
            with warnings.catch_warnings():
                # joblib warns when it replaces a worker that idled too long; nothing is lost.
                warnings.filterwarnings("ignore", "A worker stopped while some jobs were given")
                parallel = Parallel(n_jobs=n_jobs, batch_size=1)
                return list(parallel(delayed(_below)(os.getpid(), function, *c) for c in calls))
        except BrokenExecutor:
            n_jobs -= 1
            going = "process goes" if n_jobs == 1 else "processes go"
            tqdm.write(
                "memlib: a worker process was ended, often for lack of memory: try fewer --jobs. "
                f"Finished pieces are kept, {n_jobs} {going} on",
                file=sys.stderr,
            )
            calls = [call for call in calls if is_done is None or not is_done(*call)]
    return []


def _below(parent: int, function: Callable[..., T], *call: Any) -> T:
    """Call a function in a process that ends when its parent has."""
    end_with(parent)
    return function(*call)


def end_with(parent: int) -> None:
    """End this process soon after its parent has ended; nothing happens in any other's child."""
    if parent != os.getppid() or parent in _parents:
        return
    _parents.add(parent)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_SECONDS)
        os._exit(1)  # files are written whole or not at all

    threading.Thread(target=watch, daemon=True).start()
