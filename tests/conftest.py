"""Fixtures that several test files share."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import site_checks

if TYPE_CHECKING:
    import xarray as xr

ROOT = Path(__file__).resolve().parents[1]


def one_line(error: pytest.ExceptionInfo) -> str:
    """Return an error's words, which have to be one line."""
    text = str(error.value)
    assert text
    assert "\n" not in text
    return text


@pytest.fixture
def results_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A results folder of the test's own, so that no test reads or writes another's pieces."""
    folder = tmp_path / "results"
    monkeypatch.setenv("MEMLIB_RESULTS", str(folder))
    return folder


@pytest.fixture(scope="session")
def built_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real book at smoke scale, in a copy of its sources; built once (tests share a group).

    What `make book` has computed of the same code, data and parameters is not computed again.
    """
    from kit.publish import publish_book

    from memlib.base import files

    if "PYTEST_XDIST_WORKER" in os.environ:
        # Fails in a second worker, which shares this folder: groups of tests are not kept together.
        (tmp_path_factory.getbasetemp().parent / "site-is-built").touch(exist_ok=False)
    folder = tmp_path_factory.mktemp("book")
    generated = shutil.ignore_patterns("chapters", "_generated", "_site", "_build", "__pycache__")
    shutil.copytree(ROOT / "book", folder / "book", ignore=generated)
    unfinished = shutil.ignore_patterns("*.part", "begun")
    if files.results_dir().is_dir():
        shutil.copytree(
            files.results_dir(), folder / "results", ignore=unfinished, copy_function=_link
        )
    before = os.environ.get("MEMLIB_RESULTS")
    os.environ["MEMLIB_RESULTS"] = str(folder / "results")
    try:
        return publish_book("smoke", {}, folder=folder / "book").parent
    finally:
        os.environ.pop("MEMLIB_RESULTS")
        if before is not None:
            os.environ["MEMLIB_RESULTS"] = before


@pytest.fixture(scope="session")
def small_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small book and its site (`tiny_book`), built once: tests share a group."""
    from tiny_book import build_small, execute_chapters, write_book

    folder = tmp_path_factory.mktemp("small")
    build_small(execute_chapters(folder), write_book(folder / "book"), folder / "site")
    return folder


def _link(source: str, target: str) -> None:
    """Give a finished file a second name; stored files are replaced, never written into."""
    try:
        os.link(source, target)
    except OSError:  # another disk
        shutil.copy2(source, target)


@pytest.fixture(scope="session")
def site_results(built_site: Path) -> dict[str, Any]:
    """The results that made the site: panels by figure."""
    from memlib.results.schema import panels_of
    from memlib.runs.figure import read_result

    paths = sorted((built_site.parent.parent / "results").glob("fig*-smoke-*.nc"))
    trees = [read_result(path) for path in paths]
    return {tree.attrs["figure"]: panels_of(tree) for tree in trees}


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of an installed browser; without one the test is skipped."""
    pytest.importorskip("playwright")
    path = site_checks.find_chromium()
    if path is None:
        pytest.skip("no Chromium: install one or set MEMLIB_CHROMIUM")
    return path


@pytest.fixture(scope="session")
def looked(built_site: Path, chromium: str) -> tuple[list[str], dict[str, Any]]:
    """What a browser finds on all pages of the site: see `site_quality.look_through`."""
    import site_quality

    pytest.importorskip("axe_playwright_python")
    return site_quality.look_through(built_site, chromium)


@pytest.fixture(scope="module")  # in one process playwright runs once at a time
def browser(chromium: str) -> Iterator[Any]:
    """A real browser, for `open_page`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=chromium, args=site_checks.FLAGS)
        yield one
        one.close()


@pytest.fixture
def open_page(browser: Any, built_site: Path) -> Iterator[Callable[..., Any]]:
    """Opens a page of the site; an exception in it fails the test."""
    contexts, errors = [], []

    def open_it(name, address="", *, theme="light", width=1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        context.add_init_script(
            f"localStorage.setItem('mode','{theme}');localStorage.setItem('theme','{theme}')"
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((built_site / f"{name}.html").resolve().as_uri() + address)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Callable[..., Any]]:
    """Evaluate an expression of the live page's ``core`` and of arguments, in the browser."""
    import numpy as np
    from live_book import open_page

    folder = tmp_path_factory.mktemp("core")
    names = ("random.js", "network.js", "null.js", "worker.js")
    for name in names:
        shutil.copy(ROOT / "book" / "kit" / "pages" / "live" / name, folder)
    scripts = "".join(f"<script src='{name}'></script>" for name in names)
    page = folder / "core.html"
    page.write_text(f"<!doctype html><title>core</title>{scripts}")
    with open_page(chromium, page.as_uri()) as (browser_page, heard):

        def call(body, **arguments):
            """Evaluate an expression of `core` and the arguments; arrays travel as lists."""
            plain = {
                name: value.ravel().tolist() if isinstance(value, np.ndarray) else value
                for name, value in arguments.items()
            }
            names = ", ".join(plain)
            return browser_page.evaluate(
                f"({{{names}}}) => {{ const core = memlibCore(); return ({body}); }}", plain
            )

        yield call
        assert heard.problems == []


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Hold torch to one thread, as every worker is: sums keep their order, and cores are free."""
    from memlib.base.parallel import one_thread as limits

    with limits():
        yield


@pytest.fixture(scope="session")
def finished_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, "xr.DataTree"]:
    """A folder in which the tiny Fig. 1 was run without disturbance, and its result."""
    from tiny_runs import run

    folder = tmp_path_factory.mktemp("finished") / "results"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMLIB_RESULTS", str(folder))
        return folder, run()


@pytest.fixture
def finished(finished_once: tuple[Path, "xr.DataTree"], results_folder: Path) -> "xr.DataTree":
    """The result of the tiny Fig. 1; the test's own folder holds a copy of all its files."""
    shutil.copytree(finished_once[0], results_folder)
    return finished_once[1]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What is trained (after, last epoch) and fitted (epoch, labellings, strengths)."""
    import memlib.papers.chaibub_neto_2018.measures
    import memlib.training.loop

    done = SimpleNamespace(trained=[], fitted=[])
    train, score = (
        memlib.training.loop.train_network,
        memlib.papers.chaibub_neto_2018.measures.score_network,
    )

    def watched_train(*arguments, epochs, after, **options):
        epochs = list(epochs)
        done.trained.append((after, epochs[-1]))
        return train(*arguments, epochs=epochs, after=after, **options)

    def watched_score(network, data, labellings, *, perturbations, epoch, **options):
        done.fitted.append((epoch, list(labellings), list(perturbations)))
        return score(network, data, labellings, perturbations=perturbations, epoch=epoch, **options)

    monkeypatch.setattr(memlib.training.loop, "train_network", watched_train)
    monkeypatch.setattr(memlib.papers.chaibub_neto_2018.measures, "score_network", watched_score)
    return done
