"""A figure's result as Markdown tables: its networks, and its scores in numbers."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from memlib.base.words import strength_labels
from memlib.method.verdicts import VERDICTS
from memlib.report.tables import markdown_table, plain
from memlib.results.schema import panels_of
from memlib.runs.shipped import read_shipped

OPTIMIZERS = {"sgd": "stochastic gradient descent", "rmsprop": "rmsProp"}


def networks_table(tree: xr.DataTree) -> str:
    """Return each panel's hidden layers as they were built, and what all panels share, in words."""
    parameters = json.loads(tree.attrs["parameters"])
    rows = [
        [
            panel,
            plain(dataset.attrs["network"]),
            ", ".join(map(_layer, json.loads(dataset.attrs["layers"]))),
        ]
        for panel, dataset in panels_of(tree).items()
    ]
    shared = (
        f"Trained on {parameters['n_images']:,} images, with {parameters['n_validation_images']:,} "
        f"others for validation, by {OPTIMIZERS[parameters['optimizer']]} with a learning rate of "
        f"{parameters['learning_rate']:g}, in mini-batches of {parameters['batch_size']}. Hidden "
        f"layers have rectified units, outputs one for each class; first weights: "
        f"{plain(tree.attrs['initial_weights'])}; loss: {plain(tree.attrs['loss'])}."
    )
    return f"{markdown_table(['panel', 'network', 'hidden layers'], rows)}\n\n{shared}"


def _layer(layer: Mapping[str, Any]) -> str:
    """Say what a declared layer is, see `memlib.training.layers`."""
    match layer["layer"]:
        case "Dense":
            return f"{layer['units']} units"
        case "Conv":
            size = f"{layer['kernel']} × {layer['kernel']}"
            stride = f", stride {layer['stride']}" if layer["stride"] > 1 else ""
            return f"{layer['filters']} filters of {size}{stride}"
        case "MaxPool":
            return f"maximum of {layer['size']} × {layer['size']}"
        case _:
            return f"dropout {layer['rate']:g}"


def summary_table(tree: xr.DataTree) -> str:
    """Return each panel's null, observed and validation accuracy in numbers.

    For the least perturbed s-validation set; means over seeds (and permutations), with the
    smallest and the largest seed in brackets where there are several.
    """
    panels = panels_of(tree)
    first = next(iter(panels.values()))["perturbation"]
    strength = float(first.values.min())
    label = strength_labels(first)[strength]
    header = [
        "panel",
        "network",
        f"{label} null: first epoch",
        "highest",
        "last epoch",
        f"observed {label}, last",
        "verdict, last",
        "validation, last",
    ]
    rows = []
    for panel, dataset in panels.items():
        own, epochs = dataset.sel(perturbation=strength), dataset["epoch"].values
        null = own["null_accuracy"].mean("permutation")
        highest, last = int(null.mean("seed").values.argmax()), own.isel(epoch=-1)
        rows.append(
            [
                panel,
                plain(dataset.attrs["network"]),
                _over_seeds(null.isel(epoch=0)),
                f"{_over_seeds(null.isel(epoch=highest))} (epoch {epochs[highest]:,})",
                f"{_over_seeds(null.isel(epoch=-1))} (epoch {epochs[-1]:,})",
                _over_seeds(last["observed_accuracy"]),
                _verdicts(last["verdict"].values),
                _over_seeds(last["validation_accuracy"]),
            ]
        )
    return markdown_table(header, rows)


def shipped_summary(figure: str, scale: str) -> str:
    """Return the `summary_table` of a result that comes with the checkout; empty without one."""
    tree = read_shipped(figure, scale)
    return "" if tree is None else summary_table(tree)


def _over_seeds(accuracy: xr.DataArray) -> str:
    """Return the mean over seeds, and their range where there are several."""
    text = f"{float(accuracy.mean()):.3f}"
    if accuracy.size > 1:
        low, high = f"{float(accuracy.min()):.3f}", f"{float(accuracy.max()):.3f}"
        text += f" [{low}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{high}]"
    return text


def _verdicts(codes: np.ndarray) -> str:
    """Return the verdicts of some seeds, the most frequent first."""
    found = Counter(VERDICTS[code].replace("_", " ") for code in codes)
    if len(found) == 1:
        return next(iter(found))
    return ", ".join(f"{verdict} ({n} of {len(codes)})" for verdict, n in found.most_common())
