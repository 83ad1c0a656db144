"""What a reader may change: values checked before any work, each put where its notebook takes it.

What a figure's parameter means is declared once, in its study's `Settings`. The comments of the
notebooks' cells are written from there: ``PYTHONPATH=book python -m kit.parameters``.
"""

import ast
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import ConfigDict, TypeAdapter, ValidationError

from kit.chapters import MORE, source_path
from kit.notebooks import PARAMETERS, declared_parameters
from memlib.base.errors import InputError
from memlib.papers.chaibub_neto_2018.choices import choices_path, stored_choices
from memlib.report.tables import markdown_table
from memlib.runs.study import figures, find_study, resolve, studies

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
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            # {[]: 1} is a TypeError, brackets nested deeply are one of the last two.
            values[name.strip()] = value.strip()
    return values


def check_parameters(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Check values against a notebook's own declaration, or against a figure's settings.

    Returns
    -------
    dict
        Every value by its own name, those of ``more`` as well.

    Raises
    ------
    InputError
        For an unknown name, a wrong type, or a value out of range: one line, before any work.
    """
    if name in figures():
        values = _without_more(given)
        if "figure" in values:
            raise InputError(
                f"figure = {values['figure']!r}: this is {name}, run the other instead"
            )
        resolve(name, **values)
        return values
    declared = declared_parameters(source_path(name))
    for parameter, value in given.items():
        if parameter not in declared:
            raise InputError(f"unknown parameter {parameter!r}: {name} has {', '.join(declared)}")
        _check_type(parameter, value, declared[parameter].annotation or "str")
        _check_range(name, parameter, value)
        if parameter == "stored" and not choices_path(value).is_file():
            raise InputError(f"stored = {value!r}: there is no such dataset")
        if parameter == "stored" and name != "benchmark":
            stored_choices(value)
    return dict(given)


def _without_more(given: Mapping[str, Any]) -> dict[str, Any]:
    """Give each setting in ``more`` its own name."""
    own, more = dict(given), given.get(MORE, {})
    own.pop(MORE, None)
    if not isinstance(more, dict):
        raise InputError(f"{MORE} = {more!r}: write settings by name, like {{'n_trees': 50}}")
    for one in more:
        if one in own:
            raise InputError(f"{MORE}: {one!r} is given outside of it as well; give it once")
    return own | more


def notebook_parameters(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Put each value where a notebook takes it: its own line of the cell, or ``more``.

    Examples
    --------
    >>> notebook_parameters("fig1", {"seed": 1, "n_trees": 50})
    {'seed': 1, 'more': {'n_trees': 50}}
    """
    declared = declared_parameters(source_path(name))
    own = {key: value for key, value in values.items() if key in declared}
    more = {key: value for key, value in values.items() if key not in declared}
    return own | ({MORE: own.get(MORE, {}) | more} if more else {})


def _check_range(chapter: str, name: str, value: Any) -> None:
    """Refuse what no method chapter can be run with; a figure's parameters know their ranges."""
    scales = next(iter(studies().values())).scales
    if name == "scale" and value not in scales:
        raise InputError(f"scale = {value!r}: take one of {', '.join(scales)}")
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


def declared_comment(figure: str, name: str) -> str:
    """Return what a figure's study declares of a parameter: the comment in its notebook."""
    study = find_study(figure)
    if name == "scale":
        return _either(list(study.scales))
    if name == MORE:
        return "every other setting by name, like {'n_trees': 50}"
    field = study.settings.model_fields[name]
    words = [one for one in get_args(field.annotation) if isinstance(one, str)]
    told = all(one in str(field.description) for one in words)
    return f"{field.description}" + ("" if told or len(words) > 3 else f": {_either(words)}")


def with_declared_comments(figure: str, text: str) -> str:
    """Return a notebook's text with the comments of its parameters cell written anew."""
    cell = re.search(rf'(?<=# %% tags=\["{PARAMETERS}"\]\n).*?(?=\n\n)', text, re.DOTALL)
    if cell is None:
        raise InputError(f"{figure}: no cell is tagged {PARAMETERS!r}")
    lines = [
        re.sub(r"  #.*", "", line) + f"  # {declared_comment(figure, line.split(':')[0])}"
        if re.match(r"\w+: ", line)
        else line
        for line in cell[0].splitlines()
    ]
    return text[: cell.start()] + "\n".join(lines) + text[cell.end() :]


def settings_rows(figure: str) -> list[tuple[str, str, str, str]]:
    """Return name, meaning, range and usual value of all settings of a figure."""
    study, usual = find_study(figure), resolve(figure)
    return [
        (name, declared_comment(figure, name), _allowed(study.settings, name), _shown(usual, name))
        for name in study.settings.changeable()
    ]


def settings_table(figure: str) -> str:
    """Return all settings of a figure as a Markdown table; usual values are teaching scale's."""
    rows = [(f"`{name}`", *rest) for name, *rest in settings_rows(figure)]
    return markdown_table(["`-p` name", "what it is", "allowed", "usual"], rows)


def _shown(settings: Any, name: str) -> str:
    value = getattr(settings, name)
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _allowed(settings: Any, name: str) -> str:
    """Say which values a setting takes."""
    field = settings.model_fields[name]
    words = [one for one in get_args(field.annotation) if isinstance(one, str)]
    if words:
        return ", ".join(words)
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    return " and ".join(
        f"{sign} {getattr(one, key):,}"
        for one in field.metadata
        for key, sign in signs.items()
        if hasattr(one, key)
    )


def _either(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def describe_parameters(figure: str) -> str:
    """Return all settings of a figure, one a line: name, usual value at teaching scale, meaning."""
    return "\n".join(
        f"  {name} = {usual}  {meaning}" for name, meaning, _, usual in settings_rows(figure)
    )


if __name__ == "__main__":
    for one in figures():
        path = source_path(one)
        path.write_text(with_declared_comments(one, path.read_text(encoding="utf-8")), "utf-8")
