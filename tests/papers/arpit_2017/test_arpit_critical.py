"""LASS: what it finds is there, what it must find it finds, and r = 0 finds nothing."""

import numpy as np
import pytest
import torch
from torch import nn

from memlib.base.errors import InputError
from memlib.papers.arpit_2017.critical import (
    compute_critical_sample_ratio,
    find_critical_samples,
)

GRAY = 1 / 255


def linear(n_inputs=20, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    network = nn.Sequential(nn.Flatten(), nn.Linear(n_inputs, n_classes))
    with torch.no_grad():
        network[1].weight.copy_(torch.from_numpy(rng.normal(size=(n_classes, n_inputs))))
        network[1].bias.copy_(torch.from_numpy(rng.normal(0, 0.1, n_classes)))
    return network


def images_of(n=300, n_inputs=20, seed=1):
    return np.random.default_rng(seed).normal(0, 0.1, (n, n_inputs)).astype(np.float32)


def truly_critical(network, images, r):
    """Critical if and only if min_j (z_k - z_j) / ||w_k - w_j||_1 < r; exact for linear logits."""
    w, b = (one.detach().double().numpy() for one in network[1].parameters())
    z = images.astype(float) @ w.T + b
    k, rows = z.argmax(1), np.arange(len(z))
    reach = np.abs(w[k][:, None] - w[None]).sum(2)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (z[rows, k][:, None] - z) / reach
    ratio[rows, k] = np.inf
    return ratio.min(1) < r


def classes(network, x):
    with torch.no_grad():
        return network(torch.from_numpy(x)).argmax(1).numpy()


@pytest.mark.parametrize("direction", ["cross_entropy", "minus_probability", "runner_up"])
def test_every_found_point_lies_in_its_box_and_has_another_class(direction):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 5))
    images = images_of()
    radii = np.array([0.3, 2, 8])
    search = find_critical_samples(network, images, radii, gray_level=GRAY, direction=direction)
    assert 0 < search.critical[0].sum() < search.critical[-1].sum() <= 300
    for r, found, points in zip(radii, search.critical, search.points, strict=True):
        assert np.abs(points - images).max() <= r * GRAY * (1 + 1e-5)
        differ = classes(network, points) != classes(network, images)
        np.testing.assert_array_equal(differ, found)


def test_sound_for_a_linear_classifier_and_complete_towards_the_runner_up():
    network, images = linear(), images_of()
    options = {"gray_level": GRAY, "n_steps": 100, "step": 0.06, "noise": 0.05}
    r = 4.0
    truth = truly_critical(network, images, r * GRAY)
    assert 0.1 < truth.mean() < 0.9
    found = {
        direction: find_critical_samples(network, images, [r], direction=direction, **options)
        for direction in ("cross_entropy", "minus_logit", "runner_up", "printed")
    }
    for search in found.values():
        assert not (search.critical[0] & ~truth).any()  # no false positive
    # The noise keeps the point a little off the best corner.
    assert found["runner_up"].critical[0][truth].mean() >= 0.97
    assert found["cross_entropy"].critical[0][truth].mean() >= 0.7
    assert found["printed"].critical.sum() == 0  # up k's probability, as printed


def test_complete_for_two_classes_without_noise():
    network, images = linear(n_classes=2, seed=3), images_of()
    for r in (1.0, 3.0, 9.0):
        search = find_critical_samples(
            network, images, [r], gray_level=GRAY, step=0.2, noise=0, n_steps=10
        )
        np.testing.assert_array_equal(search.critical[0], truly_critical(network, images, r * GRAY))


def test_blind_at_radius_0_and_in_a_constant_network():
    images = images_of()
    search = find_critical_samples(linear(), images, [0.0], gray_level=GRAY)
    assert not search.critical.any()
    np.testing.assert_array_equal(search.points[0], images)
    constant = linear()
    with torch.no_grad():
        constant[1].weight.zero_()
    assert not find_critical_samples(constant, images, [50.0], gray_level=GRAY).critical.any()


