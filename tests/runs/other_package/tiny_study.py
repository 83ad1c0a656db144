"""A study of another package: what the machinery has to run besides the papers it was made for.

Three classes of colour images, a share of inputs replaced by noise and one of labels by random
ones; one measure of a network at an epoch, one of the course of a whole training, and one of many
short trainings at once.
"""

from pathlib import Path
from typing import cast

import numpy as np
import torch
import xarray as xr
from pydantic import Field

from memlib.base.seeds import stream
from memlib.method.features import predict_logits
from memlib.results.schema import Schema, Variable
from memlib.runs.measures import Measure, Run
from memlib.runs.settings import Settings
from memlib.runs.study import Figure, Scale, Study
from memlib.training.changes import change_data
from memlib.training.layers import Architecture, Conv, Dense, MaxPool
from memlib.training.stacked import make_stack, train_stack


class TinySettings(Settings):
    """The common choices, and two of its own."""

    noise_share: float = Field(0.0, ge=0, le=1, description="share of inputs replaced by noise")
    random_labels: float = Field(0.0, ge=0, le=1, description="share of labels drawn at random")
    n_initial: int = Field(3, ge=1, le=100, description="first weights tried for the easy images")


SCHEMA = Schema(
    variables={
        "accuracy": Variable(("seed", "epoch"), "accuracy on training samples", 0, 1),
        "noise_accuracy": Variable(("seed", "epoch"), "accuracy on samples that are noise", 0, 1),
        "step_size": Variable(("seed", "course_epoch"), "distance moved in an epoch", 0),
        "easy": Variable(("seed", "sample"), "share of first weights that learn a sample", 0, 1),
    },
    coordinates={
        "seed": "base seed",
        "epoch": "training epoch",
        "course_epoch": "training epoch",
        "sample": "training sample",
    },
    panel_attributes=("panel", "network", "layers"),
    rising=("epoch", "course_epoch"),
)


class TinyStudy(Study):
    """A paper that nobody wrote."""

    name = "tiny"
    label = "Nobody 2026"
    reference = "Nobody 2026, unpublished"
    source = "made for a test"
    settings = TinySettings
    figures = {
        "tiny1": Figure(
            "tiny1",
            "Colour images, some of them noise",
            "a fifth of the inputs are noise, a tenth of the labels random",
            ("dense", "conv"),
            {"noise_share": 0.2, "random_labels": 0.1, "loss": "categorical"},
        )
    }
    scales = {
        "smoke": Scale(
            "smoke",
            "seconds",
            {"epochs": 4, "n_measured_epochs": 3, "n_images": 60, "n_validation_images": 30},
        )
    }
    networks = {
        "dense": Architecture("dense", (Dense(12),)),
        "conv": Architecture("conv", (Conv(4, padding=1), MaxPool(), Dense(8))),
    }
    schema = SCHEMA
    notebooks = Path(__file__).parent
    measures = (
        Measure("performance", "tiny_study:performance", "network", code=()),
        Measure("course", "tiny_study:course", "run", seconds=0.5),
        Measure(
            "easy", "tiny_study:easy", "run", settings=("n_initial",), seconds="tiny_study:cost"
        ),
    )

    def data(self, settings, panel, seed):
        own = cast(TinySettings, settings)
        real = super().data(settings, panel, seed)
        noisy = change_data(real, "randX", own.noise_share, seed=seed)
        return change_data(noisy, "randY", own.random_labels, seed=seed)

    def data_key(self, settings, panel):
        own = cast(TinySettings, settings)
        shares = {"noise_share": own.noise_share, "random_labels": own.random_labels}
        return super().data_key(settings, panel) | shares


def performance(network, data, settings, seed, epoch):
    """Accuracy of one network at one epoch, on all training samples and on those that are noise."""
    right = predict_logits(network, data.train_images).argmax(1) == data.train_labels
    # The same permutation chooses what is replaced, so the mask can be made again.
    order = stream(seed, "replaced_examples").permutation(len(right))
    noise = order[: round(settings.noise_share * len(right))]
    return xr.Dataset({"accuracy": right.mean(), "noise_accuracy": right[noise].mean()})


def course(run: Run):
    """How far the weights move in each epoch: the whole training is followed, and can go on."""
    step, kept = run.make_step(), run.kept()
    moved = kept.pop("moved", np.empty(0)).tolist()
    if kept:
        step.load_arrays(kept)
    before = _weights(step)
    for _ in run.train(step, after=len(moved)):
        after = _weights(step)
        moved.append(float((after - before).norm()))
        before = after
        run.keep(step.arrays() | {"moved": np.array(moved)})
        if len(moved) == STOP_AT:
            raise KeyboardInterrupt
    epochs = np.arange(1, len(moved) + 1)
    return xr.Dataset({"step_size": ("course_epoch", moved)}, {"course_epoch": epochs})


STOP_AT = 0  # a test stops the course after this epoch


def _weights(step):
    return torch.cat([value.detach().flatten().clone() for value in step.weights.values()])


def easy(run: Run):
    """Share of several first weights whose network answers a sample rightly after one epoch."""
    data, n = run.data, run.settings.n_initial
    shape, right = data.train_images.shape[1:], np.zeros(len(data.train_labels))
    stack = make_stack(
        TinyStudy.networks["dense"],
        seeds=[1000 * run.seed + i for i in range(n)],
        image_shape=shape,
        n_classes=data.n_classes,
        optimizer="sgd",
        learning_rate=run.settings.learning_rate,
        loss=run.settings.loss,
    )
    for _, trained in train_stack(stack, data.train_images, data.train_labels, epochs=[1]):
        right += (trained.logits(data.train_images).argmax(2) == data.train_labels).sum(0)
    return xr.Dataset({"easy": ("sample", right / n)}, {"sample": np.arange(len(right))})


def cost(settings, panel):
    """Seconds of the easy images."""
    return 0.01 * settings.n_initial


STUDY = TinyStudy()
