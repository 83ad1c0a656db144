"""The page "The test, live" in a real browser, operated by keyboard and touch."""

import itertools
import re
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from live_book import open_page
from site_checks import FLAGS

pytestmark = pytest.mark.xdist_group("small site")
DONE = "document.getElementById('live-left').textContent.startsWith('done')"
DOTS = (
    "(document.querySelector('#live-null .live-dots')?.getAttribute('d').match(/M/g) ?? []).length"
)
# Notes every count of dots that is drawn, and the longest time between two frames.
WATCH = f"""() => {{
  window.counts = []; window.longest = 0; window.frames = 0;
  let before = performance.now();
  (function frame(now) {{
    longest = Math.max(longest, now - before); before = now; frames += 1;
    const count = {DOTS};
    if (counts[counts.length - 1] !== count) counts.push(count);
    requestAnimationFrame(frame);
  }})(before);
}}"""


@pytest.fixture(scope="module")
def address(small_site, chromium):
    return (small_site / "site" / "live.html").as_uri()


def press_run(page):
    page.locator("#live-run").focus()
    page.keyboard.press("Enter")


def wait_done(page, seconds=60):
    page.wait_for_function(DONE, timeout=1000 * seconds)


def rows(page):
    return page.evaluate(
        "[...document.querySelectorAll('#live-runs tbody tr')].map(r => {"
        " const names = [...document.querySelectorAll('#live-runs th')].map(h => h.textContent);"
        " return Object.fromEntries(names.map((n, i) => [n, r.cells[i].textContent])); })"
    )


def test_keyboard_run_fills_the_null_while_the_page_stays_alive(chromium, address):
    with open_page(chromium, f"{address}#inputs=noise&epochs=60", motion="no-preference") as (
        page,
        heard,
    ):
        assert page.input_value("[name=epochs]") == "60"
        assert page.inner_text("#live-verdict") == "No run yet"
        assert page.is_disabled("#live-stop")
        page.evaluate(WATCH)
        begun = time.monotonic()
        press_run(page)
        page.wait_for_function(f"{DOTS} > 0")
        assert [worker.url[:5] for worker in page.workers] == ["blob:"]
        assert page.is_enabled("#live-stop")
        page.wait_for_function("document.getElementById('live-left').textContent !== 'begins'")
        assert re.search(r"epoch \d+ of 60, (about \d+ s|less than a second) left", _left(page))
        # Meanwhile the page answers: its theme changes.
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        assert (
            page.evaluate(
                "getComputedStyle(document.querySelector('#live-null .live-dots')).stroke"
            )
            == "rgb(111, 168, 255)"
        )
        wait_done(page)
        # Filled bit by bit, again for every epoch, and full in the end: a frame after "done".
        page.wait_for_function("counts.at(-1) === 100")
        counts, longest, frames = page.evaluate("[counts, longest, frames]")
        partly = [one for one in counts if 0 < one < 100]
        assert len(partly) > 40
        assert len(set(partly)) > 10
        # A tenth of the run, not a number of milliseconds: the tests' machine may be busy.
        assert longest < 100 * (time.monotonic() - begun), "a frame waited this long (ms)"
        assert frames > 100
        assert page.inner_text("#live-verdict") == "Epoch 60: memorized and learned"
        assert "100 shuffled labellings score 0.6" in page.inner_text("#live-memorized")
        assert "0 of 100 shuffled labellings reach that" in page.inner_text("#live-learned")
        said = page.text_content("#live-said")
        assert said.startswith("Done. Epoch 60: memorized and learned.")
        assert page.get_attribute("#live-said", "aria-live") == "polite"
        assert page.is_disabled("#live-stop")
        assert page.workers == []
        _slider_shows_earlier_epochs(page)
        assert heard.problems == []


def _left(page):
    return page.inner_text("#live-left")


def _slider_shows_earlier_epochs(page):
    slider = page.locator("#live-epoch")
    slider.focus()
    page.keyboard.press("Home")
    page.wait_for_function("document.getElementById('live-epoch-shown').textContent === '0'")
    # Before training the network tells single pictures apart, and has learned nothing of noise.
    assert page.inner_text("#live-verdict") == "Epoch 0: memorized"
    assert slider.get_attribute("aria-valuetext") == "epoch 0"
    assert "Null of epoch 0. Memorized: yes." in page.get_attribute("#live-null", "aria-label")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.getElementById('live-epoch-shown').textContent === '1'")


