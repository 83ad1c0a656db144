"""Keys: what a stored thing depends on, as a short digest."""

import ast
import hashlib
import json
from functools import lru_cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def to_json(value: object) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces to differ in."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def digest(value: object) -> str:
    """Return 16 hexadecimal digits that change when `value` does."""
    return hashlib.sha256(to_json(value).encode()).hexdigest()[:16]


@lru_cache(maxsize=16)
def code_digest(*rooms: str) -> str:
    """Return a digest of what code of this package does, without comments and refusals.

    Docstrings and the words of ``raise`` decide no number: changing them changes no key.

    Parameters
    ----------
    rooms
        Folders, taken with all that lies in them, or single files, as paths within the package:
        ``"method"``, ``"base/seeds.py"``. The whole package when none is named.
    """
    files: set[Path] = set()
    for room in rooms or (".",):
        place = PACKAGE / room
        files.update([place] if place.suffix == ".py" else place.rglob("*.py"))
    texts = []
    for path in sorted(files):
        syntax = _syntax(_bare(path.read_text(encoding="utf-8")))
        texts.append(f"{path.relative_to(PACKAGE).as_posix()}: {syntax}")
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def _bare(text: str) -> ast.Module:
    """Parse code, and take out docstrings and what a ``raise`` raises."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_docstring(body[0]):
            body[0] = ast.Pass()
        if isinstance(node, ast.Raise):
            node.exc = node.cause = None
    return tree


def _syntax(node: object) -> str:
    """Return a syntax tree as text, without empty fields: versions of Python differ in these."""
    if isinstance(node, list):
        return f"[{', '.join(map(_syntax, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = (f"{name}={_syntax(v)}" for name, v in ast.iter_fields(node) if v not in (None, []))
    return f"{type(node).__name__}({', '.join(fields)})"


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
