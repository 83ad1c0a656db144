"""Pick the fastest training step for a network."""

import re
from typing import Any

import torch
from torch import nn

from memlib.base.errors import InputError
from memlib.training.fast.convolution import fused_layers
from memlib.training.fast.dense import DenseStep
from memlib.training.steps import Step


def make_step(network: nn.Sequential, *, device: str = "cpu", **choices: Any) -> Step:
    """Return the fastest step for a network of `memlib.training.networks`.

    Parameters
    ----------
    network
        As for `Step`, and trained in place.
    device
        ``"cpu"`` or ``"cuda"``, see `memlib.training.devices`.
    choices
        The other parameters of `Step`.

    Raises
    ------
    InputError
        When the network is no flat stack of layers, has dropout that no seed of ours would reach,
        or weights that are not to be trained.
    """
    _check_network(network)
    if device != "cpu":
        from memlib.training.fast.cuda_graph import GraphStep

        return GraphStep(network, device=device, **choices)
    if _is_dense_stack(network):
        return DenseStep(network, **choices)
    network.to(memory_format=torch.channels_last)
    if choices.get("precision") == "bfloat16":  # the fused convolution is float32
        return Step(network, **choices)
    return Step(network, layers=fused_layers(network), **choices)


def _check_network(network: nn.Sequential) -> None:
    if not isinstance(network, nn.Sequential):
        raise InputError(f"the network is a {type(network).__name__}: take an nn.Sequential")
    for name, part in network.named_modules():
        own = type(part) is nn.Dropout and "." not in name
        if isinstance(part, nn.modules.dropout._DropoutNd) and not own:
            raise InputError(
                f"layer {name} is {type(part).__name__}: a run that goes on equals one that never "
                "stopped only with nn.Dropout, as a layer of the outermost nn.Sequential"
            )
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            raise InputError(f"parameter {name} does not require a gradient: all are trained here")


def _is_dense_stack(network: nn.Sequential) -> bool:
    """Whether `DenseStep` knows this order: dense, ReLU, perhaps dropout, again and again."""
    letters = {nn.Flatten: "f", nn.Linear: "l", nn.ReLU: "r", nn.Dropout: "d"}
    order = "".join(letters.get(type(layer), "?") for layer in network)
    biased = all(layer.bias is not None for layer in network if isinstance(layer, nn.Linear))
    return biased and re.fullmatch("f?(lrd?)*l", order) is not None