def test_three_settings_show_the_papers_points_within_a_minute(chromium, address):
    with open_page(chromium, address, motion="no-preference") as (page, heard):
        started = time.monotonic()
        page.locator("#live-all").focus()
        page.keyboard.press("Space")
        page.wait_for_function(
            "document.querySelectorAll('#live-runs tbody tr').length === 3", timeout=180_000
        )
        seconds = time.monotonic() - started
        images, noise, dropout = rows(page)
        assert [one["Inputs"] for one in (images, noise, dropout)] == ["images", "noise", "noise"]
        assert [one["Dropout"] for one in (images, noise, dropout)] == ["none", "none", "0.5"]
        for one in (images, noise, dropout):
            assert one["Verdict"] == "memorized and learned"
        assert float(images["Validation"]) > 0.7
        for one in (noise, dropout):
            assert float(one["True labels"]) > 0.9
            assert abs(float(one["Validation"]) - 0.5) < 0.12, "nothing to generalize"
        assert float(dropout["Null mean"]) < float(noise["Null mean"]) - 0.03
        assert _percent(dropout["Originals found"]) < _percent(noise["Originals found"]) - 15
        words = page.inner_text("#live-compare")
        assert words.startswith("With dropout 0.5 the mean null is lower: ")
        assert dropout["Null mean"] in words
        assert noise["Null mean"] in words
        assert heard.problems == []
        assert seconds / 3 < 60, "a run has to fit into a minute"


def _percent(text):
    return int(text.removesuffix("\u00a0%"))


def test_same_seed_same_run_and_another_seed_another(chromium, address):
    with open_page(chromium, f"{address}#inputs=noise&epochs=4&permutations=19") as (page, heard):
        for seed in ("5", "5", "6"):
            page.fill("[name=seed]", seed)
            page.keyboard.press("Enter")
            wait_done(page)
            assert f"seed={seed}" in page.url
            page.evaluate("document.getElementById('live-left').textContent = ''")
        first, second, third = ({**one, "Run": "", "Seed": ""} for one in rows(page))
        assert first == second != third
        assert heard.problems == []


def test_stop_and_reset(chromium, address):
    with open_page(chromium, f"{address}#epochs=3000", motion="no-preference") as (page, heard):
        press_run(page)
        page.wait_for_function("document.querySelectorAll('#live-epochs .live-box').length > 3")
        page.locator("#live-stop").focus()
        page.keyboard.press("Enter")
        assert _left(page) == "stopped"
        assert page.evaluate("document.activeElement.id") == "live-run"
        page.wait_for_function(f"{DOTS} === 100")  # a null half full is left out
        verdict = page.inner_text("#live-verdict")
        assert verdict.startswith("Epoch ")
        assert "fills" not in verdict
        time.sleep(1)
        assert page.inner_text("#live-verdict") == verdict, "it went on"
        assert rows(page) == []
        page.locator("#live-reset").focus()
        page.keyboard.press("Enter")
        page.wait_for_function(f"{DOTS} === 0")
        assert page.inner_text("#live-verdict") == "No run yet"
        assert page.input_value("[name=epochs]") == "300"
        assert page.input_value("[name=seed]") == "0"
        assert page.get_attribute("[data-preset=images]", "aria-pressed") == "true"
        assert "#" not in page.url
        assert heard.problems == []


def test_few_permutations_decide_nothing_and_bad_numbers_start_nothing(chromium, address):
    with open_page(chromium, f"{address}#epochs=2&permutations=18&learningRate=7") as (page, heard):
        assert page.input_value("[name=learningRate]") == "0.05", "no such choice"
        press_run(page)
        wait_done(page)
        assert page.inner_text("#live-verdict") == "Epoch 2: undecided"
        assert "Memorized: undecided." in page.inner_text("#live-memorized")
        page.fill("[name=epochs]", "0")
        press_run(page)
        assert page.evaluate("document.activeElement.name") == "epochs"
        assert len(rows(page)) == 1
        assert heard.problems == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_telephone_and_touch(chromium, address, theme):
    with open_page(chromium, address, width=390, theme=theme) as (page, heard):
        page.locator("[data-preset=dropout]").tap()
        assert page.input_value("[name=inputs]") == "noise"
        assert page.input_value("[name=dropout]") == "0.5"
        page.fill("[name=epochs]", "10")
        page.locator("#live-run").tap()
        wait_done(page)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        box = page.locator("#live-epochs").bounding_box()
        page.locator("#live-epochs").tap(position={"x": 36, "y": 100})
        page.wait_for_function("document.getElementById('live-epoch-shown').textContent === '0'")
        assert box["width"] < 390
        smallest = page.evaluate(
            "Math.min(...[...document.querySelectorAll('#live button')].map(b => b.offsetHeight))"
        )
        assert smallest >= 40
        assert heard.problems == []


