"""The benchmark: what it records and derives; never how long anything took."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr
from conftest import ROOT

from memlib.base.errors import InputError, ResultError
from memlib.bench import training as bench_training
from memlib.bench.dataset import COORDINATES, VARIABLES, check_bench, read_bench
from memlib.bench.engines import ENGINES, PERTURBATIONS
from memlib.bench.suite import SMOKE, run_bench
from memlib.bench.tables import (
    describe_machine,
    describe_peak,
    made_table,
    null_table,
    plain_table,
    ratio_table,
    scaling_table,
    show_ratios,
    spread,
    stored_bench,
    variant_table,
)
from memlib.bench.timing import (
    MEASURED,
    Scaling,
    compare,
    fit_exponent,
    interleaved,
    measure_scaling,
    timed,
)
from memlib.bench.training import step_operations
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES

TINY = replace(
    SMOKE,
    scale="tiny",
    panels=("a", "d"),
    mlp_steps=1,
    matrix_side=64,
    epoch_sizes=(1, 2),
    n_rows=120,
    n_trees=4,
    feature_epochs=1,
    n_permutations=2,
    row_sizes=(60, 120),
    permutation_sizes=(1, 2),
    tree_sizes=(2, 4),
    figure_changes={"panels": ["a"], "epochs": 1, "n_trees": 2, "n_permutations": 2},
    variant_changes={
        **{"n_images": 100, "n_validation_images": 2, "epochs": 3, "n_measured_epochs": 2},
        **{"n_trees": 2, "n_permutations": 2},
    },
)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    said: list[str] = []
    before = os.environ.get("MEMLIB_RESULTS")
    path, dataset = run_bench(TINY, output=folder / "tiny.nc", say=said.append)
    assert os.environ.get("MEMLIB_RESULTS") == before
    assert [one.name for one in folder.iterdir()] == ["tiny.nc"]
    return path, dataset, said


def test_variants_are_the_same_runs_trained_in_other_ways(measured):
    _, dataset, said = measured
    null = dataset["variant_null_mean"]
    assert null.sizes["run"] == 2
    assert list(null["epoch"]) == [1, 3]
    on_gpu = null.sel(variant="float32, CUDA")
    assert bool(on_gpu.isnull().all()) == (not torch.cuda.is_available())
    assert not null.drop_sel(variant="float32, CUDA").isnull().any()
    seed = abs(null.sel(variant="float32, CPU, another seed") - null[0])
    assert float(seed.max()) > 0
    table = variant_table(dataset)
    assert f"{float(seed.sel(run='fig1, panel a').max()):.4f}" in table
    assert "bfloat16, CPU" in table
    assert any(one.startswith("nulls, bfloat16, CPU: within ") for one in said)


def test_dataset_is_complete_and_round_trips(measured):
    path, dataset, said = measured
    again = read_bench(path)
    xr.testing.assert_equal(again, dataset)
    assert again.attrs == dataset.attrs
    for name, (dims, long_name, units) in VARIABLES.items():
        assert again[name].dims == dims
        assert again[name].attrs["long_name"] == long_name
        assert again[name].attrs.get("units", "") == units
    for name in COORDINATES:
        assert again[name].attrs["long_name"]
    subjects = "\n".join(map(str, again["comparison"].values))
    for subject in ("panel a: plain", "panel d: Keras", "panel a, rmsProp", "workers: one worker"):
        assert subject in subjects
    assert tuple(again["engine"].values) == ENGINES
    assert {str(name).split(":")[0] for name in again["scaling"].values} == {
        "training",
        "null",
        "whole figure (fig1, smoke)",
    }
    assert len("\n".join(said).splitlines()) > again.sizes["comparison"]


def test_every_repeat_of_what_is_installed_is_kept(measured):
    _, dataset, _ = measured
    for index in range(dataset.sizes["comparison"]):
        one = dataset.isel(comparison=index)
        ratio = one["ratio"].values
        found = np.isfinite(ratio)
        if one["status"] == MEASURED:
            expected = (
                TINY.n_figure_repeats if "figure" in str(one["subject"].item()) else TINY.n_repeats
            )
            assert found.sum() == expected
            quotient = one["reference_seconds"].values / one["memlib_seconds"].values
            np.testing.assert_allclose(ratio[found], quotient[found])
            assert (ratio[found] > 0).all()
        else:
            assert "not" in str(one["status"].item())
            assert not found.any()
    status = dict(zip(ENGINES, dataset["engine_status"].values, strict=True))
    for engine in ENGINES:
        null = dataset["null_accuracy"].sel(engine=engine)
        assert bool(np.isfinite(null).all()) == (status[engine] == MEASURED)
    share = dataset["step_rate"] / dataset["product_rate"]
    np.testing.assert_allclose(dataset["peak_fraction"], share)
    assert int(dataset["step_operations"]) == 105_930_752


def test_provenance(measured):
    _, dataset, _ = measured
    attributes = dataset.attrs
    assert json.loads(attributes["sizes"])["n_trees"] == TINY.n_trees
    assert attributes["n_cores"] >= 1
    for name in ("processor", "git_commit", "created", "torch_version", "scikit-learn_version"):
        assert attributes[name]
    assert not any(str(ROOT) in str(value) for value in attributes.values())


def test_tables_and_figure_say_what_the_dataset_says(measured):
    path, dataset, _ = measured
    table = ratio_table(dataset)
    first = dataset.isel(comparison=0)
    assert spread(first["ratio"].values) in table
    assert len(table.splitlines()) == dataset.sizes["comparison"] + 2
    assert len({line.index("against") for line in plain_table(dataset).splitlines()[:1]}) == 1
    n_measured = int((dataset["engine_status"] == MEASURED).sum())
    n_engines = len(ENGINES)
    rows = n_measured * len(PERTURBATIONS) + n_engines - n_measured + 2
    assert len(null_table(dataset).splitlines()) == rows
    assert "60, 120" in scaling_table(dataset)
    assert "105.9 million" in describe_peak(dataset)
    assert dataset.attrs["processor"] in describe_machine(dataset, "any")
    assert "feature_epochs" in made_table(dataset)
    shown = show_ratios(stored_bench(str(path)))
    assert shown.light != shown.dark
    assert "training step, panel a: plain torch loop" in shown.alt
    assert "not installed" not in shown.alt


def test_notebook_runs_with_and_without_a_stored_benchmark(measured, tmp_path):
    import nbformat
    from kit.notebooks import execute

    path, dataset, _ = measured
    source = ROOT / "notebooks" / "reference" / "benchmark.py"
    texts = {}
    for name in (str(path), "no-such-benchmark"):
        output = execute(
            source, tmp_path / "b.ipynb", {"stored": name}, kernel_env={"PYTHONPATH": str(ROOT)}
        )
        texts[name] = str(
            [cell.outputs for cell in nbformat.read(output, 4).cells if cell.cell_type == "code"]
        )
    assert dataset.attrs["processor"] in texts[str(path)]
    assert "105.9 million" in texts[str(path)]
    missing = texts["no-such-benchmark"]
    assert "No benchmark no-such-benchmark is stored here" in missing
    assert "million" not in missing


def test_missing_or_other_files_are_refused_in_one_line(measured, tmp_path):
    path, dataset, _ = measured
    with pytest.raises(ResultError, match="memlib bench"):
        read_bench(tmp_path / "none.nc")
    (tmp_path / "half.nc").write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ResultError, match="damaged"):
        read_bench(tmp_path / "half.nc")
    with pytest.raises(ResultError, match="ratio"):
        check_bench(dataset.drop_vars("ratio"), "x")
    with pytest.raises(ResultError, match="created"):
        check_bench(dataset.drop_attrs(), "x")
    with pytest.raises(ResultError, match="schema"):
        check_bench(dataset.assign_attrs(schema_version=0), "x")
    assert stored_bench("no-such-benchmark") is None


def test_output_is_checked_before_any_work(tmp_path):
    with pytest.raises(InputError, match=r"\.nc"):
        run_bench(TINY, output=tmp_path / "bench.csv")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ResultError, match=r"cannot be written \(.* with --output"):
        run_bench(TINY, output=tmp_path / "file" / "bench.nc")


def test_command_says_what_is_wrong_in_one_line(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "memlib.cli", "bench", "--output", str(tmp_path / "bench.csv")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("memlib: --output")
    assert done.stderr.count("\n") == 1


def test_a_function_against_itself():
    def work():
        return sum(range(1000))

    (one,) = compare("work", {"memlib": timed(work), "again": timed(work)}, 5)
    assert one.ratio.shape == (5,)
    assert np.isfinite(one.ratio).all()
    assert (one.ratio > 0).all()


def test_alternatives_take_turns_and_seconds_are_per_unit():
    order: list[str] = []

    def alternative(name, seconds):
        def run(repeat):
            order.append(f"{name}{repeat}")
            return seconds * (repeat + 1)

        return run

    found = compare(
        "x",
        {"memlib": alternative("a", 2.0), "b": alternative("b", 6.0), "c": "gone"},
        3,
        n_units=2,
    )
    assert order == ["a0", "b0", "b1", "a1", "a2", "b2"]
    assert [one.status for one in found] == [MEASURED, "gone"]
    np.testing.assert_array_equal(found[0].ours, [1, 2, 3])
    np.testing.assert_array_equal(found[0].seconds, [3, 6, 9])
    np.testing.assert_array_equal(found[0].ratio, [3, 3, 3])
    assert found[1].ratio is None
    assert "3.00 (3.00 to 3.00) times b" in str(found[0])
    assert str(found[1]) == "x: c gone"
    assert set(interleaved({1: lambda _: 0.5}, 2)) == {1}


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 1.0, 1.5])
def test_fitted_exponent_recovers_a_power_law(exponent):
    sizes = (10, 30, 100, 500)
    times = {size: 0.3 * size**exponent for size in sizes}
    assert fit_exponent(sizes, np.array(list(times.values()))) == pytest.approx(exponent, abs=1e-12)
    scaling = measure_scaling("x", sizes, lambda size: lambda repeat: times[size] * (repeat + 1), 2)
    assert isinstance(scaling, Scaling)
    np.testing.assert_allclose(scaling.exponents, [exponent] * 2, atol=1e-12)


def test_operations_by_hand():
    first, second, last = 784 * 256, 256 * 16, 16 * 2
    forward = first + second + last
    weights = forward
    inputs = second + last  # none for the images
    by_hand = 2 * 128 * (forward + weights + inputs)
    assert step_operations(ARCHITECTURES["a"]) == by_hand == 105_930_752
    assert step_operations(ARCHITECTURES["a"], batch_size=1, image_shape=(1, 1)) == 2 * (
        2 * (256 + 4096 + 32) + 4096 + 32
    )


def test_tables_do_without_torch():
    code = "import sys, memlib.bench.tables, memlib.cli.main; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert bench_training.BATCH == 128
