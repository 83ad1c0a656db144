"""The book's notebooks: where their texts lie, and their executed copies."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from kit.notebooks import declared_parameters, execute
from memlib.base import files, keys
from memlib.base.checkout import checkout_path
from memlib.base.errors import InputError
from memlib.papers.chaibub_neto_2018.choices import choices_path
from memlib.runs.shipped import shipped_path
from memlib.runs.study import figures, find_study, studies
from memlib.training.images import BUNDLED_NAME, load_labelled_images

MORE = (
    "more"  # the parameter of a figure's notebook that takes all settings without one of their own
)


@cache
def chapters() -> Mapping[str, Path]:
    """Return the text notebooks by name, folder by folder: those of a subject lie in one."""
    found = sorted(checkout_path("notebooks").glob("*/*.py"))
    return {path.stem: path for path in found}


def source_path(name: str) -> Path:
    """Return a chapter's text notebook.

    Raises
    ------
    InputError
        When there is no chapter of that name, or no checkout.
    """
    if name not in chapters():
        raise InputError(f"no figure or chapter {name!r}: take one of {', '.join(chapters())}")
    return chapters()[name]


def executed_path(name: str, given: Mapping[str, Any]) -> Path:
    """Return where the executed notebook of these parameters, this data and this code lies."""
    declared = declared_parameters(source_path(name))
    values = {key: given.get(key, parameter.default) for key, parameter in declared.items()}
    data = {**values, **values.get(MORE, {})}.get("data", BUNDLED_NAME)
    key = keys.digest(
        [
            values,
            load_labelled_images(data).attrs["content_checksum"],
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

    if name not in figures():
        return []
    others = [other for other in find_study(name).figures if other != name]
    paths = [sibling_path(other, values["scale"], values["seed"]) for other in others]
    return [path.name for path in paths if path.is_file()]


def _dataset_shown(name: str, values: Mapping[str, Any]) -> str:
    """Return the checksum of the stored dataset that a chapter shows, if it shows one."""
    if "stored" not in values:
        return ""
    path = choices_path(values["stored"])
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _shipped(name: str) -> list[str]:
    """Return the checksums of the results in data/results of the paper that a chapter is about."""
    study = studies().get(source_path(name).parent.name)
    if study is None:
        return []
    paths = [shipped_path(one, scale) for one in study.figures for scale in study.shipped_scales]
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
