"""Render the executed notebooks and the prose around them as a site that needs no internet."""

import hashlib
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote

import nbformat
import yaml

from kit.notebooks import SOURCE_DATE_EPOCH, NotebookError
from kit.repository import read_repository
from kit.sanitise import machine_paths, sanitise
from memlib.base.errors import MemlibError
from memlib.base.keys import PACKAGE

LOADING = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}
INLINED = re.compile(r'src="data:image/svg\+xml,([^"]*)"')
ACTIVE = ("form", "iframe", "object", "embed", "base", "meta", "frame", "applet")
INERT = ("text/x-thebe-config", "application/json")  # data to a browser, not code
KERNEL = re.compile(r"kernelName = '\w+'")  # Jupyter Book says so at the end of each chapter
KEY_FILE = ".memlib-book"  # in the built site: what it was built from, and that it is ours
SUFFIXES = (".md", ".ipynb", ".rst")
PROGRESS_BAR = re.compile(r"\d+%\|[█▏▎▍▌▋▊▉#\s]|it/s[\],]|[█▉]{3}|jupyter-widgets")
# Read by the build and able to change its pages.
PACKAGES = ("jupyter-book", "sphinx", "myst-nb", "sphinx-book-theme", "math-core", "ziamath")


class BookError(MemlibError):
    """The book cannot be built, or what was built may not be published."""

    lists_problems = True


def build_book(
    executed: Sequence[str | Path],
    book_dir: str | Path,
    output_dir: str | Path,
    values: Mapping[str, object],
    files: Mapping[str, bytes] | None = None,
    scripts: Mapping[str, str] | None = None,
) -> Path:
    """Build the site, and replace the one in place only when the new one passes every check.

    Nothing is done when the site was built from the same notebooks, values, pages, code and tools.
    Otherwise it is built from nothing: Sphinx repeats no warning for a page it does not read
    again, so that an incremental build can turn green with a broken link in it.

    Parameters
    ----------
    executed : sequence of path
        Executed notebooks; each becomes ``chapters/NAME`` in the table of contents.
    book_dir : path
        Folder with ``_config.yml``, ``_toc.yml`` and the pages. Its ``chapters`` and
        ``_generated`` are written here.
    output_dir : path
        The site. A folder that holds something else is refused.
    values : mapping
        Numbers and short texts for ``{{ name }}`` in the prose; nested mappings are reached by
        dots. A name that prose uses and `values` lacks fails the build.
    files : mapping of str to bytes, optional
        Further files of the site, by their path in it: what pages offer for download.
    scripts : mapping, optional
        Text by path, ``PAGE/data.js``: what the scripts of interactive pages show.

    Returns
    -------
    Path
        The site's ``index.html``.

    Raises
    ------
    BookError
        With one line a problem: a missing chapter, a warning of Sphinx, or what `check_site` finds.
    NotebookError
        When a notebook holds an error or a machine path.
    """
    book_dir, output_dir = Path(book_dir).resolve(), Path(output_dir).resolve()
    chapters = _read_chapters(executed)
    try:
        numbers = json.dumps(values, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise BookError(f"values for the prose: {error}") from None
    index, key_file = output_dir / "index.html", output_dir / KEY_FILE
    if output_dir.exists() and any(output_dir.iterdir()) and not key_file.is_file():
        raise BookError(f"{output_dir} holds something that is not a memlib book: left as it is")
    generated: dict[str, bytes] = {"values.json": numbers.encode()}
    generated |= {f"static/{name}": text.encode() for name, text in (scripts or {}).items()}
    generated |= {f"files/{name}": content for name, content in (files or {}).items()}
    _write_files(book_dir / "_generated", generated)
    _write_files(book_dir / "chapters", {name: one.encode() for name, one in chapters.items()})
    pages = _pages(book_dir, chapters)
    key = _digest(book_dir)
    complete = all((output_dir / f"{page}.html").is_file() for page in pages)
    if complete and key_file.is_file() and key_file.read_text() == key:
        return index
    output_dir.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".book-", dir=output_dir.parent) as scratch:
        site = _run_sphinx(book_dir, Path(scratch))
        # The theme's page templates, which only look like pages, and maps for its own debugging.
        for left in [*site.glob("_static/**/*.map"), *site.glob("_static/*.html")]:
            left.unlink()
        _put_pictures_apart(site)
        if files:
            shutil.copytree(book_dir / "_generated" / "files", site, dirs_exist_ok=True)
        (site / ".nojekyll").touch()  # GitHub's pages would leave out every name that begins with _
        sources = {page: book_dir / f"{page}.md" for page in pages if "/" not in page}
        brought = {
            page: source.read_text("utf-8") for page, source in sources.items() if source.is_file()
        }
        if problems := check_site(site, pages, brought):
            raise BookError("\n".join(problems))
        (site / KEY_FILE).write_text(key)
        _swap(site, output_dir, Path(scratch) / "replaced")
    return index


