"""Onset, forgetting and levels of planted curves, against what they were planted with."""

import numpy as np
import pytest
from builders import EPOCHS, flat, make_result, one_panel, panel_curves, through

from memlib.papers.chaibub_neto_2018.quantities import (
    distance_from_chance,
    forgetting_epoch,
    half_lost_epoch,
    last_validation,
    levels_in_common,
    memorization_level,
    null_mean,
    onset_epoch,
    onset_epochs,
    peak_of,
)
from memlib.papers.chaibub_neto_2018.scores import Scores
from memlib.results.schema import panels_of


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


def test_onset_of_several_seeds_is_their_median():
    curves = panel_curves(EPOCHS, flat(0.6), onset=30)
    dataset = panels_of(make_result("fig5", {"d": curves}, seeds=(0, 1, 2)))["d"]
    assert onset_epoch(dataset) == 30
    dataset["p_value"][1, -1] = 0.5
    assert onset_epochs(dataset) == [30, None, 30]
    assert onset_epoch(dataset) == 30
    dataset["p_value"][0, 4] = 0.5
    assert onset_epochs(dataset) == [300, None, 30]
    assert onset_epoch(dataset) == 300
    dataset["p_value"][2, -1] = 0.5
    assert onset_epoch(dataset) is None


def test_onset_takes_more_than_a_trace_above_the_null():
    curves = panel_curves(EPOCHS, flat(0.6), onset=3)
    curves.observed[0.05][:5] = 0.64  # above every shuffle, by little
    dataset = one_panel("d", curves)
    assert float(dataset["p_value"].sel(perturbation=0.05)[0, 2]) <= 0.05
    assert onset_epoch(dataset) == EPOCHS[5]


@pytest.mark.parametrize(
    ("points", "until", "expected"),
    [
        ([(1, 0.6), (100, 0.9), (10_000, 0.5)], 1e9, 1000),  # half of 0.4, half way down
        ([(1, 0.6), (100, 0.9), (10_000, 0.5)], 900, None),
        ([(1, 0.9), (100, 0.5), (1e5, 0.5)], 1e9, 10),  # from the start
        ([(1, 0.9), (3, 0.5), (1e5, 0.5)], 1e9, 3**0.5),  # before the second one measured
        ([(1, 0.5), (30, 0.512), (1e5, 0.5)], 1e9, (30 * 1e5) ** 0.5),  # just enough to count
        ([(1, 0.6), (1e5, 0.8)], 1e9, None),
        ([(1, 0.5), (30, 0.505), (1e5, 0.5)], 1e9, None),  # never above chance
    ],
)
def test_half_lost_epoch_lies_between_measured_ones(points, until, expected):
    dataset = one_panel("d", panel_curves(EPOCHS, through(EPOCHS, *points)))
    found = half_lost_epoch(dataset, until=until)
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-6))


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
    scores = Scores.of(dataset)
    off = scores.validation + np.array([-0.2, 0.2, 0.1])
    assert distance_from_chance(off, scores.chance[..., 0]) == pytest.approx(0.5 / 3)
    with pytest.raises(KeyError):
        null_mean(dataset, 0.07)


@pytest.mark.parametrize(("height", "expected"), [(0.009, None), (0.01, 1), (0.012, 1)])
def test_a_rise_and_fall_counts_from_one_hundredth_on(height, expected):
    assert peak_of(np.array([0.6, 0.6 + height, 0.6])) == expected


@pytest.mark.parametrize(("above", "expected"), [(0.049, None), (0.05, 1)])
def test_learning_counts_from_five_hundredths_on(above, expected):
    curves = panel_curves(EPOCHS, flat(0.6), onset=1, observed=0.6 + above)
    assert onset_epoch(one_panel("d", curves)) == expected


# A curve that rises straight over log epochs is, on average, what it is half way.
@pytest.mark.parametrize(
    ("until", "half_way"), [(1000, 316.2278), (300, 300 / 10**0.5), (3, 3**0.5)]
)
def test_last_validation_is_the_mean_over_the_last_tenfold(until, half_way):
    valid = through(EPOCHS, (1, 0.5), (1e5, 0.9))
    dataset = one_panel("a", panel_curves(EPOCHS, flat(0.6), validation=valid))
    expected = 0.5 + 0.08 * np.log10(half_way)
    assert last_validation(dataset, until) == pytest.approx(expected, abs=1e-7)


def test_levels_of_panels_measured_at_other_epochs_are_means_over_those_both_reach():
    long = one_panel("a", panel_curves(EPOCHS, through(EPOCHS, (1, 0.6), (1e5, 0.7))))
    epochs = (1, 10, 100)
    short = one_panel("b", panel_curves(epochs, through(epochs, (1, 0.6), (100, 0.8))))
    assert levels_in_common([long, short], 0.05) == pytest.approx([0.62, 0.7], abs=1e-9)
