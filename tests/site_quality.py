"""What a browser finds on a built site: faults, accessibility, weight, pages that jump about."""

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from site_checks import FLAGS, NARROWEST, THEMES, WIDTHS

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


# What is wrong with a page's layout at a width.
LAYOUT = """async width => {
  for (const one of document.images) one.loading = "eager";  // not only those in view
  await Promise.all([...document.images].filter(one => one.offsetParent)
    .map(one => one.decode().catch(() => null)));
  const wide = document.documentElement.scrollWidth, shown = one => one.offsetParent;
  const pictures = figure => [...figure.querySelectorAll("img")].filter(shown);
  const bare = figure => !shown(figure.querySelector("figcaption") ?? figure)
    || pictures(figure).length !== 1;
  return [
    ...(wide > width ? [`scrolls sideways, ${wide} pixels`] : []),
    ...[...document.images].filter(one => shown(one) && !one.naturalWidth)
      .map(one => `picture not shown: ${one.alt || one.src}`),
    ...[...document.querySelectorAll("figure.memlib-figure")].filter(bare)
      .map(one => `figure without its one picture or its caption: ${one.innerText.slice(0, 40)}`),
  ];
}"""


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


def look_through(
    site: Path, chromium: str, pages: list[str] | None = None
) -> tuple[list[str], dict[str, Measured]]:
    """Open the pages (all when None) of a site, each once a theme and width, and look at them.

    Returns
    -------
    problems, measured
        Problems are a request to a host, one that fails, a message in the console, an exception,
        a picture that shows nothing, a page that scrolls sideways, a theme not applied, a search
        that finds nothing. What was measured is by page.
    """
    from playwright.sync_api import sync_playwright

    names = pages or sorted(p.relative_to(site).as_posix() for p in site.rglob("*.html"))
    measured = {name: Measured() for name in names}
    problems: list[str] = []
    where = ""

    def report(text: str) -> None:
        problems.append(f"{where}: {text}")

    def heard(message: Any) -> None:
        # The theme tells on each page which mode it took: said, not complained of.
        if not (message.type in ("log", "info", "debug") and message.text.startswith("[PST]: ")):
            report(f"console: {message.text}")

    def failed(request: Any) -> None:
        # Turning to the next page drops what the last one still loads: it is not missing.
        there = Path(unquote(urlsplit(request.url).path)).is_file()
        if not (request.failure == "net::ERR_ABORTED" and there):
            report(f"request failed: {request.url}")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for theme in THEMES:
            context = browser.new_context()
            context.add_init_script(
                f"localStorage.setItem('mode','{theme}');localStorage.setItem('theme','{theme}')"
            )
            context.add_init_script(WATCH)
            context.route(re.compile(r"^(?:https?|wss?):"), lambda route: route.abort())
            page = context.new_page()
            asked: set[str] = set()
            page.on("request", lambda request, asked=asked: asked.add(request.url))
            page.on("console", heard)
            page.on("pageerror", lambda error: report(f"exception: {error}"))
            page.on("requestfailed", failed)
            for name in names:
                one = measured[name]
                for width in reversed(WIDTHS):  # the wide view stays open, for axe
                    where = f"{name} ({theme}, {width} pixels)"
                    asked.clear()
                    page.set_viewport_size({"width": width, "height": 900})
                    page.goto((site / name).resolve().as_uri(), wait_until="load")
                    page.wait_for_timeout(300)
                    one.shift = max(one.shift, page.evaluate("window.shifted"))
                    one.sent = max(one.sent, sum(map(_packed, asked)))
                where = f"{name} ({theme})"
                if page.evaluate("document.documentElement.dataset.theme") != theme:
                    report("the theme is not applied")
                told = axe_findings(page, again=theme != THEMES[0])
                one.findings += [f"{where}: {found}" for found in told]
                for width in (*WIDTHS, NARROWEST):
                    where = f"{name} ({theme}, {width} pixels)"
                    page.set_viewport_size({"width": width, "height": 900})
                    for text in page.evaluate(LAYOUT, width):
                        report(text)
            if "search.html" in names:
                where = f"search ({theme})"
                page.goto((site / "index.html").resolve().as_uri())
                words = re.findall(r"[a-z]+", page.inner_text("h1").lower())
                word = max(words, key=len)
                page.goto((site / "search.html").resolve().as_uri() + f"?q={word}")
                page.wait_for_timeout(500)  # results come in one by one
                if not page.locator("#search-results li").count():
                    report(f"no result for {word!r}")
            context.close()
        browser.close()
    return list(dict.fromkeys(problems)), measured


@cache
def _packed(url: str) -> int:
    """Bytes of a file as a server would send it; what a page holds itself is counted with it."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return 0
    path = Path(unquote(parts.path))
    content = path.read_bytes() if path.is_file() else b""  # what is missing is told elsewhere
    return min(len(gzip.compress(content, 6)), len(content))
