"""Results with planted values, laid out and labelled as a run's are."""

from itertools import product

import numpy as np
import xarray as xr

from memlib.papers.arpit_2017.schema import SCHEMA, check_panel, condition_name, label_panel

SEEDS = [0, 1]


def make(figure, panel, coords, seeds=SEEDS, **values):
    """A panel: each variable 0.5, or the number given, or numbers by condition.

    An array goes over the last dims; one that starts with the seeds goes over all.
    """
    coords = {"seed": list(seeds)} | coords
    variables = {}
    for name, one in SCHEMA[figure][panel].items():
        shape = [len(coords[dim]) for dim in one.dims]
        array = xr.DataArray(np.full(shape, 0.5), {d: coords[d] for d in one.dims}, one.dims)
        array[:] = 1.0 if one.low >= 1 else 0.5
        given = values.pop(name, {})
        if not isinstance(given, dict):
            array[:] = np.broadcast_to(given, shape)
            given = {}
        for condition, value in given.items():
            array.loc[{"condition": condition}] = value
        variables[name] = array
    assert not values, f"no variables {sorted(values)}"
    needed = {dim for one in variables.values() for dim in one.dims}
    dataset = xr.Dataset(variables, {dim: coords[dim] for dim in needed})
    if "setting" in needed:
        along = {name: ("setting", coords[name]) for name in ("regularizer", "strength")}
        dataset = dataset.assign_coords(along)
    dataset = label_panel(figure, panel, dataset)
    check_panel(figure, panel, dataset)
    return dataset


def conditions(shares=(0.4, 0.8), noises=("randX", "randY")):
    return ["real", *(condition_name(*pair) for pair in product(noises, shares))]


EXAMPLES = {"condition": ["real", "randX", "randY"], "example": range(4)}
G = {
    "condition": ["real", "randX 0.5", "randX", "randY"],
    "direct_term": [False, True],
    "norm": ["l1", "l2", "linf"],
    "step": [100, 1000, 4000],
    "example": range(5),
}
CELLS = {
    "condition": ["real", "randX", "randY"],
    "direct_term": [False, True],
    "loss_class": range(10),
    "example_class": range(10),
    "step": [500, 1000],
}
WIDTHS = [8, 16, 32, 64, 128, 256, 512]
UNITS = {"condition": conditions(), "units": WIDTHS}
SIZES = {"condition": conditions(), "n_images": [125, 250, 500, 1000]}
EPOCHS = [1, 2, 4, 8, 16, 32]
SHARES = {
    "condition": conditions((0.2, 0.4, 0.6, 0.8)),
    "images": ["validation", "noise"],
    "radius": [0.3, 1.0, 4.0],
    "epoch": EPOCHS,
}
WHOLE = SHARES | {
    "condition": ["real", "randX", "randY"],
    "images": ["validation", "noise", "train"],
    "epoch": [3, 6, 9, 12, 15, 18],
}
SETTINGS = {
    "condition": ["real", "randY"],
    "setting": ["none", "dropout 0.5", "dropout 0.7", "input_noise 1", "adversarial 0.7"],
    "regularizer": ["none", "dropout", "dropout", "input_noise", "adversarial"],
    "strength": [0, 0.5, 0.7, 1, 0.7],
    "epoch": EPOCHS,
}
