import numpy as np
import pytest
import torch
from gu_tresp import vgg
from torch import nn
from torch.nn.functional import cross_entropy

from memlib.papers.gu_tresp_2019.gradients import (
    coherence,
    compute_input_gradients,
    measure_gradient_agreement,
    measure_gradient_magnitude,
    measure_layer_gradients,
)
from memlib.papers.gu_tresp_2019.networks import declare_network
from memlib.training.networks import build_network

RNG = np.random.default_rng(0)


def examples(n=8, n_classes=10, dtype=np.float64):
    images = RNG.uniform(-1, 1, (n, 16, 16)).astype(dtype)
    return images, RNG.integers(n_classes, size=n)


def magnitude(network, images, labels, **options):
    return float(
        measure_gradient_magnitude(network, images, labels, **options)["gradient_magnitude"]
    )


def linear(n_classes=4):
    network = nn.Sequential(nn.Flatten(), nn.Linear(256, n_classes)).double()
    nn.init.normal_(network[1].weight, std=0.1)
    return network


def resnet(seed=0):
    declared = declare_network("resnet32", width=1 / 4, image_size=16)
    network = build_network(declared, image_shape=(16, 16), n_classes=10, seed=seed)
    with torch.no_grad():  # running values as after a training
        network(torch.from_numpy(examples(32, dtype=np.float32)[0]))
    return network


def test_the_gradient_is_that_of_central_differences():
    network = vgg(weights="he").double()
    images, labels = examples(2)
    found = compute_input_gradients(network, images, labels)
    step = 1e-6
    for _ in range(20):
        i, r, c = (int(RNG.integers(n)) for n in images.shape)
        losses = []
        for sign in (1, -1):
            moved = images[i].copy()
            moved[r, c] += sign * step
            logits = network(torch.from_numpy(moved[None]))
            losses.append(
                float(cross_entropy(logits, torch.from_numpy(labels[i : i + 1])).detach())
            )
        assert found[i, r, c] == pytest.approx((losses[0] - losses[1]) / (2 * step), abs=2e-9)


def test_the_magnitude_of_a_linear_softmax_network_has_a_closed_form():
    network, (images, labels) = linear(), examples(12, 4)
    weight, bias = (p.detach().numpy() for p in network.parameters())
    logits = images.reshape(12, -1) @ weight.T + bias
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = abs((p - np.eye(4)[labels]) @ weight).sum(1).mean()
    assert magnitude(network, images, labels) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("batch_size", [1, 5, 12])
def test_the_magnitude_does_not_depend_on_the_batches_even_with_batch_normalization(batch_size):
    network, (images, labels) = resnet().double(), examples(12)
    whole = magnitude(network, images, labels)
    assert magnitude(network, images, labels, batch_size=batch_size) == pytest.approx(
        whole, rel=1e-10
    )


def test_a_constant_added_to_all_logits_changes_no_gradient():
    network, (images, labels) = linear(), examples(5, 4)
    before = magnitude(network, images, labels)
    with torch.no_grad():
        network[1].bias += 7
    assert magnitude(network, images, labels) == pytest.approx(before, rel=1e-12)


def test_inputs_that_are_scaled_up_have_smaller_gradients():
    network, (images, labels) = vgg(weights="he").double(), examples(5)

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, x):
            return self.network(x / 4)

    before = magnitude(network, images, labels)
    assert magnitude(Scaled(), 4 * images, labels) == pytest.approx(before / 4, rel=1e-12)


def test_a_measure_leaves_the_network_as_it_was():
    network, (images, labels) = resnet().train(), examples(8, dtype=np.float32)
    network[3].eval()  # a part that somebody froze
    modes = [part.training for part in network.modules()]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for measure in (
        measure_gradient_magnitude,
        measure_gradient_agreement,
        measure_layer_gradients,
    ):
        measure(network, images, labels)
        assert [part.training for part in network.modules()] == modes
        assert all(torch.equal(before[n], v) for n, v in network.state_dict().items())
        assert all(p.grad is None for p in network.parameters())


def test_coherence_of_planted_gradients():
    n = 6
    assert coherence(np.tile(RNG.normal(size=40), (n, 1))) == pytest.approx(1)
    assert coherence(3 * np.eye(n)) == 0
    one = RNG.normal(size=40)
    assert coherence(np.stack([one, -one] * (n // 2))) == pytest.approx(-1 / (n - 1))
    assert coherence(np.zeros((n, 3))) == 0


def test_agreement_is_that_of_gradients_taken_one_by_one():
    network, (images, labels) = resnet().double(), examples(10)
    measured = measure_gradient_agreement(network, images, labels, batch_size=4)
    network.eval()
    rows = []
    for x, y in zip(torch.from_numpy(images), torch.from_numpy(labels), strict=True):
        network.zero_grad()
        cross_entropy(network(x[None]), y[None]).backward()
        rows.append(np.concatenate([p.grad.flatten().numpy() for p in network.parameters()]))
    gradients = np.stack(rows)
    products = gradients @ gradients.T
    pairs = products[~np.eye(10, dtype=bool)].mean() / products.diagonal().mean()
    assert float(measured["coherence"]) == pytest.approx(pairs, rel=1e-8)
    norm = np.sqrt(products.diagonal()).mean()
    assert float(measured["parameter_gradient_norm"]) == pytest.approx(norm, rel=1e-8)


def test_layers_of_a_linear_stack_have_closed_gradients():
    network = nn.Sequential(nn.Flatten(), nn.Linear(256, 6), nn.Linear(6, 3)).double()
    images, labels = examples(7, 3)
    measured = measure_layer_gradients(network, images, labels, batch_size=3)
    (w1, b1, w2, b2) = (p.detach().numpy() for p in network.parameters())
    logits = (images.reshape(7, -1) @ w1.T + b1) @ w2.T + b2
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    at_logits = p - np.eye(3)[labels]
    expected = [
        np.linalg.norm(one, axis=1).mean()
        for one in (at_logits @ w2 @ w1, at_logits @ w2, at_logits)
    ]
    assert measured["layer_gradient_norm"].values == pytest.approx(expected, rel=1e-12)


def test_all_layers_of_a_residual_network_are_measured():
    images, labels = examples(4, dtype=np.float32)
    measured = measure_layer_gradients(resnet(), images, labels)
    assert measured.sizes["layer"] == 1 + 31 + 1  # image, 31 convolutions, logits
    assert (measured["layer_gradient_norm"] > 0).all()
