"""Trainings of the figures against second ways to run them, and toy sets with known ends."""

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from memlib.base.errors import InputError
from memlib.base.parallel import one_thread
from memlib.base.seeds import stream_integer
from memlib.method.data import Data
from memlib.papers.arpit_2017.capacity import (
    epochs_to_fit,
    summarize_capacity,
    train_until_fitted,
)
from memlib.papers.arpit_2017.critical import find_critical_samples
from memlib.papers.arpit_2017.data import standardize
from memlib.papers.arpit_2017.easy_examples import count_correct, summarize_counts
from memlib.papers.arpit_2017.filters import compute_first_layer, compute_smoothness
from memlib.papers.arpit_2017.networks import Regularizer, footnote_cnn, mlp
from memlib.papers.arpit_2017.performance import compute_complexity, compute_performance
from memlib.papers.arpit_2017.regularizers import AdversarialStep, make_regularized_step
from memlib.papers.arpit_2017.statistics import compute_dispersion
from memlib.training.changes import change_data
from memlib.training.factory import make_step
from memlib.training.images import load_data
from memlib.training.loop import train_network
from memlib.training.networks import build_network
from memlib.training.stacked import make_stack, train_stack
from memlib.training.steps import Step

SGD = {"optimizer": "sgd", "loss": "categorical"}