def test_address_pasted_into_the_open_page_is_taken(chromium, address):
    with open_page(chromium, f"{address}#seed=7&epochs=20") as (page, heard):
        page.evaluate("location.hash = '#inputs=noise&dropout=0.5&share=0.25'")
        page.wait_for_function("document.forms['live-form'].elements.inputs.value === 'noise'")
        values = [page.input_value(f"[name={name}]") for name in ("dropout", "share", "seed")]
        assert values == ["0.5", "0.25", "0"]
        assert page.input_value("[name=epochs]") == "300", "as if the page had been opened with it"
        page.evaluate("location.hash = '#inputs=noise&dropout=0.5'")
        page.wait_for_selector("[data-preset=dropout][aria-pressed=true]")
        page.evaluate("location.hash = '#what-is-drawn'")
        page.wait_for_timeout(100)
        assert page.input_value("[name=dropout]") == "0.5", "a heading is no settings"
        assert heard.problems == []


def test_empty_pictures_follow_the_settings(chromium, address):
    with open_page(chromium, address) as (page, heard):
        page.select_option("[name=share]", "0.25")
        page.wait_for_function(
            "document.querySelector('#live-null .live-lane').textContent.startsWith('25')"
        )
        page.fill("[name=epochs]", "2500")
        page.wait_for_function(
            "document.querySelector('#live-epochs').textContent.includes('2500')"
        )
        assert heard.problems == []


@pytest.mark.parametrize("width", [390, 320])
def test_epochs_on_the_axis_do_not_touch(chromium, address, width):
    with open_page(chromium, address, width=width) as (page, heard):
        for epochs in ("1", "2", "20", "200", "2000", "3000"):
            page.fill("[name=epochs]", epochs)
            page.wait_for_function(
                "epochs => [...document.querySelectorAll('#live-epochs .live-epoch')]"
                ".some(one => one.textContent === epochs)",
                arg=epochs,
            )
            edges = page.locator("#live-epochs .live-epoch").evaluate_all(
                "all => all.map(one => one.getBoundingClientRect())"
                ".map(box => [box.left, box.right]).sort((a, b) => a[0] - b[0])"
            )
            assert len(edges) >= 2
            for (_, right), (left, _) in itertools.pairwise(edges):
                assert right + 2 < left, epochs
        assert heard.problems == []


# A figure as the chapters have them.
FIGURE = """document.querySelector('.bd-article').insertAdjacentHTML('beforeend',
  '<figure class="memlib-figure"><img class="only-light" src="data:,">' +
  '<img class="only-dark" style="display:none" src="data:,"><figcaption>f</figcaption></figure>')"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_paper_is_light(chromium, address, theme):
    with open_page(chromium, address, theme=theme) as (page, _):
        page.evaluate(FIGURE)

        def style(selector, name):
            return page.evaluate(
                f"getComputedStyle(document.querySelector('{selector}')).getPropertyValue('{name}')"
            )

        def displayed():
            return [style(f".memlib-figure .only-{one}", "display") for one in ("light", "dark")]

        assert displayed() == (["block", "none"] if theme == "light" else ["none", "block"])
        page.emulate_media(media="print")
        assert displayed() == ["block", "none"]
        assert style(".memlib-figure .only-light", "filter") == "none"
        assert style("#live-null .live-tick", "fill") == "rgb(31, 35, 40)"
        assert style("#live-images", "filter") == "invert(1)"
        assert style(".bd-article p", "color") == "rgb(34, 40, 50)"


def test_without_javascript_no_form_is_shown(chromium, address):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(java_script_enabled=False)
        page.goto(address)
        assert "switched off here" in page.inner_text("#live")
        assert page.locator("#live :is(form, button, svg):visible").count() == 0
        browser.close()


def test_scripts_are_on_this_page_alone(address):
    page = Path(unquote(urlsplit(address).path))
    assert re.findall(r"_static/live/(\w+\.\w+)", page.read_text(encoding="utf-8")) == [
        *("page.css", "data.js", "random.js", "network.js", "null.js"),
        *("worker.js", "draw.js", "words.js", "page.js"),
    ]
    other = (page.parent / "index.html").read_text(encoding="utf-8")
    assert "_static/live/" not in other
