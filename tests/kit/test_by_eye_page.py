"""The page of images to disturb, in a real browser: it disturbs as memlib does."""

import re

import numpy as np
import pytest
from kit.pages.by_eye.data import by_eye_data
from site_checks import WIDTHS, fixed

from memlib.method.perturb import rotate, shuffle_pixels

pytestmark = pytest.mark.xdist_group("site")  # the site is built once, by one worker
IMAGES = np.array([image["pixels"] for image in by_eye_data()["images"]]) / 255.0
PIXELS = """name => [...document.querySelectorAll(`canvas[data-part=${name}]`)].map(canvas =>
  [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data].filter(
    (_, i) => i % 4 === 0))"""


def painted(page, name="disturbed"):
    """Grey levels on the canvases as values from 0 to 255, ink taken as high."""
    return 255 - np.array(page.evaluate(PIXELS, name))


class PlantedOrder:
    """A generator whose next numbers sort into a given order."""

    def __init__(self, orders):
        self.numbers = np.argsort(orders, axis=1).astype(np.float32)

    def random(self, shape, dtype):
        assert shape == self.numbers.shape
        return self.numbers.astype(dtype)


@pytest.mark.parametrize("percent", [0, 1, 5, 7, 10, 33, 50, 99, 100])
def test_page_shuffles_as_memlib_does(open_page, percent):
    page = open_page("by_eye")
    orders = np.stack([np.random.default_rng(i).permutation(784) for i in range(len(IMAGES))])
    images = IMAGES.reshape(-1, 28, 28).astype(np.float32)
    expected = shuffle_pixels(images, percent / 100, PlantedOrder(orders)).reshape(IMAGES.shape)
    found = page.evaluate(
        "([images, share, orders]) =>"
        " images.map((one, i) => memlibByEye.shufflePixels(one, share, orders[i]))",
        [IMAGES.tolist(), percent / 100, orders.tolist()],
    )
    np.testing.assert_array_equal(np.array(found, np.float32), expected)


