"""Hostile inputs, each answered in one line before any work: no traceback, nothing left behind."""

import json
import os
import shutil
import signal

import numpy as np
import pytest
import xarray as xr
from builders import small_result
from click.testing import CliRunner
from tiny_runs import settings_of, trainings_of

from memlib.base import files
from memlib.base.errors import InputError, MemlibError, ResultError
from memlib.cli.main import main
from memlib.papers.chaibub_neto_2018.schema import SCHEMA
from memlib.papers.chaibub_neto_2018.tables import networks_table
from memlib.report.tables import markdown_table, plain, provenance_table
from memlib.results.provenance import accounts_of
from memlib.results.schema import panels_of
from memlib.runs.costs import describe_plan, memory_gib
from memlib.runs.figure import read_result
from memlib.runs.pieces import told_of
from memlib.runs.plan import plan
from memlib.runs.progress import Progress
from memlib.runs.status import describe_store
from memlib.runs.study import resolve


def answer(*arguments):
    """Run a command in this process; return the one line of its answer."""
    done = CliRunner().invoke(main, list(arguments))
    assert done.exit_code in (1, 2), (done.output, done.exception)
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("memlib: ")
    assert len(done.stderr) < 1000
    assert done.stderr.rstrip("\n").isprintable()
    return done.stderr


DEEP = "[" * 4000 + "]" * 4000
COMMANDS = [
    (("run", "fig1", "--dry-run", "-p", "n_seeds=1000000000"), "n_seeds"),
    (("run", "fig1", "--dry-run", "-p", "n_permutations=1000000000"), "n_permutations"),
    (("run", "fig1", "--dry-run", "-p", "n_measured_epochs=1000000000"), "n_measured_epochs"),
    (
        ("run", "fig1", "--scale", "paper", "-p", "n_seeds=1000", "-p", "n_permutations=100000"),
        "at most 1,000,000",
    ),
    (("run", "fig1", "-p", "learning_rate=1e300"), "learning_rate"),
    (("run", "fig1", "-p", "learning_rate=nan"), "learning_rate"),
    (("run", "fig1", "-p", "noise_sd=1e305"), "noise_sd"),
    (
        ("run", "fig1", "-p", "perturbation_kind=add_noise", "-p", "perturbations=[1e305]"),
        "1e+305",
    ),
    (("run", "fig1", "-p", f"perturbations=[{10**400}]"), "perturbations"),
    (("run", "fig1", "-p", f"data={'a' * 300}.nc"), "no name of a file"),
    (("run", "fig1", "-p", "data=a\0b.nc"), "null"),
    (("run", "fig1", "-p", f"epochs={DEEP}"), "epochs"),
    (("run", "fig1", "-p", f"epochs={'-' * 4000}1"), "epochs"),
    (("run", "fig1", "-p", "optimizer=a\nb\x1b[31m"), "optimizer"),
    (("run", "a\nb\x1b[2J"), "no figure or chapter"),
    (("run", "open_choices", "-p", "stored=nothing"), "stored = 'nothing'"),
    (("run", "open_choices", "-p", f"stored={'a' * 300}.nc"), "too long"),
    (("draw", f"{'a' * 300}.nc"), "too long"),
    (("choices", "--output", f"{'a' * 300}.nc"), "cannot be written"),
    (("choices", "--output", "FOLDER.nc"), "FOLDER.nc"),
    (("data", "build", "--output", f"{'a' * 300}.nc"), "cannot be written"),
    (("run", "fig1", "--dry-run", "-p", "figure=fig2"), "figure = 'fig2'"),
    (("bench", "--output", "FOLDER.nc"), "FOLDER.nc"),
    (("--nothing",), "--nothing"),
    (("claims", "--resamples", "1000000000000"), "resamples"),
    (("verify", "--minutes", "nan"), "minutes"),
    (("book", "--seed", "99999999999999999999"), "seed"),
]


