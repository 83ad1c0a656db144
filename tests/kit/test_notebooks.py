import json
import sys
from pathlib import Path

import nbformat
import pytest
from kit.notebooks import NotebookError, declared_parameters, execute, read_source
from kit.sanitise import CAPTION_TEXT, machine_paths, sanitise
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

HEAD = """\
# %% [markdown]
# # A notebook
# %% tags=["parameters"]
n_permutations: int | None = None  # label shuffles; None: the scale's own
# share of pixels that change places;
# 0.05 as in the paper
shares: list[float] = [
    0.05,
    0.1,
]
name = "a"
"""


def write(folder: Path, cells: str = "", head: str = HEAD) -> Path:
    path = folder / "example.py"
    path.write_text(head + cells, encoding="utf-8")
    return path


def stdout(path: Path) -> str:
    nb = nbformat.read(path, as_version=4)
    return "".join(o.text for c in nb.cells for o in c.get("outputs", []) if o.name == "stdout")


def one_code_cell(*outputs: nbformat.NotebookNode) -> nbformat.NotebookNode:
    return new_notebook(cells=[new_code_cell("1", outputs=list(outputs))])


def test_source_gets_the_kernel_python3(tmp_path):
    nb = read_source(write(tmp_path))
    assert nb.metadata.kernelspec.name == "python3"
    assert [c.cell_type for c in nb.cells] == ["markdown", "code"]


def test_missing_source_is_named(tmp_path):
    with pytest.raises(NotebookError, match=r"no notebook absent\.py"):
        read_source(tmp_path / "absent.py")


def test_declared_parameters_keep_type_and_comment(tmp_path):
    declared = declared_parameters(write(tmp_path))
    assert list(declared) == ["n_permutations", "shares", "name"]
    first, second, third = declared.values()
    assert (first.default, first.annotation) == (None, "int | None")
    assert first.comment == "label shuffles; None: the scale's own"
    assert second.default == [0.05, 0.1]
    assert second.comment == "share of pixels that change places; 0.05 as in the paper"
    assert (third.default, third.annotation, third.comment) == ("a", None, "")


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("seed = int(3)", "seed is not a literal"),
        ("a = b = 3", "not of the form"),
        ("import os", "not of the form"),
        ("seed: int", "not of the form"),
        ("seed = 1\nseed = 2", "declared twice"),
        ("shares = (0.05, 0.1)", "shares is a tuple"),
        ("seed = ", "invalid syntax"),
    ],
)
def test_parameters_cell_holds_literals_only(tmp_path, cell, message):
    path = write(tmp_path, head=f'# %% tags=["parameters"]\n{cell}\n')
    with pytest.raises(NotebookError, match=message) as caught:
        declared_parameters(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("head", ["# %%\nseed = 1\n", HEAD + HEAD])
def test_one_parameters_cell_is_needed(tmp_path, head):
    with pytest.raises(NotebookError, match="tagged 'parameters'"):
        declared_parameters(write(tmp_path, head=head))


def test_execute_injects_runs_here_and_keeps_out_what_is_inherited(tmp_path, monkeypatch):
    # A python3 kernel that ends at once, found before ipykernel's own when names decide.
    spec = tmp_path / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    argv = {"argv": ["false"], "display_name": "decoy", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(argv))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    cells = """\
# %%
import os, sys
from tqdm.auto import tqdm
for _ in tqdm(range(3)):
    pass
print([n_permutations, shares, name, sys.executable, os.environ["EXTRA"], os.getcwd()])
print("backend", os.environ.get("MPLBACKEND"))
"""
    work = tmp_path / "work"
    work.mkdir()
    out = execute(
        write(tmp_path, cells),
        tmp_path / "out" / "example.ipynb",
        {"n_permutations": 20, "shares": (0.2,)},
        cwd=work,
        kernel_env={"EXTRA": "yes"},
    )
    said = stdout(out)
    assert str([20, [0.2], "a", sys.executable, "yes", str(work)]) in said
    assert "backend Agg" not in said
    assert "it/s" not in out.read_text()
    assert [f.name for f in out.parent.iterdir()] == ["example.ipynb"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_permutation": 5}, "unknown parameter 'n_permutation'; it declares n_permutations"),
        ({"n_permutations": float("nan")}, "n_permutations=nan is not a plain literal"),
        ({"name": Path("a")}, "is not a plain literal"),
    ],
)
def test_bad_parameters_are_refused_before_anything_runs(tmp_path, parameters, message):
    with pytest.raises(NotebookError, match=message):
        execute(write(tmp_path), tmp_path / "out" / "example.ipynb", parameters)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (
            "shares[7]",
            r"cell In \[\d\], which begins 'shares\[7\]', failed: IndexError: list index",
        ),
        ("import os; os._exit(1)", "the kernel stopped"),
    ],
)
def test_failed_run_leaves_nothing_at_the_output_path(tmp_path, cell, message):
    out = tmp_path / "example.ipynb"
    out.write_text("from an earlier run")
    with pytest.raises(NotebookError, match=message) as caught:
        execute(write(tmp_path, f"# %%\n{cell}\n"), out)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("**/*.ipynb"))
    assert (tmp_path / "example.ipynb.failed").is_file() or "stopped" in message


