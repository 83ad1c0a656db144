"""How far a run has come: the share of its estimated work that is stored, and a bar that shows it.

Both read the disk, so it does not matter which process, here or elsewhere, does the work.
"""

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tqdm import tqdm

from memlib import costs
from memlib.null_piece import NullBlock
from memlib.training_piece import Training


class Progress:
    """Measures pieces that are missing now against what is stored of them later."""

    def __init__(self, trainings: Sequence[Training], nulls: Sequence[NullBlock]) -> None:
        self._trainings = {
            one: (costs.training_seconds(one), one.epochs_done()) for one in trainings
        }
        self._waiting = {null: costs.null_seconds(null) for null in nulls}
        self._finished = 0.0
        self._total = sum(cost for cost, _ in self._trainings.values())
        self._total += sum(self._waiting.values())

    def share(self) -> float:
        """Return how much of the estimated work has been done since, from 0 to 1."""
        part = 0.0
        for training, (cost, begun_at) in self._trainings.items():
            passed = (training.epochs_done() - begun_at) / max(training.epochs[-1] - begun_at, 1)
            # Below 0 at first after a kill: the checkpoint lies behind what was last shown.
            part += cost * min(max(passed, 0.0), 1.0)
        for null in [one for one in self._waiting if one.path.is_file() and one.is_stored()]:
            self._finished += self._waiting.pop(null)
        return (part + self._finished) / self._total if self._total else 1.0


@contextmanager
def progress_bar(
    trainings: Sequence[Training], nulls: Sequence[NullBlock], *, shown: bool
) -> Iterator[None]:
    """Show the share of the work that is stored, and the time left, while the body runs."""
    progress, stop = Progress(trainings, nulls), threading.Event()
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
            bar.n = round(100 * progress.share(), 1)
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
