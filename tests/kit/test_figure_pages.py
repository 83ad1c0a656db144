"""What a reader sees first of a figure's chapter, in a browser."""

import re

import pytest

from memlib.papers.chaibub_neto_2018.figures import FIGURES
from memlib.papers.chaibub_neto_2018.stored import stored_scales

pytestmark = pytest.mark.xdist_group("site")  # the site is built once, by one worker


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize(("width", "height", "most"), [(1280, 900, 1300), (390, 844, 2 * 844)])
def test_figure_chapter_begins_with_its_most_complete_run(open_page, figure, width, height, most):
    page = open_page(f"chapters/{figure}", width=width)
    page.set_viewport_size({"width": width, "height": height})
    first = page.locator("figure.memlib-figure").first
    box = first.locator("img:visible").bounding_box()
    assert box["y"] + box["height"] <= most
    best = stored_scales(figure)[0]
    assert first.get_attribute("id") == f"{figure}-{best}"
    order = "[...document.querySelectorAll('article figure')].map(one => one.id)"
    places = page.evaluate(order)
    assert places.index(f"{figure}-{best}") < places.index(figure)  # the reader's own run
    assert page.get_by_text(re.compile("claims? about this figure")).first.is_visible()
    assert page.get_by_text("A short run:").is_visible()