@pytest.mark.parametrize("degrees", [0, 5, 15, 45, 90, 137, 180])
def test_page_rotates_as_memlib_does(open_page, degrees):
    page = open_page("by_eye")
    images = IMAGES.reshape(-1, 28, 28).astype(np.float32)
    expected = rotate(images, degrees, np.random.default_rng(0)).reshape(IMAGES.shape)
    found = page.evaluate(
        "([images, degrees]) => images.map(one => memlibByEye.rotate(one, degrees))",
        [IMAGES.tolist(), degrees],
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_slider_from_nothing_to_all_by_keyboard(open_page):
    page = open_page("by_eye")
    bytes_ = np.rint(IMAGES * 255).astype(int)
    np.testing.assert_array_equal(painted(page, "original"), bytes_)
    slider = page.get_by_label("Strength", exact=True)
    slider.focus()
    page.keyboard.press("Home")
    np.testing.assert_array_equal(painted(page), bytes_)
    moved = []
    for key, percent in (("ArrowRight", 1), ("ArrowRight", 2), ("End", 100)):
        page.keyboard.press(key)
        assert slider.get_attribute("aria-valuetext") == f"{percent} % of the pixels"
        now = painted(page)
        np.testing.assert_array_equal(np.sort(now, axis=1), np.sort(bytes_, axis=1))
        moved.append((now != bytes_).sum(axis=1))
        assert (moved[-1] > 0).all()
        n_drawn = round(784 * percent / 100)
        assert (moved[-1] <= n_drawn).all()
        said = page.locator("[data-part=numbers]").inner_text()
        assert said.startswith(f"{n_drawn} of 784 positions drawn in each. ")
        assert f"On average {fixed(moved[-1].mean(), 1)} pixels" in said
        correlation = np.mean([np.corrcoef(*pair)[0, 1] for pair in zip(bytes_, now, strict=True)])
        shown_correlation = float(re.search(r"original (-?[\d.]+);", said)[1])
        assert abs(shown_correlation - correlation) <= 0.0005 + 1e-9
        assert said.endswith("histogram kept.")
    assert (moved[0] < moved[2]).all()
    places = [set(np.flatnonzero(row)) for row in now != bytes_]
    assert len({frozenset(one) for one in places}) == len(places), "drawn afresh for each image"


def test_marks_set_the_strength_and_keep_the_focus(open_page):
    page = open_page("by_eye")
    page.get_by_role("button", name="100 %", exact=True).press("Enter")
    assert page.locator("[data-part=output]").inner_text() == "100 % of the pixels"
    assert page.evaluate("document.activeElement.textContent") == "100 %"
    pressed = page.locator("[data-part=marks] [aria-pressed=true]")
    assert pressed.all_inner_texts() == ["100 %"]
    page.get_by_role("radio", name="rotate").check()
    assert pressed.all_inner_texts() == ["15°"]


def test_positions_are_drawn_afresh_for_each_image_and_each_draw(open_page):
    page = open_page("by_eye")
    orders = page.evaluate(
        "() => Array.from({length: 400}, (_, i) =>"
        " memlibByEye.randomOrder(784, memlibByEye.uniform(i)))"
    )
    assert all(sorted(order) == list(range(784)) for order in orders)
    first = np.array([order[:39] for order in orders]).ravel()  # 5 %
    # 15,600 positions over 784 places: about 20 each, with a spread of about 4.4.
    counts = np.bincount(first, minlength=784)
    assert abs(counts.std() - np.sqrt(counts.mean())) < 0.5
    before = painted(page)
    page.get_by_role("button", name="Draw again").press("Enter")
    assert (painted(page) != before).any(axis=1).all()


def test_noise_has_the_standard_deviation_it_says(open_page):
    page = open_page("by_eye", "#kind=add_noise&strength=0.25&draw=1")
    assert page.locator("[data-part=output]").inner_text() == "sd 0.25"
    noise = page.evaluate("memlibByEye.normal(20000, memlibByEye.uniform(3))")
    assert abs(np.mean(noise)) < 0.03
    assert abs(np.std(noise) - 1) < 0.03
    now, plain = painted(page) / 255, IMAGES
    middle = (plain > 0.4) & (plain < 0.6)  # hardly ever cut off at 0 or 1
    assert abs((now - plain)[middle].std() - 0.25) < 0.03
    assert page.locator("[data-part=numbers]").inner_text().endswith("histogram not kept.")


def test_disturbed_images_are_restored_from_the_address(open_page):
    page = open_page("by_eye")
    page.get_by_role("radio", name="shuffle pixels").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("radio", name="rotate").is_checked()
    page.get_by_label("Strength", exact=True).focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("[data-part=output]").inner_text() == "16°"
    page.get_by_role("radio", name="add noise").check()
    page.get_by_role("button", name="Draw again").press("Enter")
    page.get_by_label("Hide originals and names").check()
    page.wait_for_timeout(500)
    address = page.evaluate("location.hash")
    assert address == "#kind=add_noise&strength=0.25&draw=1&guess=yes"
    again = open_page("by_eye", address)
    np.testing.assert_array_equal(painted(again), painted(page))
    assert again.locator("canvas:visible").count() == len(IMAGES)
    labels = again.locator("canvas:visible").evaluate_all("all => all.map(one => one.ariaLabel)")
    assert not any("coat" in label or "pullover" in label for label in labels)


@pytest.mark.parametrize("width", WIDTHS)
def test_images_follow_the_theme(open_page, width):
    light = open_page("by_eye", "#kind=shuffle&strength=0.1", width=width)
    dark = open_page("by_eye", "#kind=shuffle&strength=0.1", theme="dark", width=width)
    np.testing.assert_array_equal(painted(dark), 255 - painted(light))
    assert dark.evaluate("document.documentElement.scrollWidth") <= width
    # The theme's own switch: drawn again without a reload.
    dark.evaluate("document.documentElement.dataset.theme = 'light'")
    dark.wait_for_timeout(100)
    np.testing.assert_array_equal(painted(dark), painted(light))
