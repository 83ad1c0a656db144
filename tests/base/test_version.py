"""What results say of the code that made them."""

import subprocess
from importlib.metadata import version

import pytest

from memlib.base.version import __version__, git_commit, installed_version


@pytest.fixture
def checkout(tmp_path):
    """A small checkout of one commit; returns its folder and git."""

    def git(*arguments):
        who = ("-c", "user.name=one", "-c", "user.email=one@example.org")
        command = ["git", "-C", str(tmp_path), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    for name in ("memlib/code.py", "data/results/fig1.nc", "data/images.nc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("before")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    return tmp_path, git("rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("changed", "mark"),
    [
        ("memlib/code.py", "+changes"),
        ("data/images.nc", "+changes"),
        ("data/results/fig1.nc", ""),  # a result that was added changes nothing of the next
        ("notes.txt", ""),  # of no commit, as results in a folder of their own are
    ],
)
def test_commit_says_when_what_computes_was_changed(checkout, changed, mark):
    folder, commit = checkout
    assert git_commit(folder) == commit[:12]
    (folder / changed).write_text("after")
    assert git_commit(folder) == commit[:12] + mark


def test_code_that_is_no_checkout_has_no_commit(tmp_path):
    assert git_commit(tmp_path) == "unknown"


def test_code_installed_within_another_projects_checkout_has_no_commit(checkout):
    folder, _ = checkout
    installed = folder / ".venv" / "site-packages"
    installed.mkdir(parents=True)
    assert git_commit(installed) == "unknown"


def test_versions_are_those_installed():
    assert installed_version("memlib") == version("memlib") == __version__
    assert installed_version("numpy") == version("numpy")
    assert installed_version("no-such-package") == "none"
