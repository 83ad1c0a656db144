"""Gradients of a network at one moment: of its inputs, its weights and its layers (section 2).

L is the loss of one example, the cross-entropy of the softmax (that of a batch's mean would be
smaller by the size of the batch). Dropout is off and batch normalization uses its running values,
so that an example's gradient does not depend on the others; no weight and no buffer is changed.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.functional import cross_entropy

BATCH = 512  # images propagated at once; no result depends on it


@contextmanager
def evaluating(*networks: nn.Module) -> Iterator[None]:
    """Put networks into evaluation mode, and each of their parts back into its own afterwards."""
    training = {part: part.training for network in networks for part in network.modules()}
    try:
        for network in networks:
            network.eval()
        yield
    finally:
        for part, flag in training.items():
            part.training = flag


def compute_input_gradients(
    network: nn.Module, images: np.ndarray, labels: np.ndarray, *, batch_size: int = BATCH
) -> np.ndarray:
    """Return how the loss L of each example changes with each pixel, dL/dx.

    Parameters
    ----------
    network
        Gives a logit a class.
    images, labels
        (sample, ...) as the network takes them, and the labels that it is trained on (sample,).

    Returns
    -------
    numpy.ndarray
        The shape and precision of `images`.
    """
    found = []
    with evaluating(network):
        for x, y in _batches(network, images, labels, batch_size):
            x.requires_grad_()
            # A sum: each example keeps its own gradient.
            loss = cross_entropy(network(x), y, reduction="sum")
            found.append(torch.autograd.grad(loss, x)[0].cpu())
    return torch.cat(found).numpy()


def measure_gradient_magnitude(
    network: nn.Module, images: np.ndarray, labels: np.ndarray, *, batch_size: int = BATCH
) -> xr.Dataset:
    """Measure the gradient magnitude G: the mean over examples of sum_j abs(dL/dx_j).

    With pixels from -1 to 1 it is half of what the same function has with pixels from 0 to 1.

    Returns
    -------
    xarray.Dataset
        Scalar ``gradient_magnitude``.
    """
    gradients = compute_input_gradients(network, images, labels, batch_size=batch_size)
    per_example = abs(gradients).sum(tuple(range(1, gradients.ndim)), dtype=float)  # G(x)
    return xr.Dataset({"gradient_magnitude": per_example.mean()})


def coherence(gradients: np.ndarray) -> float:
    """Return how far gradients agree: mean inner product of two, over the mean squared norm.

    1 when all are alike, 0 when they are orthogonal (or when all are 0), -1/(n - 1) at least,
    when their sum is 0. Unbiased: no gradient is paired with itself.

    Parameters
    ----------
    gradients
        (example, parameter), of two examples or more.
    """
    return _coherence(gradients.sum(0), float((gradients**2).sum()), len(gradients))


def _coherence(total: np.ndarray, squares: float, n_examples: int) -> float:
    """Of the sum of gradients, the sum of their squared norms and their number."""
    if squares == 0:
        return 0.0
    products = float(total @ total) - squares  # of all pairs of two different examples
    return products / (n_examples - 1) / squares


def measure_gradient_agreement(
    network: nn.Module, images: np.ndarray, labels: np.ndarray, *, batch_size: int = 64
) -> xr.Dataset:
    """Measure the size and agreement of the examples' gradients by the parameters.

    Parameters
    ----------
    network, images, labels
        As for `compute_input_gradients`; 64 examples or more, better 256.
    batch_size
        Examples whose gradients are held at once.

    Returns
    -------
    xarray.Dataset
        Scalars ``coherence``, see the function of that name, and ``parameter_gradient_norm``, the
        mean over examples of the Euclidean norm over all parameters.
    """
    weights = {name: p.detach() for name, p in network.named_parameters()}
    buffers = dict(network.named_buffers())

    def loss(weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        logits = functional_call(network, (weights, buffers), (x[None],))
        return cross_entropy(logits, y[None])

    one_each = vmap(grad(loss), in_dims=(None, 0, 0))
    total = {
        name: torch.zeros_like(weight, dtype=torch.float64) for name, weight in weights.items()
    }
    norms = []
    with evaluating(network):
        for x, y in _batches(network, images, labels, batch_size):
            squares = torch.zeros(len(x), dtype=torch.float64, device=x.device)
            for name, gradient in one_each(weights, x, y).items():  # (example, *weight's shape)
                total[name] += gradient.sum(0)
                squares += gradient.flatten(1).pow(2).sum(1)
            norms.append(squares.sqrt().cpu())
    norm = torch.cat(norms).numpy()
    summed = torch.cat([one.flatten() for one in total.values()]).cpu().numpy()
    return xr.Dataset(
        {
            "coherence": _coherence(summed, float((norm**2).sum()), len(images)),
            "parameter_gradient_norm": norm.mean(),
        }
    )


def measure_layer_gradients(
    network: nn.Module, images: np.ndarray, labels: np.ndarray, *, batch_size: int = BATCH
) -> xr.Dataset:
    """Measure what backpropagation brings to each layer, from the images to the logits.

    The paper defines no such quantity ("gradients become smaller and smaller when propagated back
    to the input layer"). Ours: the mean over examples of the Euclidean norm of dL/da, where a is
    what a layer with weights gives, before batch normalization and ReLU.

    Returns
    -------
    xarray.Dataset
        ``layer_gradient_norm`` (layer,): layer 0 is the image, the last one the logits.
    """
    weighted = [part for part in network.modules() if isinstance(part, nn.Linear | nn.Conv2d)]
    given: list[Tensor] = []
    handles = [
        part.register_forward_hook(lambda _, __, output: given.append(output)) for part in weighted
    ]
    norms = np.zeros(1 + len(weighted))
    try:
        with evaluating(network):
            for x, y in _batches(network, images, labels, batch_size):
                given.clear()
                x.requires_grad_()
                loss = cross_entropy(network(x), y, reduction="sum")
                for layer, gradient in enumerate(torch.autograd.grad(loss, [x, *given])):
                    norms[layer] += float(gradient.flatten(1).norm(dim=1).sum())
    finally:
        for handle in handles:
            handle.remove()
    return xr.Dataset(
        {"layer_gradient_norm": ("layer", norms / len(images))},
        coords={"layer": np.arange(len(norms))},
    )


def _batches(
    network: nn.Module, images: np.ndarray, labels: np.ndarray, batch_size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield images and labels where the network is, in copies of their own."""
    weight = next(network.parameters())
    for start in range(0, len(images), batch_size):
        x = torch.tensor(images[start : start + batch_size], device=weight.device)
        yield x, torch.tensor(labels[start : start + batch_size], device=weight.device)
