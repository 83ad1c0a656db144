"""Keep the caller's own random numbers as they are."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

_kept = ContextVar("random numbers are kept", default=False)


@contextmanager
def random_numbers_kept() -> Iterator[None]:
    """Give back torch's, NumPy's and Python's global random numbers as they were; may be nested."""
    if _kept.get():
        yield
        return
    import torch

    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    token = _kept.set(True)
    try:
        started = torch.cuda.is_initialized()  # to ask starts the driver, which takes seconds
        with torch.random.fork_rng(range(torch.cuda.device_count()) if started else []):
            yield
    finally:
        _kept.reset(token)
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
