"""The paper's five figures and four scales, declared: what is trained, on what, and its cost.

A figure is data: which networks, which shares of random labels. A scale says how much of it: how
wide, how many images, epochs, seeds and starts. The paper's own scale is declared as the paper
has it; what it leaves open is named in `OPEN_CHOICES` with our default.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from memlib.base.errors import InputError
from memlib.papers.gu_tresp_2019.networks import NETWORKS

SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
# Section 2: what every training has in common.
TRAINING: Mapping[str, object] = MappingProxyType(
    {
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "momentum": 0.9,
        "batch_size": 128,
        "loss": "categorical",
        "initial_weights": "he",
    }
)
DECAY = MappingProxyType({"true": 1e-4, "random": 0.0})  # weight decay, section 2
VARIANTS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "no decay": {"weight_decay": 0.0},
        "weight decay": {"weight_decay": 1e-4},
        # 4 pixels of 32, as much of a smaller image; flips where classes look alike mirrored.
        "crops and flips": {"weight_decay": 0.0, "padding": 1 / 8, "flips": True},
    }
)
OPEN_CHOICES: Mapping[str, str] = MappingProxyType(
    {
        "batch normalization of the VGGs": "none: with it there is no hunting stage at these sizes",
        "initial weights": "He, fan in: others leave a VGG without normalization dead",
        "head": "one linear layer after the pools",
        "pixels": "-1 to 1, the generator's scale; G is half of what it is from 0 to 1",
        "L in G": "the loss of one example, not the mean of a batch",
        "G": "a pass after each epoch, in evaluation mode",
        "random labels": "uniform, may be the true one; drawn once for all networks and seeds",
        "a seed": "changes weights and batches; images and labels stay",
        "f_j": "the logit",
        "ascent": "plain gradient ascent, z free",
        "bar": "mean over classes and all starts; spread over starts and over pairs of networks",
        "share of random labels": "of labels replaced; that of labels changed is stored beside it",
    }
)


@dataclass(frozen=True)
class Figure:
    """One figure of the paper.

    Attributes
    ----------
    shows
        What is seen in it.
    networks
        Whose trainings it needs; a second VGG11 where `second_seed`.
    label_shares
        Shares of random labels.
    dissects
        Whether networks are compared on images made through the generator.
    """

    name: str
    title: str
    shows: str
    networks: tuple[str, ...]
    label_shares: tuple[float, ...] = (0.0, 1.0)
    dissects: bool = False
    second_seed: bool = False


FIGURES = {
    figure.name: figure
    for figure in (
        Figure(
            "fig1",
            "Hunting and fitting",
            "Accuracy and gradient magnitude G over the epochs, with random and with true labels",
            NETWORKS,
        ),
        Figure(
            "fig2",
            "One way to learn, N ways to memorize",
            "Dissimilarity of VGG11(s1) from VGG11(s2), VGG13 and ResNet-32",
            NETWORKS,
            dissects=True,
            second_seed=True,
        ),
        Figure(
            "fig3",
            "What a class looks like to a network",
            "Images of the generator before and after the ascent towards three classes of VGG11",
            ("vgg11",),
            dissects=True,
        ),
        Figure(
            "fig4",
            "Ten trainings that differ in their seed",
            "Accuracy and gradient magnitude G of VGG11, ten seeds, with true and random labels",
            ("vgg11",),
        ),
        Figure(
            "fig5",
            "From learning to memorizing",
            "Dissimilarity of two VGG11 against the share of random labels",
            ("vgg11",),
            label_shares=SHARES,
            dissects=True,
        ),
    )
}


@dataclass(frozen=True)
class Scale:
    """How much of a figure is run.

    Attributes
    ----------
    data
        ``"digits"``, ``"fashion_mnist"`` or ``"cifar10"``.
    n_images, n_generator_images
        Of the networks, a multiple of 128; of the generator, these among them.
    image_shape
        As the networks take them.
    vgg_width, resnet_width
        Share of the full number of filters.
    n_epochs, n_epochs_true
        The most epochs with random and with true labels; a training ends after three in a row with
        all training images right.
    n_seeds
        By figure.
    gan_base, gan_batch_size, gan_steps
        See `memlib.papers.gu_tresp_2019.generator.GanSettings`; the best of `n_checkpoints`
        checkpoints is kept.
    n_starts, ascent_steps
        Of the gradient ascent, a class.
    precision
        Of the products in training.
    """

    name: str
    expect: str
    data: str
    n_images: int
    n_generator_images: int
    image_shape: tuple[int, ...]
    vgg_width: float
    resnet_width: float
    n_epochs: int
    n_epochs_true: int
    n_seeds: Mapping[str, int]
    gan_base: int
    gan_batch_size: int
    gan_steps: int
    n_starts: int
    ascent_steps: int
    precision: str = "float32"
    n_checkpoints: int = 6

    def width(self, network: str) -> float:
        """Return the width of a network."""
        return self.resnet_width if network == "resnet32" else self.vgg_width


def _seeds(fig1: int, fig2: int, fig3: int, fig4: int, fig5: int) -> Mapping[str, int]:
    numbers = (fig1, fig2, fig3, fig4, fig5)
    return MappingProxyType(dict(zip(FIGURES, numbers, strict=True)))


SCALES = {
    scale.name: scale
    for scale in (
        Scale(
            "smoke",
            "seconds: does it run?",
            *("digits", 128, 256, (16, 16), 1 / 16, 1 / 4, 3, 3),
            *(_seeds(1, 1, 1, 2, 2), 4, 32, 12, 2, 3),
            n_checkpoints=2,
        ),
        Scale(
            "teaching",
            "minutes: the paper's patterns on handwritten digits",
            *("digits", 512, 1000, (16, 16), 1 / 8, 1 / 2, 220, 220),
            *(_seeds(3, 3, 1, 10, 3), 32, 64, 1200, 16, 200),
        ),
        Scale(
            "medium",
            "hours: colour images, half as wide",
            *("cifar10", 5120, 5120, (3, 32, 32), 1 / 2, 1, 60, 60),
            *(_seeds(3, 3, 1, 10, 3), 64, 128, 4000, 32, 300),
            precision="bfloat16",
        ),
        Scale(
            "paper",
            "the paper's own size: days, or a GPU",
            *("cifar10", 50_000, 50_000, (3, 32, 32), 1, 1, 400, 100),
            *(_seeds(1, 1, 1, 10, 2), 64, 128, 30 * (50_000 // 128), 100, 1000),
        ),
    )
}
# Fashion-MNIST, ten classes, as a second panel beside the digits: what differs.
FASHION = MappingProxyType(
    {
        "data": "fashion_mnist",
        "n_epochs": 260,
        "n_epochs_true": 260,
        "gan_steps": 3200,
        "n_seeds": _seeds(3, 3, 1, 10, 2),
    }
)

# Seconds of one thread for 128 images of 32 x 32 at full width: a training step, by network; what
# a pass for G and accuracy costs of it; and a step of the GAN at base 64 and of an ascent of 100
# starts (VGG11 and generator). At other sizes they grow with the products, width squared times
# pixels, and with a part that a step costs anyway.
STEP_SECONDS = {"vgg11": 0.75, "vgg13": 1.01, "resnet32": 0.46}
PASS_SHARE = 0.7
OVERHEAD_SECONDS = {"vgg11": 0.005, "vgg13": 0.007, "resnet32": 0.08}
GAN_SECONDS, GAN_OVERHEAD = 0.33, 0.012
ASCENT_SECONDS, ASCENT_OVERHEAD = 0.45, 0.009
# Epochs until all images are right, as a share of the most: with random and with true labels.
USUAL_SHARE = {"vgg11": (0.8, 0.25), "vgg13": (0.8, 0.25), "resnet32": (0.15, 0.1)}


def step_seconds(network: str, scale: Scale) -> float:
    """Return about how long a training step takes, in seconds of one CPU thread in float32."""
    size = scale.width(network) ** 2 * scale.image_shape[-1] ** 2 / 32**2
    return OVERHEAD_SECONDS[network] + STEP_SECONDS[network] * size


def training_seconds(network: str, scale: Scale, label_share: float) -> float:
    """Return about how long a training with its measures after every epoch takes."""
    random, true = USUAL_SHARE[network]
    share = true + (random - true) * label_share
    most = scale.n_epochs_true if label_share == 0 else scale.n_epochs
    n_steps = share * most * -(-scale.n_images // 128)
    return n_steps * step_seconds(network, scale) * (1 + PASS_SHARE)


def generator_seconds(scale: Scale) -> float:
    """Return about how long the GAN's training takes."""
    size = (
        (scale.gan_base / 64) ** 2 * scale.gan_batch_size / 128 * scale.image_shape[-1] ** 2 / 32**2
    )
    return scale.gan_steps * (GAN_OVERHEAD + GAN_SECONDS * size)


