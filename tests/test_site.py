import shutil

import pytest
import site_checks
from tiny_book import VALUES, execute_chapters, write_book

from memlib.book import build_book


# Stands in until conftest.py supplies the site of the real book under this name; delete it then.
@pytest.fixture(scope="session")
def built_site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    build_book(execute_chapters(folder), write_book(folder / "book"), folder / "site", VALUES)
    return folder / "site"


@pytest.fixture(scope="session")
def chromium():
    pytest.importorskip("playwright")
    path = site_checks.find_chromium()
    if path is None:
        pytest.skip("no Chromium: install one or set MEMLIB_CHROMIUM")
    return path


def test_links_and_anchors_lead_somewhere(built_site):
    assert site_checks.broken_links(built_site) == []


def test_every_page_in_a_browser(built_site, chromium):
    assert site_checks.browser_problems(built_site, chromium) == []


BAD = """<!doctype html><html><head><title>Bad</title></head><body><h1>Zyzzyva</h1>
<a href="#lost">anchor</a> <a href="lost.html">page</a>
<img src="lost.png" alt="a lost picture">
<img src="https://host.example/x.png" alt="from a host">
<div style="width: 3000px">wide</div>
<script>console.warn("told"); undefined_function()</script></body></html>"""


def test_checks_find_what_is_bad(tmp_path, built_site, chromium):
    site = tmp_path / "site"
    shutil.copytree(built_site, site)
    for page in site.rglob("*.html"):
        if page.name not in ("index.html", "search.html"):
            page.unlink()
    (site / "index.html").write_text(BAD, encoding="utf-8")
    links = [line for line in site_checks.broken_links(site) if line.startswith("index.html")]
    assert len(links) == 3
    found = "\n".join(site_checks.browser_problems(site, chromium))
    for problem in (
        "request failed: https://host.example/x.png",
        "lost.png",
        "picture not shown: a lost picture",
        "console: told",
        "exception: undefined_function is not defined",
        "(light, 390 pixels): scrolls sideways",
        "the theme is not applied",
        "no result for 'zyzzyva'",
    ):
        assert problem in found
