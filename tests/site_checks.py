"""Check the links of a built site; find a browser to look at it."""

import html.parser
import os
import shutil
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
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
