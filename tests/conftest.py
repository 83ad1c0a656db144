"""Fixtures that several test files share."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import site_checks

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def results_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A results folder of the test's own, so that no test reads or writes another's pieces."""
    folder = tmp_path / "results"
    monkeypatch.setenv("MEMLIB_RESULTS", str(folder))
    return folder


@pytest.fixture(scope="session")
def built_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real book at smoke scale, in a copy of its sources; built once (tests share a group)."""
    from memlib.publish import publish_book

    folder = tmp_path_factory.mktemp("book")
    generated = shutil.ignore_patterns("chapters", "_generated", "_site", "_build", "__pycache__")
    shutil.copytree(ROOT / "book", folder / "book", ignore=generated)
    before = os.environ.get("MEMLIB_RESULTS")
    os.environ["MEMLIB_RESULTS"] = str(folder / "results")
    try:
        return publish_book("smoke", {}, folder=folder / "book").parent
    finally:
        os.environ.pop("MEMLIB_RESULTS")
        if before is not None:
            os.environ["MEMLIB_RESULTS"] = before


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of an installed browser; without one the test is skipped."""
    pytest.importorskip("playwright")
    path = site_checks.find_chromium()
    if path is None:
        pytest.skip("no Chromium: install one or set MEMLIB_CHROMIUM")
    return path


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Hold torch to one thread, as every worker is: sums keep their order, and cores are free."""
    from memlib.bench_timing import one_thread as limits

    with limits():
        yield
