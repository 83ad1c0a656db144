"""The built site as a reader meets it: accessibility, weight, lost addresses, shared links."""

import contextlib
import functools
import http.server
import re
import threading
from pathlib import Path
from xml.etree import ElementTree

import pytest
import site_checks
import site_quality
from kit.preview import SIZE, preview_picture
from tiny_book import build_small, execute_chapters, write_book

from memlib.results.schema import panels_of
from memlib.runs.figure import read_result

pytestmark = pytest.mark.xdist_group("site")  # the site is built once, by one worker


@pytest.fixture(scope="session")
def measured(looked):
    return looked[1]


def test_no_serious_hindrance_on_any_page(measured):
    assert [told for page in measured.values() for told in page.findings] == []


def test_pages_are_light(measured):
    assert all(page.sent > 100_000 for page in measured.values()), "nothing was counted"
    assert {name: page.sent for name, page in measured.items() if page.sent > 1_500_000} == {}


def test_pages_do_not_jump_while_they_load(measured):
    assert {name: page.shift for name, page in measured.items() if page.shift > 0.02} == {}


HINDERED = """<!doctype html><html><head><title>Bad</title></head><body>
<img src="wide.svg">
<p id="text" style="color: #ccc; background: #fff; height: 500px">pale</p>
<button id="empty" hidden></button>
<script>
empty.hidden = localStorage.getItem("theme") !== "dark";  // shown in the dark theme alone
setTimeout(() => text.style.marginTop = "300px", 100);
</script></body></html>"""


def test_measures_find_what_is_bad(tmp_path, chromium):
    (tmp_path / "index.html").write_text(HINDERED, encoding="utf-8")
    (tmp_path / "wide.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    _, measured = site_quality.look_through(tmp_path, chromium)
    (bad,) = measured.values()
    rules = {told.split(": ")[1].split(" ")[0] for told in bad.findings}
    assert {"image-alt", "color-contrast", "html-has-lang"} <= rules
    dark = {told.split(": ")[1].split(" ")[0] for told in bad.findings if "(dark): " in told}
    assert {"image-alt", "color-contrast", "button-name"} <= dark
    assert str(bad.findings).count("button-name") == 1
    assert bad.shift > 0.02
    assert 200 < bad.sent < 1000


class SiteOfAHost(http.server.SimpleHTTPRequestHandler):
    """Serves a site below a path, and its 404.html for what is not there, as GitHub does."""

    below = "/"

    def translate_path(self, path):
        return super().translate_path("/" + path.removeprefix(self.below).lstrip("/"))

    def send_error(self, code, message=None, explain=None):
        body = (Path(self.directory) / "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(site, below="/"):
    handler = type("Handler", (SiteOfAHost,), {"below": below})
    handler = functools.partial(handler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{below}"
        server.shutdown()


@pytest.fixture(scope="session")
def public_site(tmp_path_factory):
    """A small book whose repository is public."""
    folder = tmp_path_factory.mktemp("public")
    book = write_book(folder / "book")
    config = book / "_config.yml"
    text = config.read_text(encoding="utf-8")
    assert 'memlib_repository: ""' in text
    setting = "memlib_repository: https://github.com/Owner/name"
    config.write_text(text.replace('memlib_repository: ""', setting), encoding="utf-8")
    preview = {"preview.png": b"a picture"}
    chapters = execute_chapters(folder)
    return build_small(chapters, book, folder / "site", files=preview).parent


@pytest.mark.parametrize("which", ["built", "public"])
def test_lost_reader_finds_the_style_and_the_way_back(request, chromium, which):
    from playwright.sync_api import sync_playwright

    site = request.getfixturevalue(f"{which}_site")
    with served(site, {"built": "/", "public": "/name/"}[which]) as root, sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=chromium, args=site_checks.FLAGS)
        page = browser.new_page()
        lost: list[str] = []
        page.on("response", lambda one: one.ok or lost.append(one.url))
        address = f"{root}chapters/deep/lost.html"
        page.goto(address, wait_until="load")
        # What the browser asked for ahead of the script that names the root does not matter.
        assert lost[0] == address
        assert page.evaluate("getComputedStyle(document.querySelector('.bd-main')).display") == (
            "flex"
        )
        assert page.inner_text("article h1") == "No such page"
        page.click("article >> text=The first page")
        assert page.url == f"{root}index.html"
        browser.close()


def test_addresses_of_the_site_wait_for_a_public_repository(built_site):
    assert not (built_site / "sitemap.xml").exists()
    page = (built_site / "chapters" / "fig1.html").read_text(encoding="utf-8")
    assert 'property="og:title" content="Figure 1: pullovers against coats"' in page
    assert re.search(r'property="og:description" content="Six networks, four MLPs[^"]{60,}"', page)
    assert "og:image" not in page
    assert "canonical" not in page


def test_public_site_has_a_map_and_a_picture_for_shared_links(public_site):
    root = "https://owner.github.io/name/"
    places = ElementTree.parse(public_site / "sitemap.xml").getroot()
    listed = [place[0].text for place in places]
    assert f"{root}chapters/first.html" in listed
    for address in listed:
        assert (public_site / address.removeprefix(root)).is_file()
    page = (public_site / "chapters" / "first.html").read_text(encoding="utf-8")
    for tag in (
        f'<meta property="og:image" content="{root}preview.png"/>',
        f'<meta property="og:url" content="{root}chapters/first.html"/>',
        f'<link rel="canonical" href="{root}chapters/first.html" />',
        '<meta property="og:title" content="First chapter"/>',
    ):
        assert tag in page
    assert (public_site / "preview.png").is_file()
    assert (public_site / ".nojekyll").is_file()


def test_preview_is_drawn_from_the_stored_run(built_site):
    from matplotlib.image import imread

    picture = imread(built_site / "preview.png")
    assert picture.shape[:2] == (SIZE[1], SIZE[0])
    assert (built_site / "preview.png").stat().st_size < 300_000
    shipped = built_site / "downloads" / "fig5-paper.nc"
    tree = read_result(shipped if shipped.is_file() else built_site / "downloads" / "fig5.nc")
    first = preview_picture(tree, "d")
    assert first == preview_picture(tree, "d") == (built_site / "preview.png").read_bytes()
    other = next(panel for panel in panels_of(tree) if panel != "d")
    assert first != preview_picture(tree, other)
