import json
import re
import shutil
from collections import Counter

import pytest
import site_checks
import site_quality
import yaml
from click.testing import CliRunner
from conftest import ROOT
from kit.chapters import chapters

from memlib.cli.main import main
from memlib.papers.chaibub_neto_2018.figures import FIGURES, SHIPPED_SCALES
from memlib.report.styles import DARK_VALIDATION_COLOUR, VALIDATION_COLOUR
from memlib.runs.shipped import shipped_path

pytestmark = pytest.mark.xdist_group("site")  # the site is built once, by one worker


def test_links_and_anchors_lead_somewhere(built_site):
    assert site_checks.broken_links(built_site) == []


def test_every_page_in_a_browser(looked):
    assert looked[0] == []


def test_every_page_of_the_contents_is_there(built_site):
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
    pages = [toc["root"], *(one["file"] for part in toc["parts"] for one in part["chapters"])]
    assert {f"chapters/{name}" for name in chapters()} <= set(pages)
    for page in pages:
        assert (built_site / f"{page}.html").is_file()


@pytest.mark.parametrize("figure", FIGURES)
def test_figure_chapter_shows_picture_caption_and_claims(built_site, figure):
    page = (built_site / "chapters" / f"{figure}.html").read_text(encoding="utf-8")
    n_shown = 1 + sum(shipped_path(figure, scale).is_file() for scale in SHIPPED_SCALES)
    assert page.count('class="only-light"') == page.count('class="only-dark"') == n_shown
    for word in ("Smoke scale:", "19 permutations", "20 trees", "of one core", "1 seed"):
        assert word in page
    verdicts = r"<strong>(reproduced|partly|not reproduced|not yet run)</strong>"
    assert len(re.findall(verdicts, page)) >= 1
    assert "| --- |" not in page  # a table that was not rendered


def test_no_result_is_typed_into_the_preface(built_site):
    text = (ROOT / "book" / "index.md").read_text(encoding="utf-8")
    found = text[: text.index("## Summary")]
    assert re.findall(r"\d\.\d+", found) == ["0.50"]  # chance; all else is filled in
    page = (built_site / "index.html").read_text(encoding="utf-8")
    assert "{{" not in page
    done = CliRunner().invoke(main, ["claims", "--json"])
    claims = json.loads(done.output)
    counts = Counter(claim["verdict"] for claim in claims)
    words = " ".join(page.split())
    assert f"{counts.pop('reproduced')} of the paper’s {len(claims)} claims hold in full" in words
    assert counts  # claims that do not hold in full are counted
    for verdict, n in counts.items():
        assert f"{verdict}: {n}" in words


def test_first_page_begins_with_few_words_and_a_picture(built_site):
    text = (ROOT / "book" / "index.md").read_text(encoding="utf-8")
    before = text[text.index("\n") : text.index("{{ opening.picture }}")]
    assert len(before.split()) <= 60


def test_red_is_validation_everywhere(built_site):
    red, told = {VALIDATION_COLOUR, DARK_VALIDATION_COLOUR}, 0
    for page in built_site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for figure in re.findall(r'<figure class="memlib-figure".*?</figure>', text, re.DOTALL):
            pictures = re.findall(r'src="(?:\.\./)*(_images/\w+\.svg)"', figure)
            assert len(pictures) == 2
            drawn = any(c in (built_site / one).read_text() for one in pictures for c in red)
            caption = figure.partition("<figcaption>")[2]
            assert drawn == ("red: " in caption), (page.name, caption)
            told += drawn
    assert told >= len(FIGURES)


def test_each_picture_is_a_file_of_its_own(built_site):
    for page in built_site.rglob("*.html"):
        assert "data:image/svg" not in page.read_text(encoding="utf-8")
    assert not (built_site / "_sources").exists()


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
    found = "\n".join(site_quality.look_through(site, chromium)[0])
    for problem in (
        "request failed: https://host.example/x.png",
        "lost.png",
        "picture not shown: a lost picture",
        "console: told",
        "exception: undefined_function is not defined",
        "(light, 390 pixels): scrolls sideways",
        "(light, 320 pixels): scrolls sideways",
        "the theme is not applied",
        "no result for 'zyzzyva'",
    ):
        assert problem in found
