"""Carry pieces out in a process: one after the other, on one thread each."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from memlib.base import files
from memlib.papers.chaibub_neto_2018.null_pieces import NullBlock
from memlib.runs.trainings import Training


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
    if files.results_dir().resolve() != Path(results):  # it is in the caller's own process
        os.environ["MEMLIB_RESULTS"] = results
    for piece in pieces:
        single_threaded(piece.compute)
