"""What stands below a figure: files that hold what they say, commands that make what is shown."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import nbformat
import pytest
from click.testing import CliRunner
from conftest import ROOT
from kit.colab import SET_UP, colab_notebook
from kit.downloads import accounts_table, add_downloads, commands_of
from kit.notebooks import NotebookError, read_source
from kit.repository import parse_repository, read_repository
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from memlib.base.errors import InputError
from memlib.cli.main import main
from memlib.papers.chaibub_neto_2018.figures import FIGURES, SCALES
from memlib.papers.chaibub_neto_2018.pictures import show_figure
from memlib.results.schema import panels_of
from memlib.runs import shipped
from memlib.runs.commands import arguments_of
from memlib.runs.figure import read_result, run_figure
from memlib.runs.plan import plan
from memlib.runs.study import resolve

SIZE = {"n_images": 100, "n_validation_images": 60, "epochs": 4, "cnn_epochs": 1}
SIZE |= {"n_measured_epochs": 2, "n_permutations": 6, "n_trees": 5, "n_seeds": 1}
PUBLIC = parse_repository("https://github.com/Owner/book")
SOURCES = ROOT / "notebooks" / "chaibub_neto_2018"
SOURCE = SOURCES / "fig1.py"


def below(site: Path, figure: str) -> str:
    """HTML of what is offered below the figure of the chapter's own run."""
    page = (site / "chapters" / f"{figure}.html").read_text(encoding="utf-8")
    part = page.partition(f'<figure class="memlib-figure" id="{figure}"')[2]
    return part.split('class="memlib-downloads')[1].split("</details>")[0]


def command_of(html: str) -> str:
    shown = re.search(r"<pre>(.*?)</pre>", html, re.DOTALL)[1]
    return unescape(re.sub(r"<[^>]+>", "", shown)).strip()


# On the built site


@pytest.mark.xdist_group("site")
@pytest.mark.parametrize("figure", FIGURES)
def test_command_below_a_figure_makes_the_dataset_offered_there(built_site, figure, monkeypatch):
    results = built_site.parents[1] / "results"
    monkeypatch.setenv("MEMLIB_RESULTS", str(results))
    offered = (built_site / "downloads" / f"{figure}.nc").read_bytes()
    command = command_of(below(built_site, figure))
    assert command.startswith("memlib run ")
    done = CliRunner().invoke(main, shlex.split(command)[1:])
    assert done.exit_code == 0, done.output
    path, *reused = re.search(r"^dataset +(.*\.nc)(  \(reused)?", done.output, re.M).groups()
    assert reused == ["  (reused"], "the command is not the one that made it"
    assert Path(path).read_bytes() == offered


