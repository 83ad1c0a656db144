import re
import shutil
from pathlib import Path

import nbformat
import pytest
import yaml
from kit import render as book
from kit.notebooks import NotebookError
from kit.render import BookError, check_site
from nbformat.v4 import new_code_cell, new_notebook, new_output
from tiny_book import REPOSITORY, VALUES, build_small, write_book

pytestmark = pytest.mark.xdist_group("small site")


@pytest.fixture(scope="session")
def chapters(small_site):
    return sorted((small_site / "executed").glob("*.ipynb"))


@pytest.fixture(scope="session")
def built(small_site):
    return small_site


@pytest.fixture
def copy(tmp_path, built):
    """A book and its site that a test may spoil."""
    shutil.copytree(built, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def no_sphinx(monkeypatch):
    def fail(*_):
        raise AssertionError("Sphinx was run")

    monkeypatch.setattr(book, "_run_sphinx", fail)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def append(page: Path, text: str) -> None:
    page.write_text(page.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_pages_hold_values_citations_formulas_and_this_run(built):
    index = (built / "site" / "index.html").read_text(encoding="utf-8")
    assert "Trained on 2000 images" in index
    assert "the gap is 0.12" in index
    assert "Phipson and Smyth" in index
    assert index.count("<math") == 3
    assert '<span class="eqno">(1)' in index
    assert "tex-mml" not in index, "the script of MathJax"
    first = (built / "site" / "chapters" / "first.html").read_text(encoding="utf-8")
    assert "Parameters of this run" in first
    shown = re.sub(r"<[^>]+>", "", first)
    assert "n_points: int | None = 6  # points of the curve (default 4)" in shown
    assert "n_points: int | None = 4" not in shown
    assert "run by python/bin/python" in shown
    assert {"only-light", "only-dark"} <= set(re.findall(r"only-\w+", first))
    assert "UserWarning" not in first


def test_glyphs_of_the_formulas_travel_with_the_site(built):
    from fontTools.ttLib import TTFont

    font = TTFont(built / "site" / "_static" / "formulas.ttf")
    assert "MATH" in font, "without it a browser draws small sums and brackets"
    # The root is drawn by the browser for an element, and stands nowhere in the page.
    assert {ord("∑"), ord("𝟙"), ord("√")} <= set(font.getBestCmap())
    assert len(font.getGlyphOrder()) < 2000, "cut down to what is used"


def test_unchanged_book_is_not_built_again(copy, chapters, no_sphinx):
    # The first page alone has moved folders, which is no part of what a site is built from.
    before = contents(copy / "site")
    build_small(chapters, copy / "book", copy / "site")
    assert contents(copy / "site") == before


@pytest.mark.parametrize("change", ["page", "value", "lost page", "file", "repository"])
def test_any_change_builds_again(copy, chapters, no_sphinx, monkeypatch, change):
    values, files = dict(VALUES), {}
    if change == "page":
        append(copy / "book" / "index.md", "\nMore.\n")
    elif change == "value":
        values["n_images"] = 10_000
    elif change == "file":
        files["downloads/new.txt"] = b"new"
    elif change == "repository":
        monkeypatch.setenv("MEMLIB_REPOSITORY", "https://github.com/owner/name")
    else:
        (copy / "site" / "chapters" / "first.html").unlink()
    with pytest.raises(AssertionError, match="Sphinx was run"):
        build_small(chapters, copy / "book", copy / "site", values, files)


def test_same_inputs_in_another_folder_give_the_same_bytes(built, tmp_path, chapters):
    build_small(chapters, write_book(tmp_path / "elsewhere" / "book"), tmp_path / "site")
    assert contents(tmp_path / "site") == contents(built / "site")


def test_failed_build_names_each_warning_and_keeps_the_good_site(copy, chapters):
    append(
        copy / "book" / "index.md",
        "\n{{ unknown }} [lost](lost.md) $\\lostcommand$ {cite:p}`nobody1999`\n",
    )
    page = copy / "book" / "bibliography.md"
    page.write_text("---\nscripts: lost.js\n---\n" + page.read_text(encoding="utf-8"))
    before = contents(copy / "site")
    with pytest.raises(BookError) as caught:
        build_small(chapters, copy / "book", copy / "site")
    said = str(caught.value)
    for part in ("'unknown' is undefined", "lost.md", "lostcommand", "nobody1999", "lost.js"):
        assert part in said
    assert str(copy) not in said
    assert contents(copy / "site") == before
    assert not list(copy.glob(".book-*"))


def test_contents_and_chapters_have_to_agree(copy, chapters, no_sphinx):
    with pytest.raises(
        BookError, match=r"^chapters/what_the_null_measures: in the table of contents, but"
    ):
        build_small(chapters[:1], copy / "book", copy / "site")
    (copy / "third.ipynb").write_text(nbformat.writes(new_notebook()))
    with pytest.raises(BookError, match=r"^third\.ipynb: not in the table of contents"):
        build_small([*chapters, copy / "third.ipynb"], copy / "book", copy / "site")
    with pytest.raises(BookError, match=r"two notebooks are called first\.ipynb"):
        build_small([*chapters, chapters[0]], copy / "book", copy / "site")
    with pytest.raises(BookError, match=r"no executed notebook absent\.ipynb"):
        build_small([copy / "absent.ipynb"], copy / "book", copy / "site")


def test_notebook_with_an_error_never_reaches_the_book(copy, chapters, no_sphinx):
    error = new_output("error", ename="ValueError", evalue="no", traceback=[])
    bad = copy / "first.ipynb"
    bad.write_text(nbformat.writes(new_notebook(cells=[new_code_cell("1", outputs=[error])])))
    before = contents(copy / "book")
    with pytest.raises(NotebookError, match=r"^first\.ipynb: a cell failed with ValueError: no$"):
        build_small([bad, chapters[1]], copy / "book", copy / "site")
    assert contents(copy / "book") == before


def test_folder_that_is_no_site_is_left_alone(copy, chapters, no_sphinx):
    precious = copy / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    with pytest.raises(BookError, match="left as it is"):
        build_small(chapters, copy / "book", precious)
    assert contents(precious) == {"thesis.txt": b"years of work"}


def test_values_have_to_be_numbers_or_text(copy, chapters, no_sphinx):
    with pytest.raises(BookError, match="values for the prose"):
        build_small(chapters, copy / "book", copy / "site", {"gap": float("nan")})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('<script src="https://host.example/x.js"></script>', "asks another host for"),
        ('<img src="//host.example/x.png">', "asks another host for"),
        ('<div class="cell_output traceback">x</div>', "output of an error"),
        ("<p>/home/somebody/x.py</p>", "machine path /home/somebody/x.py"),
        ("<pre> 40%|####      | 4/10</pre>", "progress bar"),
        ("<pre>2.31it/s]</pre>", "progress bar"),
    ],
)
def test_check_site_finds(tmp_path, text, problem):
    (tmp_path / "index.html").write_text(f"<html><body>{text}</body></html>", encoding="utf-8")
    found = check_site(tmp_path, ["index"])
    assert len(found) == 1
    assert problem in found[0]