@pytest.mark.parametrize(("arguments", "named"), COMMANDS, ids=range(len(COMMANDS)))
def test_command_refuses_in_one_line(arguments, named, results_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FOLDER.nc").mkdir()
    assert named in answer(*arguments)
    assert not [path for path in results_folder.rglob("*") if path.is_file()]
    assert os.listdir(tmp_path) in (
        ["FOLDER.nc"],
        ["results", "FOLDER.nc"],
        ["FOLDER.nc", "results"],
    )


ENVIRONMENT = [
    ("NUMBA_NUM_THREADS", "0", "NUMBA_NUM_THREADS = '0'"),
    ("NUMBA_NUM_THREADS", "many", "NUMBA_NUM_THREADS = 'many'"),
    ("SOURCE_DATE_EPOCH", "x", "SOURCE_DATE_EPOCH = 'x'"),
    ("MEMLIB_RESULTS", "/proc/no", "MEMLIB_RESULTS"),
    ("MEMLIB_RESULTS", "/" + "a" * 300, "MEMLIB_RESULTS"),
]


@pytest.mark.parametrize(("name", "value", "named"), ENVIRONMENT)
def test_environment_is_refused_in_one_line(name, value, named, results_folder, monkeypatch):
    monkeypatch.setenv(name, value)
    assert named in answer("run", "algorithm_1_by_hand")


def test_backend_of_pictures_that_does_not_exist_is_not_asked_for(results_folder, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "nonsense")
    assert CliRunner().invoke(main, ["status"]).exit_code == 0
    assert "MPLBACKEND" not in os.environ


def test_dry_run_keeps_no_more_than_the_pieces_of_one_network(results_folder, monkeypatch):
    study = type(plan(resolve("fig1", "smoke")).settings)
    kept = []
    from memlib.runs import plan as planning

    class Watched(planning.Cut):
        def __init__(self, settings):
            super().__init__(settings)
            kept.append(settings)

        @property
        def _all(self):
            assert len(self.settings.panels) == self.settings.n_seeds == 1
            return tuple(planning.study_of(self.settings).pieces(self.settings))

    monkeypatch.setattr(planning, "Cut", Watched)
    one = plan(resolve("fig1", "smoke", n_seeds=2, n_permutations=60))
    text = describe_plan(one, n_jobs=2)
    assert "panel a: train 2 of 2 to epoch 12" in text
    assert "18 of 18 null blocks" in text  # 2 seeds, 3 epochs, 3 blocks
    assert isinstance(one.settings, study)
    assert len(kept) == 1 + 6 * 2


def test_count_of_pieces_is_that_of_the_cut():
    settings = resolve("fig1", "smoke", n_seeds=2, n_permutations=60)
    one = plan(settings)
    from memlib.runs.study import study_of

    assert study_of(settings).n_pieces(settings) == len(one.pieces)


def test_memory_grows_with_the_images():
    small, large = (resolve("fig1", "smoke", n_images=n) for n in (400, 12_000))
    assert memory_gib(large) - memory_gib(small) == pytest.approx(7 * 11_600 * 784 * 4 / 2**30)
    assert 0.5 < memory_gib(small) < 1.0


def test_no_time_left_is_told_while_processes_compile():
    progress = Progress([])
    progress._total = 10_000.0
    assert not progress.tells_time(0.001)
    assert progress.tells_time(0.01)  # of 100 seconds: enough is done
    progress._total = 100.0
    assert not progress.tells_time(0.05)
    assert progress.tells_time(0.1)


def test_termination_is_answered_as_an_interruption_is(results_folder, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(
        "memlib.runs.status.describe_store", lambda _: os.kill(os.getpid(), signal.SIGTERM)
    )
    done = CliRunner().invoke(main, ["status"])
    assert done.exit_code == 130
    assert "the same command goes on from there" in done.stderr
    assert signal.getsignal(signal.SIGTERM) == before


# Text of a dataset


EVIL = "<img src=x onerror=alert(1)>[a](javascript:alert(1))`|\n<script>"


def evil_result(tmp_path, **attributes):
    tree = small_result()
    tree.attrs |= attributes
    path = tmp_path / "evil.nc"
    files.write_netcdf(tree, path)
    return path


def test_attributes_reach_no_table_as_html(tmp_path):
    tree = small_result()
    tree.attrs |= {"loss": EVIL, "data_checksum": EVIL, "device": EVIL, "evil_version": EVIL}
    tree["panel_d"].attrs |= {"network": EVIL, "compute_seconds": 1.0}
    path = tmp_path / "evil.nc"
    files.write_netcdf(tree, path)
    read = read_result(path)
    for text in (provenance_table(read), networks_table(read), markdown_table(["a"], [[EVIL]])):
        assert "<img" not in text.replace("\\<img", "")
        assert "<script" not in text.replace("\\<script", "")
        header, *lines = text.split("\n\n")[0].split("\n")
        assert {line.replace("\\|", "").count("|") for line in lines} == {header.count("|")}
    assert "](javascript" not in provenance_table(read).replace("\\](", "")
    assert plain("a*b_c [d](e) <f> `g`") == r"a\*b_c \[d\](e) \<f\> \`g\`"


def test_only_declared_attributes_are_read(tmp_path):
    tree = small_result()
    tree.attrs["onload"] = "alert(1)"
    tree["panel_d"].attrs["extra"] = "more"
    tree["panel_d"]["null_accuracy"].attrs["extra"] = "more"
    files.write_netcdf(tree, tmp_path / "more.nc")
    read = read_result(tmp_path / "more.nc")
    assert "onload" not in read.attrs
    panel = panels_of(read)["d"]
    assert "extra" not in panel.attrs
    assert "extra" not in panel["null_accuracy"].attrs


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base_seed", "many"),
        ("compute_seconds", "long"),
        ("compute_seconds", np.nan),
        ("parameters", "[]"),
        ("parameters", "{"),
        ("parameters", "{}"),
        ("parameters", "[" * 100_000),
        ("figure", "fig9"),
        ("scale", "huge"),
        ("study", "nobody"),
        ("created", 1.0),
        ("device", np.arange(3)),
    ],
)
def test_attribute_of_another_kind_is_named(tmp_path, name, value):
    with pytest.raises(ResultError, match=name) as error:
        read_result(evil_result(tmp_path, **{name: value}))
    assert "\n" not in str(error.value)


