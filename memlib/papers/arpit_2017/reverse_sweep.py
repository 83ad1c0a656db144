"""Gradients of later losses through the steps of SGD, by a hand-written sweep (section 3.2).

SGD makes theta_(s+1) = theta_s - rate * gradient of the batch's loss at theta_s. With
v_t = dL_t/dtheta_t at the time t of a loss L_t, going back over the steps s = t - 1, ..., 0:

    dL_t/dx     -=  rate * d<v_(s+1), gradient_s>/dx      for the examples x of batch s
    v_s          =  v_(s+1) - rate * Hessian_s v_(s+1)

Both right-hand sides are directional derivatives of one backward pass along v (Pearlmutter 1994).
All times are swept at once. Only the weights at the start of each epoch are kept; the steps of one
epoch at a time are replayed. `memlib.papers.arpit_2017.sensitivity` holds the plain twin by
autograd over the whole graph.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from memlib.base.errors import InputError

GUARD = 0.1  # added to the probability in the script's loss
Weights = list[np.ndarray]  # W (out, in) and b (out,) of each layer in turn; ReLU between


@dataclass(frozen=True)
class OutputLoss:
    """A loss of one example as a function of its logits.

    Attributes
    ----------
    values
        Of logits (sample, class) and labels: the losses (sample,).
    gradient
        Of the same: d loss / d logits (sample, class).
    along
        Of logits, labels and directions (..., sample, class): how the gradient changes along them.
    """

    values: Callable[[np.ndarray, np.ndarray], np.ndarray]
    gradient: Callable[[np.ndarray, np.ndarray], np.ndarray]
    along: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities of logits (..., class)."""
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _entropy(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    shifted = z - z.max(1, keepdims=True)
    return np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(y)), y]


