"""The explorer in a real browser: what is shown is what the datasets hold."""

import itertools
import re

import numpy as np
import pytest
from site_checks import WIDTHS, fixed

from memlib.plots import COLOURS, DARK_COLOURS, DARK_VALIDATION_COLOUR, VALIDATION_COLOUR
from memlib.results import panels_of, read_result
from memlib.shipped import read_shipped
from memlib.verdicts import VERDICTS

pytestmark = pytest.mark.xdist_group("site")  # the site is built once, by one worker


@pytest.fixture(scope="module")
def results(built_site):
    """The results that made the site, by figure."""
    paths = (built_site.parent.parent / "results").glob("fig*-smoke-*.nc")
    trees = [read_result(path) for path in paths]
    return {tree.attrs["figure"]: panels_of(tree) for tree in trees}


def p_text(value):
    return f"{float(value):#.2g}"


SHOWN = """view => ({
  verdict: view.querySelector('.verdict').textContent,
  epoch: view.querySelector('output').textContent,
  slider: view.querySelector('input[type=range]').value,
  choices: Object.fromEntries(
    [...view.querySelectorAll('select')].map(s => [s.dataset.part, s.value])),
  terms: [...view.querySelectorAll('dt')].map(one => one.textContent),
  words: [...view.querySelectorAll('dd')].map(one => one.textContent),
  provenance: view.querySelector('.provenance').textContent,
  dots: [...view.querySelectorAll('.chart:not(.epochs) .null-dot')].map(
    one => [+one.getAttribute('cx'), +one.getAttribute('cy')]),
  observed: +view.querySelector('.chart:not(.epochs) .observed').getAttribute('x1'),
  chance: +view.querySelector('.chart:not(.epochs) .chance').getAttribute('x1'),
  ticks: [...view.querySelectorAll('.tick-x')].map(
    one => [+one.textContent, +one.getAttribute('x')]),
  rows: ['memorized', 'learned'].map(row =>
    [...view.querySelectorAll(`[data-row=${row}]`)].map(one => one.classList[0] === 'yes')),
  levels: [...view.querySelectorAll('.tick-y')].map(
    one => [+one.textContent, +one.getAttribute('y') - 4]),
  curves: Object.fromEntries(['observed', 'validation', 'null-mean'].map(name =>
    [name, view.querySelector(`polyline.${name}`).getAttribute('points').split(' ').map(
      point => +point.split(',')[1])])),
})"""


def shown(page, index=0):
    return page.locator(".view").nth(index).evaluate(SHOWN)


def scale_of(ticks):
    """Read the scale off an axis's ticks: value = slope * pixel + start, and a pixel's worth."""
    values, pixels = np.array(ticks).T
    slope, start = np.polyfit(pixels, values, 1)
    return (lambda pixel: slope * np.asarray(pixel) + start), abs(slope)


def assert_shows(view, dataset, strength, e, seed=0):
    """Compare everything that one view shows with the stored dataset."""
    panel = dataset.sel(perturbation=strength, seed=seed)
    one = panel.isel(epoch=e)
    null = np.sort(one["null_accuracy"].values)
    observed, chance = float(one["observed_accuracy"]), float(one["chance_accuracy"])
    assert view["epoch"] == f"{int(one['epoch']):,}"
    assert view["slider"] == str(e)
    verdict = VERDICTS[int(one["verdict"])]
    assert view["verdict"].lower() == verdict.replace("_", " ")
    for term, word in zip(view["terms"], ("memorized", "learned"), strict=False):
        yes = {"undecided": "undecided"}.get(verdict, "yes" if word in verdict else "no")
        assert term.lower() == f"{word}: {yes}"
    memorized, learned, besides = view["words"]
    mean = float(re.search(r"([\d.]+) on average", memorized)[1])
    assert abs(mean - null.mean()) <= 0.0005 + 1e-9
    assert memorized.startswith(f"{(null > chance).sum()} of {len(null)} classifiers of shuffled")
    assert f"chance ({fixed(chance)})" in memorized
    assert f"from {fixed(null[0])} to {fixed(null[-1])}." in memorized
    assert memorized.endswith(f"memorized: {p_text(one['memorization_p_value'])}.")
    assert f"score {fixed(observed)}, above {(null < observed).sum()} of the {len(null)}" in learned
    assert learned.endswith(f"learned: {p_text(one['p_value'])}.")
    assert f"images: {fixed(one['validation_accuracy'])}." in besides
    assert f"{fixed(100 * one['network_train_accuracy'], 1)} % of its training images" in besides
    # The drawing, read back through the ticks of its own axes.
    value, pixel = scale_of(view["ticks"])
    assert abs(value(view["observed"]) - observed) < pixel
    assert abs(value(view["chance"]) - chance) < pixel
    dots = np.array(view["dots"])
    assert len(dots) == len(null)
    assert len({tuple(dot) for dot in view["dots"]}) == len(null), "a dot hides another"
    assert np.abs(np.sort(value(dots[:, 0])) - null).max() < 6 * pixel  # half a dot, and rounding
    height, pixel = scale_of(view["levels"])
    for name, stored in (
        ("observed", panel["observed_accuracy"]),
        ("validation", panel["validation_accuracy"]),
        ("null-mean", panel["null_accuracy"].mean("permutation")),
    ):
        assert np.abs(height(view["curves"][name]) - stored.values).max() < pixel
    codes = panel["verdict"].values
    if verdict != "undecided":
        assert view["rows"] == [(codes & 1 > 0).tolist(), (codes & 2 > 0).tolist()]


