"""Exercises: three levels a chapter, a prediction before each answer, solutions that run and hold.

The code is run as it stands in the chapters, on real images with real training; what the answer
says of the outcome is asserted beside it.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from kit.chapters import source_path
from kit.notebooks import read_source

from memlib.papers.chaibub_neto_2018.figures import FIGURES

METHOD = ("s_validation_by_eye", "algorithm_1_by_hand", "what_the_null_measures")
EXERCISED = (*METHOD, *FIGURES, "claims", "open_choices", "your_network")
LEVELS = ("look", "change", "explain")
FOLD = r'<details class="memlib-fold"><summary>{}</summary>\n\n(.*?)\n\n</details>'
FALLS, RISES = (lambda v: all(np.diff(v) < 0)), (lambda v: all(np.diff(v) > 0))

Found = dict[str, Any]
HOLDS: dict[tuple[str, int], Callable[[Found], bool]] = {
    ("s_validation_by_eye", 1): lambda f: f["changed"]["images"] < f["changed"]["noise"] < 0.05,
    ("s_validation_by_eye", 2): lambda f: (
        {kind for kind, same in f["kept"].items() if same} == {"shuffle", "shuffle_shared"}
    ),
    ("s_validation_by_eye", 3): lambda f: f["same"] == {"shuffle": False, "shuffle_shared": True},
    ("algorithm_1_by_hand", 1): lambda f: (
        f["verdicts"] == {9: "undecided", 18: "undecided", 19: "memorized_and_learned"}
    ),
    ("algorithm_1_by_hand", 2): lambda f: FALLS(f["means"]) and abs(f["means"][-1] - 0.5) < 0.03,
    ("algorithm_1_by_hand", 3): lambda f: (
        f["mean"] > 0.75 and abs(f["mean"] - f["chance"]) < 0.01 and f["verdict"] == "neither"
    ),
    ("what_the_null_measures", 1): lambda f: (
        f["means"][1] == 1 and FALLS(list(f["means"].values()))
    ),
    ("what_the_null_measures", 2): lambda f: (
        RISES(f["means"]) and f["means"][0] < 0.6 and f["means"][-1] > 0.9
    ),
    ("what_the_null_measures", 3): lambda f: (
        0.2 < f["counted"] < 0.95 and abs(f["from_null"] - f["counted"]) < 0.03
    ),
    ("fig1", 1): lambda f: (
        f["nulls"]["a"][-1] > f["nulls"]["d"][-1] + 0.02
        and abs(f["validation"]["a"][-1] - f["validation"]["d"][-1]) < 0.05
    ),
    ("fig1", 2): lambda f: (
        f["observed"] > f["null"] > 0.52 and f["verdict"] == "memorized_and_learned"
    ),
    ("fig1", 3): lambda f: (
        f["found"][1.0]["p"] <= 0.05
        and abs(f["found"][1.0]["validation"] - 0.5) < 0.1
        and f["found"][0.0]["validation"] > 0.75
    ),
    ("fig2", 1): lambda f: (
        FALLS(f["nulls"])
        and abs(f["observed"][0] - f["observed"][1]) < 0.5 * (f["nulls"][0] - f["nulls"][1])
    ),
    ("fig2", 2): lambda f: f["nulls"]["random_forest"] > 0.95 and f["nulls"]["ridge"] < 0.65,
    ("fig2", 3): lambda f: (
        0 < int(np.argmax(f["differences"])) < 4
        and max(f["differences"]) > 0.03
        and max(abs(f["differences"][0]), abs(f["differences"][-1])) < 0.02
    ),
    ("fig3", 1): lambda f: FALLS(f["means"]),
    ("fig3", 2): lambda f: FALLS(f["nulls"]) and RISES(f["validation"]),
    ("fig3", 3): lambda f: (
        f["losses"][1024, 80] < 0.9 * f["losses"][256, 80]
        and abs(f["losses"][1024, 20] - f["losses"][256, 80])
        < 0.5 * (f["losses"][256, 80] - f["losses"][1024, 80])
    ),
    ("fig4", 1): lambda f: f["losses"]["rmsprop"] < 0.5 * f["losses"]["sgd"],
    ("fig4", 2): lambda f: f["losses"]["rmsprop", 0.00001] >= 0.9 * f["losses"]["sgd", 0.01],
    ("fig4", 3): lambda f: f["nulls"]["rmsprop"].mean() < f["nulls"]["sgd"].mean() - 0.01,
    ("fig5", 1): lambda f: (
        abs(f["validation"] - 0.5) < 0.05 and f["observed"] > max(f["null"], 0.8)
    ),
    ("fig5", 2): lambda f: FALLS(f["losses"]),
    ("fig5", 3): lambda f: bool(np.abs(np.subtract(f["found"][0.0], f["found"][1.0])).max() < 0.05),
    ("claims", 1): lambda f: {5, 6} <= set(f["lost"]) <= {5, 6, 8, 9},
    ("claims", 2): lambda f: (
        min(f["above"].values()) > 0.9 and f["small"][9] == 0 and f["small"][19] > 0.9
    ),
    ("claims", 3): lambda f: all(0.02 < share <= 0.05 for share in f["found"].values()),
    ("open_choices", 1): lambda f: bool(
        (f["null"]["pixels"] > 0.95).all()
        and (f["null"]["default"] < 0.8).all()
        and np.abs(f["validation"]["pixels"] - f["validation"]["default"]).max() < 0.03
    ),
    ("open_choices", 2): lambda f: bool(
        all(RISES(some) for some in zip(*f["levels"].values(), strict=True))
        and f["paired"] < f["seeds"] / 2
    ),
    ("open_choices", 3): lambda f: bool(
        np.abs(f["found"]["shuffled"]["null"] - f["found"]["default"]["null"]).max() < 0.05
        and (f["found"]["shuffled"]["observed"] > f["found"]["shuffled"]["null"] + 0.1).all()
        and np.abs(f["found"]["shuffled"]["validation"] - 0.5).max() < 0.06
    ),
    ("your_network", 1): lambda f: f["changed"] == 0 and f["verdict"] == "memorized",
    ("your_network", 2): lambda f: f["observed"] > f["null"] and abs(f["validation"] - 0.1) < 0.05,
    ("your_network", 3): lambda f: FALLS(f["nulls"]) and f["validation"][2] >= f["validation"][0],
}


def exercises_of(chapter: str) -> list[tuple[str, str, str, str]]:
    """Return title, question, hint and solution of each exercise of a chapter."""
    cells = [cell.source for cell in read_source(source_path(chapter)).cells]
    (text,) = [source for source in cells if source.startswith("## Exercises")]
    found = []
    for part in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        hint = re.search(FOLD.format("Hint"), part, re.DOTALL)
        solution = re.search(FOLD.format("Solution"), part, re.DOTALL)
        assert hint, part[:60]
        assert solution, part[:60]
        title, question = part[: hint.start()].split("\n", 1)
        found.append((title, question, hint[1], solution[1]))
    return found


@pytest.mark.parametrize("chapter", EXERCISED)
def test_three_levels_ask_before_they_tell(chapter):
    found = exercises_of(chapter)
    assert len(found) == 3
    for number, (title, question, _, _) in enumerate(found):
        assert title.startswith(f"Exercise {number + 1}, {LEVELS[number]}: ")
        assert "**Predict" in question
        assert "```" not in question


@pytest.mark.parametrize("chapter", EXERCISED)
def test_exercises_come_before_the_summary(chapter):
    heads = [
        cell.source.split("\n", 1)[0]
        for cell in read_source(source_path(chapter)).cells
        if cell.source.startswith("## ")
    ]
    assert heads[heads.index("## Exercises") + 1] == "## Summary"


@pytest.mark.parametrize(("chapter", "level"), HOLDS, ids=str)
def test_solution_runs_and_its_answer_holds(chapter, level, results_folder, one_thread, capsys):
    solution = exercises_of(chapter)[level - 1][3]
    (code,) = re.findall(r"```python\n(.*?)\n```", solution, re.DOTALL)
    answer = solution.split("```")[-1]
    assert not re.search(r"\d\.\d{2}", answer), "an outcome typed by hand"
    namespace: dict[str, Any] = {}
    exec(compile(code, f"{chapter}, exercise {level}", "exec"), namespace)
    said = capsys.readouterr().out
    assert said.strip(), "a solution shows what it found"
    assert HOLDS[chapter, level](namespace), said


def test_every_exercise_is_run():
    assert set(HOLDS) == {(chapter, level) for chapter in EXERCISED for level in (1, 2, 3)}
