"""Learned features: what the last hidden layer gives for each image (section 4, step iii)."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from memlib.base.errors import InputError
from memlib.base.modules import as_found, unwrapped
from memlib.base.parallel import with_bar


def extract_learned_features(
    network: nn.Module,
    images: np.ndarray,
    *,
    layer: str | None = None,
    batch_size: int = 100,
    device: str | torch.device | None = None,
    progress: bool = False,
) -> np.ndarray:
    """Propagate images and return what enters the output layer, dropout off.

    Parameters
    ----------
    network
        Any torch module that takes a batch of images.
    images
        (sample, ...), as the network takes them; floats are brought to the network's precision.
    layer
        Name of the module whose inputs are the features (as in ``network.named_modules()``); when
        None the output layer, the last ``nn.Linear`` to run.
    batch_size
        Images propagated at once: few, so that a CNN's activations stay in the processor's cache.
    device
        Where; that of the network's parameters when None.
    progress
        Show a bar with the time left when this takes longer than a few seconds.

    Returns
    -------
    numpy.ndarray
        float32 (sample, feature), 16 features in every network of the paper.

    Raises
    ------
    InputError
        When there is no such layer, or it never ran.
    """
    if not isinstance(network, nn.Module):
        raise InputError(
            f"the network is a {type(network).__name__}, no torch module: take the features from "
            "it yourself and give them to compute_null"
        )
    if not len(images):
        raise InputError("there are no images to propagate")
    return _extract(network, images, layer, batch_size, device, progress)[0]


def output_layer(network: nn.Module, images: np.ndarray) -> str:
    """Return the name of the layer whose inputs are the features where none is named.

    That is the last ``nn.Linear`` to run on the images; arguments and errors as those of
    `extract_learned_features`.
    """
    return _extract(network, images, None, len(images), None)[1]


def _extract(
    network: nn.Module,
    images: np.ndarray,
    layer: str | None,
    batch_size: int,
    device: str | torch.device | None,
    progress: bool = False,
) -> tuple[np.ndarray, str]:
    """Return the features, and the name of the layer whose inputs they are."""
    network = unwrapped(network)
    modules = _candidates(network, layer)
    entered: list[tuple[str, torch.Tensor]] = []
    names = {module: name for name, module in modules.items()}

    def keep(module: nn.Module, args: tuple, kwargs: dict[str, torch.Tensor]) -> None:
        given = args[0] if args else next(iter(kwargs.values()))
        entered.append((names[module], given.clone()))  # what follows may work in place

    handles = [module.register_forward_pre_hook(keep, with_kwargs=True) for module in names]
    features = []
    try:
        with as_found(network):
            batches = _batches(network, images, batch_size, device)
            total = -(-len(images) // batch_size)
            for batch in with_bar(batches, f"{len(images)} images", total, shown=progress):
                entered.clear()
                _forward(network, batch, images)
                if not entered:
                    raise InputError(f"layer = {' or '.join(modules)!r} never ran on the images")
                # Of all linear layers the last to run is the output layer, however declared.
                name, last = entered[-1]
                rows = len(last) if layer is None else sum(len(one) for _, one in entered)
                if rows != len(batch):
                    raise InputError(f"layer = {name!r} ran {rows} times for {len(batch)} images")
                features.append(last.flatten(1).float().cpu().numpy())
    finally:
        for handle in handles:
            handle.remove()
    return np.concatenate(features), name


def _forward(network: nn.Module, batch: torch.Tensor, images: np.ndarray) -> None:
    try:
        network(batch)
    except (RuntimeError, TypeError, ValueError) as error:
        told = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        given = f"{np.asarray(images).dtype} {np.shape(images)}"
        raise InputError(f"the network does not take images {given}: {told}") from error


def _candidates(network: nn.Module, layer: str | None) -> dict[str, nn.Module]:
    """Return the layers, by name, of which the last to run has the features as its inputs."""
    named = dict(network.named_modules())
    if layer is not None:
        if layer not in named:
            raise InputError(f"layer = {layer!r}: the network has {', '.join(filter(None, named))}")
        return {layer: named[layer]}
    linear: dict[str, nn.Module] = {
        name: module for name, module in named.items() if isinstance(module, nn.Linear)
    }
    if not linear:
        raise InputError("the network has no nn.Linear: name the output layer with `layer`")
    return linear


def predict_logits(network: nn.Module, images: np.ndarray, *, batch_size: int = 100) -> np.ndarray:
    """Return the network's outputs before the sigmoid, float32 (sample, class), dropout off."""
    with as_found(network):
        logits = [network(batch).cpu() for batch in _batches(network, images, batch_size)]
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
        # A copy in C order and native bytes: torch takes no flipped, foreign or read-only memory.
        part = np.array(images[start : start + batch_size], images.dtype.newbyteorder("="))
        batch = torch.from_numpy(np.ascontiguousarray(part))
        dtype = weight.dtype if batch.is_floating_point() else None
        yield batch.to(device or weight.device, dtype)