def test_sanitise_shows_the_parameters_that_ran(tmp_path):
    out = execute(write(tmp_path), tmp_path / "example.ipynb", {"n_permutations": 20})
    before = nbformat.read(out, as_version=4)
    after = sanitise(before)
    default, caption, shown = after.cells[1:]
    assert default.metadata.tags == ["parameters", "remove-cell"]
    assert caption.source == CAPTION_TEXT
    assert shown.source.splitlines() == [
        "n_permutations: int | None = 20  # label shuffles; None: the scale's own (default None)",
        "shares: list[float] = [0.05, 0.1]"
        "  # share of pixels that change places; 0.05 as in the paper",
        "name = 'a'",
    ]
    assert "papermill" not in nbformat.writes(after)
    assert nbformat.writes(sanitise(after)) == nbformat.writes(after)
    # Ids are drawn anew whenever a script is read; published ones have to repeat.
    again = nbformat.read(execute(tmp_path / "example.py", out, {"n_permutations": 20}), 4)
    assert nbformat.writes(sanitise(again)) == nbformat.writes(after)


def test_sanitise_captions_the_defaults_when_nothing_was_injected():
    cell = new_code_cell("seed = 1", metadata={"tags": ["parameters"]})
    after = sanitise(new_notebook(cells=[new_markdown_cell("# T"), cell]))
    assert [c.source for c in after.cells] == ["# T", CAPTION_TEXT, "seed = 1"]
    assert after.cells[2].metadata.tags == ["parameters"]


def test_sanitise_drops_what_a_reader_has_no_use_for():
    widget = {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "HBox()"}
    nb = one_code_cell(
        new_output("stream", name="stderr", text="UserWarning"),
        new_output("display_data", data=widget),
        new_output("display_data", data={"text/plain": "None"}),
        new_output("stream", name="stdout", text=" 10%|#\r 100%|##\rdone\nnext\r\n"),
    )
    nb.metadata["widgets"] = {"state": {}}
    after = sanitise(nb)
    assert [o.text for o in after.cells[0].outputs] == ["done\nnext\n"]
    assert "widgets" not in after.metadata
    assert len(nb.cells[0].outputs) == 4, "the notebook given is not changed"


def test_sanitise_takes_folded_cells_off_the_page_that_show_nothing():
    shown = new_output("execute_result", {"text/plain": "7"})
    cells = [
        new_code_cell("show(None)", metadata={"tags": ["hide-input", "full-width"]}),
        new_code_cell("show(7)", metadata={"tags": ["hide-input"]}, outputs=[shown]),
        new_code_cell("kept = 1", metadata={"tags": ["hide-input"]}),
        new_code_cell("show(None)"),
    ]
    after = sanitise(new_notebook(cells=cells))
    removed = ["remove-cell" in cell.metadata.get("tags", []) for cell in after.cells]
    assert removed == [True, False, False, False]
    assert [cell.source for cell in after.cells] == [cell.source for cell in cells]
    assert nbformat.writes(sanitise(after)) == nbformat.writes(after)


def test_sanitise_replaces_what_only_this_machine_has():
    text = (
        f"{Path.cwd()}/results in {sys.prefix}/lib, /tmp/ipykernel_12/345.py:1, <A at 0x7f12ab34cd>"
    )
    uuids = (
        "<i id='s-1b4e28ba-2fa1-11d2-883f-0016d3cca427' for='1b4e28ba-2fa1-11d2-883f-0016d3cca427'>"
    )
    nb = one_code_cell(
        new_output("stream", name="stdout", text=text),
        new_output("display_data", data={"text/html": uuids}),
    )
    first, second = sanitise(nb).cells[0].outputs
    assert first.text == "./results in python/lib, cell:1, <A at 0x0>"
    assert second.data["text/html"] == "<i id='s-id0' for='id0'>"


def test_sanitise_refuses_errors_and_paths_it_cannot_replace():
    error = new_output("error", ename="ValueError", evalue="no", traceback=[])
    with pytest.raises(NotebookError, match="ValueError: no"):
        sanitise(one_code_cell(error))
    with pytest.raises(NotebookError, match="machine path: /home/somebody/x"):
        sanitise(one_code_cell(new_output("stream", name="stdout", text="at /home/somebody/x")))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see file:///home/ann/x.py", ["/home/ann/x.py"]),
        ("'C:\\Users\\ann'", ["C:\\Users\\ann"]),
        ('src="data:image/png;base64,AA/tmp/AA=="', []),
        ("https://example.org/home/page and ../tmp/x", []),
        ("a/b, 1/2, /usr/share", []),
    ],
)
def test_machine_paths(text, found):
    assert machine_paths(text) == found
