"""Three things the book needs of Sphinx: MathML, the run's numbers, and scripts page by page.

MathJax would be fetched from another host by every page. Browsers draw MathML by themselves, so
formulas are converted when the book is built, and one that cannot be converted is a warning. Not
every machine has a font for mathematics: the glyphs in use travel with the site.
"""

import json
from html import escape
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from docutils import nodes
from fontTools import subset
from math_core import LatexError, LatexToMathML
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

FONT = "fonts/STIXTwoMath-Regular.ttf"  # SIL Open Font License, carried by the package ziamath
logger = logging.getLogger(__name__)
converter = LatexToMathML(fancy_error=False)
characters: set[str] = set()


def to_mathml(latex: str, node: nodes.Node, display: bool) -> str:
    """Convert one formula; its source stays with it as alternative text."""
    try:
        mathml = converter.convert_with_local_state(latex, displaystyle=display)
    except LatexError as error:
        logger.warning("formula %r: %s", latex, error, location=node)
        return f"<code>{escape(latex)}</code>"
    # The one named entity it writes is unknown to strict XML readers.
    mathml = mathml.replace("&ApplyFunction;", "\u2061")
    characters.update(mathml)
    if "<msqrt" in mathml or "<mroot" in mathml:
        characters.add("\u221a")  # drawn by the browser, not written
    return mathml.replace("<math", f'<math alttext="{escape(latex, quote=True)}"', 1)


def visit_inline(translator: Any, node: nodes.math) -> None:
    """Write an inline formula."""
    # Not of class "math", which the theme lays out as a box of MathJax.
    translator.body.append(f'<span class="formula">{to_mathml(node.astext(), node, False)}</span>')
    raise nodes.SkipNode


def visit_display(translator: Any, node: nodes.math_block) -> None:
    """Write a formula on a line of its own, with its number when it has a label."""
    translator.body.append(translator.starttag(node, "div", CLASS="formula-display"))
    # tabindex: what scrolls sideways on a telephone has to be reachable from the keyboard.
    formula = to_mathml(node.astext(), node, True)
    translator.body.append(f'<div class="formula-scroll" tabindex="0">{formula}</div>')
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append("</div>")
    raise nodes.SkipNode


def write_font(app: Sphinx, error: Exception | None) -> None:
    """Write the glyphs that the formulas use, with their large and small forms, beside the CSS."""
    if error is not None or not characters:
        return
    # recalc_timestamp=False: the same formulas give the same bytes.
    # name_IDs: the font's licence has to stay with it.
    options = subset.Options(
        layout_features=["*"], recalc_timestamp=False, notdef_outline=True, name_IDs=["*"]
    )
    with as_file(files("ziamath") / FONT) as path:
        font = subset.load_font(str(path), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(sorted(characters)))
    subsetter.subset(font)
    subset.save_font(font, str(Path(app.outdir) / "_static" / "formulas.ttf"), options)


def load_values(app: Sphinx, config: Config) -> None:
    """Make the numbers that the notebooks measured known to ``{{ name }}`` in the prose."""
    file = Path(app.confdir) / "_generated" / "values.json"
    if file.is_file():
        config.myst_substitutions = json.loads(file.read_text(encoding="utf-8"))


def add_static_folders(app: Sphinx, config: Config) -> None:
    """Copy the scripts of interactive pages, and the data made for them, into the site."""
    for folder in ("kit/pages", "_generated/static"):
        if (Path(app.confdir) / folder).is_dir():
            config.html_static_path.append(folder)


def add_files_of_page(
    app: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: nodes.document | None
) -> None:
    """Put on a page the ``scripts`` and ``styles`` that its front matter names."""
    meta = context.get("meta") or {}
    for key in ("scripts", "styles"):
        for name in str(meta.get(key, "")).split():
            if not (Path(app.outdir) / "_static" / name).is_file():
                logger.warning("%s: no file %s", key, name, location=page)
            if key == "scripts":
                app.add_js_file(name, loading_method="defer")
            else:
                app.add_css_file(name)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register all of it with Sphinx."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_display, None))
    app.connect("config-inited", load_values)
    app.connect("config-inited", add_static_folders)
    app.connect("html-page-context", add_files_of_page)
    app.connect("build-finished", write_font)
    # Written by one process: several would each know only the formulas of their own pages.
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": False}
