"""Torch modules: evaluated, and left as they were found."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from memlib.base.errors import InputError
from memlib.base.random_state import random_numbers_kept


def unwrapped(network: nn.Module) -> nn.Module:
    """Return the module within a parallel wrapper, whose copies no hook would see.

    Raises
    ------
    InputError
        When it is a script, whose layers cannot be read.
    """
    if isinstance(network, nn.DataParallel | nn.parallel.DistributedDataParallel):
        network = network.module
    if isinstance(network, torch.jit.ScriptModule):
        raise InputError(
            "the network is a ScriptModule, whose layers cannot be read: give the module it was "
            "made from, or take the features from it yourself"
        )
    return network


@contextmanager
def as_found(network: nn.Module) -> Iterator[None]:
    """Evaluate without gradients, and leave all as it was: training flags, buffers, random numbers.

    Parts of a network may have been frozen, each has its own flag; ``forward`` may write buffers.
    """
    training = {part: part.training for part in network.modules()}
    buffers = [
        (part, name, value, value.clone())
        for part in training
        for name, value in part._buffers.items()
        if value is not None
    ]
    network.eval()
    try:
        with random_numbers_kept(), torch.no_grad():
            yield
    finally:
        for part, flag in training.items():
            part.training = flag
        with torch.no_grad():
            for part, name, value, kept in buffers:
                part._buffers[name] = value.copy_(kept) if not torch.equal(value, kept) else value
