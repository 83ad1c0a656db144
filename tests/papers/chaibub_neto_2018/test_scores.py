"""A panel's scores as plain arrays, against the same done with xarray."""

import numpy as np
import pytest
from builders import make_result, paper_curves

from memlib.papers.chaibub_neto_2018.scores import Scores
from memlib.results.schema import panels_of

NAMES = {
    "null": "null_accuracy",
    "observed": "observed_accuracy",
    "chance": "chance_accuracy",
    "p_value": "p_value",
}


@pytest.fixture(scope="module")
def panel():
    """Three seeds that differ."""
    curves = paper_curves()["fig1"]["d"]
    dataset = panels_of(make_result("fig1", {"d": curves}, seeds=(0, 1, 2)))["d"]
    for name in ("null_accuracy", "observed_accuracy", "validation_accuracy"):
        dataset[name] = dataset[name] + 0.001 * dataset["seed"]
    return dataset


def test_scores_at_a_strength_are_those_of_the_dataset(panel):
    scores = Scores.of(panel)
    assert Scores.of(scores) is scores
    turned = Scores.of(panel.transpose("permutation", "epoch", ...))
    np.testing.assert_array_equal(turned.null, scores.null)
    np.testing.assert_array_equal(scores.epochs, panel["epoch"])
    np.testing.assert_array_equal(scores.validation, panel["validation_accuracy"])
    for strength in panel["perturbation"].values:
        one, wanted = scores.at(strength + 1e-12), panel.sel(perturbation=strength)
        for name, variable in NAMES.items():
            np.testing.assert_array_equal(getattr(one, name), wanted[variable])
        np.testing.assert_allclose(one.null_mean, wanted["null_accuracy"].mean("permutation"))
    with pytest.raises(KeyError):
        scores.at(0.07)


def test_resampling_draws_permutations_and_seeds_and_recounts_p_values(panel):
    scores = Scores.of(panel)
    drawn = scores.resample(*map(np.random.default_rng, (0, 1)))
    draws = {
        dim: np.random.default_rng(row).integers(0, panel.sizes[dim], panel.sizes[dim])
        for row, dim in enumerate(("permutation", "seed"))
    }
    wanted = panel.isel(draws)
    assert set(draws["seed"]) != set(range(3))
    for name in ("null", "observed", "chance"):
        np.testing.assert_array_equal(getattr(drawn, name), wanted[NAMES[name]])
    np.testing.assert_array_equal(drawn.validation, wanted["validation_accuracy"])
    np.testing.assert_array_equal(drawn.seeds, wanted["seed"])
    below = (wanted["null_accuracy"] < wanted["observed_accuracy"]).sum("permutation")
    n = panel.sizes["permutation"]
    np.testing.assert_allclose(drawn.p_value, (n - below + 1) / (n + 1))
    assert not np.array_equal(drawn.p_value, wanted["p_value"])
