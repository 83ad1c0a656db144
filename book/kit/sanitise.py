"""Make an executed notebook fit to publish.

Taken out: warnings, progress bars, widget views, times, machine paths and whatever else differs
from one run to the next; refused: a notebook that holds an error.
"""

import ast
import copy
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from kit.notebooks import PARAMETERS, NotebookError, cell_tags, parse_parameters

INJECTED, CAPTION = "injected-parameters", "parameters-caption"
CAPTION_TEXT = "**Parameters of this run**"
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"


def sanitise(nb: NotebookNode) -> NotebookNode:
    """Return a copy of an executed notebook that is fit to publish.

    Warnings, progress bars, widget views, times and machine paths go; the default parameters are
    hidden and the values of this run shown under a caption. A folded cell that was to show
    something and had nothing to show stays off the page. The copy of a copy is the same.

    Parameters
    ----------
    nb : NotebookNode
        An executed notebook; it is not changed.

    Returns
    -------
    NotebookNode
        With repeatable cell ids and metadata.

    Raises
    ------
    NotebookError
        When an output is an error, or still holds a machine path.
    """
    nb = copy.deepcopy(nb)
    info = {k: v for k, v in nb.metadata.get("language_info", {}).items() if k != "version"}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nb.metadata = nbformat.from_dict({"kernelspec": kernel, "language_info": info})
    nb.cells = _show_parameters([c for c in nb.cells if CAPTION not in cell_tags(c)])
    for number, cell in enumerate(nb.cells):
        cell.id = f"cell-{number:04d}"  # jupytext draws new random ids whenever it reads a script
        for key in ("papermill", "execution", "widgets", "lines_to_next_cell"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = [o for o in map(_clean_output, cell.outputs) if o is not None]
            if _shows_nothing(cell):
                cell.metadata["tags"] = [*cell_tags(cell), "remove-cell"]
    return nb


def machine_paths(text: str) -> list[str]:
    """List the absolute paths of this or another machine that stand in a text.

    Parameters
    ----------
    text : str
        Plain text or HTML; embedded ``data:`` addresses are passed over.

    Returns
    -------
    list of str
        Each with what follows it up to a blank, bracket or quote; empty when there is none.
    """
    text = re.sub(r"data:[\w/+.-]+;base64,[\w/+=%-]+", "data:", text)
    roots = "|".join(re.escape(root) + r"(?![\w.-])" for root in _roots())
    known = r"/(?:home|Users)/\w|/root/|/var/folders/|/tmp/|/ipykernel_\d|[A-Z]:\\Users\\"
    return re.findall(rf"(?<![\w.~-])(?:{roots}|{known})[^\s\"'<>()]*", text)


def _roots() -> dict[str, str]:
    """Folders that only this machine has, and what stands for each in the book."""
    roots = {
        str(Path(__file__).resolve().parents[2]): ".",
        str(Path.cwd()): ".",
        sys.prefix: "python",
        sys.base_prefix: "python",
        str(Path.home()): "~",
        tempfile.gettempdir(): "tmp",
    }
    # "/usr" is where many interpreters live, not a sign of one machine; longest first, so that
    # a folder inside another is replaced by its own name.
    kept = {k: v for k, v in roots.items() if k not in ("/", "/usr", "/usr/local")}
    return dict(sorted(kept.items(), key=lambda item: -len(item[0])))


def _show_parameters(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Hide the defaults where values were injected; caption the cell that shows what ran."""
    injected = next((c for c in cells if INJECTED in cell_tags(c)), None)
    declared = next((c for c in cells if PARAMETERS in cell_tags(c)), None)
    shown = injected if injected is not None else declared
    if injected is not None and declared is not None:
        used = parse_parameters(injected.source)
        hidden = [t for t in cell_tags(declared) if t != "remove-cell"]
        declared.metadata["tags"] = [*hidden, "remove-cell"]
        # Papermill writes bare values; the declaration's comments are worth as much to a reader.
        injected.source = "\n".join(
            parameter.line(used[name].source if name in used else parameter.source)
            for name, parameter in parse_parameters(declared.source).items()
        )
    if shown is None:
        return cells
    unset = " = None" in shown.source
    text = CAPTION_TEXT + (". `None`: what the figure and the scale declare." if unset else "")
    caption = nbformat.v4.new_markdown_cell(text, metadata={"tags": [CAPTION]})
    where = next(n for n, c in enumerate(cells) if c is shown)
    return [*cells[:where], caption, *cells[where:]]


def _shows_nothing(cell: NotebookNode) -> bool:
    """Whether a folded cell ends in a value to show and yet shows none: a bar over nothing."""
    tags = cell_tags(cell)
    if cell.outputs or "hide-input" not in tags or "remove-cell" in tags:
        return False
    lines = ast.parse(cell.source).body
    return bool(lines) and isinstance(lines[-1], ast.Expr)


def _clean_output(output: NotebookNode) -> NotebookNode | None:
    """Clean one output; None for what a reader has no use for."""
    if output.output_type == "error":
        raise NotebookError(f"a cell failed with {output.ename}: {output.evalue}")
    if output.output_type == "stream":
        # A carriage return writes over the line, so that only what came last was ever seen.
        shown = [s.rstrip("\r").rsplit("\r", 1)[-1] for s in output.text.split("\n")]
        output.text = _clean_text("\n".join(shown))
        return output if output.name == "stdout" and output.text.strip() else None
    if WIDGET_MIME in output.data or output.data.get("text/plain") == "None":
        return None  # nothing to see
    for mime, text in output.data.items():
        if isinstance(text, str) and (mime.startswith("text/") or mime == "image/svg+xml"):
            output.data[mime] = _clean_text(text)
    return output


def _clean_text(text: str) -> str:
    """Replace machine paths, addresses in memory and random ids by something that repeats."""
    text = re.sub(r"(?:/[\w.-]+)*/ipykernel_\d+/\d+\.py", "cell", text)
    for root, short in _roots().items():
        text = re.sub(rf"(?<![\w.~-]){re.escape(root)}(?![\w.-])", short, text)
    text = re.sub(r"\b(at|object at) 0x[0-9a-f]{6,}", r"\1 0x0", text)
    numbers: dict[str, str] = {}
    text = re.sub(  # xarray marks each part of its table with a new UUID at every display
        r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",
        lambda match: numbers.setdefault(match[0], f"id{len(numbers)}"),
        text,
    )
    if left := machine_paths(text):
        raise NotebookError(f"an output holds a machine path: {left[0]}")
    return text
