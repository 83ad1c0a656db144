"""VGG11, VGG13 and ResNet-32, declared; narrower ones by a stated width (no torch here)."""

from fractions import Fraction

from memlib.base.errors import InputError
from memlib.training.checks import check_positive, check_whole
from memlib.training.layers import (
    Architecture,
    BatchNorm,
    Conv,
    GlobalAveragePool,
    Layer,
    MaxPool,
    ReLU,
    Residual,
)

NETWORKS = ("vgg11", "vgg13", "resnet32")
LABELS = {"vgg11": "VGG11", "vgg13": "VGG13", "resnet32": "ResNet-32"}
# Filters of the convolutions between two pools (Simonyan and Zisserman 2015, A and B). One linear
# layer follows the pools, as in the versions for small images; batch normalization would remove
# the hunting stage at these sizes, so there is none.
VGG_FILTERS = {
    "vgg11": ((64,), (128,), (256, 256), (512, 512), (512, 512)),
    "vgg13": ((64, 64), (128, 128), (256, 256), (512, 512), (512, 512)),
}
RESNET_FILTERS, RESNET_BLOCKS = (16, 32, 64), 5  # 6 n + 2 layers with n = 5 (He et al. 2016)


def declare_network(
    name: str, *, width: float | Fraction = 1, image_size: int = 32
) -> Architecture:
    """Declare one of the paper's networks for square images.

    Parameters
    ----------
    name
        ``"vgg11"``, ``"vgg13"`` or ``"resnet32"``.
    width
        What all numbers of filters are multiplied by, for example 1/8; they are rounded.
    image_size
        Rows (and columns) of an image. A VGG has five pools at 32 and pools once less for every
        halving, down to one pixel: the layers with weights, and their number, stay the same.

    Returns
    -------
    Architecture
        Hidden layers; `memlib.training.networks.build_network` adds the linear output layer.
        At full width with 3 channels and 10 classes: 9,225,610, 9,410,122 and 464,154 parameters.

    Raises
    ------
    InputError
        For another name, a width of 0 or less, or one that leaves a layer without filters.

    Examples
    --------
    >>> declare_network("vgg11", width=1 / 8, image_size=16).label
    'CNN 8-16-32-32-64-64-64-64'
    """
    if name not in NETWORKS:
        raise InputError(f"network = {name!r}: take one of {', '.join(NETWORKS)}")
    check_positive("width", float(width))
    check_whole("image_size", image_size, 4)
    layers = _resnet(width) if name == "resnet32" else _vgg(name, width, image_size)
    return Architecture(name, tuple(layers))


def _filters(full: int, width: float | Fraction) -> int:
    n_filters = round(full * width)
    if n_filters < 1:
        raise InputError(f"width = {width}: a layer of {full} filters has none left")
    return n_filters


def _vgg(name: str, width: float | Fraction, image_size: int) -> list[Layer]:
    layers: list[Layer] = []
    for group in VGG_FILTERS[name]:
        layers += [Conv(_filters(full, width), padding=1) for full in group]
        if image_size > 1:
            layers.append(MaxPool())
            image_size //= 2
    return layers


def _resnet(width: float | Fraction) -> list[Layer]:
    first, *_ = RESNET_FILTERS
    layers: list[Layer] = [
        Conv(_filters(first, width), padding=1, bias=False, relu=False),
        BatchNorm(),
        ReLU(),
    ]
    for full in RESNET_FILTERS:
        for block in range(RESNET_BLOCKS):
            stride = 2 if block == 0 and full != first else 1
            layers.append(Residual(_filters(full, width), stride=stride, shortcut="A"))
    layers.append(GlobalAveragePool())
    return layers
