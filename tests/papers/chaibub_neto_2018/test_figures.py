"""A figure's settings at each scale, and its epochs."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlib.papers.chaibub_neto_2018.figures import FIGURES, SCALES, ShuffleSettings
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.runs.settings import epoch_grid
from memlib.runs.study import resolve, study_of


def epochs_of(settings, panel):
    return study_of(settings).epochs(settings, panel)


# Settings


def test_paper_scale_has_the_papers_numbers():
    for figure in FIGURES.values():
        settings = resolve(figure.name, "paper")
        assert (settings.epochs, settings.cnn_epochs) == (100_000, 10_000)
        assert settings.n_images == (10_000 if figure.name == "fig3" else 2000)
        assert settings.n_validation_images == 2000
        assert (settings.n_permutations, settings.n_trees) == (100, 500)
        assert settings.classifier == "random_forest"
        assert settings.batch_size == 128
        assert settings.perturbation_kind == "shuffle"
        assert settings.optimizer == ("rmsprop" if figure.name == "fig4" else "sgd")
        assert settings.learning_rate == (0.001 if figure.name == "fig4" else 0.01)
        assert settings.inputs == ("noise" if figure.name == "fig5" else "images")
        assert settings.panels == tuple("abcdef" if figure.name in ("fig1", "fig5") else "abde")
        own = {0.01} if figure.name == "fig2" else set()
        assert set(settings.perturbations) == {0.05, 0.1, 1.0} | own
        assert all(20 <= len(epochs_of(settings, panel)) <= 25 for panel in settings.panels)


def test_scales_grow():
    smoke, teaching, tenth, paper = SCALES.values()
    for field in ("epochs", "cnn_epochs", "n_measured_epochs"):
        assert getattr(smoke, field) < getattr(teaching, field) < getattr(tenth, field)
        assert getattr(tenth, field) < getattr(paper, field)
    assert smoke.n_permutations < teaching.n_permutations <= tenth.n_permutations
    assert tenth.n_permutations < paper.n_permutations
    assert [scale.n_seeds for scale in SCALES.values()] == [1, 1, 3, 1]
    assert smoke.n_trees < teaching.n_trees < tenth.n_trees == paper.n_trees
    assert (10 * tenth.epochs, 10 * tenth.cnn_epochs) == (paper.epochs, paper.cnn_epochs)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_resolves_at_every_scale(figure, scale):
    settings = resolve(figure, scale)
    assert (settings.figure, settings.scale) == (figure, scale)
    assert ShuffleSettings(**settings.model_dump()) == settings
    assert json.loads(json.dumps(settings.model_dump(mode="json")))["epochs"] == settings.epochs


def test_none_leaves_the_scales_own_value():
    assert resolve("fig1", "smoke", epochs=None, panels=None) == resolve("fig1", "smoke")


def test_learning_rate_follows_the_optimizer_unless_given():
    assert resolve("fig1", optimizer="rmsprop").learning_rate == 0.001
    assert resolve("fig4", optimizer="sgd").learning_rate == 0.01
    assert resolve("fig1", optimizer="rmsprop", learning_rate=0.5).learning_rate == 0.5


def test_settings_cannot_be_changed_after_they_were_checked():
    with pytest.raises(ValueError, match="frozen"):
        resolve("fig1").epochs = -1


def test_seeds_count_on_from_the_base_seed():
    assert resolve("fig1", seed=7, n_seeds=3).seeds == (7, 8, 9)


@pytest.mark.parametrize("panel", ARCHITECTURES)
def test_cnns_are_measured_on_their_own_epochs(panel):
    settings = resolve("fig1", epochs=900, cnn_epochs=70)
    assert epochs_of(settings, panel)[-1] == (70 if panel in "cf" else 900)


# Epoch grids


@given(st.integers(1, 200_000), st.integers(2, 60))
def test_epoch_grid_goes_from_1_to_the_last_and_increases(last, n_epochs):
    grid = epoch_grid(last, n_epochs)
    assert grid[0] == 1
    assert grid[-1] == last
    assert (np.diff(grid) > 0).all()
    assert len(grid) <= n_epochs
    assert all(type(epoch) is int for epoch in grid)


@given(st.integers(1, 200_000))
def test_epoch_grid_of_one_is_the_last_epoch(last):
    assert epoch_grid(last, 1) == (last,)


@pytest.mark.parametrize(("last", "n_epochs"), [(100_000, 25), (10_000, 25), (1000, 12)])
def test_epoch_grid_is_evenly_spaced_on_a_log_scale(last, n_epochs):
    grid = epoch_grid(last, n_epochs)
    assert n_epochs - 4 <= len(grid) <= n_epochs  # the first few whole epochs fall together
    late = np.log([epoch for epoch in grid if epoch > 50])
    np.testing.assert_allclose(np.diff(late), np.log(last) / (n_epochs - 1), atol=0.03)
