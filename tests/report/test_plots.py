"""What is drawn, read back from the artists: never pixels."""

import colorsys
import warnings

import numpy as np
import pytest
import xarray as xr
from builders import make_result, paper_curves
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from memlib.base.errors import InputError
from memlib.base.words import strength_label, strength_labels
from memlib.method.perturb import KINDS
from memlib.papers.chaibub_neto_2018.plots import plot_figure
from memlib.report.plots import plot_panel
from memlib.report.styles import COLOURS, DARK, LIGHT, perturbation_colours
from memlib.results.schema import panels_of

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)


def panel(figure="fig2", letter="d", **options):
    tree = make_result(figure, {letter: paper_curves()[figure][letter]}, **options)
    return panels_of(tree)[letter]


def drawn(dataset, theme=LIGHT):
    return plot_panel(dataset, ax=Figure().subplots(), theme=theme)


def boxes(ax):
    """Middle epoch, colour and (lowest, highest) accuracy of each box."""
    found = []
    for patch in ax.patches:
        low, high = patch.get_path().get_extents().get_points()
        found.append(((low[0] + high[0]) / 2, to_hex(patch.get_edgecolor()), (low[1], high[1])))
    return found


def medians(ax):
    """(epoch, colour): accuracy of each box's median line."""
    lines = [line for line in ax.lines if line.get_linewidth() == 1.2]
    return {
        (round(np.mean(line.get_xdata()), 3), to_hex(line.get_color())): line.get_ydata()[0]
        for line in lines
    }


def labelled(ax):
    return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}


