"""Many calls beside each other in threads, and a bar that shows the time left."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from numbers import Integral
from typing import Any, TypeVar

from memlib.base.errors import InputError

T = TypeVar("T")
BAR_FORMAT = "{desc}: {percentage:3.0f}% |{bar}| {elapsed} passed, {remaining} left"
PATIENCE = 3.0  # seconds without a bar: short work shows none


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
