"""Fixtures that several test files share."""

from pathlib import Path

import pytest


@pytest.fixture
def results_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A results folder of the test's own, so that no test reads or writes another's pieces."""
    folder = tmp_path / "results"
    monkeypatch.setenv("MEMLIB_RESULTS", str(folder))
    return folder