def check_site(
    site: str | Path, pages: Sequence[str], brought: Mapping[str, str] | None = None
) -> list[str]:
    """Look through a built site for what Sphinx does not mind.

    Parameters
    ----------
    site : path
        Folder with the pages.
    pages : sequence of str
        Names that have to be there, without ``.html``.
    brought : mapping, optional
        Source by page of those that are written for the book: tags in it are its own.

    Returns
    -------
    list of str
        One line a problem, empty for a good site: a page missing, the output of an error, a
        machine path, the remains of a progress bar, a file asked of another host, a script, form
        or handler of events in a page's own text: what the book brings of these, it adds around it.
    """
    site = Path(site)
    problems = [f"{p}: page is missing" for p in pages if not (site / f"{p}.html").is_file()]
    for file in sorted(site.rglob("*.html")):
        text, name = file.read_text(encoding="utf-8"), file.relative_to(site).as_posix()
        page = _Page()
        page.feed(text)
        problems += [f"{name}: asks another host for {url}" for url in page.external]
        problems += [f"{name}: output of an error" for _ in range(page.errors)]
        article = _Article((brought or {}).get(name.removesuffix(".html"), ""))
        if "<article" in text:  # the search page has none, and no text of ours
            article.feed(text[text.find("<article") : text.rfind("</article>")])
            article.close()
        problems += [f"{name}: {one} in the text" for one in article.active]
        problems += [f"{name}: machine path {path}" for path in machine_paths(text)]
        if bar := PROGRESS_BAR.search("".join(page.text)):
            problems.append(f"{name}: progress bar {bar[0]!r}")
    return list(dict.fromkeys(problems))


