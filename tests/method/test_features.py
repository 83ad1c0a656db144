"""Learned features: any layer of any network, dropout off, the network left as it was."""

import time
import warnings

import numpy as np
import pytest
import torch
from networks import PANELS, images_of, network_of, weights_of
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from memlib.base import parallel
from memlib.base.errors import InputError
from memlib.method.features import extract_learned_features, output_layer, predict_logits
from memlib.training.images import load_data
from memlib.training.networks import network_arrays

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("panel", PANELS)
def test_features_are_16_and_not_negative(panel):
    features = extract_learned_features(network_of(panel), images_of())
    assert features.shape == (12, 16)
    assert features.dtype == np.float32
    assert features.min() >= 0
    assert features.max() > 0


@pytest.mark.parametrize("panel", "ad")
def test_features_equal_a_forward_pass_by_hand(panel):
    data = load_data(n_images=40)
    network = network_of(panel, seed=3)
    with torch.no_grad():
        for module in weights_of(network):
            module.bias.uniform_(-0.1, 0.1)
    x = data.train_images.reshape(40, 784).astype(float)
    first, second, third = weights_of(network)
    for module in (first, second):
        x = np.maximum(x @ module.weight.detach().numpy().T + module.bias.detach().numpy(), 0)
    features = extract_learned_features(network, data.train_images)
    np.testing.assert_allclose(features, x, rtol=1e-4, atol=1e-5)
    logits = x @ third.weight.detach().numpy().T + third.bias.detach().numpy()
    np.testing.assert_allclose(
        predict_logits(network, data.train_images), logits, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("measure", [extract_learned_features, predict_logits])
@pytest.mark.parametrize("panel", "def")
def test_dropout_is_off_even_in_a_network_that_is_in_training(measure, panel):
    network, images = network_of(panel), images_of()
    in_training = measure(network.train(), images)
    np.testing.assert_array_equal(in_training, measure(network.train(), images))
    np.testing.assert_array_equal(in_training, measure(network.eval(), images))


@pytest.mark.parametrize("measure", [extract_learned_features, predict_logits])
@pytest.mark.parametrize("training", [True, False])
def test_training_flags_are_restored_part_by_part(measure, training):
    network = network_of("d").train(training)
    network[3].train(not training)  # one part frozen by its user
    before = [module.training for module in network.modules()]
    measure(network, images_of())
    assert [module.training for module in network.modules()] == before


def test_training_flag_and_hook_are_restored_after_an_error():
    network = network_of("d").train()
    with pytest.raises(InputError, match=r"does not take images float32 \(2, 9, 9\)"):
        extract_learned_features(network, np.zeros((2, 9, 9), np.float32))
    assert all(module.training for module in network.modules())
    assert not any(module._forward_pre_hooks for module in network.modules())


def test_what_is_no_torch_module_is_told_what_to_do():
    with pytest.raises(InputError, match=r"is a KNeighborsClassifier, .*compute_null"):
        extract_learned_features(KNeighborsClassifier(), images_of())


def test_network_is_not_changed_and_no_hook_stays():
    network = network_of("d")
    before = network_arrays(network)
    extract_learned_features(network, images_of())
    for name, value in network_arrays(network).items():
        np.testing.assert_array_equal(value, before[name])
    assert not any(module._forward_pre_hooks for module in network.modules())


@pytest.mark.parametrize("batch_size", [1, 5, 12, 500])
def test_features_do_not_depend_on_the_batch_size(batch_size):
    network, images = network_of("c"), images_of()
    np.testing.assert_allclose(
        extract_learned_features(network, images, batch_size=batch_size),
        extract_learned_features(network, images),
        rtol=1e-5,
        atol=1e-6,
    )


class Residual(nn.Module):
    """A custom forward: two paths, parts nested, the output layer declared first."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 3)
        self.body = nn.ModuleDict({"deep": nn.Sequential(nn.Linear(784, 8), nn.Tanh())})
        self.skip = nn.Linear(784, 8, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.flatten(1)
        return self.head(self.body["deep"](flat) + self.skip(flat))


class ByKeyword(Residual):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.flatten(1)
        return self.head(input=self.body["deep"](flat) + self.skip(flat))


@pytest.mark.parametrize("make", [Residual, ByKeyword])
@pytest.mark.parametrize("layer", ["head", None])
def test_any_module_with_a_custom_forward_and_its_layer_named_or_found(make, layer):
    network, images = make(), images_of()
    features = extract_learned_features(network, images, layer=layer)
    with torch.no_grad():
        flat = torch.from_numpy(images).flatten(1)
        expected = network.body["deep"](flat) + network.skip(flat)
    np.testing.assert_allclose(features, expected.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "name"),
    [(Residual, "head"), (ByKeyword, "head"), (lambda: network_of("a"), "5")],
)
def test_output_layer_that_is_found_is_named_and_gives_the_same_features(make, name):
    network, images = make(), images_of()
    assert output_layer(network, images) == name
    np.testing.assert_array_equal(
        extract_learned_features(network, images),
        extract_learned_features(network, images, layer=name),
    )


def test_nested_networks_are_searched_for_the_output_layer():
    network = nn.Sequential(nn.Flatten(), nn.Sequential(network_of("a")[1:], nn.Softmax(1)))
    np.testing.assert_array_equal(
        extract_learned_features(network, images_of()),
        extract_learned_features(network_of("a"), images_of()),
    )


def test_named_layer_of_images_gives_flat_features():
    features = extract_learned_features(network_of("c"), images_of(3), layer="3")
    assert features.shape == (3, 32 * 26 * 26)


@pytest.mark.parametrize(
    ("network", "layer", "said"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(784, 2)), "last", "layer = 'last'"),
        (nn.Sequential(nn.Flatten()), None, "no nn.Linear"),
    ],
)
def test_layer_that_is_not_there_is_named(network, layer, said):
    with pytest.raises(InputError, match=said):
        extract_learned_features(network, images_of(), layer=layer)


def test_layer_that_never_runs_is_named():
    network = Residual()
    network.spare = nn.Linear(2, 2)
    with pytest.raises(InputError, match="'spare' never ran"):
        extract_learned_features(network, images_of(), layer="spare")


def test_images_of_any_memory_layout_are_taken():
    network, images = network_of("a"), images_of()
    expected = extract_learned_features(network, images[..., ::-1].copy())
    readonly = images[..., ::-1].copy()
    readonly.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for same in (images[..., ::-1], expected_order(images), readonly):
            np.testing.assert_array_equal(extract_learned_features(network, same), expected)


def expected_order(images: np.ndarray) -> np.ndarray:
    """The mirrored images with the bytes of every number the other way round."""
    return images[..., ::-1].astype(images.dtype.newbyteorder())


@pytest.mark.parametrize("layer", ["2", None])
def test_features_are_kept_before_later_layers_work_in_place(layer):
    def network(in_place: bool) -> nn.Sequential:
        torch.manual_seed(0)
        last = [] if layer is None else [nn.Linear(8, 2)]
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 8), nn.ReLU(in_place), *last)

    class Overwriting(nn.Module):
        """Sets what entered its output layer to 0 once that has run."""

        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = network(False), nn.Linear(8, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            hidden = self.body(x)
            out = self.head(hidden)
            hidden.zero_()
            return out

    changed = network(True) if layer else Overwriting()
    found = extract_learned_features(changed, images_of(), layer=layer)
    linear = network(False)[1]
    with torch.no_grad():
        expected = linear(torch.from_numpy(images_of()).flatten(1)).numpy()
    if layer is None:
        expected = np.maximum(expected, 0)
    else:
        assert expected.min() < 0  # what enters the ReLU
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_layer_that_runs_twice_an_image_is_named():
    shared = nn.Linear(4, 4)
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 4), shared, shared)
    with pytest.raises(InputError, match="24 times for 12 images"):
        extract_learned_features(network, images_of(), layer="2")


class Slow(nn.Linear):
    def forward(self, images):
        time.sleep(0.2)
        return super().forward(images)


@pytest.mark.parametrize("shown", [True, False])
def test_a_slow_network_shows_a_bar_with_the_time_left(shown, capsys, monkeypatch):
    monkeypatch.setattr(parallel, "PATIENCE", 0.1)
    monkeypatch.setattr(parallel, "refresh_seconds", lambda: 0.1)
    extract_learned_features(Slow(4, 2), np.zeros((9, 4)), batch_size=2, progress=shown)
    error = capsys.readouterr().err
    assert ("9 images" in error and "left" in error) == shown
