"""What one run adds to a figure: all measures of a dissection, and panels joined from runs."""

from collections.abc import Iterable, Mapping

import numpy as np
import xarray as xr
from torch import nn

from memlib.base.seeds import stream
from memlib.method.features import predict_logits
from memlib.papers.gu_tresp_2019.data import ImageSplit
from memlib.papers.gu_tresp_2019.dissection import (
    LEARNING_RATE,
    N_STEPS,
    compare_on_images,
    dissect,
    draw_starts,
    generate_images,
    maximize_activation,
    nearest_neighbour_agreement,
)
from memlib.papers.gu_tresp_2019.judge import judge_hits


def measure_dissection(
    network: nn.Module,
    partners: Mapping[str, nn.Module],
    generator: nn.Module,
    judge: nn.Module,
    data: ImageSplit,
    labels: np.ndarray,
    *,
    n_starts: int = 100,
    n_steps: int = N_STEPS,
    learning_rate: float = LEARNING_RATE,
    objective: str = "logit",
    keep_norm: bool = False,
    n_latent: int = 100,
    pixels: bool = True,
    seed: int = 0,
) -> xr.Dataset:
    """Dissect networks with the images that drive the outputs of one of them (Figs. 2 and 3).

    Parameters
    ----------
    network, partners
        f1, and the networks f2 by name, all trained on `labels`.
    generator, judge
        As trained on the same images with their true labels.
    data
        Images; the networks' own and test images are compared too.
    labels
        What the networks were trained on (sample,).
    n_starts, n_steps, learning_rate, objective, keep_norm
        Of the ascent, see `memlib.papers.gu_tresp_2019.dissection.maximize_activation`.
    n_latent
        Length of z.
    pixels
        Whether to climb on the pixels, too, from uniform noise between -1 and 1 (stream
        ``pixel_start``): the comparison without a generator.
    seed
        Of the starts.

    Returns
    -------
    xarray.Dataset
        The variables of Figs. 2 and 3 without the dims label_share and seed: see
        `memlib.papers.gu_tresp_2019.schema`.
    """
    ascent = {
        "learning_rate": learning_rate,
        "n_steps": n_steps,
        "objective": objective,
    }
    starts = draw_starts(data.n_classes, n_starts, n_latent, seed=seed)
    found = maximize_activation(network, generator, starts, keep_norm=keep_norm, **ascent)  # type: ignore[arg-type]
    images = generate_images(generator, found)
    shown = images.reshape(-1, *images.shape[2:])
    parts = [
        dissect(network, partners, images),
        _named("train_", compare_on_images(network, partners, data.train_images)),
        _named("test_", compare_on_images(network, partners, data.test_images)),
        judge_hits(judge, images),
    ]
    if pixels:
        shape = data.train_images.shape[1:]
        noise = stream(seed, "pixel_start").uniform(-1, 1, (n_starts, *shape)).astype(np.float32)
        own = noise[None].repeat(data.n_classes, axis=0)
        driven = maximize_activation(network, nn.Identity(), own, **ascent)  # type: ignore[arg-type]
        parts.append(_named("pixel_", dissect(network, partners, driven).drop_vars("network_hit")))
    right = [
        (predict_logits(one, data.train_images).argmax(1) == labels).mean()
        for one in partners.values()
    ]
    picture = ("channel", "row", "column")
    images_before = generate_images(generator, starts[0])
    if data.train_images.ndim == 3:  # gray: one channel
        images, images_before = images[..., None, :, :], images_before[..., None, :, :]
    values = xr.Dataset(
        {
            "partner_train_accuracy": ("partner", right),
            "latent_norm": (("class", "start"), np.linalg.norm(found, axis=-1)),
            "nearest_neighbour_agreement": nearest_neighbour_agreement(
                data.train_images, labels, shown, seed=seed
            ),
            "image_before": (("start", *picture), images_before),
            "image_after": (("class", "start", *picture), images),
        }
    )
    return xr.merge([*parts, values])


def _named(prefix: str, dataset: xr.Dataset) -> xr.Dataset:
    return dataset.rename({name: f"{prefix}{name}" for name in dataset.data_vars})


def join_runs(runs: Iterable[tuple[Mapping[str, object], xr.Dataset]]) -> xr.Dataset:
    """Join runs into one dataset along the dims that tell them apart; NaN where there is no run.

    Parameters
    ----------
    runs
        Each with its place, such as ``{"label_share": 1.0, "seed": 3}``, the same names in all.

    Examples
    --------
    >>> import xarray as xr
    >>> one, two = (xr.Dataset({"a": x}) for x in (1.0, 2.0))
    >>> join_runs([({"seed": 0}, one), ({"seed": 1}, two)])["a"].values.tolist()
    [1.0, 2.0]
    """
    placed = [
        run.expand_dims({name: [value] for name, value in where.items()}) for where, run in runs
    ]
    return xr.merge(placed, join="outer", compat="no_conflicts")
