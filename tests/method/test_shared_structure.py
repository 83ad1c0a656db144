"""The test on anybody's network: what goes in, what comes out, and that it is Algorithm 1."""

import dataclasses
import inspect
import json

import numpy as np
import pytest
import torch
import xarray as xr
from matplotlib.figure import Figure
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from memlib.base.errors import InputError
from memlib.base.words import LONG_NAMES
from memlib.method.data import Data
from memlib.method.features import extract_learned_features
from memlib.method.null import compute_null
from memlib.method.perturb import make_s_validation_set
from memlib.method.test import shared_structure_test
from memlib.method.verdicts import VERDICTS
from memlib.report.plots import plot_panel
from memlib.runs.study import resolve

pytestmark = pytest.mark.usefixtures("one_thread")
FEW = {"n_permutations": 19, "n_trees": 30}


def digits(n: int = 300) -> Data:
    """Real images of ten classes: scikit-learn's handwritten digits, 8 x 8, pixels 0 to 16."""
    bunch = load_digits()
    images, labels = bunch.images / 16, bunch.target  # float64, as a user has them
    rest = slice(n, 2 * n)
    return Data(images[:n], labels[:n], images[rest], labels[rest], tuple("0123456789"))


def mlp(n_inputs: int = 64, n_classes: int = 10) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(n_inputs, 32),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(32, 16),
        nn.ReLU(),
        nn.Linear(16, n_classes),
    )


def trained(data: Data, n_epochs: int) -> nn.Module:
    network = mlp()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    images = torch.tensor(data.train_images, dtype=torch.float32)
    labels = torch.tensor(data.train_labels)
    for _ in range(n_epochs):
        loss = nn.functional.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


def test_it_is_algorithm_1_on_the_features_of_each_set():
    data, network = digits(), mlp()
    found = shared_structure_test(network, data, perturbations=[0.1, 1.0], seed=3, **FEW)
    features = {
        strength: extract_learned_features(
            network, make_s_validation_set(data.train_images, strength, seed=3)
        )
        for strength in (0.1, 1.0)
    }
    train = extract_learned_features(network, data.train_images)
    expected = compute_null(train, data.train_labels, features, seed=3, **FEW)
    xr.testing.assert_equal(found.drop_vars(["validation_accuracy", "layer"]), expected)


@pytest.mark.parametrize("measure", [shared_structure_test, compute_null])
def test_without_options_it_is_the_test_at_the_papers_scale(measure):
    paper = resolve("fig1", "paper").model_dump()
    defaults = {
        name: one.default
        for name, one in inspect.signature(measure).parameters.items()
        if name in paper and one.default is not one.empty
    }
    assert defaults.keys() >= {"classifier", "n_permutations", "n_trees", "seed"}
    assert defaults == {name: paper[name] for name in defaults}


def test_ten_classes_of_real_images_learned_by_a_network_of_ones_own():
    data = digits()
    before = shared_structure_test(mlp(), data, **FEW)
    after = shared_structure_test(trained(data, 100), data, **FEW)
    assert float(after["chance_accuracy"].mean()) == pytest.approx(0.1, abs=0.02)
    assert float(after["validation_accuracy"] - before["validation_accuracy"]) > 0.1
    verdicts = [VERDICTS[code] for code in after["verdict"].values]
    assert verdicts[:2] == ["memorized_and_learned"] * 2
    rise = after["observed_accuracy"] - after["null_accuracy"].mean("permutation")
    assert float(rise.sel(perturbation=0.1)) > 0.2
    assert abs(float(rise.sel(perturbation=1.0))) < 0.1


def test_without_validation_images_there_is_no_validation_accuracy():
    data = digits(60)
    none = data.validation_images[:0]
    data = Data(data.train_images, data.train_labels, none, data.train_labels[:0], ())
    found = shared_structure_test(mlp(), data, perturbations=[0.1], **FEW)
    assert "validation_accuracy" not in found
    assert "observed_accuracy" in found
    with pytest.raises(InputError, match="no images"):
        extract_learned_features(mlp(), none)
    left_out = shared_structure_test(
        mlp(), Data(data.train_images, data.train_labels), perturbations=[0.1], **FEW
    )
    xr.testing.assert_identical(left_out, found)


def test_data_of_another_kind_are_refused_by_name():
    images = torch.zeros(20, 8, 8)
    others = torch.utils.data.TensorDataset(images, torch.arange(20) % 2)
    with pytest.raises(InputError, match="data is a TensorDataset: give") as error:
        shared_structure_test(mlp(), others)
    assert "\n" not in str(error.value)


def test_colour_images_go_in_as_the_network_takes_them():
    rng = np.random.default_rng(0)
    images = rng.random((120, 3, 10, 10), dtype=np.float32)
    labels = np.arange(120) % 3
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(512, 16), nn.ReLU(), nn.Linear(16, 3)
    )
    data = Data(images, labels, images[:30], labels[:30], ("x", "y", "z"))
    found = shared_structure_test(network, data, perturbations=[0.02, 1.0], **FEW)
    assert [VERDICTS[code] for code in found["verdict"].values] == ["memorized", "neither"]


def test_a_perturbation_of_ones_own_that_changes_nothing_leaves_what_the_forest_remembers():
    def keep(images, strength, rng):
        return images

    data = digits()
    found = shared_structure_test(mlp(), data, perturbations=[1], perturbation_kind=keep, **FEW)
    # A forest knows the rows it was fitted on, but for those out of nearly every bag.
    assert float(found["null_accuracy"].min()) > 0.95
    assert found["perturbation"].attrs["long_name"] == "strength of keep"
    assert json.loads(found.attrs["parameters"])["perturbation_kind"] == "keep"


