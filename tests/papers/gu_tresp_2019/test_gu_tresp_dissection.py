import copy
import hashlib

import numpy as np
import pytest
import torch
from gu_tresp import vgg
from torch import nn

from memlib.base.errors import InputError
from memlib.papers.gu_tresp_2019.dissection import (
    compare_logits,
    compare_on_images,
    dissect,
    draw_starts,
    generate_images,
    jensen_shannon_divergence,
    kl_divergence,
    maximize_activation,
    nearest_neighbour_agreement,
)

RNG = np.random.default_rng(0)
RATE, N_STEPS = 0.05, 30


def linear(n_in, n_out, *, bias=True):
    layer = nn.Linear(n_in, n_out, bias=bias).double()
    nn.init.normal_(layer.weight)
    return layer


def digest(network):
    return hashlib.sha256(
        b"".join(v.numpy().tobytes() for v in network.state_dict().values())
    ).hexdigest()


def ascend(network, generator, starts, **options):
    return maximize_activation(
        network, generator, starts, learning_rate=RATE, n_steps=N_STEPS, **options
    )


def test_ascent_through_linear_networks_goes_straight():
    network, generator = linear(12, 4), linear(7, 12, bias=False)
    starts = draw_starts(4, 5, 7).astype(float)
    found = ascend(network, generator, starts)
    w, a = (one.weight.detach().numpy() for one in (network, generator))
    expected = starts + N_STEPS * RATE * (w @ a)[:, None, :]  # z0 + T rate A' w_j
    assert abs(found - expected).max() < 1e-13


def test_a_starts_way_does_not_depend_on_the_others():
    network = nn.Sequential(linear(16, 8), nn.Tanh(), linear(8, 10))
    shaped = nn.Sequential(linear(9, 16), nn.Tanh())
    starts = draw_starts(10, 3, 9).astype(float)
    together = ascend(network, shaped, starts)
    alone = ascend(network, shaped, starts[:, 1:2])
    assert np.allclose(together[:, 1:2], alone, rtol=0, atol=1e-10)
    assert abs(together - starts).max() > 1e-3


def test_neither_network_is_changed():
    network = vgg()
    generator = nn.Sequential(nn.Linear(9, 256), nn.BatchNorm1d(256), nn.Unflatten(1, (16, 16)))
    before = digest(network), digest(generator)
    ascend(network, generator, draw_starts(10, 2, 9))
    assert (digest(network), digest(generator)) == before
    assert generator.training
    assert all(p.grad is None for p in (*network.parameters(), *generator.parameters()))


def test_objectives_are_what_they_are_called():
    network = linear(6, 3)
    z = torch.from_numpy(RNG.normal(size=(3, 1, 6)))
    logits = network(z[:, 0])
    by_hand = {
        "log_probability": logits.log_softmax(1).diagonal(),
        "probability": logits.softmax(1).diagonal(),
        "margin": torch.stack(
            [logits[j, j] - torch.cat([logits[j, :j], logits[j, j + 1 :]]).max() for j in range(3)]
        ),
    }
    for objective, wanted in by_hand.items():
        x = z.clone().requires_grad_()
        # The same functions of x by autograd alone, one start at a time.
        found = maximize_activation(
            network, nn.Identity(), z.numpy(), learning_rate=1.0, n_steps=1, objective=objective
        )
        values = []
        for j in range(3):
            out = network(x[j])[0]
            p = out.log_softmax(0)[j]
            other = torch.cat([out[:j], out[j + 1 :]]).max()
            values.append(
                {"log_probability": p, "probability": p.exp(), "margin": out[j] - other}[objective]
            )
        assert torch.allclose(torch.stack(values), wanted)
        (gradient,) = torch.autograd.grad(sum(values), x)
        assert np.allclose(found, (z + gradient).numpy())


def test_the_norm_can_be_kept():
    network, starts = linear(6, 3), draw_starts(3, 4, 6).astype(float)
    kept = ascend(network, nn.Identity(), starts, keep_norm=True)
    free = ascend(network, nn.Identity(), starts)
    norms = np.linalg.norm(starts, axis=-1)
    assert np.allclose(np.linalg.norm(kept, axis=-1), norms)
    assert not np.allclose(np.linalg.norm(free, axis=-1), norms)


def test_all_classes_start_from_the_same_points_and_more_starts_add_to_fewer():
    starts = draw_starts(3, 4, 6, seed=5)
    assert (starts == starts[0]).all()
    assert np.array_equal(draw_starts(3, 2, 6, seed=5), starts[:, :2])
    assert len(np.unique(starts[0, :, 0])) == 4


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"objective": "loudness"}, "objective = 'loudness': take one of logit"),
        ({"learning_rate": 0}, "learning_rate = 0"),
        ({"n_steps": -1}, "n_steps = -1"),
    ],
)
def test_what_is_no_ascent_is_refused(change, told):
    with pytest.raises(InputError, match=told):
        maximize_activation(linear(6, 3), nn.Identity(), draw_starts(3, 1, 6), **change)


