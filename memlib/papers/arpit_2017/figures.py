"""The paper's eleven figures and four scales, declared; no torch here.

A figure is data: what it shows, on which training data (`conditions`) and how large it is run at
each scale. The paper leaves open batch size, first weights, pixel scale, loss and more; what stands
here is our default, and `paper` the size that the paper states. Judged are the claims at the
``teaching`` scale on ten-class Fashion-MNIST, 1,000 training and 1,000 other images.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

SCALES = ("smoke", "teaching", "medium", "paper")
Size = Mapping[str, Any]

NOISE = ("real", "randX", "randY")
SHARES = tuple(f"{noise} {share}" for noise in ("randX", "randY") for share in (0.4, 0.8))
REMOVED = ("removed 0.4", "removed 0.8")
FOUR_SHARES = tuple(f"{noise} {s}" for noise in ("randX", "randY") for s in (0.2, 0.4, 0.6, 0.8))


@dataclass(frozen=True)
class Figure:
    """One figure of the paper.

    Attributes
    ----------
    name, title, shows
        ``fig1`` and so on, a short title, and what there is to see.
    network, data
        In words: what is trained, on which images.
    conditions
        Training data of each panel, see `memlib.papers.arpit_2017.schema.condition_name`.
    sizes
        By scale, what the panel's piece is called with, see `memlib.papers.arpit_2017.pieces`.
    cost
        CPU seconds of one condition, panel and seed at a size, on one core: an estimate.
    results_of
        The figure whose results this one draws, where it has none of its own.
    pieces_of
        Panels that reduce the trainings of another figure, at that figure's size.
    n_seeds
        Seeds by scale.
    """

    name: str
    title: str
    shows: str
    network: str
    data: str
    conditions: Mapping[str, tuple[str, ...]]
    sizes: Mapping[str, Size]
    cost: Callable[[Size], float]
    results_of: str | None = None
    pieces_of: Mapping[str, str] = field(default_factory=dict)
    n_seeds: Mapping[str, int] = field(
        default_factory=lambda: MappingProxyType(
            {"smoke": 1, "teaching": 5, "medium": 5, "paper": 5}
        )
    )

    @property
    def panels(self) -> tuple[str, ...]:
        """Names of the panels."""
        return tuple(self.conditions)


def _sizes(common: Size, **by_scale: Size) -> Mapping[str, Size]:
    """Join what all scales of a figure share with what each of them changes."""
    return MappingProxyType({name: {**common, **by_scale[name]} for name in SCALES})


# Costs: multiply-adds of one image through the network and back at the speed of float32 products,
# plus what each step costs whatever its size; constants fitted to runs at the teaching scale.
_SPEED = 3e10  # multiply-adds a second, one core
_STEP = 1.5e-4  # seconds


def _mlp_work(units: int, pixels: int, n_classes: int = 10) -> float:
    """Return multiply-adds of one image, forward and backward, through two hidden layers."""
    return 3 * (pixels * units + units * units + units * n_classes)


def _training(size: Size, work: float, n: int, epochs: float) -> float:
    return epochs * n * (work / _SPEED + _STEP / size["batch_size"])


def _cost_1(size: Size) -> float:
    work = _mlp_work(size["units"], 784)
    return size["n_initializations"] * _training(size, work, size["n_images"], size["epochs"])


def _cost_3(size: Size) -> float:
    per_step = 2e-4 + 3e-5 * size["n_times"]
    return size["steps"] * per_step * (4 if size["one_class_each"] else 1)


def _cost_4(size: Size) -> float:
    return max(size["times"]) * (2e-4 + 6e-5 * 10 * len(size["times"]))


def _cost_5(size: Size) -> float:
    return sum(
        _training(size, 1.7 * _mlp_work(units, 196), size["n_images"], size["epochs"] / 3)
        for units in size["units"]
    )


def _cost_6(size: Size) -> float:
    work = 1.7 * _mlp_work(size["units"], 196)
    return sum(_training(size, work, n, size["epochs"] / 3) for n in size["n_images"])


def _searches(size: Size, work: float) -> float:
    n_searches = size["n_epochs_measured"] * len(size["radii"]) * len(size["searched"])
    return n_searches * size["n_searched"] * 10 * 0.7 * (work / _SPEED + 784 * 2e-9)


def _cost_7(size: Size) -> float:
    work = _mlp_work(size["units"], 784)
    return _training(size, work, size["n_images"], size["epochs"]) + _searches(size, work)


def _cnn_work(size: Size) -> float:
    """Return multiply-adds of one 28 x 28 image through the CNN of footnote 2 and back."""
    filters, (first, second) = size["filters"], size["dense"]
    convolutions = 24 * 24 * 25 * filters + 4 * 4 * 25 * filters**2
    return 3 * (convolutions + filters * first + first * second)


def _cost_cnn(size: Size) -> float:
    work = 3 * _cnn_work(size)  # pooling and normalization take as long as the products
    total = _training(size, work, size["n_images"], size["epochs"])
    return total + (_searches(size, work) if "searched" in size else 0)


def _cost_10(size: Size) -> float:
    work = _mlp_work(size["units"], 784)
    n_settings = 21 + 3 * 8  # an adversarial step takes about nine plain ones
    return n_settings * _training(size, work, size["n_images"], size["epochs"])


_MLP = {"batch_size": 32, "initial_weights": "glorot"}
_CNN = _MLP | {
    "learning_rate": 0.01,
    "momentum": 0.9,
    "halve_every": 15,
    "radii": (0.3, 1.0),
    "n_epochs_measured": 8,
}
_CNN_SIZES = {
    "smoke": {
        "n_images": 100,
        "filters": 4,
        "dense": (8, 8),
        "epochs": 2,
        "n_searched": 20,
        "n_epochs_measured": 2,
    },
    "teaching": {
        "n_images": 1000,
        "filters": 32,
        "dense": (96, 48),
        "epochs": 40,
        "n_searched": 300,
        "radii": (1.0,),
    },
    "medium": {
        "n_images": 10_000,
        "filters": 64,
        "dense": (192, 96),
        "epochs": 60,
        "n_searched": 1000,
    },
    "paper": {
        "n_images": 50_000,
        "filters": 200,
        "dense": (384, 192),
        "epochs": 60,
        "batch_size": 128,
        "n_searched": 1000,
    },
}
_SENSITIVITY = _MLP | {
    "units": 16,
    "learning_rate": 0.05,
    "downscaled": 2,
    "n_images": 1000,
    "standardized": False,
}
_WIDTHS = (16, 32, 64, 128, 256, 512)

FIGURES: Mapping[str, Figure] = MappingProxyType(
    {
        figure.name: figure
        for figure in (
            Figure(
                "fig1",
                "Easy and hard examples",
                "How often each of 1,000 examples is right after one epoch, over 100 first weights "
                "and orders of the data, against a binomial",
                "MLP, 2 hidden layers; 4,096 units in the paper",
                "MNIST (text) or CIFAR-10 (poster); here Fashion-MNIST, standardized",
                {"examples": NOISE},
                _sizes(
                    _MLP | {"epochs": 1, "learning_rate": 0.01, "standardized": True},
                    smoke={"n_images": 100, "units": 16, "n_initializations": 8},
                    teaching={"n_images": 1000, "units": 128, "n_initializations": 100},
                    medium={"n_images": 1000, "units": 1024, "n_initializations": 100},
                    paper={
                        "n_images": 1000,
                        "units": 4096,
                        "n_initializations": 100,
                        "batch_size": 128,
                    },
                ),
                _cost_1,
            ),
            Figure(
                "fig2",
                "First-layer filters",
                "Filters of a CNN trained on real data and on random labels",
                "CNN of footnote 2",
                "CIFAR-10; here Fashion-MNIST, standardized",
                {"filters": ("init", *NOISE)},
                _sizes(
                    {k: v for k, v in _CNN.items() if k not in ("radii", "n_epochs_measured")},
                    **{
                        scale: {
                            k: v
                            for k, v in size.items()
                            if k not in ("n_searched", "n_epochs_measured", "radii")
                        }
                        for scale, size in _CNN_SIZES.items()
                    },
                ),
                _cost_cnn,
            ),
            Figure(
                "fig3",
                "Loss-sensitivity spreads unevenly over real examples",
                "Gini coefficient of the gradient of later losses by each training input, as "
                "training goes on; left: class labels, right: one class per example",
                "MLP, 2 hidden layers of 16 units",
                "1,000 MNIST images of 14 x 14; here Fashion-MNIST, pixels from 0 to 1",
                {
                    "classes": ("real", "randX 0.5", "randX", "randY"),
                    "one_class_each": ("real", "randX"),
                },
                _sizes(
                    _SENSITIVITY | {"n_times": 18},
                    smoke={"n_images": 64, "steps": 40, "n_times": 4, "batch_size": 8},
                    teaching={"steps": 4000},
                    # At the rate of 0.05 sensitivities explode after about 8,000 steps.
                    medium={"steps": 20_000, "learning_rate": 0.01},
                    paper={"steps": 100_000, "learning_rate": 0.01, "n_times": 24},
                ),
                _cost_3,
            ),
            Figure(
                "fig4",
                "Loss-sensitivity from class to class",
                "How the loss of class i depends on training inputs of class j",
                "MLP, 2 hidden layers of 16 units",
                "as Fig. 3",
                {"classes": NOISE},
                _sizes(
                    _SENSITIVITY,
                    smoke={"n_images": 60, "times": (10, 20), "batch_size": 10},
                    teaching={"times": (500, 1000, 2000)},
                    medium={"times": (500, 1000, 2000, 4000, 8000), "learning_rate": 0.02},
                    paper={
                        "times": (500, 1000, 2000, 5000, 10_000, 20_000),
                        "learning_rate": 0.01,
                    },
                ),
                _cost_4,
            ),
            Figure(
                "fig5",
                "Noise needs more units",
                "Validation accuracy against hidden units, for shares of noise",
                "MLPs, 2 hidden layers of 16 to 512 units; up to 8,192 in the paper",
                "MNIST; here Fashion-MNIST of 14 x 14, standardized",
                {"units": ("real", *SHARES, *REMOVED)},
                _sizes(
                    _MLP | {"learning_rate": 0.1, "downscaled": 2, "epochs": 250, "n_images": 1000},
                    smoke={"n_images": 60, "units": (8, 16), "epochs": 6},
                    teaching={"units": _WIDTHS},
                    medium={"units": (*_WIDTHS, 1024), "n_images": 10_000},
                    paper={
                        "units": (512, 1024, 2048, 4096, 8192),
                        "n_images": 50_000,
                        "batch_size": 128,
                        "learning_rate": 0.01,
                        "epochs": 1000,
                        "downscaled": 1,
                    },
                ),
                _cost_5,
            ),
            Figure(
                "fig6",
                "Time to convergence",
                "Epochs to 100 % training accuracy, against units and against training examples",
                "MLPs, 2 hidden layers; 32 units, near capacity, for the number of examples",
                "as Fig. 5; the panel of units shares its trainings",
                {"units": ("real", *SHARES), "images": ("real", *SHARES)},
                _sizes(
                    _MLP | {"learning_rate": 0.05, "downscaled": 2, "epochs": 250, "units": 32},
                    smoke={"n_images": (30, 60), "units": 8, "epochs": 6},
                    teaching={"n_images": (125, 250, 500, 1000)},
                    medium={"n_images": (1000, 2000, 4000, 10_000), "units": 128},
                    paper={
                        "n_images": (1000, 5000, 10_000, 20_000, 50_000),
                        "units": 4096,
                        "batch_size": 128,
                        "learning_rate": 0.01,
                        "epochs": 1000,
                        "downscaled": 1,
                    },
                ),
                _cost_6,
                pieces_of={"units": "fig5"},
            ),
            Figure(
                "fig7",
                "Accuracy and critical samples of MLPs, for shares of noise",
                "Training and validation accuracy, and critical sample ratio, over epochs",
                "MLP, 2 hidden layers of 256 units; 4,096 in the paper",
                "MNIST; here Fashion-MNIST, standardized",
                {"training": ("real", *FOUR_SHARES), "search": ("real",)},
                _sizes(
                    _MLP
                    | {
                        "learning_rate": 0.005,
                        "radii": (0.3, 1.0, 4.0),
                        "searched": ("validation",),
                        "n_epochs_measured": 12,
                    },
                    smoke={
                        "n_images": 100,
                        "units": 16,
                        "epochs": 4,
                        "n_searched": 50,
                        "n_epochs_measured": 3,
                    },
                    teaching={"n_images": 1000, "units": 256, "epochs": 120, "n_searched": 1000},
                    medium={"n_images": 10_000, "units": 1024, "epochs": 200, "n_searched": 1000},
                    paper={
                        "n_images": 50_000,
                        "units": 4096,
                        "epochs": 1000,
                        "batch_size": 128,
                        "learning_rate": 0.01,
                        "n_searched": 1000,
                    },
                ),
                _cost_7,
            ),
            Figure(
                "fig8",
                "Accuracy and critical samples of CNNs, for shares of noise",
                "As Fig. 7, for the CNN",
                "CNN of footnote 2",
                "CIFAR-10; here Fashion-MNIST, standardized",
                {"training": ("real", *FOUR_SHARES)},
                _sizes(_CNN | {"searched": ("validation",)}, **_CNN_SIZES),
                _cost_cnn,
            ),
            Figure(
                "fig9",
                "Critical samples over training",
                "Critical sample ratio of networks of real data, random inputs and random labels",
                "CNN of footnote 2",
                "CIFAR-10; here Fashion-MNIST, standardized",
                {"training": NOISE},
                _sizes(_CNN | {"searched": ("validation", "noise", "train")}, **_CNN_SIZES),
                _cost_cnn,
            ),
            Figure(
                "fig10",
                "What regularizers cost",
                "Training accuracy on random labels against validation accuracy on real data",
                "CNN of footnote 2 in the paper; MLP, 2 hidden layers of 128 units here",
                "CIFAR-10; here Fashion-MNIST, standardized",
                {"regularizers": ("real", "randY")},
                _sizes(
                    _MLP | {"learning_rate": 0.1, "n_epochs_measured": 16},
                    smoke={"n_images": 60, "units": 8, "epochs": 2, "n_epochs_measured": 2},
                    teaching={"n_images": 1000, "units": 128, "epochs": 80},
                    medium={"n_images": 10_000, "units": 512, "epochs": 100},
                    paper={"n_images": 50_000, "units": 4096, "epochs": 100, "batch_size": 128},
                ),
                _cost_10,
            ),
            Figure(
                "fig11",
                "Training curves of regularized networks",
                "Training loss over epochs, random labels left, real data right",
                "as Fig. 10",
                "as Fig. 10",
                {},
                MappingProxyType({scale: {} for scale in SCALES}),
                lambda size: 0.0,
                results_of="fig10",
            ),
        )
    }
)


def estimate_cost(figure: str, scale: str) -> float:
    """Return the CPU seconds of a whole figure at a scale, for one seed on one core."""
    one = FIGURES[figure]
    size = one.sizes[scale]
    total = 0.0
    for panel, conditions in one.conditions.items():
        if panel in one.pieces_of:
            continue
        own = {**size, "one_class_each": panel == "one_class_each"}
        total += one.cost(own) * len([name for name in conditions if name != "init"])
    return total