@pytest.mark.xdist_group("site")
@pytest.mark.parametrize("figure", FIGURES)
def test_files_below_a_figure_hold_what_is_shown(built_site, figure):
    folder = built_site / "downloads"
    page = (built_site / "chapters" / f"{figure}.html").read_text(encoding="utf-8")
    for key in re.findall(r'<figure class="memlib-figure" id="([\w-]+)"', page):
        tree = read_result(folder / f"{key}.nc")
        assert tree.attrs["figure"] == figure
        light, dark = re.findall(rf'id="{key}".*?</figure>', page, re.DOTALL)[0].split("<img")[1:]
        for html, name in ((light, f"{key}.svg"), (dark, f"{key}-dark.svg")):
            text = (folder / name).read_text(encoding="utf-8")
            ElementTree.fromstring(text)
            source = re.search(r'src="\.\./(_images/\w+\.svg)"', html)[1]
            assert (built_site / source).read_text(encoding="utf-8") == text
    source = (folder / f"{figure}.py").read_bytes()
    assert source == (SOURCES / f"{figure}.py").read_bytes()
    notebook = nbformat.read(folder / f"{figure}.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert any("memlib-figure" in json.dumps(cell) for cell in notebook.cells)
    assert "memlib-downloads" not in json.dumps(notebook)


@pytest.mark.xdist_group("site")
@pytest.mark.parametrize("figure", FIGURES)
def test_fold_below_a_figure_says_how_it_was_made(built_site, figure):
    html = below(built_site, figure)
    tree = read_result(built_site / "downloads" / f"{figure}.nc")
    assert "How this figure was made" in html
    for name in ("git_commit", "device", "created", "memlib_version", "torch_version"):
        assert tree.attrs[name] in html
    for word in ("running time", "seed", "panels", "finished", tree.attrs["data_checksum"][:16]):
        assert word in html


@pytest.mark.xdist_group("site")
def test_links_to_services_wait_for_a_public_repository(built_site):
    assert read_repository(ROOT / "book") is None
    for page in built_site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "colab.research" not in text
        assert "mybinder" not in text


# Commands and accounts


@pytest.fixture
def small(results_folder, tmp_path, monkeypatch):
    """A scale of seconds in place of a tenth of the paper's, and a folder of its own."""
    monkeypatch.setattr(shipped, "shipped_folder", lambda: tmp_path / "shipped")
    monkeypatch.setitem(
        SCALES, "tenth", replace(SCALES["tenth"], settings={**SCALES["tenth"].settings, **SIZE})
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"seed": 3, "n_seeds": 2, "panels": ["d"]},
        {"optimizer": "rmsprop"},
        {"optimizer": "rmsprop", "learning_rate": 0.01},
        {"perturbation_kind": "rotate", "perturbations": [5.0, 15.0], "device": "cpu"},
    ],
)
@pytest.mark.parametrize("figure", ["fig1", "fig3", "fig4"])
def test_arguments_give_the_parameters_back(figure, changes):
    from kit.parameters import parse_assignments

    settings = resolve(figure, "teaching", **changes)
    words = shlex.split(arguments_of(settings.model_dump(mode="json")))
    name, options = words[0], words[1:]
    given = dict(zip(options[0::2], options[1::2], strict=True))
    panels = {"panels": given["--panels"].split(",")} if "--panels" in given else {}
    pairs = [b for a, b in zip(options[0::2], options[1::2], strict=True) if a == "-p"]
    again = resolve(name, given["--scale"], **panels, **parse_assignments(pairs))
    assert again == settings
    assert len(pairs) <= len(changes)


def test_a_shipped_result_names_a_command_for_each_way_it_was_made(small):
    shipped.ship(run_figure("fig4", "tenth", n_jobs=1, progress=False, panels=["a", "d"]))
    path = shipped.ship(
        run_figure("fig4", "tenth", n_jobs=1, progress=False, panels=["b"], epochs=2)
    )
    tree = read_result(path)
    assert commands_of(tree) == [
        "memlib run fig4 --scale tenth --panels a,d",
        "memlib ship fig4 --scale tenth --panels a,d",
        "memlib run fig4 --scale tenth --panels b -p epochs=2",
        "memlib ship fig4 --scale tenth --panels b -p epochs=2",
    ]
    rows = dict(line.strip("| ").split(" | ", 1) for line in accounts_table(tree).splitlines())
    assert sorted(", ".join(rows["panels"].split(" | ")).split(", ")) == ["a", "b", "d"]
    assert tree.attrs["device"] in rows["device"]
    times = [float(dataset.attrs["compute_seconds"]) for dataset in panels_of(tree).values()]
    shown = [float(one) for one in re.findall(r"([\d.]+) seconds", rows["running time"])]
    assert sum(shown) == pytest.approx(sum(times), abs=len(shown))


# The cells, with and without a public repository


@pytest.fixture
def chapter(results_folder):
    """A chapter's notebook with one real figure, and the file of its dataset."""
    changes = {**SIZE, "panels": ["a"]}
    tree = run_figure("fig1", "smoke", n_jobs=1, progress=False, **changes)
    html = {"text/html": show_figure(tree)._repr_html_()}
    shown = new_code_cell("show_figure(result)", outputs=[new_output("display_data", html)])
    notebook = new_notebook(cells=[new_markdown_cell("# Figure 1"), shown, new_markdown_cell("x")])
    return notebook, plan(resolve("fig1", "smoke", **changes)).path


