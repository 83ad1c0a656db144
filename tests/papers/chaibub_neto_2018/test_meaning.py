"""What is memorized, learned, forgotten: measures held against closed forms and planted cases."""

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.stats import spearmanr

from memlib.method.data import Data
from memlib.papers.chaibub_neto_2018.meaning import (
    COUNTS,
    memorization_scores,
    pooled_scores,
    rank_correlation,
    rank_interval,
)
from memlib.papers.chaibub_neto_2018.meaning_measures import (
    layer_features,
    measure_hits,
    measure_layers,
    measure_pixels,
    twin_share,
    variance_ratio,
)
from memlib.runs.study import resolve


def rng():
    return np.random.default_rng(0)


def test_twins_are_found_where_features_keep_the_image_and_by_chance_where_not():
    train = rng().normal(size=(200, 8)).astype(np.float32)
    assert twin_share(train, train + 1e-3) == 1
    others = np.random.default_rng(1).normal(size=train.shape).astype(np.float32)
    assert twin_share(train, others) == pytest.approx(5 / 200, abs=0.03)


def test_variance_within_over_between_by_hand():
    """Two classes at 0 and 2, each spread by 0.5 to both sides: 0.25 within, 1 between."""
    features = np.array([[-0.5], [0.5], [1.5], [2.5]])
    assert variance_ratio(features, np.array([0, 0, 1, 1])) == pytest.approx(0.25)
    collapsed = np.array([[0.0], [0.0], [2.0], [2.0]])
    assert variance_ratio(collapsed, np.array([0, 0, 1, 1])) == 0
    assert variance_ratio(np.ones((4, 3)), np.array([0, 0, 1, 1])) == float("inf")


def test_variances_within_and_between_add_up_to_all_of_it():
    features, labels = rng().normal(size=(90, 5)), rng().integers(0, 3, 90)
    ratio = variance_ratio(features, labels)
    means = np.stack([features[labels == k].mean(0) for k in range(3)])[labels]
    total = ((features - features.mean(0)) ** 2).sum()
    assert ratio == pytest.approx(
        ((features - means) ** 2).sum() / (total - ((features - means) ** 2).sum())
    )


def counts(hits_in, n_in, hits_out, n_out):
    values = dict(zip(COUNTS, (hits_in, n_in, hits_out, n_out), strict=True))
    return xr.Dataset(
        {name: (("seed", "half", "sample"), np.array(v)[None]) for name, v in values.items()}
    )


def test_memorization_scores_by_hand():
    """Right in 9 of 10 networks trained on it, in 2 of 10 others: 0.7. A typical image: 0."""
    ds = counts([[9, 10], [10, 10]], [[10, 10]] * 2, [[2, 10], [4, 10]], [[10, 10]] * 2)
    np.testing.assert_allclose(memorization_scores(ds), [[0.7, 0.0], [0.6, 0.0]])
    np.testing.assert_allclose(pooled_scores(ds), [0.65, 0.0])
    assert np.isnan(memorization_scores(counts([[0]], [[0]], [[1]], [[4]]))).all()


def test_rank_correlation_is_spearmans_with_ties_too():
    first = rng().integers(0, 9, 300)
    second = first + np.random.default_rng(1).integers(0, 9, 300)
    assert rank_correlation(first, second) == pytest.approx(spearmanr(first, second).statistic)
    low, high = rank_interval(first, second, rng(), 200)
    assert low < rank_correlation(first, second) < high
    assert high - low == pytest.approx(4 * 0.5 / np.sqrt(300), rel=0.5)


@pytest.fixture(scope="module")
def measured():
    """A network whose first layer keeps the image, and whose second is four equal units."""
    images = rng().random((80, 4, 4)).astype(np.float32)
    labels = np.arange(80) % 2
    data = Data(images, labels, images[:20], labels[:20], ("no", "yes"))
    network = torch.nn.Sequential(
        *(torch.nn.Flatten(), torch.nn.Linear(16, 16), torch.nn.ReLU()),
        *(torch.nn.Linear(16, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2)),
    )
    with torch.no_grad():
        network[1].weight.copy_(torch.eye(16))
        network[1].bias.zero_()
        network[3].weight.zero_()
        network[3].bias.fill_(1.0)
    settings = resolve("fig1", "teaching", panels=["a"], n_permutations=19, n_trees=10)
    return network, data, settings


def test_each_layer_is_measured_the_first_one_first(measured):
    network, data, settings = measured
    features = list(layer_features(network, data.train_images))
    assert [one.shape for one in features] == [(80, 16), (80, 4)]
    np.testing.assert_allclose(features[0], data.train_images.reshape(80, -1), rtol=1e-6)
    ds = measure_layers(network, data, settings, 0, 1)
    assert ds["twin_share"].values[0] > 0.9
    assert ds["twin_share"].values[1] < 0.2  # all alike: five of eighty, whichever
    assert ds["neighbours_null"].values[0] > 0.6 > ds["neighbours_null"].values[1]
    assert ds["null_accuracy"].sizes == {"permutation": 19}
    assert ds["active_units"] == 4


def test_pixels_are_a_first_layer_that_keeps_the_image(measured):
    network, data, settings = measured
    pixels = measure_pixels(network, data, settings, 0, 1)
    layers = measure_layers(network, data, settings, 0, 0)
    assert pixels["pixels_twin_share"].item() == pytest.approx(layers["twin_share"].values[0])


def test_hits_of_single_images_average_to_the_null(measured):
    network, data, settings = measured
    hits = measure_hits(network, data, settings, 0, 1)["null_hits"]
    assert hits.sizes == {"perturbation": 2, "sample": 80}
    assert hits.min() >= 0
    assert hits.mean("sample").values == pytest.approx([0.5, 0.5], abs=0.1)
