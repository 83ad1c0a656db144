"""What a site needs beyond its pages: a page for lost readers, a map, and words for shared links.

All that names the site's own address waits for the setting ``memlib_repository``.
"""

from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape as escape_xml

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from kit.preview import NAME as PREVIEW
from kit.preview import SIZE
from kit.repository import SETTING, read_repository

LOST = "404"
LOST_BODY = """<section><h1>No such page</h1>
<p>The address may be mistyped, or the page may have moved. <a href="{start}">The first page</a>
shows all chapters, and <a href="{search}">the search</a> looks through them.</p></section>"""


def find_site(app: Sphinx, config: Config) -> None:
    """Tell Sphinx the address of the public site, for ``canonical`` links; empty where none is."""
    repository = read_repository(app.confdir)
    config.html_baseurl = repository.site if repository else ""


def lost_page(app: Sphinx) -> list[tuple[str, dict[str, Any], str]]:
    """Return the page that a server shows for an address that does not exist."""
    builder = app.builder
    body = LOST_BODY.format(
        start=builder.get_relative_uri(LOST, app.config.root_doc),
        search=builder.get_relative_uri(LOST, "search"),
    )
    return [(LOST, {"title": "No such page", "body": body, "meta": {}}, "page.html")]


def add_head(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Describe a page for search engines and for those with whom a link to it is shared."""
    base = app.config.html_baseurl
    if page == LOST:
        # Shown in place of any address below the site, so that "_static/..." has to start there.
        # Opened from disk it is where it is.
        root = urlsplit(base).path or "/"
        context["metatags"] = (
            "<script>if (location.protocol.startsWith('http')) document.write("
            f"'<base href=\"{escape(root)}\">')</script>"
            '\n<meta name="robots" content="noindex"/>'
        )
        context.pop("pageurl", None)
        return
    # docutils gives entries a role that is no longer one of a list's items.
    entry, item = 'role="doc-biblioentry"', 'role="listitem"'
    context["body"] = context.get("body", "").replace(entry, item)
    tags = {
        "og:type": "website" if page == app.config.root_doc else "article",
        "og:site_name": app.config.html_title,
        "og:title": _plain(context.get("title", "")) or app.config.html_title,
        "og:description": describe(doctree) or app.config.html_title,
    }
    if base:
        tags |= {
            "og:url": base + app.builder.get_target_uri(page),
            "og:image": base + PREVIEW,
            "og:image:width": str(SIZE[0]),
            "og:image:height": str(SIZE[1]),
            "og:image:alt": "A panel of the book: nulls as boxes, observed accuracy as lines",
        }
    lines = [f'<meta property="{k}" content="{escape(v)}"/>' for k, v in tags.items()]
    lines += [
        f'<meta name="description" content="{escape(tags["og:description"])}"/>',
        '<meta name="twitter:card" content="summary_large_image"/>',
    ]
    context["metatags"] = context.get("metatags", "") + "\n" + "\n".join(lines)


def describe(doctree: nodes.document | None) -> str:
    """Return the first sentences of a page, some 200 characters of them."""
    if doctree is None:
        return ""
    for paragraph in doctree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if len(text) > 40:
            return text if len(text) <= 200 else text[:200].rpartition(" ")[0] + " …"
    return ""


def _plain(title: str) -> str:
    """Take the tags out of a title."""
    return " ".join("".join(part.rpartition(">")[2] for part in title.split("<")).split())


def write_sitemap(app: Sphinx, error: Exception | None) -> None:
    """Write the map of the public site for search engines."""
    if error is not None or not app.config.html_baseurl:
        return
    pages = [app.builder.get_target_uri(page) for page in sorted(app.env.found_docs)]
    places = "".join(
        f"<url><loc>{escape_xml(app.config.html_baseurl + page)}</loc></url>\n" for page in pages
    )
    text = '<?xml version="1.0" encoding="UTF-8"?>\n'
    text += f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{places}</urlset>\n'
    (Path(app.outdir) / "sitemap.xml").write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_config_value(SETTING, "", "html")
    app.connect("config-inited", find_site)
    app.connect("html-collect-pages", lost_page)
    app.connect("html-page-context", add_head)
    app.connect("build-finished", write_sitemap)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
