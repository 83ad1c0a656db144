"""The reverse sweep against autograd over the whole graph, differences and closed forms."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from memlib.base.errors import InputError
from memlib.papers.arpit_2017.reverse_sweep import LOSSES, Course, forward, softmax, sweep
from memlib.papers.arpit_2017.sensitivity import (
    compute_class_sensitivity,
    compute_loss_sensitivity,
    draw_batches,
    log_spaced_steps,
    sgd_course,
    summarize_sensitivity,
    unrolled_gradients,
)


def make_course(
    sizes=(9, 6, 5, 4), n=23, batch_size=5, rate=0.3, loss="cross_entropy", replacement=True, seed=0
):
    rng = np.random.default_rng(seed)
    weights = []
    for fan_in, fan_out in pairwise(sizes):
        weights += [rng.normal(0, 0.6, (fan_out, fan_in)), rng.normal(0, 0.1, fan_out)]
    images, labels = rng.normal(size=(n, sizes[0])), np.arange(n) % sizes[-1]
    batches = draw_batches(n, batch_size, replacement=replacement, seed=seed)
    return Course(images, labels, weights, batches, rate, loss)


def loss_after(course, t, images, fixed=None):
    """The mean loss after t steps on these images; measured on `fixed` where given."""
    moved = replace(course, images=images)
    weights, done = course.weights, 0
    for epoch in range(1 + t // len(course.batches(0))):
        for _, after in moved.steps(epoch, weights):
            if done == t:
                break
            weights, done = after, done + 1
    x = images if fixed is None else fixed
    return course.output_loss.values(forward(weights, x)[1], course.labels).mean()


def relative(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("of", ["data", "batch"])
@pytest.mark.parametrize("replacement", [True, False])
def test_the_sweep_is_the_whole_graphs_gradient(loss, of, replacement):
    course = make_course(loss=loss, replacement=replacement)
    times = [0, 1, 4, 5, 13, 20]  # 5 steps an epoch: inside, at an epoch's end, at the start
    indirect, direct, weights = sweep(course, times, of=of)
    assert len(weights) == len(times)
    for place, t in enumerate(times):
        slow = unrolled_gradients(course, t, of=of)
        assert relative(direct[place], slow[1]) < 1e-12
        if t:
            assert relative(indirect[place], slow[0]) < 1e-12
        else:
            assert not indirect[0].any()
    assert np.abs(indirect[-1]).max() > 1e-4


def test_class_terms_equal_autograd_and_add_up_to_the_loss():
    course = make_course()
    indirect, direct, _ = sweep(course, [3, 11], n_classes=4)
    for place, t in enumerate((3, 11)):
        slow = unrolled_gradients(course, t, n_classes=4)
        assert relative(indirect[place], slow[0]) < 1e-12
        assert relative(direct[place], slow[1]) < 1e-12
    whole = sweep(course, [3, 11])
    np.testing.assert_allclose(indirect.sum(1), whole[0][:, 0], rtol=0, atol=1e-15)
    np.testing.assert_allclose(direct.sum(1), whole[1][:, 0], rtol=0, atol=1e-15)
    # At fixed weights a class's loss depends on its own examples alone.
    np.testing.assert_array_equal(direct[:, 2][:, course.labels != 2], 0)


@pytest.mark.parametrize("loss", LOSSES)
def test_central_differences(loss):
    course = make_course(loss=loss, seed=4)
    indirect, direct, _ = sweep(course, [12])
    rng, eps = np.random.default_rng(1), 1e-4
    for _ in range(3):
        direction = rng.normal(size=course.images.shape)
        direction /= np.linalg.norm(direction)
        up, down = (course.images + sign * eps * direction for sign in (1, -1))
        for fixed, gradient in ((course.images, indirect), (None, indirect + direct)):
            slope = loss_after(course, 12, up, fixed) - loss_after(course, 12, down, fixed)
            expected = (gradient[0, 0] * direction).sum()
            assert slope / (2 * eps) == pytest.approx(expected, rel=1e-6)


def test_torch_func_agrees():
    course = make_course(n=8, batch_size=4)
    labels = torch.from_numpy(course.labels)

    def final_loss(images):
        weights = tuple(torch.from_numpy(one) for one in course.weights)

        def batch_loss(weights, x, y):
            for depth in range(0, len(weights), 2):
                x = x @ weights[depth].T + weights[depth + 1]
                x = x.relu() if depth < len(weights) - 2 else x
            return nn.functional.cross_entropy(x, y)

        for epoch in range(2):
            for batch in course.batches(epoch):
                gradient = torch.func.grad(batch_loss)(weights, images[batch], labels[batch])
                weights = tuple(w - 0.3 * g for w, g in zip(weights, gradient, strict=True))
        return batch_loss(weights, images, labels)

    expected = torch.func.grad(final_loss)(torch.from_numpy(course.images)).numpy()
    indirect, direct, _ = sweep(course, [4])
    assert relative((indirect + direct)[0, 0], expected) < 1e-12


def test_an_example_never_drawn_has_no_indirect_sensitivity():
    course = make_course(sizes=(9, 20, 20, 4), n=40, batch_size=4)
    drawn = np.unique(np.concatenate(course.batches(0)))
    assert len(drawn) < 40
    indirect, direct, _ = sweep(course, [10])
    size = np.abs(indirect[0, 0]).sum(1)
    assert (size[drawn] > 0).all()
    assert not np.delete(size, drawn).any()
    assert (np.abs(direct[0, 0]).sum(1) > 0).all()


def test_one_step_of_a_linear_softmax_in_closed_form():
    course = make_course(sizes=(3, 4), n=6, batch_size=6, replacement=False)
    indirect, _, _ = sweep(course, [1])
    w, b = course.weights
    x, y = course.images, np.eye(4)[course.labels]
    p = softmax(x @ w.T + b)
    after_w, after_b = w - 0.3 * (p - y).T @ x / 6, b - 0.3 * (p - y).mean(0)
    q = softmax(x @ after_w.T + after_b) - y
    v_w, v_b = q.T @ x / 6, q.mean(0)
    for i in range(6):
        jacobian = np.diag(p[i]) - np.outer(p[i], p[i])
        # <v, (p - y) (x, 1)> / n, differentiated by x: through p, and as the factor x.
        slope = w.T @ jacobian @ (v_w @ x[i] + v_b) + v_w.T @ (p[i] - y[i])
        np.testing.assert_allclose(indirect[0, 0, i], -0.3 / 6 * slope, rtol=1e-12)


def test_norms_and_averages_are_those_of_the_gradient():
    course = make_course(n=30, batch_size=6)
    times = [15, 20, 40]
    found = compute_loss_sensitivity(course, times)
    indirect, direct, _ = sweep(course, times)
    g = found["sensitivity"]
    assert g.dims == ("direct_term", "norm", "step", "example")
    np.testing.assert_allclose(g.sel(norm="l1", direct_term=False), np.abs(indirect[:, 0]).sum(2))
    total = (indirect + direct)[:, 0]
    np.testing.assert_allclose(g.sel(norm="l2", direct_term=True), np.sqrt((total**2).sum(2)))
    np.testing.assert_allclose(g.sel(norm="linf", direct_term=True), np.abs(total).max(2))
    assert found["train_loss"].values[2] == pytest.approx(loss_after(course, 40, course.images))
    # g-bar by the trapezoid rule over uneven times
    summary = summarize_sensitivity(g)
    one = g.sel(norm="l1", direct_term=False).values
    mean = (2.5 * (one[0] + one[1]) + 10 * (one[1] + one[2])) / 25
    np.testing.assert_allclose(summary["mean_sensitivity"].sel(direct_term=False), mean)
    at_end = summary.sel(norm="l1", direct_term=False).isel(step=-1)
    pairs = np.abs(mean[:, None] - mean).sum() / (2 * 30 * mean.sum())
    assert float(at_end["gini"]) == pytest.approx(pairs)
    assert float(at_end["share_above_half"]) == (mean > mean.mean() / 2).mean()
    script = summarize_sensitivity(g, window=21).sel(norm="l1", direct_term=False).isel(step=-1)
    window = one[1:].mean(0)
    pairs = np.abs(window[:, None] - window).sum() / (2 * 30 * window.sum())
    assert float(script["gini"]) == pytest.approx(pairs)


def test_class_sensitivity_averages_over_examples_pixels_and_times():
    course = make_course()
    found = compute_class_sensitivity(course, [5, 12], 4)["class_sensitivity"]
    indirect, direct, _ = sweep(course, [5, 12], n_classes=4)
    for term, gradient in ((False, indirect), (True, indirect + direct)):
        expected = np.abs(gradient[:, 1][:, course.labels == 3]).mean()
        cell = found.sel(direct_term=term, loss_class=1, example_class=3)
        assert float(cell) == pytest.approx(expected)
    with pytest.raises(InputError, match="some of 5 classes"):
        compute_class_sensitivity(course, [5], 5)


def test_examples_alike_are_alike_to_full_batches():
    course = make_course(n=20, batch_size=20, replacement=False)
    images = np.repeat(course.images[:4], 5, axis=0)
    labels = np.repeat(np.arange(4), 5)
    alike = replace(course, images=images, labels=labels)
    g = compute_loss_sensitivity(alike, [10])["sensitivity"].sel(norm="l1", direct_term=False)
    by_image = g.values[0].reshape(4, 5)
    np.testing.assert_allclose(by_image, by_image[:, :1].repeat(5, 1), rtol=1e-10)


def test_checkpoints_start_when_examples_have_been_drawn():
    steps = log_spaced_steps(4000, 18, n=1000, batch_size=32)
    assert steps[0] == 94
    assert steps[-1] == 4000
    assert np.ptp(np.diff(np.log(steps))) < 0.02
    with pytest.raises(InputError, match="more than 94, three epochs"):
        log_spaced_steps(90, 5, n=1000, batch_size=32)


def test_batches_follow_from_the_epoch():
    batches = draw_batches(50, 8, seed=1)
    assert len(batches(3)) == 7
    np.testing.assert_array_equal(batches(3), batches(3))
    assert not np.array_equal(batches(3), batches(4))
    once = draw_batches(50, 8, replacement=False)(2)
    assert sorted(np.concatenate(once)) == list(range(50))
    assert len(once[-1]) == 2


def test_the_course_of_a_torch_network():
    network = nn.Sequential(nn.Flatten(), nn.Linear(6, 3), nn.ReLU(), nn.Linear(3, 2))
    images = np.random.default_rng(0).random((10, 2, 3)).astype(np.float32)
    course = sgd_course(network, images, np.arange(10) % 2, learning_rate=0.1, batch_size=5)
    expected = network(torch.from_numpy(images)).detach().numpy()
    np.testing.assert_allclose(forward(course.weights, course.images)[1], expected, atol=1e-6)
    with pytest.raises(InputError, match="dense layers with ReLU"):
        sgd_course(nn.Sequential(nn.Linear(3, 2), nn.Tanh()), images, [0], learning_rate=0.1)


def test_refusals():
    course = make_course()
    for times in ([], [3, 3], [-1, 2]):
        with pytest.raises(InputError, match="increasing numbers of steps"):
            sweep(course, times)
    with pytest.raises(InputError, match="take data or batch"):
        sweep(course, [1], of="test")
    with pytest.raises(InputError, match="diverged in epoch"), np.errstate(all="ignore"):
        sweep(replace(course, learning_rate=1e200), [40])


def test_nothing_is_said_of_sensitivities_that_are_0_or_infinite():
    coords = {"direct_term": [False, True], "norm": ["l1", "l2", "linf"], "step": [1, 2, 4]}
    g = np.ones((2, 3, 3, 5))
    g[0], g[1, 0, 2, 1] = 0, np.inf
    dims = (*coords, "example")
    found = summarize_sensitivity(xr.DataArray(g, {**coords, "example": range(5)}, dims))
    for name in ("gini", "share_above_half", "largest_interval_share"):
        assert np.isnan(found[name].sel(direct_term=False)).all()
        assert np.isfinite(found[name].sel(direct_term=True, norm="l2")).all()
    gini = found["gini"].sel(direct_term=True, norm="l1").values
    np.testing.assert_array_equal(np.isnan(gini), [False, False, True])
