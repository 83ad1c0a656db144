"""The command that makes a stored result again."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from memlib.runs.study import resolve


def arguments_of(parameters: Mapping[str, Any]) -> str:
    """Return what follows ``memlib run`` for these parameters: all that differ from the scale's.

    Examples
    --------
    >>> from memlib.runs.study import resolve
    >>> arguments_of(resolve("fig1", "smoke", n_trees=5, panels=["a"]).model_dump(mode="json"))
    'fig1 --scale smoke --panels a -p n_trees=5'
    """
    figure, scale = parameters["figure"], parameters["scale"]
    changed = {k: v for k, v in parameters.items() if k not in ("figure", "scale")}
    # The step size follows from the optimizer, so that both are needed to know the default.
    usual = resolve(figure, scale, optimizer=changed.get("optimizer")).model_dump(mode="json")
    declared = resolve(figure, scale).model_dump(mode="json")
    usual["optimizer"] = declared["optimizer"]
    words = [figure, "--scale", scale]
    if list(changed.pop("panels")) != usual["panels"]:
        words += ["--panels", ",".join(parameters["panels"])]
    for name, value in changed.items():
        if value != usual[name]:
            text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
            words += ["-p", f"{name}={text}"]
    return shlex.join(words)
