"""The first page's picture and sentences: from the result that they are given, and nothing else."""

import numpy as np
import pytest
from builders import make_result, panel_curves, through
from kit.opening import _draw_test, example_pair, opening_values
from matplotlib.figure import Figure

from memlib.report.styles import LIGHT
from memlib.results.schema import panels_of

EPOCHS = (1, 10, 100, 1000)


@pytest.fixture
def planted():
    null = through(EPOCHS, (1, 0.61), (100, 0.77), (1000, 0.69))
    return make_result("fig1", {"a": panel_curves(EPOCHS, null, onset=1, observed=0.93)})


def test_sentences_hold_the_numbers_of_the_result(planted):
    values = opening_values(planted, "a")
    assert values | {"picture": ""} == {
        **{"epochs": "1,000", "chance": "0.50"},
        **{"null_first": "0.61", "null_peak": "0.77", "peak_epoch": "100", "null_last": "0.69"},
        **{"observed_last": "0.93", "picture": ""},
    }
    assert 'alt="A training image' in values["picture"]
    assert "lie around 0.77" in values["picture"]
    assert "that of the true labels, 0.93" in values["picture"]


def test_arrows_go_from_chance_to_the_null_and_on_to_the_observed_score(planted):
    ax = Figure().subplots()
    _draw_test(panels_of(planted)["a"].sel(perturbation=0.05), ax=ax, theme=LIGHT)
    arrows = [text for text in ax.texts if text.get_text() == ""]
    ends = [(arrow.xyann[0], arrow.xy[0]) for arrow in arrows]
    np.testing.assert_allclose(ends, [(0.5, 0.77), (0.77, 0.93)], atol=1e-6)


def test_copy_has_the_same_pixels_at_other_places():
    image, copy = example_pair()
    assert image.shape == copy.shape == (28, 28)
    np.testing.assert_array_equal(np.sort(image.ravel()), np.sort(copy.ravel()))
    assert 0 < (image != copy).sum() <= round(0.05 * image.size)