def _minus_target(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    difference = p.copy()
    difference[np.arange(len(y)), y] -= 1
    return difference


def _softmax_along(p: np.ndarray, direction: np.ndarray) -> np.ndarray:
    return p * (direction - (p * direction).sum(-1, keepdims=True))


def _guarded(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    return -np.log(GUARD + softmax(z)[np.arange(len(y)), y]) / z.shape[1]


def _guarded_gradient(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    p = softmax(z)
    own = p[np.arange(len(y)), y]
    return (own / (GUARD + own))[:, None] * _minus_target(p, y) / z.shape[1]


def _guarded_along(z: np.ndarray, y: np.ndarray, direction: np.ndarray) -> np.ndarray:
    p = softmax(z)
    change = _softmax_along(p, direction)
    rows = np.arange(len(y))
    own, own_change = p[rows, y], change[..., rows, y]
    weight, weight_change = own / (GUARD + own), GUARD * own_change / (GUARD + own) ** 2
    sums = weight_change[..., None] * _minus_target(p, y) + weight[:, None] * change
    return sums / z.shape[1]


LOSSES = {
    "cross_entropy": OutputLoss(
        _entropy,
        lambda z, y: _minus_target(softmax(z), y),
        lambda z, y, direction: _softmax_along(softmax(z), direction),
    ),
    # Minus log of (0.1 + p of the label) over the number of classes: what a script that seems to
    # be the authors' takes.
    "guarded": OutputLoss(_guarded, _guarded_gradient, _guarded_along),
}


@dataclass(frozen=True, eq=False)
class Course:
    """A training by plain SGD, given by what makes each of its steps.

    Attributes
    ----------
    images
        float (sample, pixel); float64 for exactness.
    labels
        int (sample,).
    weights
        Those before the first step, of the images' dtype.
    batches
        Of an epoch 0, 1, ...: its batches, each the indices of its examples. An index may occur
        twice. All epochs have the same number of batches.
    learning_rate
        Step size.
    loss
        A name in `LOSSES`; a step follows its mean over the batch.
    """

    images: np.ndarray
    labels: np.ndarray
    weights: Weights
    batches: Callable[[int], Sequence[np.ndarray]]
    learning_rate: float
    loss: str = "cross_entropy"

    @property
    def output_loss(self) -> OutputLoss:
        """The loss as a function of logits."""
        return LOSSES[self.loss]

    def steps(self, epoch: int, weights: Weights) -> Iterator[tuple[np.ndarray, Weights]]:
        """Yield each batch of an epoch, and the weights after its step."""
        for batch in self.batches(epoch):
            x, y = self.images[batch], self.labels[batch]
            gradient, _ = loss_gradient(weights, x, y, self.output_loss)
            # zip: weights and gradient have the same layers
            weights = [w - self.learning_rate * g for w, g in zip(weights, gradient, strict=True)]
            yield batch, weights


def forward(weights: Weights, x: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Return what enters each layer, and the logits, of inputs (sample, pixel)."""
    inputs = [x]
    for depth in range(0, len(weights) - 2, 2):
        inputs.append(np.maximum(inputs[-1] @ weights[depth].T + weights[depth + 1], 0))
    return inputs, inputs[-1] @ weights[-2].T + weights[-1]


def loss_gradient(
    weights: Weights,
    x: np.ndarray,
    y: np.ndarray,
    loss: OutputLoss,
    counted: np.ndarray | None = None,
) -> tuple[Weights, np.ndarray]:
    """Return the gradient of the mean loss with respect to the weights and to the inputs.

    Parameters
    ----------
    counted
        (sample,): factors of the examples' losses; their sum is still divided by all examples.
    """
    inputs, logits = forward(weights, x)
    delta = loss.gradient(logits, y) / len(x)
    if counted is not None:
        delta = delta * counted[:, None]
    found: Weights = []
    for depth in reversed(range(len(inputs))):
        found += [delta.sum(0), delta.T @ inputs[depth]]
        delta = delta @ weights[2 * depth]
        if depth:
            delta *= inputs[depth] > 0
    return found[::-1], delta


def gradient_along(
    weights: Weights, x: np.ndarray, y: np.ndarray, directions: Weights, loss: OutputLoss
) -> tuple[Weights, np.ndarray]:
    """Return how the gradient of the mean loss changes along directions of the weights.

    Parameters
    ----------
    directions
        As weights, each with a leading axis: (direction, out, in) and (direction, out).

    Returns
    -------
    Hessian times directions (as `directions`), d<direction, gradient>/dx (direction, sample, pixel)
    """
    inputs, logits = forward(weights, x)
    n_layers = len(inputs)
    changes: list[np.ndarray] = []  # of what enters each layer but the first, along directions
    change = np.zeros(0)
    for depth in range(n_layers):
        v, c = directions[2 * depth], directions[2 * depth + 1]
        change_out = inputs[depth] @ v.transpose(0, 2, 1) + c[:, None]  # (direction, sample, out)
        if depth:
            change_out += change @ weights[2 * depth].T
        if depth < n_layers - 1:
            change = change_out * (inputs[depth + 1] > 0)
            changes.append(change)
    delta = loss.gradient(logits, y) / len(x)  # (sample, out)
    moved = loss.along(logits, y, change_out) / len(x)  # delta's change: (direction, sample, out)
    found: Weights = []
    for depth in reversed(range(n_layers)):
        product = moved.transpose(0, 2, 1) @ inputs[depth]
        if depth:
            product += delta.T @ changes[depth - 1]
        found += [moved.sum(1), product]
        w = weights[2 * depth]
        moved = moved @ w + delta @ directions[2 * depth]
        if depth:
            on = inputs[depth] > 0
            delta, moved = (delta @ w) * on, moved * on
    return found[::-1], moved


def sweep(
    course: Course,
    times: Sequence[int],
    *,
    of: str = "data",
    n_classes: int = 0,
) -> tuple[np.ndarray, np.ndarray, list[Weights]]:
    """Return the gradients of losses at several times with respect to all training inputs.

    Parameters
    ----------
    course
        The training.
    times
        Numbers of steps t, increasing, 0 or more.
    of
        Which loss L_t: ``"data"``, the mean over all training examples, or ``"batch"``, the mean
        over the batch of the step that follows (the script's reading).
    n_classes
        When not 0, L_t is taken apart into a term for each class i: the sum of the losses of the
        examples of class i, divided by the number of all.

    Returns
    -------
    indirect, direct
        float (time, term, sample, pixel): through the steps before t, and at fixed weights. The
        whole gradient is their sum. One term unless `n_classes` is given.
    weights
        Those at each time.

    Raises
    ------
    InputError
        When times do not increase, or the training diverged.
    """
    times = [int(time) for time in times]
    if not times or times[0] < 0 or any(b <= a for a, b in pairwise(times)):
        raise InputError(f"times = {times}: take increasing numbers of steps, 0 or more")
    if of not in ("data", "batch"):
        raise InputError(f"of = {of!r}: take data or batch")
    per_epoch = len(course.batches(0))
    starts = _epoch_starts(course, -(-times[-1] // per_epoch))
    n_terms = n_classes or 1
    n, pixels = course.images.shape
    # Later times first, so that those already reached are the first entries.
    shape = (n, len(times) * n_terms, pixels)
    indirect, direct = (np.zeros(shape, course.images.dtype) for _ in range(2))
    v = [np.zeros((len(times) * n_terms, *w.shape), w.dtype) for w in course.weights]
    at_time: list[Weights] = []

    def begin(step: int, weights: Weights) -> None:
        """Set v of the loss at this time, and its direct gradient."""
        first = len(at_time) * n_terms
        for term, (rows, counted) in enumerate(_terms(course, step, of, n_classes, per_epoch)):
            x, y = course.images[rows], course.labels[rows]
            gradient, inputs = loss_gradient(weights, x, y, course.output_loss, counted)
            for target, value in zip(v, gradient, strict=True):
                target[first + term] = value
            np.add.at(direct[:, first + term], rows, inputs)
        at_time.append(weights)

    for epoch in reversed(range(len(starts))):
        path = [starts[epoch]]
        batches: list[np.ndarray] = []
        for batch, weights in course.steps(epoch, starts[epoch]):
            if epoch * per_epoch + len(batches) >= times[-1]:
                break
            batches.append(batch)
            path.append(weights)
        for place in reversed(range(len(batches) + 1)):
            step = epoch * per_epoch + place
            # An epoch's last weights are the next one's first, where their time was begun.
            if step in times and (place < per_epoch or step == times[-1]):
                begin(step, path[place])
            if place == 0:
                break
            weights, batch = path[place - 1], batches[place - 1]
            reached = len(at_time) * n_terms
            along = [one[:reached] for one in v]
            x, y = course.images[batch], course.labels[batch]
            product, change = gradient_along(weights, x, y, along, course.output_loss)
            for one, moved in zip(along, product, strict=True):
                one -= course.learning_rate * moved
            change *= -course.learning_rate
            for index, row in enumerate(batch):  # one by one: a row may occur twice
                indirect[row, :reached] += change[:, index]
    arranged = [
        one.reshape(n, len(times), n_terms, pixels)[:, ::-1].transpose(1, 2, 0, 3)
        for one in (indirect, direct)
    ]
    return arranged[0], arranged[1], at_time[::-1]


def _epoch_starts(course: Course, n_epochs: int) -> list[Weights]:
    """Return the weights at the start of each epoch, one at least."""
    starts = [course.weights]
    for epoch in range(n_epochs - 1):
        weights = starts[-1]
        for _, after in course.steps(epoch, weights):
            weights = after
        starts.append(weights)
        if not all(np.isfinite(one).all() for one in weights):
            raise InputError(f"training diverged in epoch {epoch + 1}: take a lower learning_rate")
    return starts


def _terms(
    course: Course, step: int, of: str, n_classes: int, per_epoch: int
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Yield the examples of each term of L_t, and their factors."""
    rows = np.arange(len(course.images))
    if of == "batch":
        rows = np.asarray(course.batches(step // per_epoch)[step % per_epoch])
    if not n_classes:
        yield rows, None
    for label in range(n_classes):
        yield rows, (course.labels[rows] == label).astype(course.images.dtype)
