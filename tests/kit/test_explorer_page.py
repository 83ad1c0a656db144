"""The explorer in a real browser: what is shown is what the datasets hold."""

import itertools
import re

import numpy as np
import pytest
from explorer_view import assert_shows, shown
from site_checks import WIDTHS

from memlib.report.styles import COLOURS, DARK_COLOURS, DARK_VALIDATION_COLOUR, VALIDATION_COLOUR

pytestmark = pytest.mark.xdist_group("site")  # the site is built once, by one worker


def test_scripts_go_only_on_the_pages_that_need_them(built_site):
    for page in built_site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        found = set(re.findall(r"_static/(explorer|by_eye|live|interactive)[/.]", text))
        expected = {"explorer": {"explorer", "interactive"}, "by_eye": {"by_eye", "interactive"}}
        expected["live"] = {"live"}
        assert found == expected.get(page.stem, set()), page.name


def test_explorer_shows_every_stored_panel_as_stored(open_page, site_results):
    page = open_page("explorer", "#a=run,fig1,a,0,0.05,1")
    n_states = 0
    for figure, panels in site_results.items():
        for letter, dataset in panels.items():
            for strength in dataset["perturbation"].values:
                for e, epoch in enumerate(dataset["epoch"].values):
                    address = f"#a=run,{figure},{letter},0,{strength:g},{epoch}"
                    page.evaluate(
                        "hash => new Promise(done => {"
                        " if (location.hash === hash) return done();"  # where it was opened
                        " addEventListener('hashchange', () => done(), {once: true});"
                        " location.hash = hash })",
                        address,
                    )
                    view = shown(page)
                    chosen = ["run", figure, letter, "0", f"{strength:g}"]
                    assert list(view["choices"].values()) == chosen
                    assert_shows(view, dataset, strength, e)
                    assert view["provenance"].startswith(f"Shown: {figure}-smoke-")
                    assert "this copy's run, smoke scale" in view["provenance"]
                    n_states += 1
    assert n_states > 200


def test_explorer_by_keyboard(open_page, site_results):
    page = open_page("explorer", "#a=run,fig1,a,0,0.05,1&b=run,fig1,d,0,0.05,1")
    fig1 = site_results["fig1"]
    slider = page.get_by_label("Epoch", exact=True).first
    slider.focus()
    for key, e in (("ArrowRight", 1), ("End", 2), ("ArrowLeft", 1), ("Home", 0)):
        page.keyboard.press(key)
        assert_shows(shown(page, 0), fig1["a"], 0.05, e)
        assert_shows(shown(page, 1), fig1["d"], 0.05, e)
    epoch = int(fig1["a"]["epoch"][0])
    assert slider.get_attribute("aria-valuetext") == f"epoch {epoch}"
    page.get_by_label("Same epoch in both").focus()
    page.keyboard.press("Space")
    slider.focus()
    page.keyboard.press("End")
    assert_shows(shown(page, 0), fig1["a"], 0.05, 2)
    assert_shows(shown(page, 1), fig1["d"], 0.05, 0)
    select = page.get_by_label("Perturbation").first
    select.focus()
    page.keyboard.press("ArrowDown")
    assert_shows(shown(page, 0), fig1["a"], 0.1, 2)
    page.get_by_label("Panel").first.focus()
    page.keyboard.press("b")
    assert_shows(shown(page, 0), fig1["b"], 0.1, 2)
    page.get_by_label("Figure").first.focus()
    page.keyboard.press("End")
    assert_shows(shown(page, 0), site_results["fig5"]["b"], 0.1, 2)
    page.wait_for_timeout(500)  # the words are said once the hand rests
    spoken = page.locator("[aria-live=polite]").inner_text()
    assert re.match(r"First view, epoch [\d,]+: .+\. Second view, epoch 1: ", spoken)
    page.get_by_label("Two views").focus()
    page.keyboard.press("Space")
    assert page.locator(".view:visible").count() == 1


def rgb(colour):
    """A colour as a browser computes it."""
    return f"rgb({', '.join(str(byte) for byte in bytes.fromhex(colour[1:]))})"


@pytest.mark.parametrize(
    ("theme", "colours", "red"),
    [
        ("light", COLOURS, VALIDATION_COLOUR),
        ("dark", DARK_COLOURS, DARK_VALIDATION_COLOUR),
    ],
)
@pytest.mark.parametrize("width", WIDTHS)
def test_explorer_in_both_themes_and_widths(open_page, theme, colours, red, width):
    from playwright.sync_api import expect

    page = open_page(
        "explorer", "#a=run,fig2,a,0,0.01,3&b=run,fig2,d,0,0.1,3", theme=theme, width=width
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Beside each other on a laptop, below each other on a telephone.
    first, second = (page.locator(".view").nth(i).bounding_box() for i in (0, 1))
    assert (first["y"] == second["y"]) == (width == max(WIDTHS))
    # Views are drawn anew when their size changes: `expect` looks again until it holds.
    pale, deep = r"rgba?\((1[3-9]\d|2\d\d),", r"rgba?\(\d{1,2},"
    for index, strength in ((0, 0.01), (1, 0.1)):
        view = page.locator(".view").nth(index)
        for name, wanted in (("observed", colours[strength]), ("validation", red)):
            expect(view.locator(f"polyline.{name}")).to_have_css("stroke", rgb(wanted))
        ink = re.compile(pale if theme == "dark" else deep)
        expect(view.locator(".tick-x").first).to_have_css("fill", ink)
    page.emulate_media(media="print")  # on white paper, whatever the theme
    expect(page.locator("polyline.validation").first).to_have_css("stroke", rgb(VALIDATION_COLOUR))
    expect(page.locator(".tick-x").first).to_have_css("fill", re.compile(deep))


def test_without_javascript_explorer_leaves_no_gap(open_page):
    page = open_page("explorer", java_script_enabled=False)
    assert page.locator("#memlib-explorer").bounding_box()["height"] < 300
    assert "JavaScript, which is switched off here" in page.inner_text("#memlib-explorer")
    button = page.get_by_role("button", name="Dropout")
    assert button.evaluate("one => getComputedStyle(one).borderTopWidth") == "0px"


def test_names_of_epochs_do_not_touch_on_a_telephone(open_page):
    page = open_page("explorer", "#a=paper,fig1,a,0,0.05,100000", width=390)
    boxes = (
        page.locator(".view")
        .first.locator(".tick-epoch")
        .evaluate_all(
            "all => all.map(one => [one.textContent, ...'left right'.split(' ')"
            ".map(side => one.getBoundingClientRect()[side])])"
        )
    )
    names = {name for name, _, _ in boxes}
    assert {"1", "100,000"} <= names
    edges = sorted((left, right) for _, left, right in boxes)
    assert all(a[1] < b[0] for a, b in itertools.pairwise(edges)), boxes


def test_explorer_by_touch_and_quickly(open_page, site_results):
    page = open_page("explorer", "#a=run,fig1,a,0,0.05,1", width=390, has_touch=True)
    chart = page.locator(".chart.epochs").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] - 15, box["y"] + 100)
    assert_shows(shown(page), site_results["fig1"]["a"], 0.05, 2)
    times = page.evaluate(
        "() => { const slider = document.querySelector('input[type=range]'), took = [];"
        " for (let i = 0; i < 30; i++) { const start = performance.now(); slider.value = i % 3;"
        " slider.dispatchEvent(new Event('input')); document.body.offsetHeight;"
        " took.push(performance.now() - start) } return took }"
    )
    assert np.median(times) < 100  # milliseconds, on a busy machine; about 10 else