def test_check_site_misses_pages_and_passes_what_is_harmless(tmp_path):
    harmless = '<a href="https://arxiv.org/abs/1802.07714">5 % | 10 %</a><script>"40%|#"</script>'
    (tmp_path / "index.html").write_text(harmless, encoding="utf-8")
    assert check_site(tmp_path, ["index", "chapters/fig1"]) == ["chapters/fig1: page is missing"]


def test_real_table_of_contents_has_every_chapter_in_order():
    toc = yaml.safe_load((REPOSITORY / "book" / "_toc.yml").read_text(encoding="utf-8"))
    figures = [f"chapters/fig{n}" for n in range(1, 6)]
    method = [
        "chapters/s_validation_by_eye",
        "by_eye",
        "chapters/algorithm_1_by_hand",
        "chapters/what_the_null_measures",
    ]
    assert [toc["root"], *book._entries(toc)] == [
        "index",
        *method,
        "how_to_read",
        *figures,
        "explorer",
        "chapters/claims",
        "chapters/what_is_memorized",
        "chapters/open_choices",
        "chapters/change_one_thing",
        "live",
        "rerun",
        "chapters/your_network",
        "teach",
        "how_it_is_built",
        "chapters/larger_runs",
        "chapters/benchmark",
        "glossary",
        "api",
        "bibliography",
    ]
