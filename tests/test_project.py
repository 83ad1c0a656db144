"""The files around the package: README, pins, architecture."""

import ast
import importlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import memlib
from memlib.papers.chaibub_neto_2018.quantities import null_mean, onset_epoch
from memlib.results.schema import panels_of
from memlib.runs.figure import read_result

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RERUN = (ROOT / "book" / "rerun.md").read_text(encoding="utf-8")
COMMANDS = [
    line.split("  #")[0].strip()
    for block in re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
]


def normalized(name):
    return re.split(r"[<>=\[;]", name)[0].strip().lower().replace("_", "-")


def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return {
        normalized(line): line.split("==")[1].strip() for line in lines if not line.startswith("#")
    }


def declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    groups = (project["dependencies"], *extras.values())
    return {normalized(one) for group in groups for one in group}


def test_every_dependency_is_pinned():
    assert declared() <= set(pins())


def test_environment_yml_agrees_with_the_pins():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    packages = next(one["pip"] for one in environment["dependencies"] if isinstance(one, dict))
    versions = dict(line.split("==") for line in packages if "==" in line)
    assert {normalized(name) for name in versions} == declared()
    for name, version in versions.items():
        assert pins()[normalized(name)] == version, name


def test_no_index_or_machine_in_the_pins():
    assert "://" not in (ROOT / "constraints.txt").read_text()


def test_data_sheet_states_the_checksum():
    from memlib.training.images import BUNDLED_CHECKSUM

    assert BUNDLED_CHECKSUM in (ROOT / "data" / "README.md").read_text()


@pytest.fixture(scope="module")
def readme_results(tmp_path_factory):
    return tmp_path_factory.mktemp("readme")


def run(command, results):
    environment = {
        **os.environ,
        "MEMLIB_RESULTS": str(results),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    return subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        timeout=900,
    )


def test_readme_names_commands():
    assert sum(command.startswith("memlib") for command in COMMANDS) >= 7
    assert {"make book", "make test"} <= set(COMMANDS)


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.startswith("make")])
def test_readme_make_targets_exist(command, tmp_path):
    done = run(f"{command} --dry-run", tmp_path)
    assert done.returncode == 0, done.stderr


def test_set_up_that_fails_says_what_room_it_needs_and_is_not_taken_for_done(tmp_path):
    nothing = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    venv = tmp_path / "venv"
    done = subprocess.run(
        ["make", "environment", f"VENV={venv}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | nothing,
        timeout=300,
    )
    assert done.returncode != 0
    assert re.search(r"take 7 GB of disk.*; [\d.]+[KMGT]?i? are free here", done.stderr)
    assert not (venv / "ready").exists()


@pytest.mark.parametrize(
    "command", [one for one in COMMANDS if one.startswith("memlib") and "epochs=1500" not in one]
)
def test_readme_commands_run(command, readme_results):
    done = run(command, readme_results)
    assert done.returncode == 0, done.stderr


def test_readme_noise_command_shows_what_the_readme_says(tmp_path):
    (command,) = (one for one in COMMANDS if "epochs=1500" in one)
    done = run(command, tmp_path)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("fig5-*.nc")
    panel = panels_of(read_result(path))["d"]
    mean = null_mean(panel, 0.05)
    onset = onset_epoch(panel)
    assert 30 <= onset <= 80
    epochs = panel["epoch"].values
    before, after = mean[epochs <= onset], mean[epochs > onset]
    assert before[0] - before.min() > 0.05
    assert 200 <= epochs[epochs > onset][after.argmax()] <= 600
    assert after.max() - after[-1] > 0.02
    assert float(panel["observed_accuracy"].sel(perturbation=0.05)[0, -1]) > 0.99


@pytest.mark.parametrize("text", [README, RERUN], ids=["README", "rerun"])
def test_own_network_example_prints_what_the_book_says(text, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(code, "example", "exec"), {})
    assert capsys.readouterr().out.strip() == "['memorized', 'neither']"


def test_nothing_but_rooms_lies_directly_in_the_package():
    found = {path.name for path in (ROOT / "memlib").iterdir() if path.is_file()}
    assert found == {"__init__.py", "__init__.pyi", "py.typed"}
    rooms = {path.name for path in (ROOT / "memlib").iterdir() if (path / "__init__.py").is_file()}
    named = set(re.findall(r"memlib\.(\w+)", (ROOT / "pyproject.toml").read_text()))
    assert rooms <= named, "a room that the import law does not know"


def test_the_method_is_short_enough_to_be_read():
    paths = (ROOT / "memlib" / "method").glob("*.py")
    assert sum(len(path.read_text().splitlines()) for path in paths) <= 1300


def test_the_method_names_its_files_in_reading_order():
    import memlib.method

    named = re.findall(r"^\d\. `(\w+)`", memlib.method.__doc__, re.MULTILINE)
    files = {path.stem for path in (ROOT / "memlib" / "method").glob("*.py")}
    assert set(named) | {"__init__", "names"} == files


def modules_after(code: str) -> set[str]:
    """Names of all modules that Python holds after some code was run."""
    code += "\nimport sys\nprint(*sys.modules, sep='\\n', file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def test_nothing_that_only_needs_results_imports_torch():
    names = ["report.plots", "report.pictures", "report.tables", "report.curves", "cli.main"]
    names += ["results.schema", "results.files", "runs.status", "runs.shipped", "method.null"]
    names += [f"papers.chaibub_neto_2018.{one}" for one in ("claims", "tables", "study", "puzzle")]
    found = modules_after("\n".join(f"import memlib.{name}" for name in names))
    assert "memlib.method.null" in found
    assert "torch" not in found


@pytest.mark.parametrize("of", [[], ["--scale", "smoke"]])  # shipped runs, one's own
def test_commands_that_draw_and_fit_nothing_start_without_the_libraries_for_it(of):
    call = "from memlib.cli.main import main\nmain({}, standalone_mode=False)"
    found = modules_after(call.format(["claims", "--figure", "fig1", "--resamples", "0", *of]))
    assert "memlib.papers.chaibub_neto_2018.claims" in found
    assert not found & {"torch", "sklearn", "scipy.stats", "numba", "matplotlib", "seaborn"}


def test_what_the_package_offers_is_on_the_page_of_its_interface():
    page = (ROOT / "book" / "api.md").read_text()
    listed = set(re.findall(r"auto(?:module|function|class):: (memlib\.\S+)", page))
    stub = (ROOT / "memlib" / "__init__.pyi").read_text()
    homes = [node for node in ast.walk(ast.parse(stub)) if isinstance(node, ast.ImportFrom)]
    offered = {one.name: f"memlib.{node.module}" for node in homes for one in node.names}
    del offered["__version__"]
    missing = {n for n, home in offered.items() if not {home, f"{home}.{n}"} & listed}
    assert missing == set()
    assert set(memlib.__all__) == {"__version__", *offered}
    for name, home in offered.items():
        assert getattr(memlib, name) is getattr(importlib.import_module(home), name)
