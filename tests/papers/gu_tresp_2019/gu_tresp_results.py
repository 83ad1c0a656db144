"""Results that were never run: every number is set, so that the claims' rules can be tested."""

import numpy as np
import xarray as xr

from memlib.papers.gu_tresp_2019.schema import VARIABLES, label_dataset

N_CLASSES = 10
ATTRIBUTES = {
    "n_classes": N_CLASSES,
    "n_train_images": 512,
    "n_test_images": 797,
    "batch_size": 128,
    "scale": "teaching",
}
COORDS = {
    "network": ["vgg11", "vgg13", "resnet32"],
    "label_share": [0.0, 1.0],
    "seed": [0, 1, 2],
    "epoch": np.arange(201),
    "layer": np.arange(4),
    "partner": ["vgg11", "vgg13", "resnet32"],
    "class": np.arange(N_CLASSES),
    "start": np.arange(4),
    "variant": ["no decay", "weight decay", "crops and flips"],
    "channel": [0],
    "row": np.arange(16),
    "column": np.arange(16),
    "pair": ["0-1", "1-2"],
}


def filled(figure, values, **coords):
    """Return a figure's dataset with one number in all places of each variable."""
    coords = COORDS | coords
    dataset = xr.Dataset()
    for name, one in VARIABLES[figure].items():
        shape = [len(coords[dim]) for dim in one.dims]
        own = {dim: coords[dim] for dim in one.dims}
        array = xr.DataArray(np.full(shape, float(values.get(name, 0.5))), own, one.dims)
        dataset[name] = array
    return label_dataset(figure, dataset, **ATTRIBUTES)


def set_run(dataset, where, *, hunt, mid, t90, end=None, quiet=1.0, loud=20.0, peak=None):
    """Set the course of a training: chance until `hunt`, then .25, .6 from `mid`, .95 from `t90`.

    G is `quiet` until `hunt`, then 2 * `quiet`, and `loud` at epoch `peak` (half-way to the end).
    It fits at the last epoch, `end`.
    """
    epochs = dataset["epoch"].values
    end = epochs[-1] if end is None else end
    running = np.select([epochs < hunt, epochs < mid, epochs < t90], [0.1, 0.25, 0.6], 0.95)
    running[0] = np.nan
    gradient = np.where(epochs <= hunt, quiet, 2.0 * quiet)
    gradient[mid if peak is None else peak] = loud
    train = np.where(epochs < end, 0.9, 1.0)
    columns = {"running_accuracy": running, "train_accuracy": train}
    if "gradient_magnitude" in dataset:
        columns["gradient_magnitude"] = gradient
    for name, column in columns.items():
        dataset[name].loc[where] = np.where(epochs <= end, column, np.nan)
    if "test_accuracy" in dataset:
        dataset["test_accuracy"].loc[where] = (
            dataset["test_accuracy"].loc[where].where(dataset["epoch"] <= end)
        )
    return dataset


def course(figure, n_seeds=3):
    """Fig. 1 or 4 as the paper describes it."""
    dataset = filled(figure, {"fitted": 1}, seed=np.arange(n_seeds))
    for network in dataset["network"].values:
        for seed in dataset["seed"].values:
            true = {"network": network, "label_share": 0.0, "seed": seed}
            hunt = 4 + int(seed) % 2
            set_run(dataset, true, hunt=hunt, mid=14 + int(seed) % 2, t90=20, end=60)
            random = true | {"label_share": 1.0}
            at = 40 + 4 * (int(seed) % 3)
            set_run(dataset, random, hunt=at, mid=at + 20, t90=at + 30, end=160)
    if "coherence" in dataset:
        epochs, running = dataset["epoch"], dataset["running_accuracy"]
        dataset["test_accuracy"].loc[{"label_share": 0.0}] = 0.9
        dataset["test_accuracy"].loc[{"label_share": 1.0}] = 0.1
        late = xr.where(running >= 0.3, 0.04, -0.004)
        early = xr.where(epochs <= 6, 0.05, 0.0)
        true = dataset["label_share"] == 0
        dataset["coherence"] = xr.where(true, early, late).transpose(*dataset["coherence"].dims)
        dataset["parameter_gradient_norm"] = 3 * dataset["gradient_magnitude"]
    return label_dataset(figure, dataset)


def fig2():
    """Fig. 2 as the paper describes it."""
    dataset = filled("fig2", {"nearest_neighbour_agreement": 1, "train_agreement": 1})
    true, random = {"label_share": 0.0}, {"label_share": 1.0}
    for name, low, high in (
        ("dissimilarity", 0.2, 6.0),
        ("pixel_dissimilarity", 4.0, 12.0),
        ("agreement", 0.94, 0.3),
        ("test_agreement", 0.9, 0.2),
    ):
        dataset[name].loc[true], dataset[name].loc[random] = low, high
    spread = xr.DataArray([-0.05, 0.0, 0.05], {"seed": [0, 1, 2]}, "seed")
    dataset["dissimilarity"] = (dataset["dissimilarity"] + spread).transpose(
        *VARIABLES["fig2"]["dissimilarity"].dims
    )
    dims = VARIABLES["fig2"]["variant_dissimilarity"].dims
    variants = dataset["variant_dissimilarity"] * 0 + 6 + 10 * spread
    dataset["variant_dissimilarity"] = variants.transpose(*dims)
    return label_dataset("fig2", dataset)


def fig3():
    """Fig. 3 as the paper describes it."""
    values = {
        "generated_class_share": 0.1,
        "generated_confidence": 0.85,
        "generated_pixel_sd": 0.33,
    }
    values |= {"real_pixel_sd": 0.37, "generated_score": 6.2, "real_score": 9.1}
    dataset = filled("fig3", values)
    dataset["judge_hit"].loc[{"label_share": 0.0}] = 1.0
    dataset["judge_hit"].loc[{"label_share": 1.0}] = 0.0
    dataset["judge_hit"].loc[{"label_share": 1.0, "class": 3}] = 1.0  # a tenth
    return dataset


def fig5():
    """Fig. 5 as the paper describes it."""
    shares = np.array([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    dataset = filled("fig5", {"fitted": 1}, label_share=shares)
    growing = xr.DataArray([0.3, 2.0, 3.0, 4.5, 5.0, 6.5], {"label_share": shares}, "label_share")
    dims = VARIABLES["fig5"]["dissimilarity"].dims
    dataset["dissimilarity"] = (dataset["dissimilarity"] * 0 + growing).transpose(*dims)
    best = dataset["epoch"] == 24
    for name, then, else_ in (
        ("test_accuracy", 0.78, 0.63),
        ("clean_accuracy", 0.87, 1.0),
        ("wrong_label_fit", 0.07, 1.0),
        ("train_accuracy", 0.55, 1.0),
    ):
        values = xr.where(best, then, else_) + 0 * dataset[name]
        dataset[name] = values.transpose(*VARIABLES["fig5"][name].dims)
    return label_dataset("fig5", dataset)


def results():
    """Results that bear out every claim that can be decided."""
    return {
        "fig1": course("fig1"),
        "fig2": fig2(),
        "fig3": fig3(),
        "fig4": course("fig4", 10),
        "fig5": fig5(),
    }
