"""The explorer's views from addresses and buttons: restored, and like beside like."""

import numpy as np
import pytest
from explorer_view import assert_shows, shown

from memlib.results.schema import panels_of
from memlib.runs.shipped import read_shipped

pytestmark = pytest.mark.xdist_group("site")  # the site is built once, by one worker
DIFFERENT_EPOCHS = (
    "The two were measured at different epochs: each is shown at the one nearest to the other's."
)


def test_explorer_is_restored_from_its_address(open_page, site_results):
    page = open_page("explorer", "#a=run,fig1,a,0,0.05,1&b=run,fig5,f,0,0.1,2&together=no")
    assert_shows(shown(page, 1), site_results["fig5"]["f"], 0.1, 1)
    page.get_by_label("Epoch", exact=True).first.focus()
    page.keyboard.press("End")
    page.get_by_label("Figure").first.select_option("fig2")
    page.get_by_label("Perturbation").first.select_option("0.01")
    page.wait_for_timeout(500)
    last = int(site_results["fig2"]["a"]["epoch"][-1])
    address = page.evaluate("decodeURIComponent(location.hash)")
    assert address == f"#a=run,fig2,a,0,0.01,{last}&b=run,fig5,f,0,0.1,2&together=no"
    again = open_page("explorer", address)
    assert [shown(again, i) for i in (0, 1)] == [shown(page, i) for i in (0, 1)]
    assert not again.get_by_label("Same epoch in both").is_checked()
    assert_shows(shown(again, 0), site_results["fig2"]["a"], 0.01, 2)


def test_address_of_what_is_not_there_says_so_and_shows_the_nearest(open_page, site_results):
    page = open_page("explorer", "#a=run,fig1,a,0,0.04,5&b=nowhere,fig2,c,,,")
    said = page.locator(".notice").inner_text()
    for missing in ("nowhere", "perturbation 0.04", "epoch 5", "panel c"):
        assert missing in said
    stored = site_results["fig1"]["a"]["epoch"].values
    e = int(np.abs(np.log(stored / 5)).argmin())
    assert_shows(shown(page, 0), site_results["fig1"]["a"], 0.05, e)
    assert shown(page, 1)["choices"]["figure"] == "fig2"
    page.get_by_label("Epoch", exact=True).first.focus()
    page.keyboard.press("Home")
    assert page.locator(".notice").inner_text() in ("", DIFFERENT_EPOCHS)


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
    assert page.locator(".notice").inner_text() == DIFFERENT_EPOCHS


def test_buttons_of_the_page_set_both_views(open_page, site_results):
    def dataset(choices):  # shipped results, where there are any, are shown first
        figure, source, panel = (choices[name] for name in ("figure", "source", "panel"))
        stored = (
            site_results[figure] if source == "run" else panels_of(read_shipped(figure, source))
        )
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
