"""Pictures for pages: both themes, texts from the data, and no torch to draw them."""

import re
import subprocess
import sys
from urllib.parse import unquote

import numpy as np
import pytest
from builders import make_result, panel_curves, paper_curves
from matplotlib.figure import Figure

from memlib.papers.chaibub_neto_2018.pictures import caption_result, describe_result, show_figure
from memlib.papers.chaibub_neto_2018.plots import plot_figure
from memlib.report.pictures import Picture, picture, svg
from memlib.report.styles import DARK, LIGHT
from memlib.runs.figure import write_figure


@pytest.fixture(scope="module")
def tree():
    panels = {"a": panel_curves((1, 100_000), np.array([0.6, 0.7]))}
    panels["c"] = panel_curves((1, 10_000), np.array([0.6, 0.7]))
    return make_result("fig1", panels, seeds=(4, 5))


def test_svg_repeats_byte_for_byte(tree):
    first, again = (svg(plot_figure(tree)) for _ in range(2))
    assert first == again
    assert first.startswith("<?xml")
    assert "<dc:date>" not in first
    assert svg(plot_figure(tree, theme=DARK)) != first


def test_caption_says_scale_seeds_permutations_trees_and_time(tree):
    caption = caption_result(tree)
    for words in (
        "Teaching scale",
        "2,000 training images",
        "MLPs 100,000 epochs, CNNs 10,000 epochs",
        "2 seeds (base 4)",
        "19 permutations",
        "50 trees",
        "1.5 minutes",
    ):
        assert words in caption
    one = make_result("fig2", {"a": paper_curves()["fig2"]["a"]}, n_permutations=7, n_trees=3)
    assert "1 seed (base 0), 7 permutations, 3 trees" in caption_result(one)
    assert "CNN" not in caption_result(one)


def test_description_tells_each_panel_in_numbers():
    curves = panel_curves((1, 10, 100), np.array([0.6, 0.8, 0.7]), observed=0.9, validation=0.85)
    for strengths in ((0.05, 0.10), (0.10, 0.05)):
        text = describe_result(make_result("fig1", {"a": curves}, strengths=strengths))
        assert text == (
            "Panel a, MLP 256-16: the 5 % null starts at 0.60, is highest at 0.80 (epoch 10) and "
            "ends at 0.70; the observed accuracy ends at 0.90, the validation accuracy at 0.85."
        )


def test_picture_shows_both_themes_alt_text_and_caption(tree):
    html = show_figure(tree)._repr_html_()
    sources = re.findall(r'<img class="only-(\w+)".*?alt="([^"]*)" src="data:[^,]*,([^"]*)">', html)
    assert [theme for theme, *_ in sources] == ["light", "dark"]
    for (_, alt, data), theme in zip(sources, (LIGHT, DARK), strict=True):
        assert alt == describe_result(tree)
        whole = svg(plot_figure(tree, theme=theme))
        assert unquote(data).split() == whole.split()
        assert not re.search(r"[<>#']", data)
        width, height = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', whole).groups())
        size = re.search(rf'<img class="only-{theme.name}"[^>]* width="(\d+)" height="(\d+)"', html)
        assert int(size[1]) / int(size[2]) == pytest.approx(width / height, rel=2e-3)
    assert f"<figcaption>{caption_result(tree)}</figcaption>" in html
    assert html.count('style="display:none"') == 1
    assert html.startswith('<figure class="memlib-figure" id="fig1" ')
    assert ' id="fig1-paper" ' in show_figure(tree, key="fig1-paper")._repr_html_()


def test_picture_escapes_its_texts():
    html = Picture("<svg/>", "<svg/>", 'a "b" < c & d', "x < y")._repr_html_()
    assert 'alt="a &quot;b&quot; &lt; c &amp; d"' in html
    assert "<figcaption>x &lt; y</figcaption>" in html
    assert "figcaption" not in Picture("<svg/>", "<svg/>", "a")._repr_html_()


def test_picture_draws_once_a_theme():
    themes = []

    def draw(theme):
        themes.append(theme)
        return Figure()

    picture(draw, alt="nothing")
    assert themes == [LIGHT, DARK]


# Without torch

NO_TORCH = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
from memlib.base import files
from memlib.method import classifiers, null
from memlib.papers.chaibub_neto_2018 import claims, figures, pictures, plots, study, tables
from memlib.report import pictures as any_pictures, plots as any_plots
from memlib.report.tables import claims_table
from memlib.results import files, schema
from memlib.runs import shipped, status
import memlib
tree = memlib.read_result(sys.argv[1])
figure = plots.plot_figure(tree)
print(sum(len(ax.patches) for ax in figure.axes))
print(len(pictures.show_figure(tree)._repr_html_()) > 10_000)
print(sum(not one.checks for one in claims.check_claims({"fig4": tree})))
try:
    import torch
except ImportError:
    print("no torch")
"""


def test_figures_are_drawn_from_a_stored_result_without_torch(tmp_path):
    path = write_figure(make_result("fig4"), tmp_path / "fig4.nc")
    done = subprocess.run(
        [sys.executable, "-c", NO_TORCH, str(path)], capture_output=True, text=True
    )
    assert done.stderr == ""
    assert done.stdout.split("\n")[:4] == [str(4 * 11 * 3), "True", "22", "no torch"]