class _Page(html.parser.HTMLParser):
    """What a page loads, shows as text, and shows as a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self.external: list[str] = []
        self.text: list[str] = []
        self.errors = 0
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in ("script", "style")
        found = {name: value or "" for name, value in attrs}
        url = found.get(LOADING.get(tag, ""), "")
        if re.match(r"(?:https?:)?//", url) and found.get("rel") != "canonical":
            self.external.append(url)
        self.errors += bool({"traceback", "pytb"} & set(re.split(r"[\s-]", found.get("class", ""))))

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.text.append(data)


class _Article(html.parser.HTMLParser):
    """What could act in a page's own text, but for tags that the page's source brings as such."""

    def __init__(self, brought: str) -> None:
        super().__init__()
        self.brought = brought
        self.active: list[str] = []
        self.script: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if (self.get_starttag_text() or tag) in self.brought:
            return
        if tag == "script" and found.get("type", "") not in INERT:
            self.script = found.get("src", "")
            if self.script:
                self.active.append(f"script {self.script[:60]!r}")
        elif tag in ACTIVE:
            self.active.append(f"<{tag}>")
        for name, value in found.items():
            address = "".join(value.split()).lower()
            if name.startswith("on"):
                self.active.append(f"handler {name}={value[:60]!r}")
            elif address.startswith(("javascript:", "vbscript:", "data:text/html")):
                self.active.append(f"link {value[:60]!r}")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self.script = None

    def handle_data(self, data: str) -> None:
        if self.script is not None and data.strip() and not KERNEL.fullmatch(data.strip()):
            self.active.append(f"script {data.strip()[:60]!r}")


def _read_chapters(executed: Sequence[str | Path]) -> dict[str, str]:
    """Clean each notebook and write it as text, by file name."""
    chapters: dict[str, str] = {}
    for path in map(Path, executed):
        if path.name in chapters:
            raise BookError(f"two notebooks are called {path.name}")
        try:
            chapters[path.name] = (
                nbformat.writes(sanitise(nbformat.read(path, as_version=4))) + "\n"
            )
        except NotebookError as error:
            raise NotebookError(f"{path.name}: {error}") from None
        except OSError:
            raise BookError(f"no executed notebook {path.name}") from None
    return chapters


def _digest(book_dir: Path) -> str:
    """Hash everything a build reads: pages, chapters, values, this package, the tools."""
    files = {f"memlib/{f.relative_to(PACKAGE)}": f.read_bytes() for f in PACKAGE.rglob("*.py")}
    for file in book_dir.rglob("*"):
        inside = file.relative_to(book_dir)
        if file.is_file() and not {"_build", "_site", "__pycache__"} & set(inside.parts):
            files[f"book/{inside.as_posix()}"] = file.read_bytes()
    files["repository"] = repr(read_repository(book_dir)).encode()
    files |= {f"version/{name}": version(name).encode() for name in PACKAGES}
    digest = hashlib.sha256(sys.version.encode())
    for name in sorted(files):
        digest.update(f"{name} {len(files[name])} ".encode() + files[name])
    return digest.hexdigest()


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a generated folder hold these files, in folders of their own, and no others."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _pages(book_dir: Path, chapters: Mapping[str, str]) -> list[str]:
    """Read the table of contents; every page has to exist, every chapter to be in it."""
    toc = yaml.safe_load((book_dir / "_toc.yml").read_text(encoding="utf-8"))
    pages = [toc["root"], *_entries(toc)]
    missing = [p for p in pages if not any((book_dir / f"{p}{s}").is_file() for s in SUFFIXES)]
    unlisted = [name for name in chapters if f"chapters/{Path(name).stem}" not in pages]
    lines = [f"{page}: in the table of contents, but there is no such page" for page in missing]
    lines += [f"{name}: not in the table of contents" for name in unlisted]
    if lines:
        raise BookError("\n".join(lines))
    return pages


def _entries(node: object) -> list[str]:
    """Collect the ``file:`` entries below a node of the table of contents, in order."""
    if isinstance(node, list):
        return [page for item in node for page in _entries(item)]
    if not isinstance(node, dict):
        return []
    own = [str(node["file"])] if "file" in node else []
    return own + [page for value in node.values() for page in _entries(value)]


def _run_sphinx(book_dir: Path, scratch: Path) -> Path:
    """Run Jupyter Book in a process of its own, with warnings as errors."""
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build"]
    command += [str(book_dir), "--path-output", str(scratch), "-W", "--keep-going", "--all", "-q"]
    package_root = os.pathsep.join((str(PACKAGE.parent), str(book_dir)))
    environment = {
        **os.environ,
        "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", SOURCE_DATE_EPOCH),
        "PYTHONHASHSEED": "0",
        "NO_COLOR": "1",
        # The API page has to describe this package, not another installed copy of it.
        "PYTHONPATH": os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")])),
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    site = scratch / "_build" / "html"
    if done.returncode == 0 and (site / "index.html").is_file():
        return site
    said = re.sub(r"\x1b\[[0-9;]*m", "", f"{done.stderr}\n{done.stdout}")
    said = said.replace(f"{book_dir}{os.sep}", "")
    told = [s for s in said.splitlines() if re.search(r"WARNING|ERROR|CRITICAL|ExtensionError", s)]
    raise BookError("\n".join(dict.fromkeys(told)) or said.strip()[-2000:])


def _put_pictures_apart(site: Path) -> None:
    """Give each inlined picture a file, fetched when it is shown: a page needs one theme's only."""
    (site / "_images").mkdir(exist_ok=True)
    for page in site.rglob("*.html"):

        def apart(found: re.Match[str], up: int = len(page.relative_to(site).parts) - 1) -> str:
            svg = unquote(found[1]).encode()
            name = f"_images/{hashlib.sha256(svg).hexdigest()[:12]}.svg"
            (site / name).write_bytes(svg)
            return f'loading="lazy" src="{"../" * up}{name}"'

        text = page.read_text(encoding="utf-8")
        page.write_text(INLINED.sub(apart, text), encoding="utf-8")


def _swap(site: Path, target: Path, aside: Path) -> None:
    """Put the new site in place of the old one; the old one comes back when that fails."""
    if target.exists():
        target.rename(aside)
    try:
        site.rename(target)
    except OSError:
        if aside.exists():
            aside.rename(target)
        raise
