"""Critical samples: images with another class nearby, found by LASS (section 4, Algorithm 1).

A sample x is critical when some point within r of it, in each pixel, is given another class:

    argmax f(x) != argmax f(x-hat),   || x - x-hat ||_inf <= r

The search can miss such a point, so the critical sample ratio (CSR) is a lower bound.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from memlib.base.errors import InputError
from memlib.base.seeds import stream
from memlib.method.features import predict_logits

STEP = 0.25 / 0.3  # alpha over r: the paper's 0.25 goes with its r of 0.3
NOISE = 0.2 / 0.3  # beta over r
N_STEPS = 10
CHUNK = 1000  # images searched at once; its noise has a stream of its own
DIRECTIONS = ("cross_entropy", "minus_probability", "minus_logit", "runner_up", "printed")


@dataclass(frozen=True, eq=False)
class Search:
    """What LASS found.

    Attributes
    ----------
    found_at
        int (radius, sample): the step after which the class had changed; 0 where it never did.
    points
        float32 (radius, sample, ...): the last point visited; of a critical sample, one of another
        class.
    """

    found_at: np.ndarray
    points: np.ndarray

    @property
    def critical(self) -> np.ndarray:
        """Whether each sample is critical, bool (radius, sample)."""
        return self.found_at > 0


def find_critical_samples(
    network: nn.Module,
    images: np.ndarray,
    radii: Iterable[float],
    *,
    gray_level: float,
    step: float = STEP,
    noise: float = NOISE,
    n_steps: int = N_STEPS,
    direction: str = "cross_entropy",
    follow: bool = True,
    seed: int = 0,
) -> Search:
    """Search the boxes around images for another class by Langevin dynamics (LASS).

    Each step moves a point by ``r * (step * sign(gradient) + noise * eta)``, eta standard normal,
    and clips it to the box. A sample is left alone once its class has changed. The network is in
    eval mode. The same noise serves all radii.

    Parameters
    ----------
    network
        Gives logits of a batch of images; its flags are restored afterwards.
    images
        float32 (sample, ...), as the network takes them.
    radii
        Half sides r of the boxes, in gray levels, 0 or more.
    gray_level
        One gray level in the units of the images: 1/255 for pixels from 0 to 1, and divided by the
        pixels' standard deviation where images are standardized.
    step, noise
        alpha and beta of Algorithm 1 as multiples of r, so that a larger box is searched as a small
        one is.
    n_steps
        At most so many steps.
    direction
        Whose gradient is followed, k being the class of x. ``"cross_entropy"``: up the
        cross-entropy to k; ``"minus_probability"`` and ``"minus_logit"``: down k's probability or
        logit; ``"runner_up"``: up the strongest rival's logit minus k's; ``"printed"``: up k's
        probability, as Algorithm 1 reads, which leads away from other classes.
    follow
        Take the gradient at the moving point; otherwise at x.
    seed
        Base seed, stream ``lass`` with the chunk and the step.

    Raises
    ------
    InputError
        For a direction or a number that is not allowed.
    """
    boxes = _check(radii, gray_level, step, noise, n_steps, direction)
    device = next((one.device for one in network.parameters()), torch.device("cpu"))
    flags = {module: module.training for module in network.modules()}
    network.eval()
    found, points = [], []
    try:
        for chunk, start in enumerate(range(0, len(images), CHUNK)):
            rows = images[start : start + CHUNK]
            x = torch.from_numpy(np.array(rows, np.float32)).to(device)
            moves = _Moves(step, noise, n_steps, direction, follow)
            one = _search(network, x, boxes * gray_level, moves, seed, chunk)
            found.append(one[0].cpu().numpy())
            points.append(one[1].cpu().numpy())
    finally:
        for module, flag in flags.items():
            module.training = flag
    if not found:
        raise InputError("there are no images to search")
    return Search(np.concatenate(found, 1), np.concatenate(points, 1))


def _check(
    radii: Iterable[float],
    gray_level: float,
    step: float,
    noise: float,
    n_steps: int,
    direction: str,
) -> np.ndarray:
    boxes = np.array(list(radii), float)
    numbers = {"step": step, "noise": noise, "n_steps": n_steps}
    for name, value in numbers.items():
        if not (np.isfinite(value) and value >= 0):
            raise InputError(f"{name} = {value!r}: take a number, 0 or more")
    if not boxes.size or not (np.isfinite(boxes) & (boxes >= 0)).all():
        raise InputError(f"radii = {boxes.tolist()}: take gray levels, each 0 or more")
    if not gray_level > 0:
        raise InputError(f"gray_level = {gray_level!r}: take a number above 0")
    if direction not in DIRECTIONS:
        raise InputError(f"direction = {direction!r}: take one of {', '.join(DIRECTIONS)}")
    return boxes


@dataclass(frozen=True)
class _Moves:
    step: float
    noise: float
    n_steps: int
    direction: str
    follow: bool


def _search(
    network: nn.Module, x: Tensor, boxes: np.ndarray, moves: _Moves, seed: int, chunk: int
) -> tuple[Tensor, Tensor]:
    k, sign_at_x = _look(network, x, None, moves.direction)
    found_at = torch.zeros(len(boxes), len(x), dtype=torch.int64, device=x.device)
    points = x.expand(len(boxes), *x.shape).clone()
    # Of each box: the sign of the gradient at its points that are still searched.
    signs = [sign_at_x] * len(boxes)
    for step in range(1, moves.n_steps + 1):
        eta = None
        if moves.noise:
            drawn = stream(seed, "lass", chunk, step).standard_normal(x.shape, np.float32)
            eta = torch.from_numpy(drawn).to(x.device)
        for box, r in enumerate(boxes.tolist()):
            left = found_at[box] == 0
            if not left.any():
                continue
            start = x[left]
            moved = points[box, left] + r * moves.step * signs[box]
            if eta is not None:
                moved += r * moves.noise * eta[left]
            moved = torch.minimum(torch.maximum(moved, start - r), start + r)
            points[box, left] = moved
            label, sign = _look(network, moved, k[left], moves.direction)
            changed = label != k[left]
            found_at[box, left] = torch.where(changed, step, 0)
            signs[box] = (sign if moves.follow else signs[box])[~changed]
    return found_at, points


def _look(network: nn.Module, x: Tensor, k: Tensor | None, direction: str) -> tuple[Tensor, Tensor]:
    """Return the classes at points, and the sign of the gradient to follow from there."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        logits = network(x)
        label = logits.detach().argmax(1)
        goal = _goal(logits, label if k is None else k, direction)
        (gradient,) = torch.autograd.grad(goal.sum(), x)
    return label, gradient.sign_()


