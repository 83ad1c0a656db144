"""What a browser measures of a built site: accessibility, weight, and whether pages jump about."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from site_checks import FLAGS, THEMES, WIDTHS

COUNTED = ("serious", "critical")  # impacts, of axe's four
# What may differ in another theme: colours, and pictures and buttons that only it shows.
OF_A_THEME = (
    *("color-contrast", "link-in-text-block"),
    *("area-alt", "image-alt", "input-image-alt", "object-alt", "role-img-alt", "svg-img-alt"),
    *("aria-command-name", "aria-input-field-name", "button-name", "input-button-name"),
    *("label", "link-name", "select-name", "summary-name"),
)
# Findings in what the theme writes, by rule and part of the selector: why each may stay.
THEME = {
    (
        "definition-list",
        "#memlib",
    ): "Sphinx writes the parameters of a signature that is longer than "
    "a line as <dl> with <dd> alone; on one line it would not fit a telephone",
}
WATCH = """
window.shifted = 0;
new PerformanceObserver(list => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifted += one.value;
}).observe({type: "layout-shift", buffered: true});
"""


@dataclass
class Measured:
    """What was found on one page."""

    findings: list[str] = field(default_factory=list)  # of axe, by theme
    shift: float = 0.0  # cumulative layout shift while loading, the largest of all views
    sent: int = 0  # bytes of the page and all it loads, gzipped


@cache
def axe_source() -> str:
    """The script of axe-core, as a package brings it along."""
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def axe_findings(page: Any, *, again: bool = False) -> Iterator[str]:
    """List what axe finds serious or critical on an open page, without the theme's own.

    `again`: the page was looked at in another theme; only what may differ in this one is.
    """
    page.evaluate(axe_source())
    options: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
    if again:
        options["runOnly"] = {"type": "rule", "values": OF_A_THEME}
    found = page.evaluate("options => axe.run(document, options)", options)
    for rule in found["violations"]:
        for node in rule["nodes"]:
            target = " ".join(map(str, node["target"]))
            excused = any(rule["id"] == name and part in target for name, part in THEME)
            if rule["impact"] in COUNTED and not excused:
                why = " ".join(node["failureSummary"].split())
                yield f"{rule['id']} ({rule['impact']}) at {target}: {why[:200]}"


def measure(site: Path, chromium: str, pages: list[str] | None = None) -> dict[str, Measured]:
    """Open the pages (all when None) of a site in both themes and at both widths."""
    from playwright.sync_api import sync_playwright

    names = pages or sorted(p.relative_to(site).as_posix() for p in site.rglob("*.html"))
    measured = {name: Measured() for name in names}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for theme in THEMES:
            context = browser.new_context()
            context.add_init_script(
                f"localStorage.setItem('mode','{theme}');localStorage.setItem('theme','{theme}')"
            )
            context.add_init_script(WATCH)
            page = context.new_page()
            asked: set[str] = set()
            page.on("request", lambda request, asked=asked: asked.add(request.url))
            for name in names:
                one = measured[name]
                for width in reversed(WIDTHS):  # the wide view stays open, for axe
                    asked.clear()
                    page.set_viewport_size({"width": width, "height": 900})
                    page.goto((site / name).resolve().as_uri(), wait_until="load")
                    page.wait_for_timeout(300)
                    one.shift = max(one.shift, page.evaluate("window.shifted"))
                    one.sent = max(one.sent, sum(map(_packed, asked)))
                told = axe_findings(page, again=theme != THEMES[0])
                one.findings += [f"{name} ({theme}): {found}" for found in told]
            context.close()
        browser.close()
    return measured


@cache
def _packed(url: str) -> int:
    """Bytes of a file as a server would send it; what a page holds itself is counted with it."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return 0
    content = Path(unquote(parts.path)).read_bytes()
    return min(len(gzip.compress(content, 6)), len(content))
