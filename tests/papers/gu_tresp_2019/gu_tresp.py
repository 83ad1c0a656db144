"""What the tests of this paper share: small networks."""

from memlib.papers.gu_tresp_2019.networks import declare_network
from memlib.training.networks import build_network


def vgg(*, width=1 / 8, weights="he", seed=0, name="vgg11", n_classes=10):
    declared = declare_network(name, width=width, image_size=16)
    return build_network(
        declared, image_shape=(16, 16), n_classes=n_classes, initial_weights=weights, seed=seed
    )
