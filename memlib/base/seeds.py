"""Named random streams: every purpose has its own, all grown from one base seed.

A stream depends on the base seed and on its name and indices alone, never on what was drawn
before it or on which process draws. So results do not depend on the number of workers, a run can
go on at any epoch without a stored generator state, and two runs that differ in one choice share
everything else (the same images, the same batches, the same shuffled labels).
"""

import hashlib
from numbers import Integral

import numpy as np

from memlib.base.errors import InputError


def seed_sequence(base_seed: int, purpose: str, *indices: int) -> np.random.SeedSequence:
    """Return the seed sequence of one purpose.

    Parameters
    ----------
    base_seed
        The run's seed, 0 or more.
    purpose
        What the stream is for, for example ``"weights"`` or ``"batches"``.
    indices
        Which one of that purpose: layer, epoch, permutation and so on, each 0 or more.

    Raises
    ------
    InputError
        When the seed is no whole number of 0 or more. NumPy would take None for any seed.
    """
    if not isinstance(base_seed, Integral) or isinstance(base_seed, bool) or base_seed < 0:
        raise InputError(f"seed = {base_seed!r}: take a whole number, 0 or more")
    name = int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:4], "little")
    return np.random.SeedSequence(int(base_seed), spawn_key=(name, *indices))


def stream(base_seed: int, purpose: str, *indices: int) -> np.random.Generator:
    """Return a NumPy generator for one purpose; see `seed_sequence`."""
    return np.random.Generator(np.random.PCG64(seed_sequence(base_seed, purpose, *indices)))


def stream_integer(base_seed: int, purpose: str, *indices: int) -> int:
    """Return one 63-bit integer for one purpose, to seed a generator of another library."""
    state = seed_sequence(base_seed, purpose, *indices).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))
