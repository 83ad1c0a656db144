"""The version of memlib, and of what it builds on: for packaging, provenance and the book."""

import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from memlib.base.checkout import ROOT

__version__ = "0.1.0"


@cache
def installed_version(package: str) -> str:
    """Return an installed package's version; ``none`` where it is not.

    Results are shown and runs planned without torch; what was made with it has other keys then.
    """
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def git_commit(folder: Path = ROOT) -> str:
    """Return a checkout's commit, with ``+changes`` where files differ, or ``unknown``.

    Results that were added to those that come with the checkout change nothing that is computed.
    """

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != folder.resolve():
            return "unknown"  # installed somewhere within another project's checkout
        commit = git("describe", "--always", "--abbrev=12")
        files = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!data/results")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit}+changes" if files else commit