def log(p):
    return np.log(np.array(p))


def test_divergences_of_constant_networks():
    assert kl_divergence(log([0.9, 0.1]), log([0.5, 0.5])) == pytest.approx(0.3680642, abs=1e-7)
    assert kl_divergence(log([0.5, 0.5]), log([0.9, 0.1])) == pytest.approx(0.5108256, abs=1e-7)
    one_way = jensen_shannon_divergence(log([0.9, 0.1]), log([0.5, 0.5]))
    p, q, m = np.array([0.9, 0.1]), np.array([0.5, 0.5]), np.array([0.7, 0.3])
    assert one_way == pytest.approx((p @ np.log(p / m) + q @ np.log(q / m)) / 2)
    assert one_way == pytest.approx(jensen_shannon_divergence(log([0.5, 0.5]), log([0.9, 0.1])))


def test_two_swapped_classes_have_a_closed_divergence():
    logits = RNG.normal(size=(20, 6)) * 3
    swapped = logits[:, [1, 0, 2, 3, 4, 5]]
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = (p[:, 0] - p[:, 1]) * (np.log(p[:, 0]) - np.log(p[:, 1]))
    assert abs(kl_divergence(logits, swapped) - expected).max() < 1e-14


def test_sure_networks_are_not_clipped():
    sure, opposite = np.array([500.0, 0]), np.array([0, 500.0])
    assert kl_divergence(sure, opposite) == pytest.approx(500)
    assert jensen_shannon_divergence(sure, opposite) == pytest.approx(np.log(2))


IMAGES = RNG.uniform(-1, 1, (10, 3, 16, 16)).astype(np.float32)


def flat(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(256, 10))


def test_a_network_has_no_distance_from_itself():
    network = flat()
    found = dissect(network, {"itself": network, "copy": copy.deepcopy(network)}, IMAGES)
    assert (found["dissimilarity"] == 0).all()
    assert abs(found["jensen_shannon"]).max() < 1e-15
    assert (found["agreement"] == 1).all()
    assert found["dissimilarity"].dims == ("partner", "class", "start")
    assert found["partner"].values.tolist() == ["itself", "copy"]


def test_planted_ways_are_found():
    network = flat()
    images = maximize_activation(network, nn.Identity(), IMAGES, learning_rate=1.0, n_steps=9)
    near, permuted = copy.deepcopy(network), copy.deepcopy(network)
    with torch.no_grad():
        for weight in near.parameters():
            weight += 1e-3 * torch.from_numpy(RNG.normal(size=weight.shape)).float()
        for weight in (permuted[-1].weight, permuted[-1].bias):
            weight.copy_(weight.roll(1, 0))
    found = dissect(network, {"near": near, "permuted": permuted}, images)
    mean = found.mean(("class", "start"))
    hit = found["network_hit"] == 1
    assert hit.mean() > 0.8  # the ascent reaches its class
    assert mean["dissimilarity"].sel(partner="near") < 0.01
    assert mean["agreement"].sel(partner="near") > 0.9
    assert (found["agreement"].sel(partner="permuted").where(hit, 0) == 0).all()
    assert mean["dissimilarity"].sel(partner="permuted") > 0.1


def test_means_over_given_images_are_those_of_single_ones():
    one, other = flat(1), flat(2)
    images = IMAGES.reshape(-1, 16, 16)
    found = compare_on_images(one, {"other": other}, images)
    with torch.no_grad():
        logits = [net.eval()(torch.from_numpy(images)).numpy() for net in (one, other)]
    expected = compare_logits(*logits)
    for name, values in expected.items():
        assert found[name].values == pytest.approx([values.mean()], rel=1e-5)


def test_images_are_generated_in_the_shape_of_their_starts():
    generator = nn.Sequential(nn.Linear(9, 256), nn.Unflatten(1, (16, 16)))
    starts = draw_starts(4, 3, 9)
    images = generate_images(generator, starts)
    assert images.shape == (4, 3, 16, 16)
    with torch.no_grad():
        assert np.allclose(images[2, 1], generator(torch.from_numpy(starts[2, 1:2]))[0], atol=1e-6)


def test_nearest_neighbours_of_the_same_images_agree_and_ties_are_all_that_could_differ():
    images, labels = RNG.normal(size=(40, 4, 4)), RNG.integers(5, size=40)
    shown = RNG.normal(size=(30, 4, 4))
    assert nearest_neighbour_agreement(images, labels, shown) == 1
    tied = np.concatenate([images, images])  # every image twice, with another label
    relabelled = np.concatenate([labels, (labels + 1) % 5])
    assert nearest_neighbour_agreement(tied, relabelled, shown) < 1