def test_result_without_epochs_is_refused():
    tree = small_result()
    panel = panels_of(tree)["d"].isel(epoch=[])
    tree["panel_d"] = xr.DataTree(panel)
    with pytest.raises(ResultError, match="holds no epoch"):
        SCHEMA.check(tree)


@pytest.mark.parametrize("made", ["[1]", "{}", '[{"parameters": {}}]', '[{"seeds": "a"}]'])
def test_account_of_another_kind_is_refused(made):
    panel = panels_of(small_result())["d"].assign_attrs(made=made, compute_seconds=1.0)
    with pytest.raises(ResultError, match="made"):
        accounts_of(panel)


# Strange files among ours


def test_status_passes_strange_files_over_and_names_them(results_folder):
    training = trainings_of(plan(settings_of()))[0]
    training.place.mkdir(parents=True)
    files.write_arrays(training.snapshot(1), {"epoch": np.array(1)})
    shutil.copy(training.snapshot(1), training.place / "epoch_0000001 (1).npz")
    (training.place / "epoch_x.npz").write_bytes(b"")
    (training.place / "epoch_0000007.npz").mkdir()
    training.heartbeat.write_bytes(b"\xff\xfe")
    (results_folder / "pieces" / "training-file").write_text("no folder")
    begun = results_folder / "begun"
    begun.mkdir()
    for name, content in {
        "list.json": b"[]",
        "number.json": b"1",
        "words.json": b"many words",
        "bytes.json": b"\xff\xfe\x00",
        "deep.json": b"[" * 100_000,
        "unknown.json": json.dumps({"figure": "fig9"}).encode(),
        "more.json": json.dumps({"figure": "fig1", "scale": "smoke", "seed": "x"}).encode(),
        "a\nb.json": b"{}",
    }.items():
        (begun / name).write_bytes(content)
    (results_folder / "text.nc").write_text("no netCDF")
    (results_folder / "folder.nc").mkdir()
    xr.Dataset(attrs={"title": "a\x1b[31m\nb"}).to_netcdf(
        results_folder / "odd.nc", engine="h5netcdf"
    )
    lines = describe_store(results_folder).split("\n")
    assert all(line.isprintable() for line in lines)
    text = "\n".join(lines)
    for name in ("epoch_0000001 (1).npz", "epoch_x.npz", "list", "bytes.json", "deep", "text.nc"):
        assert sum(name in line for line in lines) == 1, name
    assert "1 networks, up to epoch 1" in text
    assert training.goes_on_after() == 1
    assert training.epochs_done() == 0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda arrays: arrays.pop("accuracy"),
        lambda arrays: arrays.pop("labellings"),
        lambda arrays: arrays.update(accuracy=np.zeros(3)),
        lambda arrays: arrays.update(strengths=np.zeros((2, 2))),
        lambda arrays: arrays.update(chance=np.array([["a"]])),
        lambda arrays: arrays.update(seconds=np.array("long")),
    ],
)
def test_null_block_of_other_content_is_named(spoil, results_folder):
    from tiny_runs import blocks_of

    block = blocks_of(plan(settings_of()))[0]
    n, k = len(block.labellings), len(block.strengths)
    arrays = {
        "strengths": np.array(sorted(block.strengths)),
        "labellings": np.array(block.labellings),
        "accuracy": np.full((n, k), 0.5),
        "chance": np.full((n, k), 0.5),
        "validation_accuracy": np.full(n, 0.5),
        "seconds": np.array(1.0),
    }
    files.write_arrays(block.place, arrays)
    assert block.is_stored()
    spoil(arrays)
    files.write_arrays(block.place, arrays)
    with pytest.raises(ResultError, match="does not hold what memlib writes") as error:
        block.is_stored()
    assert block.place.name in str(error.value)