def test_scripts_go_only_on_the_pages_that_need_them(built_site):
    for page in built_site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        found = set(re.findall(r"(explorer|by_eye|interactive)\w*\.(?:js|css)\?v=", text))
        expected = {"explorer": {"explorer", "interactive"}, "by_eye": {"by_eye", "interactive"}}
        assert found == expected.get(page.stem, set()), page.name


def test_explorer_shows_every_stored_panel_as_stored(open_page, results):
    page = open_page("explorer", "#a=run,fig1,a,0,0.05,1")
    n_states = 0
    for figure, panels in results.items():
        for letter, dataset in panels.items():
            for strength in dataset["perturbation"].values:
                for e, epoch in enumerate(dataset["epoch"].values):
                    address = f"#a=run,{figure},{letter},0,{strength:g},{epoch}"
                    page.evaluate(
                        "hash => new Promise(done => {"
                        " addEventListener('hashchange', done, {once: true});"
                        " location.hash = hash; if (location.hash === window.before) done();"
                        " window.before = location.hash })",
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


def test_explorer_by_keyboard(open_page, results):
    page = open_page("explorer", "#a=run,fig1,a,0,0.05,1&b=run,fig1,d,0,0.05,1")
    fig1 = results["fig1"]
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
    assert_shows(shown(page, 0), results["fig5"]["b"], 0.1, 2)
    page.wait_for_timeout(500)  # the words are said once the hand rests
    spoken = page.locator("[aria-live=polite]").inner_text()
    assert re.match(r"First view, epoch [\d,]+: .+\. Second view, epoch 1: ", spoken)
    page.get_by_label("Two views").focus()
    page.keyboard.press("Space")
    assert page.locator(".view:visible").count() == 1


def test_explorer_is_restored_from_its_address(open_page, results):
    page = open_page("explorer", "#a=run,fig1,a,0,0.05,1&b=run,fig5,f,0,0.1,2&together=no")
    assert_shows(shown(page, 1), results["fig5"]["f"], 0.1, 1)
    page.get_by_label("Epoch", exact=True).first.focus()
    page.keyboard.press("End")
    page.get_by_label("Figure").first.select_option("fig2")
    page.get_by_label("Perturbation").first.select_option("0.01")
    page.wait_for_timeout(500)
    last = int(results["fig2"]["a"]["epoch"][-1])
    address = page.evaluate("decodeURIComponent(location.hash)")
    assert address == f"#a=run,fig2,a,0,0.01,{last}&b=run,fig5,f,0,0.1,2&together=no"
    again = open_page("explorer", address)
    assert [shown(again, i) for i in (0, 1)] == [shown(page, i) for i in (0, 1)]
    assert not again.get_by_label("Same epoch in both").is_checked()
    assert_shows(shown(again, 0), results["fig2"]["a"], 0.01, 2)


def test_address_of_what_is_not_there_says_so_and_shows_the_nearest(open_page, results):
    page = open_page("explorer", "#a=run,fig1,a,0,0.04,5&b=nowhere,fig2,c,,,")
    said = page.locator(".notice").inner_text()
    for missing in ("nowhere", "perturbation 0.04", "epoch 5", "panel c"):
        assert missing in said
    stored = results["fig1"]["a"]["epoch"].values
    e = int(np.abs(np.log(stored / 5)).argmin())
    assert_shows(shown(page, 0), results["fig1"]["a"], 0.05, e)
    assert shown(page, 1)["choices"]["figure"] == "fig2"
    page.get_by_label("Epoch", exact=True).first.focus()
    page.keyboard.press("Home")
    assert "Not in this copy" not in page.locator(".notice").inner_text()


def test_two_views_share_source_and_epoch_where_the_page_says_so(open_page):
    page = open_page("explorer")  # as it opens, and after each of its buttons
    buttons = [None, *page.locator("button[data-view]").all()]
    assert len(buttons) == 6
    for button in buttons:
        if button:
            button.press("Enter")
        first, second = shown(page, 0), shown(page, 1)
        assert first["choices"]["source"] == second["choices"]["source"]
        assert first["epoch"] == second["epoch"]
        assert page.get_by_label("Same epoch in both").is_checked()
        assert page.locator(".notice").inner_text() == ""
    # Results that this copy lacks are replaced by the same for both.
    page = open_page("explorer", "#a=gone,fig1,a,,0.05,&b=gone,fig1,d,,0.05,")
    assert shown(page, 0)["choices"]["source"] == shown(page, 1)["choices"]["source"]


def test_differing_epochs_are_not_called_the_same(open_page):
    page = open_page("explorer", "#a=run,fig1,a,0,0.05,1&b=run,fig1,d,0,0.05,12")
    same = page.get_by_label("Same epoch in both")
    assert [shown(page, i)["epoch"] for i in (0, 1)] == ["1", "12"]
    assert not same.is_checked()
    same.check()
    assert [shown(page, i)["epoch"] for i in (0, 1)] == ["1", "1"]
    # What was not measured at the same epochs says so, and the other view follows a choice.
    assert page.locator(".notice").inner_text() == ""
    page.get_by_label("Epoch", exact=True).first.press("End")
    page.get_by_label("Panel").nth(1).select_option("c")
    assert [shown(page, i)["epoch"] for i in (0, 1)] == ["3", "2"]
    assert page.locator(".notice").inner_text().startswith("The two were measured at different")


def test_buttons_of_the_page_set_both_views(open_page, results):
    def dataset(choices):  # shipped results, where there are any, are shown first
        figure, source, panel = (choices[name] for name in ("figure", "source", "panel"))
        stored = results[figure] if source == "run" else panels_of(read_shipped(figure, source))
        return stored[panel]

    page = open_page("explorer")
    before = shown(page)["choices"]
    assert (before["figure"], before["panel"]) == ("fig1", "a")
    page.get_by_role("button", name="Pure noise").press("Enter")
    for index, panel in ((0, "d"), (1, "a")):
        view = shown(page, index)
        assert (view["choices"]["figure"], view["choices"]["panel"]) == ("fig5", panel)
        assert_shows(view, dataset(view["choices"]), 0.05, 0)
    page.get_by_role("button", name="Play").first.press("Enter")
    assert page.get_by_role("button", name="Pause").count() == 1
    page.wait_for_timeout(2500)  # four epochs, or as many as there are
    view = shown(page)
    assert int(view["slider"]) >= 2
    assert_shows(view, dataset(view["choices"]), 0.05, int(view["slider"]))


@pytest.mark.parametrize(
    ("theme", "colours", "red"),
    [
        ("light", COLOURS, VALIDATION_COLOUR),
        ("dark", DARK_COLOURS, DARK_VALIDATION_COLOUR),
    ],
)
@pytest.mark.parametrize("width", WIDTHS)
def test_explorer_in_both_themes_and_widths(open_page, theme, colours, red, width):
    page = open_page(
        "explorer", "#a=run,fig2,a,0,0.01,3&b=run,fig2,d,0,0.1,3", theme=theme, width=width
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Beside each other on a laptop, below each other on a telephone.
    first, second = (page.locator(".view").nth(i).bounding_box() for i in (0, 1))
    assert (first["y"] == second["y"]) == (width == max(WIDTHS))
    for index, strength in ((0, 0.01), (1, 0.1)):
        view = page.locator(".view").nth(index)
        stroke = "one => getComputedStyle(one).stroke"
        for name, wanted in (("observed", colours[strength]), ("validation", red)):
            found = view.locator(f"polyline.{name}").evaluate(stroke)
            assert found == f"rgb({', '.join(str(byte) for byte in bytes.fromhex(wanted[1:]))})"
        ink = view.locator(".tick-x").first.evaluate("one => getComputedStyle(one).fill")
        assert (int(re.search(r"\d+", ink)[0]) > 128) == (theme == "dark")
    page.emulate_media(media="print")  # on white paper, whatever the theme
    stroke = page.locator("polyline.validation").first.evaluate(
        "one => getComputedStyle(one).stroke"
    )
    assert stroke == f"rgb({', '.join(str(byte) for byte in bytes.fromhex(VALIDATION_COLOUR[1:]))})"
    ink = page.locator(".tick-x").first.evaluate("one => getComputedStyle(one).fill")
    assert int(re.search(r"\d+", ink)[0]) < 128


def test_without_javascript_explorer_leaves_no_gap(open_page):
    page = open_page("explorer", java_script_enabled=False)
    assert page.locator("#memlib-explorer").bounding_box()["height"] < 300
    assert "JavaScript, which is switched off here" in page.inner_text("#memlib-explorer")


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


def test_explorer_by_touch_and_quickly(open_page, results):
    page = open_page("explorer", "#a=run,fig1,a,0,0.05,1", width=390, has_touch=True)
    chart = page.locator(".chart.epochs").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] - 15, box["y"] + 100)
    assert_shows(shown(page), results["fig1"]["a"], 0.05, 2)
    times = page.evaluate(
        "() => { const slider = document.querySelector('input[type=range]'), took = [];"
        " for (let i = 0; i < 30; i++) { const start = performance.now(); slider.value = i % 3;"
        " slider.dispatchEvent(new Event('input')); document.body.offsetHeight;"
        " took.push(performance.now() - start) } return took }"
    )
    assert np.median(times) < 100  # milliseconds, on a busy machine; about 10 else
