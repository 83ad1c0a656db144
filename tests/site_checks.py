"""Check a built site from disk, in a real browser and by its links."""

import html.parser
import os
import re
import shutil
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

WIDTHS = (1280, 390)  # pixels: a laptop, a telephone
NARROWEST = 320  # a small telephone, or a page enlarged fourfold
THEMES = ("light", "dark")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str | None:
    """Path of a browser: MEMLIB_CHROMIUM, or one that is installed; None where there is none."""
    mac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    named = [os.environ.get("MEMLIB_CHROMIUM"), *map(shutil.which, CHROMIUM), mac]
    return next((path for path in named if path and Path(path).exists()), None)


def fixed(value: float, digits: int = 3) -> str:
    """Write a number as a page does: half is rounded up."""
    return str(Decimal(float(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


class _Links(html.parser.HTMLParser):
    """Targets and addresses of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids |= {found[key] for key in ("id", "name") if key in found}
        self.addresses += [found[key] for key in ("href", "src") if key in found]


def broken_links(site: Path) -> list[str]:
    """List the links, pictures, scripts and anchors inside the site that lead nowhere."""
    pages = {
        file.resolve(): _Links(file.read_text(encoding="utf-8")) for file in site.rglob("*.html")
    }
    problems = []
    for file, page in sorted(pages.items()):
        for address in page.addresses:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc or address in ("", "#"):
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            anchor = unquote(parts.fragment)
            lost = not target.is_file()
            # An address such as genindex.html#A has its anchor in a page we have parsed.
            lost |= bool(anchor) and target in pages and anchor not in pages[target].ids
            if lost:
                problems.append(f"{file.relative_to(site.resolve())}: {address} leads nowhere")
    return list(dict.fromkeys(problems))


def browser_problems(site: Path, chromium: str, screenshots: Path | None = None) -> list[str]:
    """Open every page at three widths in both themes and list what goes wrong.

    That is: a request to a host, one that fails, a message in the console, an exception, a
    picture that shows nothing, a page that scrolls sideways, a theme not applied, a search that
    finds nothing. With `screenshots`, a folder, each view is kept as a picture.
    """
    from playwright.sync_api import sync_playwright

    problems: list[str] = []
    where = ""

    def report(text: str) -> None:
        problems.append(f"{where}: {text}")

    def heard(message: Any) -> None:
        # The theme tells on each page which mode it took: said, not complained of.
        if not (message.type in ("log", "info", "debug") and message.text.startswith("[PST]: ")):
            report(f"console: {message.text}")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for theme in THEMES:
            context = browser.new_context(viewport={"width": WIDTHS[0], "height": 900})
            context.add_init_script(
                f"localStorage.setItem('mode','{theme}');localStorage.setItem('theme','{theme}')"
            )
            context.route(re.compile(r"^(?:https?|wss?):"), lambda route: route.abort())
            page = context.new_page()
            page.on("console", heard)
            page.on("pageerror", lambda error: report(f"exception: {error}"))
            # Turning to the next page drops the icon that the last one still loads: not missing.
            page.on(
                "requestfailed",
                lambda request: (
                    (request.failure, Path(request.url).name) != ("net::ERR_ABORTED", "favicon.svg")
                    and report(f"request failed: {request.url}")
                ),
            )
            for file in sorted(site.rglob("*.html")):
                name = file.relative_to(site).as_posix()
                where = f"{name} ({theme})"
                page.set_viewport_size({"width": WIDTHS[0], "height": 900})
                page.goto(file.resolve().as_uri(), wait_until="load")
                if page.evaluate("document.documentElement.dataset.theme") != theme:
                    report("the theme is not applied")
                for width in (*WIDTHS, NARROWEST):
                    where = f"{name} ({theme}, {width} pixels)"
                    page.set_viewport_size({"width": width, "height": 900})
                    wide = page.evaluate("document.documentElement.scrollWidth")
                    if wide > width:
                        report(f"scrolls sideways, {wide} pixels")
                    for alt in page.evaluate(
                        "[...document.images].filter(i => i.offsetParent && !i.naturalWidth)"
                        ".map(i => i.alt || i.src)"
                    ):
                        report(f"picture not shown: {alt}")
                    for text in page.evaluate(
                        "[...document.querySelectorAll('figure.memlib-figure')].filter(f =>"
                        " !(f.querySelector('figcaption') ?? f).offsetParent ||"
                        " [...f.querySelectorAll('img')].filter(i => i.offsetParent).length !== 1"
                        ").map(f => f.innerText.slice(0, 40))"
                    ):
                        report(f"figure without its one picture or its caption: {text!r}")
                    if screenshots is not None:
                        page.wait_for_timeout(400)  # the drawer slides out of a narrow page
                        shot = f"{name.replace('/', '-')}-{theme}-{width}.png"
                        page.screenshot(path=str(screenshots / shot), full_page=True)
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
    return list(dict.fromkeys(problems))
