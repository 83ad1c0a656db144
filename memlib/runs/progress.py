"""How far a run has come: the share of its estimated work that is stored, and a bar that shows it.

Both read the disk, so it does not matter which process, here or elsewhere, does the work.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from tqdm import tqdm

from memlib.base.errors import MemlibError
from memlib.base.parallel import BAR_FORMAT, refresh_seconds
from memlib.runs.pieces import Piece

TELLING_SHARE, TELLING_SECONDS = 0.1, 60.0  # of estimated work: before, no time left is shown
LOOKING = 50  # a look at the disk is this many times as far from the next as it took


class Progress:
    """Measures pieces that are missing now against what is stored of them later."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._waiting = {one: (one.seconds_left(), one.share_done()) for one in pieces}
        self._finished = 0.0
        self._total = sum(cost for cost, _ in self._waiting.values())

    def share(self) -> float:
        """Return how much of the estimated work has been done since, from 0 to 1."""
        part = 0.0
        for piece, (cost, begun_at) in list(self._waiting.items()):
            done = piece.share_done()
            if done >= 1.0:
                self._finished += self._waiting.pop(piece)[0]
            else:  # below 0 at first after a kill: the checkpoint lies behind what was shown last
                part += cost * max((done - begun_at) / (1 - begun_at), 0.0)
        return (part + self._finished) / self._total if self._total else 1.0

    def tells_time(self, share: float) -> bool:
        """Whether enough is done to tell the time left: at first processes load and compile."""
        return share >= TELLING_SHARE or share * self._total >= TELLING_SECONDS


@contextmanager
def progress_bar(pieces: Sequence[Piece], *, shown: bool) -> Iterator[None]:
    """Show the share of the work that is stored, and the time left, while the body runs."""
    progress, stop = Progress(pieces), threading.Event()
    interval = refresh_seconds()
    counts: dict[str, int] = {}
    for piece in pieces:
        counts[piece.kind] = counts.get(piece.kind, 0) + 1
    bar = tqdm(
        total=100.0,
        mininterval=interval,
        **({} if shown else {"disable": True}),
        desc=", ".join(f"{n} {kind}" for kind, n in counts.items()),
        bar_format=BAR_FORMAT,
    )

    def watch() -> None:
        look_at = 0.0
        while not stop.wait(interval):
            begun = time.monotonic()
            if begun >= look_at:
                with suppress(MemlibError):  # of a damaged piece: the process that needs it says so
                    share = progress.share()
                    bar.n = round(100 * share, 1) if progress.tells_time(share) else 0.0
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
