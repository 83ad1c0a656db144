"""The files that publish: citation, CODECHECK manifest, workflow, Binder's set-up, licences."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from kit.repository import SITE, SOURCES, VARIABLE
from pybtex.database import parse_file
from test_project import COMMANDS

from memlib.base.version import __version__
from memlib.papers.chaibub_neto_2018.figures import FIGURES

CITED = ("chaibubneto2018", "arpit2017", "gutresp2019")
WORKFLOW = ROOT / ".github" / "workflows" / "book.yml"


@pytest.fixture(scope="module")
def citation():
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def bibliography():
    return parse_file(str(ROOT / "book" / "references.bib")).entries


def plain(people):
    """Authors as (family, given) names, TeX's accents resolved."""
    return [
        (
            " ".join(map(str, one.rich_last_names)),
            " ".join(map(str, [*one.rich_first_names, *one.rich_middle_names])),
        )
        for one in people
    ]


def test_citation_has_what_the_format_requires(citation):
    assert citation["cff-version"] == "1.2.0"
    for key in ("message", "title", "authors"):
        assert citation[key]
    assert citation["version"] == __version__
    assert citation["license"] == "MIT"
    for one in citation["references"]:
        assert {"type", "title", "authors"} <= set(one)


@pytest.mark.parametrize("number", range(len(CITED)))
def test_cited_papers_are_those_of_the_bibliography(citation, bibliography, number):
    assert len(citation["references"]) == len(CITED)
    one, entry = citation["references"][number], bibliography[CITED[number]]
    assert one["title"] == entry.fields["title"]
    assert str(one["year"]) == entry.fields["year"]
    assert one["url"] == entry.fields["url"]
    names = [(author["family-names"], author["given-names"]) for author in one["authors"]]
    assert names == plain(entry.persons["author"])
    if "pages" in entry.fields:
        assert f"{one['start']}--{one['end']}" == entry.fields["pages"]
    place = one.get("journal", one.get("collection-title"))
    assert place == entry.fields.get("journal", entry.fields.get("booktitle"))


def test_codecheck_manifest_names_the_paper_and_every_figure(bibliography):
    text = (ROOT / "codecheck.yml").read_text(encoding="utf-8")
    assert text.startswith("---\n")
    check = yaml.safe_load(text)
    entry = bibliography["chaibubneto2018"]
    assert check["paper"]["title"] == entry.fields["title"]
    assert check["paper"]["reference"] == entry.fields["url"]
    names = [author["name"] for author in check["paper"]["authors"]]
    assert names == [f"{given} {family}" for family, given in plain(entry.persons["author"])]
    listed = {one["file"] for one in check["manifest"]}
    for figure in FIGURES:
        assert {f"book/_site/downloads/{figure}.{kind}" for kind in ("nc", "svg")} <= listed


@pytest.mark.xdist_group("site")
def test_codecheck_manifest_exists_after_a_run(built_site):
    check = yaml.safe_load((ROOT / "codecheck.yml").read_text(encoding="utf-8"))
    for one in check["manifest"]:
        path = built_site / Path(one["file"]).relative_to("book/_site")
        assert path.stat().st_size > 0, one["file"]


def test_workflow_runs_the_commands_of_the_readme():
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert set(workflow) == {"name", True, "permissions", "concurrency", "jobs"}  # on: is True
    assert list(workflow["jobs"]) == ["test", "build", "deploy"]
    test, build, deploy = workflow["jobs"].values()
    steps = [step for job in (test, build, deploy) for step in job["steps"]]
    runs = [step["run"] for step in steps if "run" in step]
    assert [run for run in runs if "\n" not in run] == ["make test", "make book"]
    assert {"make test", "make book"} <= set(COMMANDS)
    assert build["needs"] == "test"
    assert deploy["needs"] == "build"
    assert list(build["env"]) == [VARIABLE]


def test_workflow_gives_what_runs_dependencies_no_write_access():
    text = WORKFLOW.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        writes = "permissions" in job
        assert writes == (name == "deploy")
        for step in job["steps"]:
            assert not (writes and "make" in step.get("run", ""))
            if "actions/checkout" in step.get("uses", ""):
                assert not writes  # it moves the built site and runs no code of ours
                assert step["with"]["persist-credentials"] is False
    used = re.findall(r"uses: (.*)", text)
    assert len(used) == 7
    for one in used:  # by commit: a tag can be moved to other code
        assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one), one


def test_workflow_publishes_to_the_branch_that_links_lead_to(tmp_path):
    """Its last step is run as it stands, on a site and a remote of the test's own."""
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert workflow[True]["push"]["branches"] == [SOURCES]
    script = workflow["jobs"]["deploy"]["steps"][-1]["run"]
    assert "${{" in script
    remote, site = tmp_path / "remote.git", tmp_path / "site"
    subprocess.run(["git", "init", "--quiet", "--bare", str(remote)], check=True)
    (site / "_static").mkdir(parents=True)
    (site / "_static" / "custom.css").write_text("a {}")
    (site / ".nojekyll").touch()
    script = script.replace("${{ github.sha }}", "0123")
    address = '"https://x-access-token:$TOKEN@github.com/${{ github.repository }}"'
    assert address in script
    for text in ("{}", '{"again": 1}'):  # the second time onto what the first pushed
        (site / "fig1.ipynb").write_text(text)
        shutil.rmtree(site / ".git", ignore_errors=True)
        subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script.replace(address, str(remote))],
            cwd=tmp_path,
            check=True,
        )
    shown = ["git", "-C", str(remote), "ls-tree", "-r", "--name-only", SITE]
    listed = subprocess.run(shown, capture_output=True, text=True, check=True).stdout.split()
    assert sorted(listed) == [".nojekyll", "_static/custom.css", "fig1.ipynb"]
    shown = ["git", "-C", str(remote), "show", f"{SITE}:fig1.ipynb"]
    assert subprocess.run(shown, capture_output=True, text=True).stdout == '{"again": 1}'


def test_binder_opens_text_files_as_notebooks(tmp_path):
    environment = os.environ | {
        "HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "JUPYTER_CONFIG_DIR": str(tmp_path / "jupyter"),
    }
    subprocess.run([str(ROOT / "postBuild")], env=environment, check=True, capture_output=True)
    (written,) = tmp_path.rglob("default_setting_overrides.json")
    viewers = json.loads(written.read_text())["@jupyterlab/docmanager-extension:plugin"]
    assert viewers["defaultViewers"]["python"] == "Jupytext Notebook"
    # A folder of this name would make Binder pass over environment.yml and postBuild.
    assert not any((ROOT / name).exists() for name in ("binder", ".binder"))


@pytest.mark.xdist_group("site")
def test_licences_are_stated_where_readers_look(built_site):
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    text = (ROOT / "LICENSE-TEXT.md").read_text()
    readme = (ROOT / "README.md").read_text()
    licence = "https://creativecommons.org/licenses/by/4.0/"
    assert licence in text
    for name in ("LICENSE-TEXT.md", "CITATION.cff", "CONTRIBUTING.md"):
        assert name in readme
    page = (built_site / "chapters" / "fig1.html").read_text(encoding="utf-8")
    assert licence in page
    from fontTools.ttLib import TTFont

    names = TTFont(built_site / "_static" / "formulas.ttf")["name"]
    assert "SIL Open Font License" in names.getDebugName(13)
