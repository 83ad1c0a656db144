"""The dissection of section 3: what one network's outputs respond to, shown to other networks.

Equations 1 and 2. Images that drive an output of a network f1 are found by gradient ascent on the
input z of a generator; other networks f2 see them, and Dist is the mean divergence between what f1
and f2 say. A mean of Kullback-Leibler divergences has heavy tails: values are kept for every class
and start, beside the agreement of the two networks and the Jensen-Shannon divergence, which is
bounded.
"""

from collections.abc import Mapping

import numpy as np
import torch
import xarray as xr
from scipy.special import log_softmax
from torch import Tensor, nn

from memlib.base.errors import InputError
from memlib.base.seeds import stream
from memlib.method.features import predict_logits
from memlib.papers.gu_tresp_2019.gradients import evaluating
from memlib.training.checks import check_positive, check_whole

LEARNING_RATE, N_STEPS = 0.05, 1000  # section 4
OBJECTIVES = ("logit", "log_probability", "probability", "margin")


def draw_starts(n_classes: int, n_starts: int, n_latent: int = 100, *, seed: int = 0) -> np.ndarray:
    """Draw where ascents start, z ~ N(0, 1) with a stream of its own for each start.

    Every class starts from the same `n_starts` points (the columns of Fig. 3), and more starts
    add to fewer.

    Returns
    -------
    numpy.ndarray
        float32 (class, start, latent).
    """
    rows = [stream(seed, "ascent_start", i).standard_normal(n_latent) for i in range(n_starts)]
    return np.tile(np.array(rows, np.float32), (n_classes, 1, 1))


def maximize_activation(
    network: nn.Module,
    generator: nn.Module,
    starts: np.ndarray,
    *,
    learning_rate: float = LEARNING_RATE,
    n_steps: int = N_STEPS,
    objective: str = "logit",
    keep_norm: bool = False,
) -> np.ndarray:
    """Climb from each start towards the class's output of a network (equation 1).

    ``z <- z + learning_rate d f_j(G(z)) / dz``, plain gradient ascent, for all classes and starts
    side by side. Both networks are in evaluation mode, so no start sees another, and neither is
    changed.

    Parameters
    ----------
    network
        f1; gives a logit a class for images of the generator's scale.
    generator
        G, from (sample, latent) to images. ``nn.Identity()``, with images as starts, climbs on the
        pixels themselves.
    starts
        float (class, start, ...), see `draw_starts`; class j climbs towards output j.
    learning_rate, n_steps
        The paper's are 0.05 and 1,000.
    objective
        What f_j is, the paper does not say: ``"logit"``; ``"log_probability"`` or
        ``"probability"`` of the softmax, whose gradient vanishes where the network is sure;
        ``"margin"``, the logit less the largest other one.
    keep_norm
        Whether to bring each z back to the norm that it started with, after each step.

    Returns
    -------
    numpy.ndarray
        z* in the shape and precision of `starts`.

    Raises
    ------
    InputError
        For another objective or a number out of its range.
    """
    if objective not in OBJECTIVES:
        raise InputError(f"objective = {objective!r}: take one of {', '.join(OBJECTIVES)}")
    check_positive("learning_rate", learning_rate)
    check_whole("n_steps", n_steps, 0)
    n_classes, n_starts = starts.shape[:2]
    device = next(network.parameters()).device
    classes = torch.arange(n_classes, device=device).repeat_interleave(n_starts)
    z = torch.tensor(starts, device=device).flatten(0, 1)  # (class and start, latent)
    norm = _norm(z)
    with evaluating(network, generator):
        for _ in range(n_steps):
            z.requires_grad_()
            activation = _activation(network(generator(z)), classes, objective)
            # The sum over starts: each has the gradient of its own activation.
            (gradient,) = torch.autograd.grad(activation.sum(), z)
            z = z.detach() + learning_rate * gradient
            if keep_norm:
                z *= norm / _norm(z)
    return z.detach().cpu().numpy().reshape(starts.shape)


def _norm(z: Tensor) -> Tensor:
    return z.flatten(1).norm(dim=1).reshape(-1, *[1] * (z.ndim - 1))


def _activation(logits: Tensor, classes: Tensor, objective: str) -> Tensor:
    """Return f_j of each image and its class j, (sample,)."""
    if objective in ("log_probability", "probability"):
        logits = logits.log_softmax(1)
    own = logits.gather(1, classes[:, None])[:, 0]
    if objective == "probability":
        return own.exp()
    if objective == "margin":
        others = logits.scatter(1, classes[:, None], -torch.inf)
        return own - others.amax(1)
    return own


def generate_images(generator: nn.Module, z: np.ndarray, *, batch_size: int = 256) -> np.ndarray:
    """Return G(z) in evaluation mode: (..., latent) to float32 (..., [channel,] row, column)."""
    rows = z.reshape(-1, z.shape[-1])
    images = predict_logits(generator, rows, batch_size=batch_size)
    return images.reshape(*z.shape[:-1], *images.shape[1:])