@pytest.mark.parametrize("convert", [np.float32, torch.tensor], ids=["float32", "tensor"])
def test_precision_and_container_of_the_images_do_not_matter(convert):
    data = digits()
    other = Data(
        convert(data.train_images),
        convert(data.train_labels) if convert is torch.tensor else data.train_labels,
        convert(data.validation_images),
        data.validation_labels,
        data.class_names,
    )
    for network in (mlp(), mlp().double()):
        options = {"perturbations": [0.1], "classifier": "nearest_neighbours", "n_permutations": 3}
        one, two = (shared_structure_test(network, given, **options) for given in (data, other))
        xr.testing.assert_allclose(one, two, atol=0.02)


def test_the_network_is_left_as_it_was():
    network = mlp().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    drawn = torch.get_rng_state()
    shared_structure_test(network, digits(60), **FEW)
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(module.training for module in network.modules())
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_the_dataset_says_what_everything_is_and_how_it_was_made():
    found = shared_structure_test(mlp(), digits(60), perturbations=[0.1], seed=4, **FEW)
    assert set(found.data_vars) <= set(LONG_NAMES)
    for name, variable in found.data_vars.items():
        assert variable.attrs["long_name"] == LONG_NAMES[str(name)]
    assert found["perturbation"].attrs["long_name"] == "share of pixels shuffled"
    assert json.loads(found.attrs["parameters"]) == {
        "perturbation_kind": "shuffle",
        "classifier": "random_forest",
        "n_trees": 30,
        "layer": "7",  # the output layer, found
        "seed": 4,
    }


def test_tests_of_several_epochs_join_into_what_a_panel_draws():
    data = digits(100)
    tests = [shared_structure_test(mlp(), data, perturbations=[0.1, 1.0], **FEW) for _ in "ab"]
    joined = xr.concat(tests, dim="epoch").assign_coords(epoch=[1, 10])
    ax = plot_panel(joined, ax=Figure().subplots())
    drawn = {line.get_label(): line.get_ydata() for line in ax.lines}
    for label, strength in (("10 % perturbed", 0.1), ("100 % perturbed", 1.0)):
        expected = joined["observed_accuracy"].sel(perturbation=strength)
        np.testing.assert_allclose(drawn[label], expected)
    np.testing.assert_allclose(drawn["validation"], joined["validation_accuracy"])
    assert ax.get_ylim()[0] < 0.1  # chance of ten classes
    without = plot_panel(joined.drop_vars("validation_accuracy"), ax=Figure().subplots())
    assert "validation" not in {line.get_label() for line in without.lines}


def test_numbers_of_numpy_are_taken_as_pythons_own():
    options = {"n_permutations": np.int64(3), "n_trees": np.int32(5), "perturbations": [0.1]}
    data = digits(60)
    one = shared_structure_test(mlp(), data, seed=np.int64(2), **options)
    other = shared_structure_test(mlp(), data, seed=2, **options)
    xr.testing.assert_identical(one, other)


class Untouchable(nn.Module):
    """A network that must not run: bad input is refused before any long work."""

    def forward(self, _images):
        raise AssertionError("the network ran")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"perturbations": [0.05, 5]}, "5 should be a number between 0 and 1"),
        ({"perturbation_kind": "blur"}, "perturbation_kind = 'blur'"),
        ({"train_images": np.ones((300, 8, 8, 3))}, "(300, 8, 8, 3), channels last"),
        ({"classifier": "forest"}, "classifier = 'forest'"),
        ({"n_permutations": 0}, "n_permutations = 0"),
        ({"n_permutations": 19.0}, "n_permutations = 19.0"),
        ({"n_trees": 0}, "n_trees = 0"),
        ({"seed": -1}, "seed = -1"),
        ({"perturbations": []}, "perturbations = []"),
        ({"perturbations": [0.1, 0.05, 0.1]}, "give each value once"),
        ({"perturbations": 0.1}, "perturbations = 0.1"),
        ({"train_labels": np.arange(299) % 2}, "300 training images and labels (299,)"),
        ({"train_labels": np.ones(300)}, "fewer than two classes"),
        ({"validation_labels": np.ones(7)}, "300 validation images and labels (7,)"),
        ({"train_labels": np.eye(300)}, "300 training images and labels (300, 300)"),
        ({"validation_labels": np.ones((300, 1))}, "300 validation images and labels (300, 1)"),
        ({"classifier": LinearRegression()}, "or a scikit-learn classifier"),
        ({"classifier": KMeans(2)}, "or a scikit-learn classifier"),
        ({"classifier": KNeighborsClassifier}, "or a scikit-learn classifier"),
        ({"classifier": None}, "classifier = None"),
        ({"perturbation_kind": 3}, "perturbation_kind = 3"),
        ({"perturbation_kind": np.add, "perturbations": [np.nan]}, "nan should be a finite number"),
        ({"perturbation_kind": np.add, "perturbations": ["5"]}, "'5' should be a finite number"),
    ],
)
def test_bad_input_is_refused_before_the_network_runs(options, said):
    fields = {field.name for field in dataclasses.fields(Data)}
    given = {name: value for name, value in options.items() if name in fields}
    data = dataclasses.replace(digits(), **given)
    with pytest.raises(InputError) as error:
        shared_structure_test(
            Untouchable(), data, **{k: v for k, v in options.items() if k not in fields}
        )
    assert said in str(error.value)
    assert "\n" not in str(error.value)
