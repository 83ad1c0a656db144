"""`memlib draw`: the pictures of stored results as files, the same as on the pages."""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import pytest
import xarray as xr
from builders import make_result
from click.testing import CliRunner

from memlib.base.errors import InputError, ResultError
from memlib.cli.drawings import chosen_drawings, shipped_drawings
from memlib.cli.main import main
from memlib.papers.chaibub_neto_2018.choice_plots import draw_choices
from memlib.papers.chaibub_neto_2018.choices import choices_path, read_choices, stored_choices
from memlib.papers.chaibub_neto_2018.pictures import show_figure, show_shipped
from memlib.papers.chaibub_neto_2018.plots import plot_figure
from memlib.papers.chaibub_neto_2018.puzzle import draw_puzzle
from memlib.report.drawing import DPI, draw_files
from memlib.report.pictures import svg
from memlib.report.styles import DARK
from memlib.runs.figure import read_result, write_figure
from memlib.runs.shipped import shipped_folder, shipped_path
from memlib.training.images import data_path

NO_TORCH = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "sklearn"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
from memlib.cli.main import main
main()
"""


def draw(*arguments):
    return CliRunner().invoke(main, ["draw", *map(str, arguments)])


@pytest.fixture
def own(tmp_path):
    """A result of one's own, and its file."""
    path = write_figure(make_result("fig4"), tmp_path / "mine.nc")
    return read_result(path), path


def test_every_stored_figure_and_both_pictures_of_the_open_choices_have_a_name():
    files = {path.stem for path in shipped_folder().glob("fig*.nc")}
    assert set(shipped_drawings()) == files | {"choices", "puzzle"}
    assert all(drawing.path.is_file() for drawing in chosen_drawings([]).values())
    assert set(chosen_drawings(["fig1", "puzzle"])) == {"fig1-paper", "fig1-tenth", "puzzle"}


def test_without_torch_files_hold_what_the_pages_show(tmp_path):
    asked = [*("fig3-tenth", "choices", "puzzle"), *("--output", str(tmp_path / "new" / "folder"))]
    done = subprocess.run(
        [sys.executable, "-c", NO_TORCH, "draw", *asked], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    paths = [Path(line.split()[1]) for line in done.stdout.splitlines()]
    assert [path.name for path in paths] == ["fig3-tenth.svg", "choices.svg", "puzzle.svg"]
    choices = stored_choices()
    pages = [show_shipped("fig3", "tenth").light]
    pages += [svg(draw_choices(choices)), svg(draw_puzzle(choices))]
    assert [path.read_text() for path in paths] == pages
    assert {path.name for path in paths[0].parent.iterdir()} == {path.name for path in paths}


def test_a_result_of_ones_own_is_drawn_by_its_path(own, tmp_path):
    tree, path = own
    done = draw(path, "--dark", "--output", tmp_path)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "mine-dark.svg").read_text() == show_figure(tree).dark


def test_png_is_clear_where_nothing_is_drawn_and_as_large_as_declared(own, tmp_path):
    tree, path = own
    (file,) = draw_files(chosen_drawings([str(path)]), tmp_path, file_format="png", theme=DARK)
    pixels = matplotlib.image.imread(file)
    width, height = plot_figure(tree).get_size_inches() * DPI
    assert pixels.shape == (round(height), round(width), 4)
    assert pixels[0, 0, 3] == 0  # alpha of a corner
    assert (pixels[..., 3] == 1).any()


@pytest.mark.parametrize("file_format", ["pdf", "png", "svg"])
def test_the_same_result_gives_the_same_bytes(own, tmp_path, file_format):
    drawn = [
        next(draw_files(chosen_drawings([str(own[1])]), tmp_path / one, file_format=file_format))
        for one in ("first", "second")
    ]
    first, second = (path.read_bytes() for path in drawn)
    assert first == second
    assert first[:4] == {"pdf": b"%PDF", "png": b"\x89PNG", "svg": b"<?xm"}[file_format]


def test_open_choices_are_drawn_by_their_path_too(tmp_path):
    path = tmp_path / "my_choices.nc"
    path.write_bytes(choices_path().read_bytes())
    (drawing,) = chosen_drawings([str(path)]).values()
    assert (drawing.read, drawing.draw) == (read_choices, draw_choices)


def test_one_file_named_twice_is_drawn_once_and_two_of_one_name_are_refused(own, tmp_path):
    path = shipped_path("fig3", "tenth")
    near = os.path.relpath(path)
    assert list(chosen_drawings(["fig3", near, str(path)])) == ["fig3-tenth"]
    twin = tmp_path / path.name
    twin.write_bytes(own[1].read_bytes())
    for both in (["fig3", str(twin)], [str(twin), "fig3"]):
        with pytest.raises(InputError, match="drawn under the same name, fig3-tenth"):
            chosen_drawings(both)


def test_what_was_drawn_before_an_error_is_told(own, tmp_path):
    bad = tmp_path / "zzz.nc"
    bad.write_bytes(own[1].read_bytes()[:1000])
    done = draw(own[1], bad, "--output", tmp_path)
    assert done.exit_code == 1
    assert "mine.svg" in done.output
    assert "zzz.nc" in done.output


def test_bad_input_is_one_line_and_nothing_is_written(own, tmp_path):
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / "mine.nc"
    twin.write_bytes(own[1].read_bytes())
    (tmp_path / "file").touch()
    out = tmp_path / "out"
    for arguments, named in (
        (["fig9"], "fig9: take a figure, one of fig1-paper"),
        (["tenth"], "tenth: take a figure"),
        ([tmp_path / "none.nc"], "none.nc: there is no such file"),
        ([own[1], twin], "is drawn under the same name"),
        ([data_path()], ".nc: attribute 'created' is missing"),
        (["fig1", "--format", "gif"], "'gif' is not one of 'svg', 'pdf', 'png'"),
    ):
        done = draw(*arguments, "--output", out)
        assert done.exit_code == (2 if "--format" in arguments else 1)
        assert done.output.startswith("memlib: ")
        assert named in done.output
        assert done.output.count("\n") == 1
        assert not out.is_dir() or not list(out.iterdir())
    assert "--output" in draw("fig1", "--output", tmp_path / "file").output


def test_open_choices_without_panel_f_have_no_puzzle_to_draw():
    tree = xr.DataTree(children={"default": xr.DataTree()})
    with pytest.raises(ResultError, match="no run of panel f"):
        draw_puzzle(tree)