def test_the_untrained_network_has_a_place_at_epoch_0():
    dataset = panel()
    first = dataset["epoch"].values[0]
    dataset = dataset.assign_coords(epoch=np.where(dataset["epoch"] == first, 0, dataset["epoch"]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax = drawn(dataset)
    assert {round(middle, 6) for middle, _, _ in boxes(ax)} >= {0.0}
    left, right = ax.transData.transform([(0, 0.5), (dataset["epoch"].values[1], 0.5)])[:, 0]
    assert 0 < left - ax.transData.transform((ax.get_xlim()[0], 0.5))[0] < right - left


# Colours


@THEMES
@pytest.mark.parametrize(
    ("strength", "hue"),
    [(0.01, (215, 235)), (0.05, (210, 230)), (0.10, (180, 195)), ("validation", (-5, 5))],
)
def test_hues_are_the_papers(strength, hue, theme):
    colour = theme.validation if strength == "validation" else theme.colours[strength]
    h, s, _ = colorsys.rgb_to_hsv(*to_rgb(colour))
    degrees = (360 * h + 180) % 360 - 180 if hue[0] < 0 else 360 * h
    assert hue[0] <= degrees <= hue[1]
    assert s > 0.5


@THEMES
def test_100_percent_is_grey_and_1_percent_is_the_darker_blue(theme):
    assert len(set(to_rgb(theme.colours[1.0]))) == 1
    dark, light = (
        colorsys.rgb_to_hsv(*to_rgb(theme.colours[strength]))[2] for strength in (0.01, 0.05)
    )
    assert dark < light


def test_other_strengths_get_colours_of_their_own():
    colours = perturbation_colours([0.02, 0.05, 0.3, 0.5])
    assert colours[0.05] == LIGHT.colours[0.05]
    assert len(set(colours.values())) == 4


@THEMES
@pytest.mark.parametrize("n", [1, 2, 5])
def test_other_strengths_are_not_taken_for_validation(theme, n):
    found = perturbation_colours([0.2 + 0.1 * i for i in range(n)], theme).values()
    hue = [colorsys.rgb_to_hsv(*to_rgb(one))[0] for one in (theme.validation, *found)]
    apart = [min(abs(one - hue[0]), 1 - abs(one - hue[0])) for one in hue[1:]]
    assert min(apart) > 0.15


@pytest.mark.parametrize("n_epochs", [1, 2, 3, 25])
def test_boxes_at_both_ends_lie_within_the_axes(n_epochs):
    dataset = panel()
    dataset = dataset.isel(
        epoch=np.unique(np.linspace(0, dataset.sizes["epoch"] - 1, n_epochs).astype(int))
    )
    ax = drawn(dataset)
    ends = np.array([patch.get_path().get_extents().get_points()[:, 0] for patch in ax.patches])
    low, high = ax.get_xlim()
    assert low < ends.min()
    assert ends.max() < high


# One panel


@THEMES
@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_a_box_for_each_epoch_and_perturbation_with_its_null(theme, seeds):
    dataset = panel(seeds=seeds)
    ax = drawn(dataset, theme)
    found = {(round(epoch, 3), colour): ends for epoch, colour, ends in boxes(ax)}
    assert len(ax.patches) == len(found) == dataset.sizes["epoch"] * 4
    for (epoch, colour), median in medians(ax).items():
        strength = next(s for s, c in theme.colours.items() if c == colour)
        null = dataset["null_accuracy"].sel(perturbation=strength, epoch=epoch).values
        assert median == pytest.approx(np.median(null))
        assert found[epoch, colour] == pytest.approx(np.quantile(null, [0.25, 0.75]))
    assert medians(ax).keys() == found.keys()


def test_boxes_are_as_wide_on_the_log_axis_at_every_epoch_and_do_not_touch():
    ends = np.array([p.get_path().get_extents().get_points()[:, 0] for p in drawn(panel()).patches])
    ends = np.unique(np.round(ends, 6), axis=0)
    assert len(ends) == 11
    np.testing.assert_allclose(ends[:, 1] / ends[:, 0], ends[0, 1] / ends[0, 0], rtol=1e-4)
    assert (ends[1:, 0] > ends[:-1, 1]).all()


@THEMES
def test_observed_and_validation_lines(theme):
    dataset = panel()
    lines = labelled(drawn(dataset, theme))
    expected = {f"{100 * s:g} % perturbed": s for s in (0.01, 0.05, 0.10, 1.0)}
    assert set(lines) == {*expected, "validation"}
    for label, strength in expected.items():
        observed = dataset["observed_accuracy"].sel(perturbation=strength, seed=0)
        np.testing.assert_array_equal(lines[label].get_xdata(), dataset["epoch"])
        np.testing.assert_allclose(lines[label].get_ydata(), observed)
        assert lines[label].get_color() == theme.colours[strength]
    np.testing.assert_allclose(lines["validation"].get_ydata(), dataset["validation_accuracy"][0])
    assert lines["validation"].get_color() == theme.validation


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_thin_lines_of_scores_and_null_for_each_seed_when_there_are_several(seeds):
    dataset = panel(seeds=seeds)
    ax = drawn(dataset)
    least = dataset.sel(perturbation=0.05)
    nulls = least["null_accuracy"].transpose("seed", "permutation", "epoch").values
    for colour, accuracy, others in (
        (LIGHT.colours[0.05], least["observed_accuracy"], np.median(nulls, axis=1)),
        (LIGHT.validation, dataset["validation_accuracy"], []),
    ):
        lines = [line for line in ax.lines if line.get_color() == colour]
        thin = [line for line in lines if line.get_linewidth() == 0.5]
        thick = [line for line in lines if line.get_linewidth() == 1.5]
        expected = [*others, *accuracy.values] if len(seeds) > 1 else []
        assert len(thin) == len(expected)
        for line, one in zip(thin, expected, strict=True):
            np.testing.assert_allclose(line.get_ydata(), one)
        assert len(thick) == 1
        np.testing.assert_allclose(thick[0].get_ydata(), accuracy.mean("seed"))


def test_chance_title_and_axes():
    dataset = panel()
    ax = drawn(dataset)
    assert ax.get_title(loc="left") == "d   MLP 256-16, dropout"
    assert ax.get_xscale() == "log"
    assert any(list(line.get_ydata()) == [0.5, 0.5] for line in ax.lines)
    low, high = ax.get_ylim()
    assert low < 0.5
    assert high > 1
    assert ax.get_xlim()[0] < 1 < 100_000 < ax.get_xlim()[1]


def test_everything_drawn_lies_within_the_axes_when_chance_is_low():
    dataset = panel()
    dataset["chance_accuracy"][:] = 0.1
    assert drawn(dataset).get_ylim()[0] < 0.1


def test_scores_below_chance_lie_within_the_axes_of_every_panel():
    tree = make_result("fig4")
    low = panels_of(tree)["b"]
    null = low["null_accuracy"].values.copy()
    null[..., 0] = 0.31
    tree["panel_b"] = xr.DataTree(low.assign(null_accuracy=(low["null_accuracy"].dims, null)))
    usual = drawn(panels_of(tree)["a"]).get_ylim()[0]
    assert usual == 0.45
    assert drawn(panels_of(tree)["b"]).get_ylim()[0] < 0.31
    shown = [ax.get_ylim()[0] for ax in plot_figure(tree).axes]
    assert {*shown} == {drawn(panels_of(tree)["b"]).get_ylim()[0]}


def test_joined_tests_are_drawn_in_the_order_of_their_epochs_with_the_shuffles_they_have():
    """Epochs joined backwards, the last with fewer shuffles; and one test by itself."""
    dataset = panel().isel(seed=0, drop=True)
    null = dataset["null_accuracy"].copy()
    null[{"epoch": -1, "permutation": slice(5, None)}] = np.nan
    joined = dataset.assign(null_accuracy=null).isel(epoch=slice(None, None, -1))
    ax = plot_panel(joined, ax=Figure().subplots())
    assert len(boxes(ax)) == dataset.sizes["epoch"] * dataset.sizes["perturbation"]
    assert all(np.isfinite(ends).all() for _, _, ends in boxes(ax))
    assert all(
        (np.diff(line.get_xdata()) > 0).all() for line in ax.get_lines() if line.get_zorder() == 10
    )
    left, right = ax.get_xlim()
    assert left < right
    alone = plot_panel(dataset.isel(epoch=0, drop=True), ax=Figure().subplots())
    assert len(boxes(alone)) == dataset.sizes["perturbation"]


def test_sets_named_by_words_are_refused():
    dataset = panel().assign_coords(perturbation=["a", "b", "c", "d"])
    with pytest.raises(InputError, match="named a, b, c, d"):
        plot_panel(dataset, ax=Figure().subplots())


def test_one_epoch_alone_can_be_drawn():
    dataset = panel().isel(epoch=[3])
    ax = drawn(dataset)
    assert [round(epoch) for epoch, *_ in boxes(ax)] == [30] * 4
    assert 30 in ax.get_xticks()


# A figure


@pytest.mark.parametrize(
    ("figure", "shape"), [("fig1", (2, 3)), ("fig2", (2, 2)), ("fig5", (2, 3))]
)
def test_panels_stand_as_in_the_paper(figure, shape):
    tree = make_result(figure)
    drawing = plot_figure(tree)
    grid = drawing.axes[0].get_gridspec()
    assert (grid.nrows, grid.ncols) == shape
    titles = [ax.get_title(loc="left") for ax in drawing.axes]
    assert titles == [
        f"{letter}   {dataset.attrs['network']}" for letter, dataset in panels_of(tree).items()
    ]
    assert [len(ax.patches) for ax in drawing.axes] == [
        dataset.sizes["epoch"] * dataset.sizes["perturbation"]
        for dataset in panels_of(tree).values()
    ]
    assert drawing.axes[0].get_ylabel() == "accuracy"
    assert drawing.axes[-1].get_xlabel() == "training epoch"


def test_lines_are_named_where_they_end_in_the_last_panel_of_each_row():
    figure = plot_figure(make_result("fig1"))
    for ax in figure.axes:
        shown = ax.get_title("left")[0]
        dataset = panels_of(make_result("fig1"))[shown]
        texts = {text.get_text(): text for text in ax.texts}
        assert set(texts) == ({"5 %", "10 %", "100 %", "valid."} if shown in "cf" else set())
        if texts:
            heights = {name: text.xy[1] for name, text in texts.items()}
            gaps = np.diff(sorted(heights.values()))
            assert gaps.min() > 0.03
            last = dataset.isel(epoch=-1, seed=0)
            ends = {"100 %": last["observed_accuracy"][-1], "valid.": last["validation_accuracy"]}
            for name, end in ends.items():
                assert heights[name] == pytest.approx(float(end), abs=0.07)
            assert to_hex(texts["100 %"].get_color()) == COLOURS[1.0]


def test_legend_names_every_curve_once_in_its_colour():
    (legend,) = plot_figure(make_result("fig2")).legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == [
        "1 % perturbed",
        "5 % perturbed",
        "10 % perturbed",
        "100 % perturbed",
        "validation",
    ]
    colours = [line.get_color() for line in legend.get_lines()]
    assert colours == [*LIGHT.colours.values(), LIGHT.validation]


@pytest.mark.parametrize(("n_panels", "n_visible"), [(1, 1), (2, 2), (3, 3), (5, 5)])
def test_any_number_of_panels(n_panels, n_visible):
    panels = dict(list(paper_curves()["fig1"].items())[:n_panels])
    axes = plot_figure(make_result("fig1", panels)).axes
    assert sum(ax.get_visible() for ax in axes) == n_visible


@pytest.mark.parametrize(
    ("strength", "units", "label"),
    [
        (0.05, "1", "5 %"),
        (0.07, "1", "7 %"),
        (0.005, "1", "0.5 %"),
        (1.0, "1", "100 %"),
        (15.0, "degree", "15°"),
        (1.0, "degree", "1°"),
    ],
)
def test_strength_labels(strength, units, label):
    assert strength_label(strength, units) == label


@pytest.mark.parametrize(
    ("kind", "strength", "label"),
    [("shuffle", 0.05, "5 %"), ("add_noise", 0.05, "sd 0.05"), ("rotate", 5.0, "5°")],
)
def test_strengths_of_each_kind_are_told_by_what_they_mean(kind, strength, label):
    about = {"long_name": KINDS[kind].strength, "units": KINDS[kind].units}
    assert strength_labels(xr.DataArray([strength], attrs=about)) == {strength: label}
