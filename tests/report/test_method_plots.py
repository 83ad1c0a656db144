"""One null and rows of images, read back from the artists: never pixels."""

import numpy as np
from matplotlib.figure import Figure

from memlib.method.null import compute_null
from memlib.papers.chaibub_neto_2018.planted import planted_features
from memlib.report.null_plot import plot_images
from memlib.report.plots import plot_null


def test_null_points_observed_line_and_verdict():
    labels, train, copies = planted_features("both", 60)
    ds = compute_null(train, labels, {0.05: copies, 1.0: copies}, n_permutations=19, n_trees=20)
    ax = plot_null(ds, ax=Figure().subplots())
    for row, points in enumerate(ax.collections):
        x, y = np.asarray(points.get_offsets()).T
        np.testing.assert_allclose(np.sort(x), np.sort(ds["null_accuracy"].values[row]))
        assert (abs(y - row) < 0.5).all()
    observed = [line for line in ax.lines if line.get_label() and line.get_linestyle() == "-"]
    np.testing.assert_allclose(
        [line.get_xdata()[0] for line in observed], ds["observed_accuracy"].values
    )
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "shuffled labels (null)",
        "true labels (observed)",
        "chance",
    ]
    assert "verdict: memorized and learned" in ax.get_yticklabels()[0].get_text()


def test_images_are_shown_as_they_are():
    images = np.random.default_rng(0).random((2, 5, 5))
    figure = plot_images({"0 %": images, "5 %": images[::-1]}, limits=(0, 2))
    shown = [ax.images[0] for ax in figure.axes]
    for one, expected in zip(shown, [*images, *images[::-1]], strict=True):
        np.testing.assert_array_equal(one.get_array(), expected)
        assert one.get_clim() == (0, 2)
    assert [ax.get_ylabel() for ax in figure.axes] == ["0 %", "", "5 %", ""]
