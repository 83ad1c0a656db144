"""Pick the fastest training step for a network."""

import re
from typing import Any

import torch
from torch import nn

from memlib.base.errors import InputError
from memlib.training.devices import choose_device
from memlib.training.fast.convolution import fused_layers
from memlib.training.fast.dense import DenseStep
from memlib.training.layers import HIGHEST_DROPOUT
from memlib.training.networks import Noise
from memlib.training.steps import Step


def make_step(network: nn.Sequential, *, device: str = "cpu", **choices: Any) -> Step:
    """Return the fastest step for a network of `memlib.training.networks`.

    Parameters
    ----------
    network
        As for `Step`, and trained in place.
    device
        ``"cpu"``, ``"cuda"`` or ``"auto"``, see `memlib.training.devices.choose_device`.
    choices
        The other parameters of `Step`: `optimizer`, `learning_rate`, `momentum`, `weight_decay`,
        `loss`, `precision`, and rmsProp's `decay` and `epsilon`.

    Raises
    ------
    InputError
        When the network is no flat stack of layers, has dropout or noise that no seed of ours
        would reach, or weights that are not to be trained; for a device that is not there, an
        unknown name or a number out of its range.
    """
    check_network(network)
    device = choose_device(device)
    if device != "cpu":
        from memlib.training.fast.cuda_graph import GraphStep

        return GraphStep(network, device=device, **choices)
    if _is_dense_stack(network):
        return DenseStep(network, **choices)
    network.to(memory_format=torch.channels_last)
    if choices.get("precision") == "bfloat16":  # the fused convolution is float32
        return Step(network, **choices)
    return Step(network, layers=fused_layers(network), **choices)


def check_network(network: nn.Sequential) -> None:
    """Refuse a network that would be trained otherwise than it says."""
    if not isinstance(network, nn.Sequential):
        raise InputError(f"the network is a {type(network).__name__}: take an nn.Sequential")
    for name, part in network.named_modules():
        own = type(part) in (nn.Dropout, Noise) and "." not in name
        if isinstance(part, nn.modules.dropout._DropoutNd | Noise) and not own:
            raise InputError(
                f"layer {name} is {type(part).__name__}: a run that goes on equals one that never "
                "stopped only with nn.Dropout or Noise, as layers of the outermost nn.Sequential"
            )
        if isinstance(part, nn.Dropout) and part.p >= HIGHEST_DROPOUT:
            raise InputError(f"layer {name} has rate {part.p}: take a dropout of up to 255/256")
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            raise InputError(f"parameter {name} does not require a gradient: all are trained here")


def _is_dense_stack(network: nn.Sequential) -> bool:
    """Whether `DenseStep` knows this order: dense, ReLU, perhaps dropout, again and again."""
    letters = {nn.Flatten: "f", nn.Linear: "l", nn.ReLU: "r", nn.Dropout: "d"}
    order = "".join(letters.get(type(layer), "?") for layer in network)
    biased = all(layer.bias is not None for layer in network if isinstance(layer, nn.Linear))
    return biased and re.fullmatch("f?(lrd?)*l", order) is not None