def test_the_cell_follows_its_figure_and_the_notebook_offered_is_without_it(chapter):
    notebook, dataset = chapter
    added, files = add_downloads("fig1", notebook, SOURCE, {"fig1": dataset})
    assert [cell.cell_type for cell in added.cells] == ["markdown", "code", "markdown", "markdown"]
    assert [cell.source for cell in notebook.cells] == ["# Figure 1", "show_figure(result)", "x"]
    text = added.cells[2].source
    linked = set(re.findall(r'href="\.\./([^"]+)"', text))
    assert linked == set(files)
    assert "Colab" not in text
    assert len(nbformat.reads(files["downloads/fig1.ipynb"].decode(), as_version=4).cells) == 3
    with pytest.raises(NotebookError, match="no dataset is known of the figure 'fig1'"):
        add_downloads("fig1", notebook, SOURCE, {})


def test_one_setting_adds_links_to_notebooks_that_are_there(chapter):
    notebook, dataset = chapter
    added, files = add_downloads("fig1", notebook, SOURCE, {"fig1": dataset}, PUBLIC)
    colab, binder = re.findall(r"\]\((https://[^)]+)\)", added.cells[2].source)
    head, _, page = colab.partition("/blob/gh-pages/")
    assert head == "https://colab.research.google.com/github/Owner/book"
    assert page in files
    assert urlsplit(binder).path == "/v2/gh/Owner/book/main"
    assert (ROOT / unquote(urlsplit(binder).query.removeprefix("labpath="))).is_file()
    offered = nbformat.reads(files[page].decode(), as_version=4)
    nbformat.validate(offered)
    assert "git" in offered.cells[0].source
    sources = [cell.source for cell in read_source(SOURCE).cells]
    assert [cell.source for cell in offered.cells[1:]] == sources


def test_setting_of_the_repository(tmp_path, monkeypatch):
    config = tmp_path / "_config.yml"
    text = (ROOT / "book" / "_config.yml").read_text(encoding="utf-8")
    config.write_text(text.replace('repository: ""', "repository: https://github.com/o/b.git"))
    monkeypatch.delenv("MEMLIB_REPOSITORY", raising=False)
    assert read_repository(tmp_path) == parse_repository("https://github.com/o/b/")
    monkeypatch.setenv("MEMLIB_REPOSITORY", "https://github.com/Fork/fork.github.io")
    assert read_repository(tmp_path).site == "https://fork.github.io/"
    monkeypatch.setenv("MEMLIB_REPOSITORY", "")
    assert read_repository(tmp_path) is None
    with pytest.raises(InputError, match="write it as https://github"):
        parse_repository("github.com/owner")


def test_set_up_of_colab_fetches_the_code_and_asks_for_what_is_lacking(tmp_path):
    """The first cell is run as it stands, on a clone of the files here in place of GitHub's."""
    origin, machine = tmp_path / "origin", tmp_path / "colab"
    machine.mkdir()
    shutil.copytree(ROOT / "memlib", origin / "memlib")
    shutil.copytree(ROOT / "notebooks", origin / "notebooks")
    project = (ROOT / "pyproject.toml").read_text()
    environment = (ROOT / "environment.yml").read_text()
    git = ["git", "-C", str(origin), "-c", "user.name=t", "-c", "user.email=t@example.org"]

    def commit(project, environment):
        (origin / "pyproject.toml").write_text(project)
        (origin / "environment.yml").write_text(environment)
        subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", "all"], check=True)

    def run():
        cell = colab_notebook(SOURCE, PUBLIC).cells[0].source
        assert cell == SET_UP.format(url="https://github.com/Owner/book", branch="main")
        code = cell.replace("https://github.com/Owner/book", origin.as_uri())
        code += "\nimport memlib\nprint(os.getcwd(), memlib.__file__, os.environ['PYTHONPATH'])"
        shutil.rmtree(machine / "memlib-book", ignore_errors=True)
        outside = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        return subprocess.run(
            [sys.executable, "-P", "-c", code],
            capture_output=True,
            text=True,
            cwd=machine,
            env=outside | {"PIP_NO_INDEX": "1"},
        )

    commit(project, environment)
    done = run()
    assert done.returncode == 0, done.stderr
    book = machine / "memlib-book"
    expected = [book / "notebooks", book / "memlib" / "__init__.py", book]
    assert done.stdout.split() == [str(path.resolve()) for path in expected]
    lacked = environment.replace("      - click==", "      - not-here==1.0\n      - click==")
    commit(project.replace('"click",', '"not-here>=1",\n    "click",'), lacked)
    done = run()
    assert done.returncode != 0
    assert "No matching distribution found for not-here==1.0" in done.stderr
