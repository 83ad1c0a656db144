"""The page "The test, live": its scripts go to that page alone, its data come from memlib."""

import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from kit.live import write_live_data

PAGE = "live"
# In the order they need.
SCRIPTS = (
    *("data.js", "random.js", "network.js", "null.js"),
    *("worker.js", "draw.js", "words.js", "page.js"),
)


def add_scripts(
    app: Sphinx, page: str, template: str, context: dict[str, Any], tree: nodes.document | None
) -> None:
    """Name the scripts on the page: what lies in ``_static`` would be loaded by every page."""
    if page == PAGE:
        app.add_css_file("live/live.css")
        for name in SCRIPTS:
            app.add_js_file(f"live/{name}", loading_method="defer")


def write_scripts(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write scripts and data to the site, before the pages that name them by their checksums."""
    source, target = Path(app.srcdir) / "live", Path(app.outdir) / "_static" / "live"
    if PAGE in env.found_docs:
        shutil.copytree(source, target, dirs_exist_ok=True)
        write_live_data(target / "data.js")
    return []


def setup(app: Sphinx) -> dict[str, Any]:
    """Register both with Sphinx."""
    app.connect("env-updated", write_scripts)
    app.connect("html-page-context", add_scripts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