def test_more_steps_and_larger_boxes_find_no_fewer():
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(20, 40, False), nn.ReLU(), nn.Linear(40, 6, False))
    images = images_of(500)
    runs = [
        find_critical_samples(network, images, [1, 2, 4], gray_level=GRAY, n_steps=n)
        for n in (1, 3, 10)
    ]
    for fewer, more in ((runs[0], runs[1]), (runs[1], runs[2])):
        assert not (fewer.critical & ~more.critical).any()
    ratios = runs[-1].critical.mean(1)
    assert (np.diff(ratios) > 0).all()
    # What was found is left alone: the step is the first one that changed the class.
    first = runs[-1].found_at[0] == 1
    np.testing.assert_array_equal(first, runs[0].critical[0])


def test_radii_are_gray_levels_of_standardized_inputs_too():
    network, images = linear(), images_of()
    spread = np.float32(0.25)
    scaled = linear()
    with torch.no_grad():
        scaled[1].weight.mul_(spread)
    one = find_critical_samples(network, images, [4.0], gray_level=GRAY)
    other = find_critical_samples(scaled, images / spread, [4.0], gray_level=GRAY / spread)
    assert one.critical.mean() > 0.1
    assert (one.critical == other.critical).mean() > 0.99
    # Without the division a box is a quarter as wide.
    narrow = find_critical_samples(scaled, images / spread, [4.0], gray_level=GRAY)
    assert narrow.critical.mean() < 0.6 * one.critical.mean()


def test_one_radius_is_searched_as_among_many_and_chunks_as_one(monkeypatch):
    network, images = linear(), images_of(30)
    many = find_critical_samples(network, images, [1.0, 4.0], gray_level=GRAY, seed=5)
    alone = find_critical_samples(network, images, [4.0], gray_level=GRAY, seed=5)
    np.testing.assert_array_equal(many.found_at[1], alone.found_at[0])
    monkeypatch.setattr("memlib.papers.arpit_2017.critical.CHUNK", 12)
    parts = find_critical_samples(network, images, [4.0], gray_level=GRAY, seed=5)
    assert parts.points.shape == (1, 30, 20)
    np.testing.assert_array_equal(parts.points[0, :12], alone.points[0, :12])
    assert (parts.critical == alone.critical).mean() > 0.8


def test_batch_norm_is_measured_in_eval_mode_and_flags_come_back():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(20, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    network.train()
    network[0].eval()
    images = images_of(60)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    whole = find_critical_samples(network, images, [3.0], gray_level=GRAY, noise=0)
    half = find_critical_samples(network, images[:30], [3.0], gray_level=GRAY, noise=0)
    np.testing.assert_array_equal(whole.found_at[:, :30], half.found_at)
    assert [module.training for module in network] == [False, True, True, True]
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_a_network_of_noise_is_critical_on_noise_and_not_on_real_images():
    # Its regions are cut where it was trained: real images lie on one side of all borders.
    rng = np.random.default_rng(0)
    noise = rng.normal(0.3, 0.3, (500, 20)).astype(np.float32)
    real = (0.3 + 0.3 * np.abs(rng.normal(size=(500, 1))) * np.ones(20)).astype(np.float32)
    network = nn.Sequential(nn.Flatten(), nn.Linear(20, 2))
    with torch.no_grad():
        network[1].weight.copy_(torch.stack([torch.ones(20), -torch.ones(20)]))
        network[1].bias.copy_(torch.tensor([-5.9, 5.9]))
    found = compute_critical_sample_ratio(
        network, {"validation": real, "noise": noise}, [0.0, 2.0], gray_level=GRAY
    )
    ratio = found["critical_sample_ratio"]
    assert ratio.dims == ("images", "radius")
    assert (ratio.sel(radius=0) == 0).all()
    assert float(ratio.sel(images="noise", radius=2)) > 0.03
    assert float(ratio.sel(images="validation", radius=2)) < 0.03
    share = found["largest_class_share"]
    assert float(share.sel(images="validation")) > 0.9
    assert float(share.sel(images="noise")) < 0.7


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"radii": [-1.0]}, "each 0 or more"),
        ({"radii": []}, "each 0 or more"),
        ({"gray_level": 0.0}, "gray_level = 0.0"),
        ({"step": -1.0}, "step = -1.0"),
        ({"direction": "down"}, "take one of cross_entropy"),
    ],
)
def test_refusals(options, words):
    arguments = {"radii": [1.0], "gray_level": GRAY} | options
    with pytest.raises(InputError, match=words):
        find_critical_samples(linear(), images_of(), **arguments)
