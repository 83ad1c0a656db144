"""Where the book is public: one setting, from which all addresses follow."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import yaml

from memlib.base.errors import InputError

SETTING = "memlib_repository"  # in book/_config.yml, under sphinx: config:
VARIABLE = "MEMLIB_REPOSITORY"  # stands in for it, so that a fork publishes under its own name
SOURCES, SITE = "main", "gh-pages"  # branches: what is edited, and the built site


@dataclass(frozen=True)
class Repository:
    """A public repository of this project on GitHub."""

    owner: str
    name: str

    @property
    def url(self) -> str:
        """Address of the repository, as it is cloned."""
        return f"https://github.com/{self.owner}/{self.name}"

    @property
    def site(self) -> str:
        """Address of its pages, with a slash at the end."""
        host = f"{self.owner.lower()}.github.io"
        return f"https://{host}/" if self.name.lower() == host else f"https://{host}/{self.name}/"

    def colab(self, page: str) -> str:
        """Return the address that opens a notebook of the built site in Colab.

        Colab reads ``.ipynb`` from a branch; the sources are text, so it is the site's branch.
        """
        place = f"{self.owner}/{self.name}/blob/{SITE}/{page}"
        return f"https://colab.research.google.com/github/{place}"

    def binder(self, path: str) -> str:
        """Return the address that opens a file of the sources on Binder."""
        place = f"{self.owner}/{self.name}/{SOURCES}"
        return f"https://mybinder.org/v2/gh/{place}?labpath={quote(path, safe='')}"


def parse_repository(url: str) -> Repository | None:
    """Read an address like ``https://github.com/OWNER/NAME``; None for an empty one.

    Raises
    ------
    InputError
        When it is not of that form.

    Examples
    --------
    >>> parse_repository("https://github.com/owner/name").site
    'https://owner.github.io/name/'
    """
    url = url.strip()
    if not url:
        return None
    found = re.fullmatch(r"https://github\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?/?", url)
    if found is None:
        raise InputError(f"{SETTING} = {url!r}: write it as https://github.com/OWNER/NAME")
    return Repository(*found.groups())


def read_repository(book_dir: str | Path) -> Repository | None:
    """Return where a book is public: ``$MEMLIB_REPOSITORY``, else its setting, else None."""
    url = os.environ.get(VARIABLE)
    if url is None:
        text = (Path(book_dir) / "_config.yml").read_text(encoding="utf-8")
        url = yaml.safe_load(text).get("sphinx", {}).get("config", {}).get(SETTING)
    return parse_repository(url or "")