def _goal(logits: Tensor, k: Tensor, direction: str) -> Tensor:
    own = k[:, None]
    if direction == "runner_up":
        rivals = logits.scatter(1, own, -torch.inf).amax(1)
        return rivals - logits.gather(1, own)[:, 0]
    if direction == "minus_logit":
        return -logits.gather(1, own)[:, 0]
    probability = logits.log_softmax(1).gather(1, own)[:, 0]
    if direction == "cross_entropy":
        return -probability
    return probability.exp() * (1 if direction == "printed" else -1)


def compute_critical_sample_ratio(
    network: nn.Module,
    images: Mapping[str, np.ndarray],
    radii: Iterable[float],
    *,
    gray_level: float,
    n_steps: int = N_STEPS,
    seed: int = 0,
) -> xr.Dataset:
    """Return the share of critical samples in several sets of images.

    Parameters
    ----------
    images
        By name: ``"validation"``, real images; ``"noise"``, fresh noise of the same moments, which
        is what a network trained on randX has to be measured on; ``"train"``, its training inputs.
    network, radii, gray_level, n_steps, seed
        See `find_critical_samples`.

    Returns
    -------
    xarray.Dataset
        ``critical_sample_ratio`` and ``largest_class_share``, the share of the most frequent
        predicted class, (images,) and with (radius,) in gray levels for the first.
    """
    radii = tuple(radii)
    ratios, shares = [], []
    for one in images.values():
        search = find_critical_samples(
            network, one, radii, gray_level=gray_level, n_steps=n_steps, seed=seed
        )
        ratios.append(search.critical.mean(1))
        classes = predict_logits(network, one).argmax(1)
        shares.append(np.bincount(classes).max() / len(classes))
    return xr.Dataset(
        {
            "critical_sample_ratio": (("images", "radius"), np.array(ratios)),
            "largest_class_share": ("images", np.array(shares)),
        },
        coords={"images": list(images), "radius": list(radii)},
    )
