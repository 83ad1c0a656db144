"""The book's notebooks: their parameters, checked before any work, and their executed copies."""

import ast
import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from kit.notebooks import declared_parameters, execute
from memlib.base import files, keys
from memlib.base.checkout import checkout_path
from memlib.base.errors import InputError
from memlib.papers.chaibub_neto_2018.choices import choices_path
from memlib.papers.chaibub_neto_2018.figures import FIGURES, SCALES, SHIPPED_SCALES
from memlib.runs.shipped import shipped_path
from memlib.runs.study import resolve
from memlib.training.images import load_labelled_images

METHOD_CHAPTERS = ("s_validation_by_eye", "algorithm_1_by_hand", "what_the_null_measures")
STORED_CHAPTERS = ("claims", "open_choices", "change_one_thing", "larger_runs", "benchmark")
CHAPTERS = (*METHOD_CHAPTERS, *FIGURES, *STORED_CHAPTERS, "your_network")
TYPES: Mapping[str, Any] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "list[int]": list[int],
    "list[float]": list[float],
    "list[str]": list[str],
    "None": None,
}
# Least and largest value of a method chapter's parameters; of n_ANYTHING the least is 1.
RANGES = {
    "seed": (0, math.inf),
    "disturbance": (0, math.inf),
    "n_resamples": (0, math.inf),
    "epochs": (1, math.inf),
    "shares": (0, 1),
    "your_network.n_images": (2, 1796),  # of 1,797; the others validate
}


def source_path(name: str) -> Path:
    """Return a chapter's text notebook.

    Raises
    ------
    InputError
        When there is no chapter of that name, or no checkout.
    """
    if name not in CHAPTERS:
        raise InputError(f"no figure or chapter {name!r}: take one of {', '.join(CHAPTERS)}")
    return checkout_path("notebooks", f"{name}.py")


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """Read ``name=value`` texts; a value is a Python literal, or else a plain word.

    Examples
    --------
    >>> parse_assignments(["n_trees=50", "perturbations=[0.05]", "optimizer=sgd"])
    {'n_trees': 50, 'perturbations': [0.05], 'optimizer': 'sgd'}
    """
    values = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals or not name.strip().isidentifier():
            raise InputError(f"-p {text}: write it as name=value")
        if name.strip() in values:
            raise InputError(f"-p {name.strip()} is given twice")
        try:
            values[name.strip()] = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError, TypeError):  # {[]: 1} is a TypeError
            values[name.strip()] = value.strip()
    return values


def check_parameters(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Check values against a notebook's own declaration, and a figure's against its ranges.

    Raises
    ------
    InputError
        For an unknown name, a wrong type, or a value out of range: one line, before any work.
    """
    declared = declared_parameters(source_path(name))
    for parameter, value in given.items():
        if parameter not in declared:
            raise InputError(f"unknown parameter {parameter!r}: {name} has {', '.join(declared)}")
        _check_type(parameter, value, declared[parameter].annotation or "str")
        if name not in FIGURES:
            _check_range(name, parameter, value)
    if name in FIGURES:
        defaults: dict[str, Any] = {key: parameter.default for key, parameter in declared.items()}
        resolve(name, **(defaults | dict(given)))
    return dict(given)


def _check_range(chapter: str, name: str, value: Any) -> None:
    """Refuse what no method chapter can be run with; a figure's parameters know their ranges."""
    if name == "scale" and value not in SCALES:
        raise InputError(f"scale = {value!r}: take one of {', '.join(SCALES)}")
    own = RANGES.get(f"{chapter}.{name}", RANGES.get(name))
    least, most = own or (1 if name.startswith("n_") else -math.inf, math.inf)
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, int | float) and not least <= one <= most:
            upto = "or more" if most == math.inf else f"to {most}"
            raise InputError(f"{name} = {one!r}: take {least} {upto}")
    if value == []:
        raise InputError(f"{name} = []: give one value or more")


def _check_type(name: str, value: Any, annotation: str) -> None:
    alternatives = [TYPES[part.strip()] for part in annotation.split("|")]
    for alternative in alternatives:
        try:
            TypeAdapter(alternative, config=ConfigDict(strict=True)).validate_python(value)
        except ValidationError:
            continue
        return
    allowed = annotation.replace("| None", "").strip()
    words = {"int": "a whole number", "float": "a number", "str": "a word", "bool": "True or False"}
    raise InputError(f"{name} = {value!r}: it should be {words.get(allowed, allowed)}")


def executed_path(name: str, given: Mapping[str, Any]) -> Path:
    """Return where the executed notebook of these parameters, this data and this code lies."""
    declared = declared_parameters(source_path(name))
    values = {key: given.get(key, parameter.default) for key, parameter in declared.items()}
    data = values.get("data") and load_labelled_images(values["data"]).attrs["content_checksum"]
    key = keys.digest(
        [
            values,
            data,
            keys.code_digest(),
            source_path(name).read_text(encoding="utf-8"),
            _stored_beside(name, values),
            _dataset_shown(name, values),
            _shipped(name),
        ]
    )
    return files.results_dir() / "notebooks" / f"{name}-{key[:8]}" / f"{name}.ipynb"


def _stored_beside(name: str, values: Mapping[str, Any]) -> list[str]:
    """Name the other figures' results that a chapter compares itself with, as they come and go."""
    from memlib.runs.figure import sibling_path

    if name not in FIGURES:
        return []
    paths = [sibling_path(other, values["scale"], values["seed"]) for other in FIGURES]
    return [path.name for path in paths if path.is_file() and not path.name.startswith(name)]


def _dataset_shown(name: str, values: Mapping[str, Any]) -> str:
    """Return the checksum of the stored dataset that a chapter shows, if it shows one."""
    if "stored" not in values:
        return ""
    path = choices_path(values["stored"])
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _shipped(name: str) -> list[str]:
    """Return the checksums of the results in data/results, for the chapters that show them."""
    if name not in (*FIGURES, "claims"):
        return []
    paths = [shipped_path(figure, scale) for figure in FIGURES for scale in SHIPPED_SCALES]
    return [hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else "" for p in paths]


def execute_chapter(name: str, given: Mapping[str, Any]) -> tuple[Path, bool]:
    """Execute a chapter's notebook unless that was done; return its path and whether it was.

    Raises
    ------
    NotebookError
        When a cell fails.
    """
    path = executed_path(name, given)
    if path.is_file():
        return path, True
    source = source_path(name)
    environment = {
        "MEMLIB_RESULTS": str(files.results_dir().resolve()),
        "PYTHONPATH": str(checkout_path()),
    }
    # Paths among the parameters are the user's, relative to where the command was given.
    execute(source, path, dict(given), cwd=Path.cwd(), kernel_env=environment)
    return path, False


def describe_parameters(name: str) -> str:
    """Return a chapter's parameters, one a line: name, type, default, meaning."""
    return "\n".join(
        f"  {parameter.name}: {parameter.annotation} = {json.dumps(parameter.default)}"
        f"  {parameter.comment}"
        for parameter in declared_parameters(source_path(name)).values()
    )
