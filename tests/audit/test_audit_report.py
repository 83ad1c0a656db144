"""The report opens from disk without a request, escapes text, passes axe; the figure is right."""

from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.collections import PathCollection

from memlib.audit import audit
from memlib.report.styles import DARK

FEW = {"n_permutations": 19, "n_trees": 10, "progress": False, "n_jobs": 1}


@pytest.fixture(scope="module")
def answer():
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(80, 12)), np.arange(80) % 2
    held_out = (rng.normal(size=(40, 12)), np.arange(40) % 2)

    def some(inputs):
        return inputs[:, :5]

    networks = {"all <script>alert(1)</script> & more": lambda inputs: inputs, "some": some}
    return audit(networks, (inputs, labels), strengths=[0.02, 0.4], validation=held_out, **FEW)


class Addresses(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.found += [value for name, value in attrs if name in ("src", "href", "srcset")]


def test_the_report_names_no_address_and_runs_nothing(answer, tmp_path):
    text = answer.to_html(tmp_path / "answer.html").read_text(encoding="utf-8")
    parser = Addresses()
    parser.feed(text)
    assert parser.found
    assert all(one.startswith("data:") for one in parser.found)
    assert "script" not in parser.tags
    assert "all &lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in text
    for warning in answer.warnings:
        assert warning.split(": ")[-1] in text
    for sentence in ("Learned?", "Ranks", "Warnings", "Samples recognized best"):
        assert sentence in text
    assert "only-dark" in text


def test_the_report_passes_axe_and_asks_for_nothing(answer, browser, tmp_path):
    from axe_playwright_python.sync_playwright import Axe

    path = answer.to_html(tmp_path / "answer.html")
    for scheme in ("light", "dark"):
        # axe itself is put into the page, which the page's own policy forbids.
        context = browser.new_context(color_scheme=scheme, bypass_csp=True)
        page = context.new_page()
        asked, said = [], []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.on("console", lambda message, said=said: said.append(message.text))
        page.goto(path.as_uri())
        assert page.locator(f"img.only-{scheme}").is_visible()
        assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
        assert said == []
        found = Axe().run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"][:80]) for one in found] == []
        context.close()


def test_the_figure_draws_each_null_and_score(answer):
    for figure in (answer.plot(), answer.plot(DARK)):
        axes = figure.axes
        assert len(axes) == answer.dataset.sizes["network"] == 3
        for ax, name in zip(axes, answer.dataset["network"].values, strict=True):
            drawn = [one for one in ax.collections if isinstance(one, PathCollection)]
            for points, strength in zip(drawn, (0.02, 0.4), strict=True):
                one = answer.dataset.sel(network=name, perturbation=strength)
                shown = np.sort(points.get_offsets()[:, 0])
                np.testing.assert_array_equal(shown, np.sort(one["null_accuracy"].values))
            lines = {float(line.get_xdata()[0]) for line in ax.lines}
            assert set(answer.dataset["observed_accuracy"].sel(network=name).values) <= lines


def test_table_and_notebook_show_the_same_numbers(answer):
    rows = answer.table().splitlines()[2:]
    assert len(rows) == 3 * 2
    one = answer.dataset.sel(network="some", perturbation=0.4)
    assert f"{float(one['null_accuracy'].mean()):.3f}" in next(
        r for r in rows if "| some | 40 %" in r
    )
    assert "&lt;script&gt;" in answer._repr_html_()
    assert "<script>" not in answer._repr_html_()
