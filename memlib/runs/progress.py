"""How far a run has come: the share of its estimated work that is stored, and a bar that shows it.

Both read the disk, so it does not matter which process, here or elsewhere, does the work.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tqdm import tqdm

from memlib.base.parallel import BAR_FORMAT, refresh_seconds
from memlib.papers.chaibub_neto_2018.null_pieces import NullBlock
from memlib.runs import costs
from memlib.runs.trainings import Training

LOOKING = 50  # a look at the disk is this many times as far from the next as it took


class Progress:
    """Measures pieces that are missing now against what is stored of them later."""

    def __init__(self, trainings: Sequence[Training], nulls: Sequence[NullBlock]) -> None:
        self._trainings = {
            one: (costs.training_seconds(one), max(one.goes_on_after(), one.epochs_done()))
            for one in trainings
        }
        self._last = {one: max(one.missing_epochs(), default=0) for one in trainings}
        # A path is a digest: not to be made anew at every look.
        self._waiting = {null: (costs.null_seconds(null), null.path) for null in nulls}
        self._finished = 0.0
        self._total = sum(cost for cost, _ in self._trainings.values())
        self._total += sum(cost for cost, _ in self._waiting.values())

    def share(self) -> float:
        """Return how much of the estimated work has been done since, from 0 to 1."""
        part = 0.0
        for training, (cost, begun_at) in self._trainings.items():
            last = self._last[training]
            passed = (training.epochs_done() - begun_at) / max(last - begun_at, 1)
            # Below 0 at first after a kill: the checkpoint lies behind what was last shown.
            part += cost * min(max(passed, 0.0), 1.0)
        stored = [n for n, (_, path) in self._waiting.items() if path.is_file() and n.is_stored()]
        for null in stored:
            self._finished += self._waiting.pop(null)[0]
        return (part + self._finished) / self._total if self._total else 1.0


@contextmanager
def progress_bar(
    trainings: Sequence[Training], nulls: Sequence[NullBlock], *, shown: bool
) -> Iterator[None]:
    """Show the share of the work that is stored, and the time left, while the body runs."""
    progress, stop = Progress(trainings, nulls), threading.Event()
    interval = refresh_seconds()
    bar = tqdm(
        total=100.0,
        mininterval=interval,
        **({} if shown else {"disable": True}),
        desc=f"{len(trainings)} networks, {len(nulls)} null blocks",
        bar_format=BAR_FORMAT,
    )

    def watch() -> None:
        look_at = 0.0
        while not stop.wait(interval):
            begun = time.monotonic()
            if begun >= look_at:
                bar.n = round(100 * progress.share(), 1)
                # Thousands of files, perhaps on a slow disk, are looked at less often.
                look_at = time.monotonic() + LOOKING * (time.monotonic() - begun)
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
