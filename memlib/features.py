"""Learned features: what the last hidden layer gives for each image (section 4, step iii)."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from memlib.errors import InputError


def output_layer(network: nn.Module) -> nn.Module:
    """Return the network's last linear layer, whose inputs are the learned features.

    Raises
    ------
    InputError
        When the network has no linear layer: name the layer yourself.
    """
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise InputError("the network has no nn.Linear: name the output layer with `layer`")
    return linear[-1]


FEATURE_LAYERS = ("last_hidden", "first_hidden", "pixels")


def features_of(network: nn.Module, images: np.ndarray, layer: str = "last_hidden") -> np.ndarray:
    """Return the features of images that one of `FEATURE_LAYERS` gives.

    Parameters
    ----------
    network
        Layers in order, each with weights an ``nn.Linear`` or ``nn.Conv2d``.
    images
        float32 (sample, row, column).
    layer
        ``"last_hidden"`` (the paper's), ``"first_hidden"`` or ``"pixels"``, the images themselves.

    Raises
    ------
    InputError
        For another layer.
    """
    if layer not in FEATURE_LAYERS:
        raise InputError(f"feature_layer = {layer!r}: take one of {', '.join(FEATURE_LAYERS)}")
    if layer == "pixels":
        return images.reshape(len(images), -1)
    if layer == "last_hidden":
        return extract_learned_features(network, images)
    weighted = [n for n, m in network.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    return extract_learned_features(network, images, layer=weighted[1])


def extract_learned_features(
    network: nn.Module,
    images: np.ndarray,
    *,
    layer: str | None = None,
    batch_size: int = 100,
    device: str | torch.device | None = None,
) -> np.ndarray:
    """Propagate images and return what enters the output layer, dropout off.

    Parameters
    ----------
    network
        Any torch module that takes a batch of images.
    images
        (sample, ...), as the network takes them; floats are brought to the network's precision.
    layer
        Name of the module whose inputs are the features (as in ``network.named_modules()``); the
        last ``nn.Linear`` when None.
    batch_size
        Images propagated at once: few, so that a CNN's activations stay in the processor's cache.
    device
        Where; that of the network's parameters when None.

    Returns
    -------
    numpy.ndarray
        float32 (sample, feature), 16 features in every network of the paper.

    Raises
    ------
    InputError
        When there is no such layer, or it never ran.
    """
    named = dict(network.named_modules())
    if layer is not None and layer not in named:
        raise InputError(f"layer = {layer!r}: the network has {', '.join(filter(None, named))}")
    module = output_layer(network) if layer is None else named[layer]
    seen: list[np.ndarray] = []

    def keep(_module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        seen.append(inputs[0].flatten(1).float().cpu().numpy())

    training = {part: part.training for part in network.modules()}
    handle = module.register_forward_pre_hook(keep)
    try:
        network.eval()
        with torch.no_grad():
            for batch in _batches(network, images, batch_size, device):
                network(batch)
    finally:
        handle.remove()
        _restore(training)
    if not len(images):
        raise InputError("there are no images to propagate")
    if not seen:
        raise InputError(f"layer = {layer!r} never ran on the images")
    features = np.concatenate(seen)
    if len(features) != len(images):
        raise InputError(f"layer = {layer!r} ran {len(features)} times for {len(images)} images")
    return features


def _restore(training: dict[nn.Module, bool]) -> None:
    """Set each module's own training flag: parts of a network may have been frozen."""
    for module, flag in training.items():
        module.training = flag


def predict_logits(network: nn.Module, images: np.ndarray, *, batch_size: int = 100) -> np.ndarray:
    """Return the network's outputs before the sigmoid, float32 (sample, class), dropout off."""
    training = {part: part.training for part in network.modules()}
    network.eval()
    try:
        with torch.no_grad():
            logits = [network(batch).cpu() for batch in _batches(network, images, batch_size)]
    finally:
        _restore(training)
    return torch.cat(logits).float().numpy()


def _batches(
    network: nn.Module,
    images: np.ndarray,
    batch_size: int,
    device: str | torch.device | None = None,
) -> Iterator[torch.Tensor]:
    """Yield images where the network is; floats in its precision, whole numbers as they are."""
    images = np.asarray(images)
    weight = next((p for p in network.parameters() if p.is_floating_point()), torch.empty(0))
    for start in range(0, len(images), batch_size):
        batch = torch.from_numpy(images[start : start + batch_size])
        dtype = weight.dtype if batch.is_floating_point() else None
        yield batch.to(device or weight.device, dtype)
