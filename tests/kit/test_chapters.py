"""The chapters' texts: what each declares, imports and says, and where it lies."""

import ast
import re
from collections import Counter

import pytest
from conftest import ROOT
from kit.chapters import MORE, chapters, executed_path, source_path
from kit.notebooks import declared_parameters, read_source
from kit.parameters import (
    check_parameters,
    declared_comment,
    describe_parameters,
    settings_table,
    with_declared_comments,
)

from memlib.papers.chaibub_neto_2018.figures import FIGURES, SCALES
from memlib.runs.study import find_study, resolve, studies

N_PARAMETERS = 12  # at most, besides `more`
PUBLIC = {"memlib", "memlib.report"}  # what every notebook may import
ROOMS = {"reference": {"memlib.bench"}}  # and what a folder may besides; a paper's its own


@pytest.mark.parametrize("figure", FIGURES)
def test_figure_s_notebook_has_few_parameters_and_a_place_for_all_others(figure):
    declared = declared_parameters(source_path(figure))
    changeable = set(find_study(figure).settings.changeable())
    assert set(declared) - {"scale", MORE} < changeable
    assert len(declared) <= N_PARAMETERS + 1
    assert declared[MORE].default == {}


@pytest.mark.parametrize("figure", FIGURES)
def test_a_setting_is_explained_in_one_place(figure, monkeypatch):
    text = source_path(figure).read_text(encoding="utf-8")
    assert with_declared_comments(figure, text) == text
    for name, parameter in declared_parameters(source_path(figure)).items():
        assert parameter.comment == declared_comment(figure, name)
    settings, lines = find_study(figure).settings, describe_parameters(figure)
    for name in settings.changeable():
        assert f"| `{name}` | {declared_comment(figure, name)} |" in settings_table(figure)
        assert f"  {name} = " in lines
    monkeypatch.setattr(settings.model_fields["seed"], "description", "another word")
    assert "seed: int = 0  # another word\n" in with_declared_comments(figure, text)
    assert "| another word |" in settings_table(figure)


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("scale", SCALES)
def test_notebooks_defaults_resolve_to_the_figures_own(figure, scale):
    declared = declared_parameters(source_path(figure))
    defaults = {name: parameter.default for name, parameter in declared.items()}
    assert defaults["scale"] in SCALES
    given = check_parameters(figure, defaults | {"scale": scale})
    assert resolve(figure, **given) == resolve(figure, scale)


@pytest.mark.parametrize("figure", FIGURES)
def test_figure_s_notebook_hands_every_parameter_on(figure):
    cells = [cell.source for cell in read_source(source_path(figure)).cells]
    (call,) = [
        node
        for source in cells
        if source.startswith("result = run_figure(")
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
    ]
    handed = {one.arg: ast.unparse(one.value) for one in call.keywords}
    assert handed.pop(None) == MORE
    assert handed == {name: name for name in handed}
    assert {"scale", MORE, *handed} == set(declared_parameters(source_path(figure)))


@pytest.mark.parametrize("chapter", chapters())
def test_every_parameter_has_a_type_a_reason_and_a_default_of_its_type(chapter):
    for parameter in declared_parameters(source_path(chapter)).values():
        assert parameter.annotation
        assert parameter.comment
        check_parameters(chapter, {parameter.name: parameter.default})


def code_of(chapter):
    """The code of a chapter: its cells, and the solutions of its exercises."""
    for cell in read_source(source_path(chapter)).cells:
        if cell.cell_type == "code":
            yield cell.source
        else:
            yield from re.findall(r"```python\n(.*?)\n```", cell.source, re.DOTALL)


@pytest.mark.parametrize("chapter", chapters())
def test_notebooks_import_what_is_public(chapter):
    folder = source_path(chapter).parent.name
    papers = {f"memlib.papers.{name}" for name in studies()}
    if folder in studies():
        papers = {f"memlib.papers.{folder}"}
    imported = {
        node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
        for code in code_of(chapter)
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    ours = {name for name in imported if name.split(".")[0] in ("memlib", "kit")}
    assert ours <= PUBLIC | papers | ROOMS.get(folder, set())


@pytest.mark.parametrize("chapter", chapters())
def test_cells_are_short(chapter):
    for cell in read_source(source_path(chapter)).cells:
        if cell.cell_type == "code":
            assert len(cell.source.splitlines()) <= 15, cell.source


def test_nothing_is_said_in_three_notebooks_in_the_same_words():
    said = Counter()
    for chapter in chapters():
        cells = read_source(source_path(chapter)).cells
        prose = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        prose = re.sub(r"```.*?```", "", prose, flags=re.DOTALL)
        sentences = re.split(r"(?<=[.:?!])\s+|\n\n", prose)
        said.update({" ".join(one.split()) for one in sentences if len(one.split()) > 7})
    assert [one for one, n in said.items() if n > 2] == []


def test_folders_are_subjects():
    folders = {path.name for path in (ROOT / "notebooks").iterdir() if path.is_dir()}
    assert folders == {"method", "your_network", "reference", *studies()} & folders
    assert folders >= {"method", "chaibub_neto_2018", "your_network", "reference"}
    names = [path.stem for path in (ROOT / "notebooks").glob("**/*.py")]
    assert sorted(names) == sorted(chapters()), "two notebooks have one name, or lie too deep"


@pytest.mark.parametrize(
    ("chapter", "given", "same"),
    [
        ("fig1", {"scale": "smoke"}, False),
        ("fig1", {"seed": 1}, False),
        ("fig1", {"seed": 0}, True),
        ("algorithm_1_by_hand", {"n_trees": 5}, False),
        ("fig2", {}, False),
    ],
)
def test_executed_notebook_is_kept_apart_by_its_parameters(results_folder, chapter, given, same):
    reference = executed_path("fig1" if chapter == "fig2" else chapter, {})
    path = executed_path(chapter, given)
    assert path.is_relative_to(results_folder)
    assert (path == reference) is same
