"""Onset, forgetting and levels of planted curves, against what they were planted with."""

import numpy as np
import pytest
from builders import EPOCHS, flat, make_result, one_panel, panel_curves, through

from memlib.quantities import (
    distance_from_chance,
    forgetting_epoch,
    levels_in_common,
    memorization_level,
    null_mean,
    onset_epoch,
)
from memlib.results import panels_of


@pytest.mark.parametrize("learned_from", [1, 30, 100_000])
def test_onset_is_where_learning_sets_in_for_good(learned_from):
    curves = panel_curves(EPOCHS, flat(0.6), onset=learned_from)
    assert onset_epoch(one_panel("d", curves)) == learned_from


def test_onset_skips_an_early_flicker():
    curves = panel_curves(EPOCHS, flat(0.6), onset=300)
    curves.observed[0.05][1] = 0.9
    assert onset_epoch(one_panel("d", curves)) == 300


def test_no_onset_when_not_learned_at_the_end():
    curves = panel_curves(EPOCHS, flat(0.6), onset=30)
    curves.observed[0.05][-1] = 0.6
    assert onset_epoch(one_panel("d", curves)) is None


def test_no_onset_unless_every_seed_learned():
    curves = panel_curves(EPOCHS, flat(0.6), onset=30)
    dataset = panels_of(make_result("fig5", {"d": curves}, seeds=(0, 1)))["d"]
    assert onset_epoch(dataset) == 30
    dataset["p_value"][1, -1] = 0.5
    assert onset_epoch(dataset) is None


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(1, 0.8), (30, 0.6), (300, 0.9), (1e5, 0.7)], 300),
        ([(1, 0.8), (30, 0.6), (300, 0.9), (1e5, 0.5)], 300),  # ends below the early low
        ([(1, 0.95), (30, 0.6), (300, 0.9), (1e5, 0.65)], 300),  # lower than the untrained one
        ([(1, 0.5), (300, 0.9), (1e5, 0.7)], 300),
        ([(1, 0.8), (30, 0.6), (1e5, 0.9)], None),  # still rising
        ([(1, 0.9), (1e5, 0.5)], None),  # falls from the start: never memorized by training
        ([(1, 0.6)], None),
        ([(1, 0.5), (300, 0.605), (1e5, 0.6)], None),  # too small a fall
    ],
)
def test_forgetting_is_the_last_peak(points, expected):
    curves = panel_curves(EPOCHS, through(EPOCHS, *points))
    assert forgetting_epoch(one_panel("d", curves)) == expected


def test_quantities_by_hand():
    curves = panel_curves((1, 10, 100), np.array([0.5, 0.6, 0.8]), validation=0.5)
    dataset = one_panel("a", curves)
    np.testing.assert_allclose(null_mean(dataset, 0.05), [0.5, 0.6, 0.8])
    assert memorization_level(dataset, 0.05) == pytest.approx(1.9 / 3)
    assert levels_in_common([dataset, dataset], 0.05) == pytest.approx([1.9 / 3] * 2)
    accuracy, chance = dataset["validation_accuracy"], dataset["chance_accuracy"][..., 0]
    assert distance_from_chance(accuracy + np.array([-0.2, 0.2, 0.1]), chance) == pytest.approx(
        0.5 / 3
    )
    with pytest.raises(KeyError):
        null_mean(dataset, 0.07)