def kl_divergence(logits: np.ndarray, other_logits: np.ndarray) -> np.ndarray:
    """Return KL(f1 to f2) of the softmax of logits over the last axis, in nats.

    ``sum_c p1 (log p1 - log p2)``, in logarithms throughout: nothing is clipped.
    """
    first, second = (log_softmax(np.asarray(x, float), -1) for x in (logits, other_logits))
    return (np.exp(first) * (first - second)).sum(-1)


def jensen_shannon_divergence(logits: np.ndarray, other_logits: np.ndarray) -> np.ndarray:
    """Return the Jensen-Shannon divergence, 0 to log 2 nats; arguments as in `kl_divergence`."""
    both = [log_softmax(np.asarray(x, float), -1) for x in (logits, other_logits)]
    middle = np.logaddexp(*both) - np.log(2)
    return sum((np.exp(one) * (one - middle)).sum(-1) for one in both) / 2


def compare_logits(logits: np.ndarray, other_logits: np.ndarray) -> dict[str, np.ndarray]:
    """Compare what two networks say of the same images.

    Parameters
    ----------
    logits, other_logits
        (..., class) of f1 and f2.

    Returns
    -------
    dict
        ``dissimilarity`` KL(f1 to f2) and ``jensen_shannon`` in nats, ``agreement`` 1 where both
        give the same class, else 0; each float64 (...).
    """
    return {
        "dissimilarity": kl_divergence(logits, other_logits),
        "agreement": (logits.argmax(-1) == other_logits.argmax(-1)).astype(float),
        "jensen_shannon": jensen_shannon_divergence(logits, other_logits),
    }


def dissect(
    network: nn.Module, partners: Mapping[str, nn.Module], images: np.ndarray
) -> xr.Dataset:
    """Show the images that drive one network's outputs to that network and to others (equation 2).

    Parameters
    ----------
    network
        f1.
    partners
        Networks f2 by name.
    images
        x*, float32 (class, start, ...): those of class j drive f1's output j.

    Returns
    -------
    xarray.Dataset
        ``dissimilarity``, ``agreement`` and ``jensen_shannon`` (partner, class, start), see
        `compare_logits`: Dist(f1, f2) is the mean of ``dissimilarity`` over starts and classes.
        ``network_hit`` (class, start): 1 where f1 gives the class that the image was made for.
    """
    n_classes, n_starts = images.shape[:2]

    def logits_of(one: nn.Module) -> np.ndarray:
        logits = predict_logits(one, images.reshape(-1, *images.shape[2:]), batch_size=256)
        return logits.reshape(n_classes, n_starts, -1)

    own = logits_of(network)
    compared = [compare_logits(own, logits_of(partner)) for partner in partners.values()]
    hit = own.argmax(-1) == np.arange(n_classes)[:, None]
    return xr.Dataset(
        {
            name: (("partner", "class", "start"), np.stack([one[name] for one in compared]))
            for name in ("dissimilarity", "agreement", "jensen_shannon")
        }
        | {"network_hit": (("class", "start"), hit.astype(float))},
        coords={
            "partner": list(partners),
            "class": np.arange(n_classes),
            "start": np.arange(n_starts),
        },
    )


def compare_on_images(
    network: nn.Module, partners: Mapping[str, nn.Module], images: np.ndarray
) -> xr.Dataset:
    """Compare networks on given images, such as those that they were trained on.

    Returns
    -------
    xarray.Dataset
        ``dissimilarity``, ``agreement`` and ``jensen_shannon`` (partner,), means over the images.
    """
    own = predict_logits(network, images)
    compared = [compare_logits(own, predict_logits(one, images)) for one in partners.values()]
    return xr.Dataset(
        {
            name: ("partner", [one[name].mean() for one in compared])
            for name in ("dissimilarity", "agreement", "jensen_shannon")
        },
        coords={"partner": list(partners)},
    )


def nearest_neighbour_agreement(
    images: np.ndarray, labels: np.ndarray, shown: np.ndarray, *, seed: int = 0
) -> float:
    """Return the share of images to which two 1-nearest-neighbour models give the same class.

    Both are built from the same training images, in two orders (stream ``neighbour_order``): all
    that could differ is which of two equally near images comes first.

    Parameters
    ----------
    images, labels
        Training images and labels.
    shown
        Images to be classified, (image, ...) in the training images' shape.
    """
    from sklearn.neighbors import KNeighborsClassifier

    order = stream(seed, "neighbour_order").permutation(len(images))
    rows, points = images.reshape(len(images), -1), shown.reshape(len(shown), -1)
    one = KNeighborsClassifier(1).fit(rows, labels).predict(points)
    other = KNeighborsClassifier(1).fit(rows[order], labels[order]).predict(points)
    return float((one == other).mean())
