"""What the benchmark times memlib against: a plain loop, Keras, other forests."""

import numpy as np
import pytest
import xarray as xr

import memlib.bench.engines as engines_module
from memlib.base.errors import ResultError
from memlib.bench.engines import (
    ENGINES,
    PERTURBATIONS,
    engine_status,
    learned_features,
    r_versions,
    run_engine,
)
from memlib.bench.keras import keras_fit
from memlib.bench.null import measure_nulls, null_agreement
from memlib.bench.timing import MEASURED
from memlib.bench.training import batches, plain_loop
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.training.networks import build_network
from memlib.training.steps import Step


def test_plain_loop_trains_as_memlib_does():
    inputs, targets = batches(2)
    ours, theirs = (build_network(ARCHITECTURES["a"], seed=0) for _ in range(2))
    Step(ours, optimizer="sgd", learning_rate=0.01).run(inputs, targets, 128)
    plain_loop(theirs, "sgd", inputs, targets)()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(one.detach(), other.detach(), atol=1e-6)


def test_agreement_sees_a_planted_difference():
    rng = np.random.default_rng(0)
    null = 0.6 + 0.01 * rng.standard_normal((2, 200))
    other = 0.6 + 0.01 * rng.standard_normal((2, 200))
    other[1] += 0.02
    difference, p_value = null_agreement(null, other)
    assert abs(difference[0]) < 0.005
    assert difference[1] == pytest.approx(-0.02, abs=0.005)
    assert p_value[0] > 0.01
    assert p_value[1] < 1e-10


def test_scores_do_not_depend_on_the_number_of_processes():
    features = learned_features(60, 1)
    one, two = (
        measure_nulls(features, n_permutations=10, n_trees=3, n_jobs=n_jobs) for n_jobs in (1, 2)
    )
    xr.testing.assert_identical(one, two)
    null = one["null_accuracy"]
    assert null.shape == (len(ENGINES), len(PERTURBATIONS), 10)
    # each engine has shuffles of its own: the test of equality asks for independent samples
    ours, sklearn = (null.sel(engine=name) for name in ("memlib", "scikit-learn"))
    assert not np.array_equal(ours, sklearn)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_scores_rows_in_their_order(engine):
    if engine_status(engine) != MEASURED:
        pytest.skip(f"{engine}: {engine_status(engine)}")
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1], 60)
    train = (rng.random((120, 16)) + labels[:, None]).astype(np.float32)
    sets = np.concatenate([train, train[::-1]])  # the second set has every label wrong
    features = engines_module.LearnedFeatures(train, labels, sets)
    seconds, accuracy = run_engine(engine, features, [labels, 1 - labels], [1, 2], 20)
    np.testing.assert_array_equal(accuracy, [[1, 0], [1, 0]])
    assert (seconds >= 0).all()


def keras_child(panel="a"):
    inputs, targets = (one.numpy()[:16] for one in batches(1))
    return keras_fit(
        ARCHITECTURES[panel],
        inputs,
        targets,
        optimizer="sgd",
        learning_rate=0.01,
        batch_size=16,
    )


@pytest.mark.parametrize("panel", ["e", "f"])
def test_keras_is_timed_in_its_own_process(panel):
    with keras_child(panel) as found:
        if isinstance(found, str):
            pytest.skip(f"Keras: {found}")
        assert [found(repeat) > 0 for repeat in range(2)] == [True, True]


def test_a_child_that_dies_is_one_line(monkeypatch, tmp_path):
    (tmp_path / "tensorflow.py").write_text("print('noise', flush=True)\nraise SystemExit(3)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ResultError, match="Keras stopped"), keras_child():
        pass


def test_what_is_not_installed_is_recorded(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(engines_module, "find_spec", lambda name: None)
    (tmp_path / "tensorflow.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    r_versions.cache_clear()
    try:
        assert engine_status("ranger").startswith("not installed")
        assert engine_status("scikit-learn-intelex") == "not installed"
        assert engine_status("memlib") == engine_status("scikit-learn") == MEASURED
        with keras_child() as found:
            assert found == "not installed"
        nulls = measure_nulls(learned_features(60, 1), n_permutations=1, n_trees=2, n_jobs=1)
        assert np.isnan(nulls["null_accuracy"][2:]).all()
        assert np.isfinite(nulls["null_accuracy"][:2]).all()
        monkeypatch.setattr(engines_module, "r_versions", lambda: {"R_version": "4"})
        assert engine_status("ranger") == "not installed"
    finally:
        r_versions.cache_clear()


def test_r_errors_are_one_line(monkeypatch):
    if engine_status("ranger") != MEASURED:
        pytest.skip("R or ranger is not installed")
    monkeypatch.setattr(engines_module, "R_SCRIPT", 'stop("on purpose")')
    features = learned_features(20, 1)
    with pytest.raises(ResultError, match="ranger failed") as caught:
        run_engine("ranger", features, [features.labels], [1], 2)
    assert "\n" not in str(caught.value)