def random_data(n=60, side=4, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    parts = []
    for size in (n, 30):
        images = rng.random((size, side, side)).astype(np.float32)
        parts += [images, rng.integers(n_classes, size=size)]
    return Data(*parts, tuple("abcdefghij"[:n_classes]))


DATA = random_data()


def separable(n=40):
    """Two classes, told apart by one pixel."""
    labels = np.arange(n) % 2
    images = np.random.default_rng(1).random((n, 3, 3)).astype(np.float32) * 0.1
    images[:, 1, 1] = labels
    return Data(images, labels, images[:10], labels[:10], ("a", "b"))


class TestEasyExamples:
    def test_counts_are_those_of_a_stack_trained_together(self):
        counts = count_correct(mlp(8), DATA, initializations=range(5), batch_size=7, seed=2)
        seeds = [stream_integer(2, "easy_examples", number) for number in range(5)]
        stack = make_stack(
            mlp(8), seeds=seeds, image_shape=(4, 4), n_classes=3, learning_rate=0.01, **SGD
        )
        images, labels = DATA.train_images, DATA.train_labels
        for _ in train_stack(stack, images, labels, epochs=[1], batch_size=7):
            pass
        expected = (stack.logits(images).argmax(2) == labels).sum(0)
        np.testing.assert_array_equal(counts, expected)
        assert 0 < counts.sum() < 5 * 60

    def test_counts_of_parts_add_up(self):
        whole = count_correct(mlp(8), DATA, initializations=range(4))
        parts = [count_correct(mlp(8), DATA, initializations=one) for one in ([0, 1], [3, 2])]
        np.testing.assert_array_equal(whole, parts[0] + parts[1])

    def test_fresh_labels_make_a_binomial(self):
        # Each training sees other random labels: no example is easier than another.
        data = random_data(1000)
        counts = np.zeros(1000, int)
        for number in range(30):
            labels = np.random.default_rng(number).integers(3, size=1000)
            own = Data(data.train_images, labels, class_names=tuple("abc"))
            counts += count_correct(mlp(4), own, initializations=[number], learning_rate=0.1)
        assert compute_dispersion(counts, 30) == pytest.approx(1, abs=0.05)

    def test_summary(self):
        rng = np.random.default_rng(0)
        labels = {"real": np.arange(200) % 4, "randX": np.arange(200) % 4}
        counts = {
            "real": rng.binomial(50, np.where(np.arange(200) < 100, 0.1, 0.9)),
            "randX": rng.binomial(50, 0.3, 200),
        }
        found = summarize_counts(counts, labels, 50)
        assert found["pooled_dispersion"].sel(condition="real") > 4
        assert found["within_dispersion"].sel(condition="randX") == pytest.approx(1, abs=0.15)
        np.testing.assert_allclose(found["binomial"].mean(), counts["randX"].mean() / 50, atol=0.01)
        own = found.sel(condition="real")
        np.testing.assert_allclose(own["class_binomial"].mean(), own["p_correct"].mean(), atol=0.01)
        assert own["class_binomial"].std() < own["p_correct"].std() / 3


class TestFilters:
    def test_white_noise_has_2(self):
        rng = np.random.default_rng(0)
        filters = rng.normal(size=(2000, 1, 5, 5))
        assert compute_smoothness(filters) == pytest.approx(2 * 25 / 24, abs=0.03)
        assert compute_smoothness(7 * filters + 3) == pytest.approx(compute_smoothness(filters))
        large = rng.normal(size=(4, 1, 100, 100))
        assert compute_smoothness(large) == pytest.approx(2, abs=0.03)

    def test_smooth_filters_have_less(self):
        rows = np.repeat(np.random.default_rng(1).normal(size=(500, 1, 5, 1)), 5, axis=3)
        assert compute_smoothness(rows) == pytest.approx(5 / 4, abs=0.06)  # one direction of two
        ramp = np.arange(5.0) * np.ones((1, 1, 5, 5))
        assert compute_smoothness(ramp) == pytest.approx(0.5 / 2)
        board = (-1.0) ** np.add.outer(np.arange(5), np.arange(5))
        assert compute_smoothness(board) > 3.9

    def test_first_layer_of_a_network(self):
        network = build_network(footnote_cnn(4, (5, 5)), image_shape=(28, 28))
        found = compute_first_layer(network)
        assert found["filters"].shape == (4, 1, 5, 5)
        assert float(found["smoothness"]) == pytest.approx(
            compute_smoothness(found["filters"].values)
        )
        with pytest.raises(InputError, match="no convolution"):
            compute_first_layer(nn.Linear(2, 2))
        with pytest.raises(InputError, match="constant"):
            compute_smoothness(np.ones((1, 1, 5, 5)))


class TestCapacity:
    def test_a_separable_set_is_fitted_and_the_run_ends_there(self):
        course = train_until_fitted(mlp(8), separable(), epochs=200, batch_size=8)
        summary = summarize_capacity(course)
        epochs = int(summary["epochs_to_full"])
        assert 1 < epochs < 200
        assert int(summary["epochs_run"]) == epochs == len(course["epoch"])
        assert (course["train_accuracy"].values[:-1] < 1).all()
        assert summary["full_validation_accuracy"] == course["validation_accuracy"][-1]
        longer = train_until_fitted(mlp(8), separable(), epochs=200, batch_size=8, after=3)
        assert len(longer["epoch"]) == epochs + 3
        np.testing.assert_array_equal(longer["train_loss"][:epochs], course["train_loss"])

    def test_a_network_without_the_capacity_is_censored(self):
        # The same image with both labels: no network can be right on all.
        images = np.ones((10, 3, 3), np.float32)
        data = Data(images, np.arange(10) % 2, images, np.arange(10) % 2, ("a", "b"))
        summary = summarize_capacity(train_until_fitted(mlp(8), data, epochs=6, batch_size=5))
        assert np.isnan(summary["epochs_to_full"])
        assert int(summary["epochs_run"]) == 6

    def test_censored_is_none_and_never_the_last_epoch(self):
        assert epochs_to_fit([0.5, 0.9, 0.999]) is None
        assert epochs_to_fit([0.5, 1.0, 0.9, 1.0]) == 2
        assert epochs_to_fit([1.0]) == 1
        assert epochs_to_fit([]) is None

    def test_summary_of_a_course(self):
        course = xr.Dataset(
            {
                "train_accuracy": ("epoch", [0.5, 1.0, 0.9]),
                "validation_accuracy": ("epoch", [0.4, 0.5, 0.7]),
            }
        )
        found = summarize_capacity(course)
        assert float(found["best_validation_accuracy"]) == 0.7
        assert float(found["full_validation_accuracy"]) == 0.5
        assert float(found["last_train_accuracy"]) == 0.9


class TestPerformance:
    def test_accuracy_and_loss_are_torchs(self):
        network = build_network(mlp(8), image_shape=(4, 4), n_classes=3)
        found = compute_performance(network, DATA)
        logits = network.eval()(torch.from_numpy(DATA.train_images))
        labels = torch.from_numpy(DATA.train_labels)
        expected = nn.functional.cross_entropy(logits, labels)
        assert float(found["train_loss"]) == pytest.approx(expected.item(), rel=1e-6)
        share = (logits.argmax(1) == labels).float().mean()
        assert float(found["train_accuracy"]) == pytest.approx(float(share))

    def test_normalization_is_in_eval_mode(self):
        data = random_data(side=28)
        network = build_network(footnote_cnn(4, (6, 5)), image_shape=(28, 28), n_classes=3)
        step = make_step(network, learning_rate=0.05, momentum=0.9, **SGD)
        images, labels = data.train_images, data.train_labels
        for _ in train_network(step, images, labels, epochs=[2], batch_size=20):
            pass
        network.train()
        one = compute_performance(network, data)
        part = Data(images[:7], labels[:7], data.validation_images, data.validation_labels)
        few = compute_performance(network, part)
        # In train mode a sample's class would depend on the others of its batch.
        logits = network.eval()(torch.from_numpy(images[:7])).argmax(1).numpy()
        assert float(few["train_accuracy"]) == pytest.approx((logits == labels[:7]).mean())
        assert one["validation_accuracy"] == few["validation_accuracy"]

    def test_a_network_of_noise_is_critical_on_noise_not_on_real_images(self):
        data = load_data(n_images=200, n_validation_images=200)
        changed = standardize(change_data(data, "randX", 1.0), data.train_images)
        own = changed
        network = build_network(footnote_cnn(8, (16, 16)))
        step = make_step(network, learning_rate=0.05, momentum=0.9, **SGD)
        images, labels = own.train_images, own.train_labels
        with one_thread():  # as pieces are computed: sums keep their order
            for _ in train_network(step, images, labels, epochs=[15], batch_size=20):
                pass
            found = compute_complexity(network, changed, [0.0, 2.0], n_images=100)
        ratio = found["critical_sample_ratio"]
        assert found["train_accuracy"] > 0.99
        assert (ratio.sel(radius=0) == 0).all()
        noise, real = (float(ratio.sel(radius=2, images=i)) for i in ("noise", "validation"))
        assert noise > 2 * real
        assert noise > 0.4
        # It gives nearly all real images one class.
        share = found["largest_class_share"]
        assert share.sel(images="validation") > 0.85
        assert share.sel(images="noise") < 0.7
        with pytest.raises(InputError, match="searched: 'test'"):
            compute_complexity(network, changed, [1.0], searched=["test"])


class TestRegularizers:
    def adversarial(self, weight, **options):
        network = build_network(mlp(8), image_shape=(4, 4), n_classes=3)
        return AdversarialStep(
            network, weight=weight, gray_level=1 / 255, learning_rate=0.1, **SGD, **options
        )

    def batch(self):
        x = torch.from_numpy(DATA.train_images[:20])
        return x, torch.eye(3)[torch.from_numpy(DATA.train_labels[:20])]

    def test_weight_0_is_the_plain_step(self):
        x, y = self.batch()
        step = self.adversarial(0.0)
        plain = Step(step.network, learning_rate=0.1, **SGD)
        loss, gradients = step.gradients(x, y)
        expected_loss, expected = plain.gradients(x, y)
        assert float(loss) == pytest.approx(float(expected_loss))
        for name, value in expected.items():
            torch.testing.assert_close(gradients[name], value)

    def test_weight_1_is_the_step_on_points_that_the_search_found(self):
        x, y = self.batch()
        step = self.adversarial(1.0, radius=40.0)
        step.start_epoch(7)
        points = step.find(x)
        step.start_epoch(7)
        loss, gradients = step.gradients(x, y)
        plain = Step(step.network, learning_rate=0.1, **SGD)
        expected_loss, expected = plain.gradients(points, y)
        assert float(loss) == pytest.approx(float(expected_loss))
        for name, value in expected.items():
            torch.testing.assert_close(gradients[name], value)
        assert not torch.equal(points, x)
        assert (points - x).abs().max() <= 40 / 255 * (1 + 1e-5)

    def test_the_search_is_no_part_of_training(self):
        step = self.adversarial(0.5)
        x, _ = self.batch()
        seed = int(np.random.SFC64(3).random_raw())
        step.start_epoch(3)
        found = step.find(x)
        search = find_critical_samples(
            step.network, x.numpy(), [8.0], gray_level=1 / 255, n_steps=3, seed=seed
        )
        np.testing.assert_array_equal(found.numpy(), search.points[0])
        assert step.network.training

    def test_a_run_that_goes_on_equals_one_that_never_stopped(self):
        images, labels = DATA.train_images, DATA.train_labels
        options = {"images": images, "labels": labels, "batch_size": 15}
        whole, first = self.adversarial(0.5), self.adversarial(0.5)
        for _ in train_network(whole, epochs=[3], **options):
            pass
        for _ in train_network(first, epochs=[2], **options):
            pass
        second = self.adversarial(0.5)
        second.load_arrays(first.arrays())
        for _ in train_network(second, epochs=[3], after=2, **options):
            pass
        for name, value in whole.arrays().items():
            np.testing.assert_array_equal(second.arrays()[name], value)

    def test_regularized_steps(self):
        options = {
            "image_shape": (4, 4),
            "n_classes": 3,
            "gray_level": 1 / 255,
            "learning_rate": 0.1,
            **SGD,
        }
        decayed = make_regularized_step(mlp(8), Regularizer("weight_decay", 0.3), **options)
        weight = decayed.weights["1.weight"].detach().clone()
        zero = {name: torch.zeros_like(value) for name, value in decayed.weights.items()}
        decayed.apply(zero)
        torch.testing.assert_close(decayed.weights["1.weight"].detach(), 0.97 * weight)
        one = make_regularized_step(mlp(8), Regularizer("adversarial", 0.4, 0.25), **options)
        assert isinstance(one, AdversarialStep)
        assert one.weight == 0.4
        assert [layer.p for layer in one.network if isinstance(layer, nn.Dropout)] == [0.25, 0.25]
        with pytest.raises(InputError, match="runs on cpu"):
            make_regularized_step(mlp(8), Regularizer("adversarial", 0.4), device="cuda", **options)
        with pytest.raises(InputError, match="weight = 2"):
            self.adversarial(2)
