"""A built page may hold no script, form, handler or javascript: link but what the book brings."""

import pytest
from kit.render import check_site

AROUND = '<html><head><script src="_static/theme.js"></script></head><body onload="start()">'
INSIDE = "<article class='bd-article'><h1>Title</h1>{}<p>End</p></article>"
AFTER = "<button onclick='print()'>Print</button></body></html>"
HARMLESS = """<script type="text/x-thebe-config">{requestKernel: true}</script>
<script>kernelName = 'python3'</script><a href="fig1.html">javascript: is a language</a>
<img src="data:image/svg+xml,%3Csvg%3E"><details><summary>once</summary></details>"""


def problems(tmp_path, text):
    (tmp_path / "page.html").write_text(AROUND + INSIDE.format(text) + AFTER, encoding="utf-8")
    return check_site(tmp_path, ["page"])


def test_what_book_and_theme_bring_passes(tmp_path):
    assert problems(tmp_path, HARMLESS) == []


def test_tag_of_a_page_written_for_the_book_is_its_own(tmp_path):
    form = '<form data-part="choices">'
    assert problems(tmp_path, form) == ["page.html: <form> in the text"]
    assert check_site(tmp_path, ["page"], {"page": f"# Title\n{form}<input></form>"}) == []
    assert len(check_site(tmp_path, ["page"], {"other": form})) == 1


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<script src='_static/other.js'></script>",
        "<script>kernelName = 'python3'; alert(1)</script>",
        "<SCRIPT type=module>alert(1)</SCRIPT>",
        "<img src='missing.png' onerror=alert(1)>",
        "<svg onload='alert(1)'></svg>",
        "<a href='javascript:alert(1)'>a</a>",
        "<a href=' java\nscript:alert(1)'>a</a>",
        "<a href='JAVASCRIPT:alert(1)'>a</a>",
        "<a href='data:text/html,hello'>a</a>",
        "<form action='there'><input></form>",
        "<button formaction='javascript:alert(1)'>b</button>",
        "<iframe srcdoc='hello'></iframe>",
        "<object data='there'></object>",
        "<meta http-equiv='refresh' content='0'>",
        "<base href='there/'>",
        "</article><script>alert(1)</script>",  # the text ends where the page's last article does
    ],
)
def test_active_content_in_a_page_is_found(tmp_path, attack):
    found = problems(tmp_path, attack)
    assert len(found) >= 1
    assert all(one.startswith("page.html: ") and "\n" not in one for one in found)
