"""Loss-sensitivity: how much each training input moves later losses (section 3.2, Figs. 3 and 4).

    g_x^t = || dL_t / dx ||_1,   g-bar_x = its mean over t,   L_t the loss after t steps of SGD

The gradient goes through all steps before t. `unrolled_gradients` says so plainly, by autograd over
the whole graph of training; `memlib.papers.arpit_2017.reverse_sweep.sweep` finds the same without
keeping the graph and is what the measures use.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from memlib.base.errors import InputError
from memlib.base.seeds import stream
from memlib.papers.arpit_2017.reverse_sweep import GUARD, Course, forward, sweep
from memlib.papers.arpit_2017.statistics import (
    compute_gini,
    largest_interval_share,
    running_mean,
)

NORMS = ("l1", "l2", "linf")
UNSEEN_EPOCHS = 3  # before, g is 0 for examples that no batch has held yet, and Gini near 1


def draw_batches(
    n: int, batch_size: int, *, replacement: bool = True, seed: int = 0
) -> Callable[[int], list[np.ndarray]]:
    """Return a function of the epoch 0, 1, ... that draws its batches of example indices.

    Parameters
    ----------
    n, batch_size
        Examples, and how many a batch holds; an epoch has n / batch_size batches, rounded up.
    replacement
        Draw each batch anew from all examples. Otherwise an epoch goes through a permutation, and
        its last batch may be smaller.
    seed
        Base seed, stream ``sensitivity_batches``.
    """
    n_batches = -(-n // batch_size)

    def batches(epoch: int) -> list[np.ndarray]:
        rng = stream(seed, "sensitivity_batches", epoch)
        if replacement:
            return list(rng.integers(n, size=(n_batches, batch_size)))
        return np.split(rng.permutation(n), range(batch_size, n, batch_size))

    return batches


def sgd_course(
    network: nn.Sequential,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    learning_rate: float,
    batch_size: int = 32,
    replacement: bool = True,
    loss: str = "cross_entropy",
    seed: int = 0,
) -> Course:
    """Return the training of a dense ReLU network by plain SGD, in float64.

    Parameters
    ----------
    network
        Flattening, dense layers and ReLU in turn, as `memlib.training.networks.build_network`
        makes them of `Dense` layers; its weights are copied.
    images, labels
        (sample, ...) and int (sample,).
    learning_rate, batch_size, replacement, seed
        See `Course` and `draw_batches`.
    loss
        ``"cross_entropy"`` or ``"guarded"``, see `memlib.papers.arpit_2017.reverse_sweep.LOSSES`.

    Raises
    ------
    InputError
        When the network has other layers.
    """
    layers = [layer for layer in network if not isinstance(layer, nn.Flatten)]
    if [type(layer) for layer in layers] != [nn.Linear, nn.ReLU] * (len(layers) // 2) + [nn.Linear]:
        names = ", ".join(type(layer).__name__ for layer in network)
        raise InputError(f"the network is {names}: take dense layers with ReLU between them")
    weights = [one.detach().cpu().double().numpy().copy() for one in network.parameters()]
    x = images.reshape(len(images), -1).astype(np.float64)
    batches = draw_batches(len(x), batch_size, replacement=replacement, seed=seed)
    return Course(x, np.asarray(labels), weights, batches, learning_rate, loss)


def unrolled_gradients(
    course: Course, t: int, *, n_classes: int = 0, of: str = "data"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradients of L_t by autograd over the whole graph of t steps: plain, and slow.

    Parameters and results are those of `sweep`, for one time: indirect and direct, each
    (term, sample, pixel).
    """

    def losses(weights: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
        for depth in range(0, len(weights), 2):
            x = x @ weights[depth].T + weights[depth + 1]
            x = x.relu() if depth < len(weights) - 2 else x
        if course.loss == "cross_entropy":
            return cross_entropy(x, y, reduction="none")
        own = x.softmax(1)[torch.arange(len(y)), y]
        return -(GUARD + own).log() / x.shape[1]

    images = torch.from_numpy(course.images).requires_grad_()
    labels = torch.from_numpy(course.labels)
    weights = [torch.from_numpy(one).requires_grad_() for one in course.weights]
    per_epoch = len(course.batches(0))
    for step in range(t):
        batch = torch.from_numpy(course.batches(step // per_epoch)[step % per_epoch])
        loss = losses(weights, images[batch], labels[batch]).mean()
        gradients = torch.autograd.grad(loss, weights, create_graph=True)
        weights = [w - course.learning_rate * g for w, g in zip(weights, gradients, strict=True)]
    rows = torch.arange(len(images))
    if of == "batch":
        rows = torch.from_numpy(course.batches(t // per_epoch)[t % per_epoch])
    own, y = images.detach().clone().requires_grad_(), labels[rows]
    found = losses(weights, own[rows], y) / len(rows)
    terms = [found[y == label] for label in range(n_classes)] if n_classes else [found]
    indirect, direct = [], []
    for term in terms:
        both = torch.autograd.grad(
            term.sum(), [images, own], retain_graph=True, allow_unused=True, materialize_grads=True
        )
        indirect.append(both[0].numpy())
        direct.append(both[1].numpy())
    return np.stack(indirect), np.stack(direct)


def log_spaced_steps(last: int, n_times: int, *, n: int, batch_size: int) -> np.ndarray:
    """Return about `n_times` numbers of steps, evenly spaced on a log scale up to the last.

    They start when most examples have been in a batch, after three epochs: before, examples that
    were not have g = 0, and the Gini coefficient is near 1 whatever the data.

    Raises
    ------
    InputError
        When the last step comes before that.
    """
    first = -(-UNSEEN_EPOCHS * n // batch_size)
    if last <= first:
        raise InputError(f"steps = {last}: take more than {first}, three epochs")
    return np.unique(np.round(np.geomspace(first, last, n_times)).astype(int))


def compute_loss_sensitivity(
    course: Course, times: Sequence[int], *, of: str = "data"
) -> xr.Dataset:
    """Return g_x^t of all training examples at several times.

    Parameters
    ----------
    course
        The training, see `sgd_course`.
    times
        Increasing numbers of steps t.
    of
        ``"data"``: L_t is the mean loss of the training data (the text); ``"batch"``: of the
        current batch (the script).

    Returns
    -------
    xarray.Dataset
        ``sensitivity`` float64 (direct_term, norm, step, example), ``train_accuracy`` and
        ``train_loss`` (step,). Norms are those of the gradient over pixels.
    """
    indirect, direct, weights = sweep(course, times, of=of)
    own = indirect[:, 0], (indirect + direct)[:, 0]
    norms = [np.stack([np.linalg.norm(g, order, 2) for order in (1, 2, np.inf)]) for g in own]
    found = xr.Dataset(
        {"sensitivity": (("direct_term", "norm", "step", "example"), np.stack(norms))},
        coords={"direct_term": [False, True], "norm": list(NORMS), "step": list(times)},
    )
    return found.merge(_performance(course, times, weights))


def _performance(course: Course, times: Sequence[int], weights: list) -> xr.Dataset:
    logits = [forward(one, course.images)[1] for one in weights]
    loss = [course.output_loss.values(one, course.labels).mean() for one in logits]
    accuracy = [(one.argmax(1) == course.labels).mean() for one in logits]
    variables = {"train_accuracy": ("step", accuracy), "train_loss": ("step", loss)}
    return xr.Dataset(variables, coords={"step": list(times)})


def summarize_sensitivity(sensitivity: xr.DataArray, window: int | None = None) -> xr.Dataset:
    """Reduce g_x^t to g-bar_x and its spread over examples, as training goes on (Fig. 3).

    Parameters
    ----------
    sensitivity
        (direct_term, norm, step, example), from `compute_loss_sensitivity`.
    window
        Take g-bar at T over the last so many steps only, all weighted alike (the script: 500),
        in place of the trapezoid rule over all steps up to T (the text).

    Returns
    -------
    xarray.Dataset
        (direct_term, norm, step): ``gini`` of g-bar; ``share_above_half``, the share of examples
        whose g-bar exceeds half the mean; ``largest_interval_share``, how much of the mean g-bar
        comes from a single interval between times. (direct_term, example): ``mean_sensitivity``,
        g-bar (l1) at the last step. Where all g-bar are 0, or one is no finite number any more, the
        first three are NaN.
    """
    g = sensitivity.transpose("step", "direct_term", "norm", "example")
    steps = g["step"].values
    if window is None:
        mean = running_mean(g.values, steps)
    else:
        last = [(steps > t - window) & (steps <= t) for t in steps]
        mean = np.stack([g.values[rows].mean(0) for rows in last])
    level = mean.mean(-1)
    defined = (level > 0) & np.isfinite(level)
    gini = np.full(level.shape, np.nan)
    if defined.any():
        gini[defined] = compute_gini(mean[defined])
    above = (mean > level[..., None] / 2).mean(-1)
    interval = np.full(level.shape, np.nan)
    each = g.values.mean(-1)
    for place in np.ndindex(level.shape[1:]):
        one = each[(slice(None), *place)]
        if (one > 0).all() and np.isfinite(one).all():
            interval[(slice(None), *place)] = largest_interval_share(one, steps)
    dims = ("step", "direct_term", "norm")
    found = xr.Dataset(
        {
            "gini": (dims, gini),
            "share_above_half": (dims, np.where(defined, above, np.nan)),
            "largest_interval_share": (dims, interval),
            "mean_sensitivity": (("direct_term", "example"), mean[-1, :, NORMS.index("l1")]),
        },
        coords={name: g[name] for name in dims},
    )
    return found.transpose("direct_term", "norm", "step", "example")


def compute_class_sensitivity(course: Course, times: Sequence[int], n_classes: int) -> xr.Dataset:
    """Return how each class's loss depends on the training inputs of each class (Fig. 4).

    Cell (i, j) is the mean of ``| dL_t(y=i) / dx |`` over times, over the training examples x of
    class j, and over pixels; L_t(y=i) is the sum of the losses of class i, divided by the number
    of all examples.

    Returns
    -------
    xarray.Dataset
        ``class_sensitivity`` float64 (direct_term, loss_class, example_class), and
        ``train_accuracy``, ``train_loss`` (step,).

    Raises
    ------
    InputError
        When a class has no training example.
    """
    if set(np.unique(course.labels)) != set(range(n_classes)):
        raise InputError(f"some of {n_classes} classes have no training example")
    indirect, direct, weights = sweep(course, times, n_classes=n_classes)
    cells = np.empty((2, n_classes, n_classes))
    for part, gradient in enumerate((indirect, indirect + direct)):
        size = np.abs(gradient).mean((0, 3))  # (loss class, sample)
        for label in range(n_classes):
            cells[part, :, label] = size[:, course.labels == label].mean(1)
    found = xr.Dataset(
        {"class_sensitivity": (("direct_term", "loss_class", "example_class"), cells)},
        coords={"direct_term": [False, True]}
        | {name: range(n_classes) for name in ("loss_class", "example_class")},
    )
    return found.merge(_performance(course, times, weights))