def test_network_of_other_content_is_named(results_folder):
    training = trainings_of(plan(settings_of()))[0]
    files.write_arrays(training.snapshot(1), {"epoch": np.array(1)})
    with pytest.raises(ResultError, match="does not hold what memlib writes"):
        training.network(1)
    files.write_arrays(training.snapshot(training.epochs[-1]), {"a": np.array(1)})
    with pytest.raises(ResultError, match="does not hold what memlib writes"):
        training.seconds()
    with pytest.raises(InputError), told_of(training.place):
        raise InputError("our own words stay")


# Files of labelled images that hold none


def labelled():
    rng = np.random.default_rng(0)
    n = 40
    return xr.Dataset(
        {
            "image": (("sample", "row", "column"), rng.integers(0, 256, (n, 4, 4), np.uint8)),
            "label": ("sample", np.tile([0, 1], n // 2).astype(np.uint8)),
            "split": ("sample", np.repeat([0, 1], n // 2).astype(np.uint8)),
            "original_index": ("sample", np.arange(n, dtype=np.int32)),
        }
    )


def without(name):
    def change(dataset):
        dataset[name].attrs = {}
        return dataset

    return change


def one_class(dataset):
    dataset["label"][:] = 0
    return dataset


def words_for_labels(dataset):
    dataset["label"] = ("sample", np.full(40, 0.5))
    return dataset


def flat_images(dataset):
    dataset["image"] = ("sample", np.zeros(40, np.uint8))
    return dataset


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (without("label"), "names of its 2 classes"),
        (without("split"), "train and test"),
        (lambda dataset: dataset.isel(sample=[]), "shape (0, 4, 4)"),
        (one_class, "one class"),
        (flat_images, "shape (40,)"),
        (words_for_labels, "label is float64"),
    ],
)
def test_file_without_labelled_images_is_refused(tmp_path, results_folder, change, named):
    from memlib.training.images import content_checksum

    dataset = labelled()
    dataset["label"].attrs = {"flag_values": [0, 1], "flag_meanings": "cat dog"}
    dataset["split"].attrs = {"flag_values": [0, 1], "flag_meanings": "train test"}
    dataset = change(dataset)
    dataset.attrs["content_checksum"] = content_checksum(dataset)
    path = tmp_path / "mine.nc"
    dataset.to_netcdf(path, engine="h5netcdf")
    options = ("-p", "n_images=20", "-p", "n_validation_images=20", "-p", f"data={path}")
    assert named in answer("run", "fig1", "--dry-run", *options)


# Disks


def test_full_disk_while_a_notebook_is_published_leaves_nothing(tmp_path, monkeypatch):
    from pathlib import Path

    from kit.notebooks import _publish

    written, target = tmp_path / "run.ipynb", tmp_path / "book" / "fig1.ipynb"
    written.write_bytes(b"{}")

    def fill(path, content):
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(MemlibError, match="No space left on device"):
        _publish(written, target)
    assert os.listdir(target.parent) == []


def test_full_disk_elsewhere_is_one_line(results_folder, monkeypatch):
    def fill(*_):
        raise OSError(28, "No space left on device", "there")

    monkeypatch.setattr("memlib.runs.status.describe_store", fill)
    assert "there: No space left on device" in answer("status")
