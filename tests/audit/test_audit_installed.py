"""memlib.audit works from a plain install: no checkout, no room of runs, no torch to read."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import memlib
from memlib.audit import audit

PACKAGE = Path(memlib.__file__).parent
ASKING = """
import numpy as np
from sklearn.neural_network import MLPClassifier
from memlib.audit import audit
inputs, labels = np.random.default_rng(0).normal(size=(60, 12)), np.arange(60) % 2
network = MLPClassifier((8,), max_iter=5, random_state=0).fit(inputs, labels)
answer = audit(network, (inputs, labels), classifier="nearest_neighbours")
print(answer)
print(answer.to_html("answer.html"))
print(answer.to_netcdf("answer.nc"))
import sys
print([name for name in sys.modules if name.startswith(("memlib.runs", "memlib.papers"))])
"""
READING = """
import sys
from memlib.audit import read_audit
answer = read_audit("answer.nc")
print(answer.table(), answer.plot(), answer.to_html("again.html"))
print([name for name in sys.modules if name in ("torch", "numba", "sklearn")])
"""


def run(code, folder):
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip().splitlines()


def test_it_works_without_a_checkout_and_is_read_without_torch(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "memlib", ignore=shutil.ignore_patterns("__pycache__"))
    said = run(ASKING, tmp_path)
    assert said[0].startswith("last hidden layer of MLPClassifier, 8 features. Learned:")
    assert said[-3:] == ["answer.html", "answer.nc", "[]"]
    assert run(READING, tmp_path)[-1] == "[]"
    first, again = ((tmp_path / f"{name}.html").read_text() for name in ("answer", "again"))
    assert first == again


def test_five_lines_of_a_torchvision_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    from torchvision import datasets, models, transforms

    images = datasets.FakeData(48, (3, 32, 32), 3, transforms.ToTensor())
    answer = audit(models.resnet18(num_classes=3), images, n_trees=10, progress=False)
    assert answer.to_html("answer.html").is_file()
    said = str(answer).splitlines()
    assert said[0].startswith("layer 'fc', 512 features. Learned:")
    assert said[1].startswith("beside it, untrained: layer 'fc', 512 features.")
    assert said[2].startswith("beside it, raw inputs: the inputs, 3,072 values projected at random")


def test_the_reports_page_is_packed():
    text = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert "audit/*.html" in tomllib.loads(text)["tool"]["setuptools"]["package-data"]["memlib"]
