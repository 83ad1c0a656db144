"""An independent classifier that judges generated images, and what it says of a generator."""

import numpy as np
import xarray as xr
from scipy.special import log_softmax, softmax
from torch import nn

from memlib.base.seeds import stream
from memlib.method.features import predict_logits
from memlib.papers.gu_tresp_2019.dissection import generate_images
from memlib.training.factory import make_step
from memlib.training.layers import Architecture, BatchNorm, Conv, Dense, Dropout, MaxPool, ReLU
from memlib.training.loop import train_network
from memlib.training.networks import build_network
from memlib.training.rates import StepDecay

N_SAMPLES = 1000  # generated images that are judged


def declare_judge(width: int = 16) -> Architecture:
    """Declare the judge: another kind of network than those it judges for, with dropout."""
    return Architecture(
        "judge",
        (
            *(Conv(width, padding=1, relu=False), BatchNorm(), ReLU(), MaxPool()),
            *(Conv(2 * width, padding=1, relu=False), BatchNorm(), ReLU(), MaxPool()),
            *(Dropout(0.25), Dense(4 * width), Dropout(0.5)),
        ),
    )


def train_judge(
    images: np.ndarray,
    labels: np.ndarray,
    n_classes: int,
    *,
    n_epochs: int = 30,
    width: int = 16,
    seed: int = 0,
) -> nn.Sequential:
    """Train the judge on images that neither generator nor networks were trained on.

    Parameters
    ----------
    images, labels
        Of the judge alone, on the generator's scale, with true labels.
    n_classes
        Number of classes.
    n_epochs, width
        Length of its training; filters of its first layer.
    seed
        Of its weights and batches.

    Returns
    -------
    nn.Sequential
        In evaluation mode.
    """
    judge = build_network(
        declare_judge(width),
        image_shape=images.shape[1:],
        n_classes=n_classes,
        initial_weights="he",
        seed=seed,
    )
    step = make_step(
        judge,
        optimizer="sgd",
        learning_rate=StepDecay(0.02, 0.1, at=(max(1, round(0.7 * n_epochs)),)),
        momentum=0.9,
        weight_decay=1e-4,
        loss="categorical",
    )
    for _ in train_network(step, images, labels, epochs=[n_epochs], batch_size=64, seed=seed):
        pass
    return judge.eval()


def image_score(logits: np.ndarray) -> float:
    """Return exp(E KL(p(y|x) to p(y))): 1 when all images look alike, C at most.

    Parameters
    ----------
    logits
        The judge's, (image, class).
    """
    log_p = log_softmax(np.asarray(logits, float), axis=1)
    p = np.exp(log_p)
    mean = p.mean(0)
    # 0 log 0 is 0: a class that no image belongs to adds nothing.
    log_mean = np.log(np.where(mean > 0, mean, 1))
    return float(np.exp((p * (log_p - log_mean)).sum(1).mean()))


def measure_images(judge: nn.Module, images: np.ndarray, prefix: str) -> xr.Dataset:
    """Judge images as a whole.

    Parameters
    ----------
    judge
        See `train_judge`.
    images
        (image, ...).
    prefix
        First word of each variable's name: ``"generated"`` or ``"real"``.

    Returns
    -------
    xarray.Dataset
        ``{prefix}_class_share`` (class,): share of the images that the judge gives to each class;
        scalars ``{prefix}_confidence``, its mean largest probability, ``{prefix}_pixel_sd``, the
        standard deviation of all pixels, and ``{prefix}_score``, see `image_score`.
    """
    logits = predict_logits(judge, images)
    n_classes = logits.shape[1]
    share = np.bincount(logits.argmax(1), minlength=n_classes) / len(logits)
    return xr.Dataset(
        {
            f"{prefix}_class_share": ("class", share),
            f"{prefix}_confidence": softmax(logits.astype(float), axis=1).max(1).mean(),
            f"{prefix}_pixel_sd": images.std(dtype=float),
            f"{prefix}_score": image_score(logits),
        },
        coords={"class": np.arange(n_classes)},
    )


def measure_generator(
    generator: nn.Module,
    judge: nn.Module,
    real_images: np.ndarray,
    real_labels: np.ndarray,
    *,
    n_latent: int = 100,
    n_samples: int = N_SAMPLES,
    seed: int = 0,
) -> xr.Dataset:
    """Let the judge compare a generator's images with real ones that the judge was not trained on.

    It draws from a stream of its own (``judged_samples``): judging a generator while it is being
    trained does not alter its training.

    Returns
    -------
    xarray.Dataset
        `measure_images` of both, and the scalar ``judge_accuracy`` on the real images.
    """
    z = stream(seed, "judged_samples").standard_normal((n_samples, n_latent), np.float32)
    right = predict_logits(judge, real_images).argmax(1) == real_labels
    return xr.merge(
        [
            measure_images(judge, generate_images(generator, z), "generated"),
            measure_images(judge, real_images, "real"),
            xr.Dataset({"judge_accuracy": right.mean()}),
        ]
    )


def judge_hits(judge: nn.Module, images: np.ndarray) -> xr.Dataset:
    """Say whether the judge sees in each image the class that it was made for.

    Parameters
    ----------
    judge
        See `train_judge`.
    images
        x*, (class, start, ...).

    Returns
    -------
    xarray.Dataset
        ``judge_hit`` (class, start), 1 or 0.
    """
    n_classes, n_starts = images.shape[:2]
    logits = predict_logits(judge, images.reshape(-1, *images.shape[2:]))
    given = logits.argmax(1).reshape(n_classes, n_starts)
    return xr.Dataset(
        {"judge_hit": (("class", "start"), (given == np.arange(n_classes)[:, None]).astype(float))},
        coords={"class": np.arange(n_classes), "start": np.arange(n_starts)},
    )