def ascent_seconds(scale: Scale, n_classes: int = 10) -> float:
    """Return about how long the ascents of one network f1 take, all classes and starts."""
    size = scale.vgg_width**2 * scale.image_shape[-1] ** 2 / 32**2
    hundreds = n_classes * scale.n_starts / 100
    return scale.ascent_steps * hundreds * (ASCENT_OVERHEAD + ASCENT_SECONDS * size)


def estimate_seconds(figure: str, scale: str) -> float:
    """Return about how long a figure takes alone, in seconds of one CPU thread in float32.

    Figures share trainings, generator and ascents: all five take less than their sum.

    Raises
    ------
    InputError
        For an unknown figure or scale.
    """
    if figure not in FIGURES:
        raise InputError(f"figure {figure!r}: take one of {', '.join(FIGURES)}")
    if scale not in SCALES:
        raise InputError(f"scale = {scale!r}: take one of {', '.join(SCALES)}")
    declared, size = FIGURES[figure], SCALES[scale]
    n_seeds = size.n_seeds[figure]
    trained = [(network, n_seeds) for network in declared.networks]
    if declared.second_seed:  # VGG11(s2) of one seed is VGG11(s1) of the next
        trained.append(("vgg11", 1))
    seconds = sum(
        number * training_seconds(network, size, share)
        for network, number in trained
        for share in declared.label_shares
    )
    if declared.dissects:
        n_ascents = n_seeds if figure != "fig5" else n_seeds - 1
        seconds += generator_seconds(size)
        seconds += n_ascents * len(declared.label_shares) * ascent_seconds(size)
    return seconds
