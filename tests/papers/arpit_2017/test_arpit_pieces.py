"""Every panel of every figure at smoke scale, from data to verdicts, on planted easy images."""

import numpy as np
import pytest
import xarray as xr

from memlib.base.errors import InputError
from memlib.method.data import Data
from memlib.papers.arpit_2017.claims import CLAIMS, check_claims
from memlib.papers.arpit_2017.figures import FIGURES, SCALES, estimate_cost
from memlib.papers.arpit_2017.pieces import compute_panel, measured_epochs, prepare_data
from memlib.papers.arpit_2017.schema import SCHEMA, check_panel


def smooth_images(n, seed):
    """Images of ten classes: each a bright bar of its own, and noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 10
    images = rng.random((n, 28, 28)) * 0.3
    for image, label in zip(images, labels, strict=True):
        image[2 * label + 3 : 2 * label + 7, 4:24] += 0.7 * rng.random()
    return images.clip(0, 1).astype(np.float32), labels


DATA = Data(*smooth_images(100, 0), *smooth_images(60, 1), tuple("0123456789"))
PANELS = [(name, panel) for name, one in FIGURES.items() for panel in one.panels]


def size_of(figure, panel):
    return FIGURES[FIGURES[figure].pieces_of.get(panel, figure)].sizes["smoke"]


@pytest.fixture(scope="module")
def results():
    """All panels of two figures' claims, by figure; fig10 with its 21 settings only once."""
    return {
        name: {
            panel: compute_panel(name, panel, DATA, size_of(name, panel)) for panel in one.panels
        }
        for name, one in FIGURES.items()
        if one.panels
    }


def test_every_panel_is_laid_out_as_its_schema_says(results):
    assert set(PANELS) == {(f, p) for f, one in SCHEMA.items() for p in one if f != "fig11"}
    for figure, panel in PANELS:
        dataset = results[figure][panel]
        check_panel(figure, panel, dataset)
        if "condition" in dataset.dims:
            assert tuple(dataset["condition"].values) == FIGURES[figure].conditions[panel]


def test_every_claim_with_a_rule_can_be_decided(results):
    outcomes = {one.claim.number: one for one in check_claims(results)}
    assert set(outcomes) == set(CLAIMS)
    # Widths of the rules are not among those of the smoke scale, and its ratios may be 0 or 1.
    widths = {14, 15, 19, 20}
    undecided = {number for number, one in outcomes.items() if one.verdict == "not yet run"}
    assert undecided <= widths | {16, 22, 23, 24, 25, 26, 27, 31, 32, 21}
    assert len(undecided) < 12


def test_a_panel_of_another_seed_joins_along_seeds(results):
    size = size_of("fig4", "classes")
    other = compute_panel("fig4", "classes", DATA, size, seed=1)
    both = xr.concat([results["fig4"]["classes"], other], "seed", data_vars="minimal")
    check_panel("fig4", "classes", both)
    one, two = both["class_sensitivity"].values
    assert not np.allclose(one, two)
    again = compute_panel("fig4", "classes", DATA, size, seed=1)
    xr.testing.assert_identical(other, again)


def test_fig_6_and_fig_5_reduce_the_same_trainings(results):
    five, six = results["fig5"]["units"], results["fig6"]["units"]
    real = six["epochs_run"].sel(condition="real").values
    size = size_of("fig5", "units") | {"units": (16,)}
    alone = compute_panel("fig6", "units", DATA, size, conditions=["real"])
    assert alone["epochs_run"].values.item() == real[0, 1]
    assert set(six["condition"].values) < set(five["condition"].values)


def test_conditions_prepare_their_data():
    real = prepare_data(DATA, "real", n_images=100)
    assert not real.replaced.any()
    assert real.train_images.std() == pytest.approx(1, abs=1e-4)
    half = prepare_data(DATA, "randX 0.5", n_images=80, downscaled=2, standardized=False)
    assert half.replaced.sum() == 40
    assert half.train_images.shape == (80, 14, 14)
    assert half.gray_level == 1 / 255
    clean = prepare_data(DATA, "removed 0.4", n_images=100)
    assert len(clean.train_images) == 60
    # Standardized by all real images, whatever was removed or replaced
    assert clean.gray_level == real.gray_level
    with pytest.raises(InputError, match="n_images = 101: there are 100"):
        prepare_data(DATA, "real", n_images=101)


def test_sizes_are_declared_for_every_scale():
    for figure in FIGURES.values():
        assert set(figure.sizes) == set(SCALES)
        if figure.results_of:
            assert figure.results_of in FIGURES
            continue
        costs = [estimate_cost(figure.name, scale) for scale in SCALES]
        assert costs == sorted(costs)
        assert costs[0] < 10
        assert costs[1] < 400
    assert measured_epochs(120, 5) == [1, 3, 11, 36, 120]


def test_refusals():
    with pytest.raises(InputError, match="fig3 has no panel 'left'"):
        compute_panel("fig3", "left", DATA, {})
