"""A study of another package runs end to end: found by name, planned, resumed, stored, drawn."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from conftest import one_line

from memlib.base.errors import InputError, ResultError
from memlib.base.keys import to_json
from memlib.report.curves import plot_curves
from memlib.results.schema import panels_of
from memlib.runs.costs import describe_plan
from memlib.runs.figure import read_result, run_plan, write_figure
from memlib.runs.plan import plan
from memlib.runs.study import find_study, resolve, studies
from memlib.training.images import content_checksum

PACKAGE = Path(__file__).parent / "other_package"


@pytest.fixture
def tiny(monkeypatch):
    """The other package, where Python finds it."""
    monkeypatch.syspath_prepend(str(PACKAGE))
    studies.cache_clear()
    import tiny_study

    yield tiny_study
    studies.cache_clear()


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    """A labelled file of three classes of colour images, each brighter in one channel."""
    rng, n = np.random.default_rng(0), 150
    labels = np.arange(n) % 3
    images = rng.integers(0, 120, (n, 3, 8, 8)).astype(np.uint8)
    for k in range(3):
        images[labels == k, k] += 100
    meanings = {"flag_values": np.arange(3, dtype=np.uint8), "flag_meanings": "red green blue"}
    splits = {"flag_values": np.array([0, 1], np.uint8), "flag_meanings": "train test"}
    dataset = xr.Dataset(
        {
            "image": (("sample", "channel", "row", "column"), images),
            "label": ("sample", labels.astype(np.uint8), meanings),
            "split": ("sample", (np.arange(n) >= 90).astype(np.uint8), splits),
            "original_index": ("sample", np.arange(n, dtype=np.int32)),
        },
        attrs={"title": "three colours"},
    )
    dataset.attrs["content_checksum"] = content_checksum(dataset)
    path = tmp_path_factory.mktemp("colours") / "colours.nc"
    dataset.to_netcdf(path, engine="h5netcdf")
    return str(path)


def test_its_figures_are_found_by_name_with_their_own_settings(tiny, colours):
    assert find_study("tiny1").label == "Nobody 2026"
    settings = resolve("tiny1", "smoke", data=colours)
    assert (settings.noise_share, settings.random_labels, settings.loss) == (
        0.2,
        0.1,
        "categorical",
    )
    with pytest.raises(InputError) as error:
        resolve("tiny1", "smoke", noise_share=1.5)
    assert one_line(error) == "noise_share = 1.5: it should be less than or equal to 1"
    with pytest.raises(InputError, match="unknown parameter 'perturbations'"):
        resolve("tiny1", "smoke", perturbations=[0.1])


def test_cost_is_told_by_kind_of_piece_before_anything_is_computed(tiny, colours, results_folder):
    one = plan(resolve("tiny1", "smoke", data=colours, n_seeds=2, n_initial=50))
    text = describe_plan(one, n_jobs=2)
    assert "panel dense: train 2 of 2 to epoch 4" in text
    assert "10 of 10 measures (8 s)" in text  # 6 networks, 2 courses of 0.5 s, twice 50 * 0.01 s
    assert not results_folder.exists()


def test_a_run_is_stored_under_its_own_schema_and_read_again(tiny, colours, results_folder):
    tree = run_plan(plan(resolve("tiny1", "smoke", data=colours, n_seeds=2)), n_jobs=1)
    (path,) = results_folder.glob("tiny1-smoke-*.nc")
    panels = panels_of(read_result(path))
    assert list(panels) == ["dense", "conv"]
    assert panels["conv"]["accuracy"].dims == ("seed", "epoch")
    assert panels["conv"]["step_size"].sizes == {"seed": 2, "course_epoch": 4}
    # Noise is learned by heart or not at all: the two measures see different samples.
    dense = panels["dense"]
    assert not np.array_equal(dense["accuracy"].values, dense["noise_accuracy"].values)
    tree["panel_dense"] = tree["panel_dense"].to_dataset().drop_vars("easy")
    with pytest.raises(ResultError, match="panel dense, easy is missing"):
        write_figure(tree, results_folder / "less.nc")


def test_a_course_cut_off_goes_on_to_the_same_numbers(tiny, colours, results_folder, monkeypatch):
    settings = resolve("tiny1", "smoke", data=colours, panels=["conv"])
    (course,) = (
        p for p in plan(settings).pieces if getattr(p, "measure", None) is tiny.STUDY.measures[1]
    )
    course.compute()
    whole = course.read()
    course.place.unlink()
    monkeypatch.setattr(tiny, "STOP_AT", 2)
    with pytest.raises(KeyboardInterrupt):
        course.compute()
    assert not course.is_stored()
    monkeypatch.setattr(tiny, "STOP_AT", 0)
    followed = []
    train = type(course.training).make_step
    monkeypatch.setattr(
        type(course.training), "make_step", lambda one: followed.append(1) or train(one)
    )
    course.compute()
    xr.testing.assert_equal(course.read(), whole)
    assert not list(course.place.parent.glob("*.state.npz"))


def test_its_result_is_drawn_a_line_for_each_panel(tiny, colours, results_folder):
    tree = run_plan(plan(resolve("tiny1", "smoke", data=colours, n_seeds=2)), n_jobs=1)
    axes = [ax for ax in plot_curves(tree).axes if ax.get_visible()]
    titles = [ax.get_title(loc="left") for ax in axes]
    assert "accuracy on training samples" in titles
    accuracy = axes[titles.index("accuracy on training samples")]
    mean = panels_of(tree)["dense"]["accuracy"].mean("seed")
    assert any(np.array_equal(line.get_ydata(), mean) for line in accuracy.lines)


def test_other_data_or_settings_share_no_piece(tiny, colours, results_folder):
    def places(**changes):
        one = plan(resolve("tiny1", "smoke", data=colours, panels=["dense"], **changes))
        return {piece.kind + str(piece.place) for piece in one.pieces}

    assert len(places()) == len(places() & places(seed=0))
    assert not places() & places(noise_share=0.3)
    more = places(n_initial=7)  # only the easy images depend on it
    assert len(places() - more) == 1


def test_its_command_line(tiny, colours, results_folder):
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from memlib.cli.main import main; main()"
    )
    words = ["run", "tiny1", "--scale", "smoke", "-p", f"data={colours}", "--dry-run"]
    done = subprocess.run(
        [sys.executable, "-c", code, str(PACKAGE), *words], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "panel conv: train 1 of 1 to epoch 4" in done.stdout


def test_json_of_its_settings_is_plain(tiny):
    assert '"noise_share":0.2' in to_json(resolve("tiny1", "smoke").model_dump(mode="json"))
