"""The paper's networks and random images, for the tests of models and features."""

import numpy as np
from torch import nn

from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.training.networks import build_network

PANELS = "abcdef"


def network_of(panel: str, **options) -> nn.Sequential:
    return build_network(ARCHITECTURES[panel], **options)


def images_of(n: int = 12, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 28, 28), dtype=np.float32)


def weights_of(network: nn.Module) -> list[nn.Module]:
    return [m for m in network.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
