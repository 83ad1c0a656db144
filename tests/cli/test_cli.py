import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from memlib.cli.main import main

ROOT = Path(__file__).resolve().parents[2]


def memlib(*arguments, results, **environment):
    return subprocess.run(
        [sys.executable, "-m", "memlib.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "MEMLIB_RESULTS": str(results), **environment},
        timeout=300,
    )


BAD_INPUT = [
    (["run", "fig1", "-p", "n_permutation=5"], "n_permutation"),
    (["run", "fig1", "-p", "epochs=1e3"], "epochs = 1000.0"),
    (["run", "fig1", "-p", "epochs=many"], "epochs = 'many'"),
    (["run", "fig1", "-p", "epochs=0"], "epochs = 0"),
    (["run", "fig1", "-p", "epochs"], "name=value"),
    (["run", "fig1", "-p", "epochs=3", "-p", "epochs=4"], "-p epochs is given twice"),
    (
        ["run", "fig1", "--panels", "a", "-p", "panels=['d']"],
        "-p panels: give it with --panels, once",
    ),
    (["run", "fig1", "-p", f"epochs={10**30}"], "epochs = 1000000"),
    (["run", "fig1", "--panels", "z"], "'z'"),
    (["run", "fig2", "--panels", "c"], "'c'"),
    (["run", "fig1", "-p", "perturbations=[1.5]"], "1.5"),
    (["run", "fig1", "-p", "perturbations=0.5"], "perturbations = 0.5"),
    (["run", "fig1", "-p", "optimizer=adam"], "adam"),
    (["run", "fig1", "-p", "data=other.nc"], "other.nc"),
    (["run", "fig1", "-p", "n_images=14000"], "12000"),
    (["run", "fig1", "--seed", "-1"], "seed = -1"),
    (["run", "fig1", "--scale", "huge"], "huge"),
    (["run", "fig9"], "fig9"),
    (["run", "algorithm_1_by_hand", "-p", "n_trees=2.5"], "n_trees = 2.5"),
    (["book", "--scale", "huge"], "huge"),
    (["data", "build", "--from", "nowhere", "--output", "x.nc"], "nowhere"),
    (["data", "build", "--classes", "2", "--output", "x.nc"], "classes"),
]


@pytest.mark.parametrize(("arguments", "named"), BAD_INPUT, ids=[" ".join(a) for a, _ in BAD_INPUT])
def test_bad_input_ends_with_one_line_that_names_it(tmp_path, arguments, named):
    done = memlib(*arguments, results=tmp_path / "results")
    assert done.returncode == (2 if "--scale" in arguments else 1)  # click's own code
    assert done.stderr.startswith("memlib: ")
    assert named in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list((tmp_path / "results").rglob("*.npz"))


def test_installed_without_its_checkout_it_measures_and_says_what_it_lacks(tmp_path):
    clone, installed = tmp_path / "clone", tmp_path / "installed"
    shutil.copytree(ROOT / "memlib", clone / "memlib", ignore=shutil.ignore_patterns("__py*"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(installed), str(clone)], check=True, timeout=300)
    shutil.rmtree(clone)
    alone = {**os.environ, "PYTHONPATH": str(installed), "MEMLIB_RESULTS": str(tmp_path / "made")}

    def python(*arguments):
        return subprocess.run(
            [sys.executable, *arguments], capture_output=True, text=True, cwd=tmp_path, env=alone
        )

    for command in (["run", "fig1"], ["claims"], ["data"], ["verify"], ["book"]):
        done = python("-m", "memlib.cli", *command)
        assert done.returncode == 1, command
        assert done.stderr.startswith("memlib: "), done.stderr
        assert "need a clone of its repository" in done.stderr
        assert done.stderr.count("\n") == 1
    program = """
import numpy as np, memlib
features = np.random.default_rng(0).normal(size=(40, 3))
labels = np.tile([0, 1], 20)
options = {"n_permutations": 3, "classifier": "ridge"}  # not compiled
null = memlib.compute_null(features, labels, {0.0: features}, **options)
print(memlib.__file__, null.sizes["permutation"])
"""
    assert python("-c", program).stdout.split() == [str(installed / "memlib" / "__init__.py"), "3"]


def test_truncated_data_file_is_refused(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    whole = (ROOT / "data" / "fashion_mnist_pullover_coat.nc").read_bytes()
    (folder / "fashion_mnist_pullover_coat.nc").write_bytes(whole[: len(whole) // 2])
    done = memlib("run", "fig1", results=tmp_path / "results", MEMLIB_DATA=str(folder))
    assert done.returncode == 1
    assert "damaged" in done.stderr
    assert "sha256" in done.stderr
    assert "Traceback" not in done.stderr


def test_results_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")
    done = memlib("run", "fig1", results=tmp_path / "file" / "results")
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_run_writes_dataset_and_notebook_then_reuses_them(tmp_path):
    arguments = ("run", "fig1", "--scale", "smoke", "--panels", "a", "-p", "n_trees=5")
    first = memlib(*arguments, results=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "100%" in first.stderr  # progress
    paths = [line.split()[1] for line in first.stdout.splitlines()]
    assert [Path(path).suffix for path in paths] == [".nc", ".ipynb"]
    assert all((ROOT / path).is_file() for path in paths)
    again = memlib(*arguments, results=tmp_path)
    assert again.stdout.count("reused") == 2
    assert [line.split()[1] for line in again.stdout.splitlines()] == paths
    listed = memlib("status", results=tmp_path)
    assert Path(paths[0]).name in listed.stdout


def test_list_names_figures_scales_and_parameters(tmp_path):
    text = memlib("list", results=tmp_path).stdout
    for word in ("fig5", "teaching", "n_permutations", "algorithm_1_by_hand", "CNN 32-64-16"):
        assert word in text


def test_data_describes_the_bundled_images(tmp_path):
    text = memlib("data", results=tmp_path).stdout
    assert "Pullover: 6000 train, 1000 test" in text


def test_claims_of_a_scale_without_runs_of_all_panels_say_so(tmp_path):
    done = memlib("claims", "--scale", "smoke", "--resamples", "0", results=tmp_path)
    assert done.returncode == 0
    assert len(re.findall(r"^ ?\d+  not yet run", done.stdout, re.MULTILINE)) == 22
    assert "memlib: no claim can be decided: of your own runs at smoke scale" in done.stderr


def test_interruption_says_what_is_kept(tmp_path):
    import signal

    process = subprocess.Popen(
        [sys.executable, "-m", "memlib.cli", "run", "fig1", "--panels", "a", "--jobs", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "MEMLIB_RESULTS": str(tmp_path)},
        start_new_session=True,
        # A test run in the background of a shell inherits that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while not list(tmp_path.rglob("epoch_*.npz")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    asked = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - asked < 20
    assert process.returncode == 130
    assert "goes on from there" in errors
    assert "Traceback" not in errors


def test_a_path_among_the_parameters_is_the_users_own(tmp_path):
    shutil.copy(ROOT / "data" / "fashion_mnist_pullover_coat.nc", tmp_path / "mine.nc")
    command = [sys.executable, "-m", "memlib.cli", "run", "s_validation_by_eye", "-p"]
    done = subprocess.run(
        [*command, "data=mine.nc"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "MEMLIB_RESULTS": "results", "PYTHONPATH": str(ROOT)},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("results/notebooks/*/s_validation_by_eye.ipynb"))


def test_data_build_makes_the_bundled_file_again(tmp_path):
    folder = Path("/usr/share/datasets/fashion-mnist")
    if not folder.is_dir():
        pytest.skip("Debian's dataset-fashion-mnist is not installed")
    target = tmp_path / "again.nc"
    done = memlib("data", "build", "--from", str(folder), "--output", str(target), results=tmp_path)
    assert done.returncode == 0, done.stderr
    shutil.copy(target, tmp_path / "fashion_mnist_pullover_coat.nc")
    checked = memlib("data", results=tmp_path, MEMLIB_DATA=str(tmp_path))
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "fig1", "-p", "scale=smoke", "--dry-run"), "fig1 at smoke scale"),
        (("run", "fig1", "--dry-run"), "fig1 at teaching scale"),
        (("run", "your_network", "--scale", "paper"), "unknown parameter 'scale'"),
        (("run", "larger_runs", "--scale", "bogus"), "'bogus' is not one of 'smoke', 'teaching'"),
        (("ship", "fig1", "--scale", "smoke"), "'smoke' is not one of 'paper', 'tenth'"),
        (("ship", "fig1", "-p", "figure=fig2"), "-p figure: give it with FIGURE"),
        (("ship", "fig1", "-p", "scale=smoke"), "-p scale: give it with --scale"),
    ],
)
def test_scale_is_the_one_that_was_asked_for(arguments, said):
    assert said in CliRunner().invoke(main, list(arguments)).output
