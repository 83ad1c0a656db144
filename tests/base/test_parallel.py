"""Work beside each other: who may take how many cores, and the bar that says how long it lasts."""

import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import xarray as xr
from conftest import one_line
from samples import labels_of, noise
from sklearn.base import BaseEstimator, ClassifierMixin

from memlib.base import parallel
from memlib.base.errors import InputError
from memlib.base.parallel import in_threads, n_workers
from memlib.method.null import compute_null

MEETING = threading.Barrier(2)


class WaitsForAnother(ClassifierMixin, BaseEstimator):
    """Names the first label, and returns from `fit` only when another is being fitted, too."""

    def fit(self, X, y):
        MEETING.wait(timeout=30)
        self.first_ = y[0]
        return self

    def predict(self, X):
        return np.full(len(X), self.first_)


def test_fits_of_a_null_run_beside_each_other():
    features, labels = noise(40, 3), labels_of(20, 20)
    compute_null(
        features, labels, {0.1: features}, classifier=WaitsForAnother(), n_permutations=3, n_jobs=2
    )


@pytest.mark.parametrize("classifier", ["random_forest", "svm", "nearest_neighbours"])
def test_a_null_does_not_depend_on_the_number_of_threads(classifier):
    features, labels = noise(90, 5), labels_of(40, 30, 20)
    options = {"classifier": classifier, "n_permutations": 7, "n_trees": 20}
    one, three = (
        compute_null(features, labels, {0.1: features + 0.3}, n_jobs=n_jobs, **options)
        for n_jobs in (1, 3)
    )
    xr.testing.assert_identical(one, three)


@pytest.mark.parametrize("shown", [True, False])
def test_a_bar_with_the_time_left_is_shown_for_long_work_only(shown, capsys, monkeypatch):
    monkeypatch.setattr(parallel, "PATIENCE", 0.1 if shown else 60.0)
    monkeypatch.setattr(parallel, "refresh_seconds", lambda: 0.1)
    pause = lambda seconds: time.sleep(seconds) or seconds  # noqa: E731
    assert list(in_threads(pause, [(0.2,)] * 4, progress=True, title="4 naps")) == [0.2] * 4
    error = capsys.readouterr().err
    assert ("4 naps" in error and "left" in error) == shown
    list(in_threads(pause, [(0.2,)] * 4))
    assert not capsys.readouterr().err


def test_results_come_in_the_order_of_the_calls():
    def late(number):
        time.sleep(0.05 * (3 - number))
        return number

    assert list(in_threads(late, [(0,), (1,), (2,)], n_jobs=3)) == [0, 1, 2]


@pytest.mark.parametrize("n_jobs", [0, -1, 1.5, True, "2"])
def test_a_number_of_workers_that_is_none_is_refused_in_one_line(n_jobs):
    with pytest.raises(InputError) as error:
        n_workers(n_jobs)
    assert f"n_jobs = {n_jobs!r}" in one_line(error)


@pytest.mark.skipif(sys.platform != "linux", reason="a process is tied to cores on Linux")
def test_cores_that_we_may_not_use_are_not_taken():
    script = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from memlib.base.parallel import n_workers; print(n_workers())"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert found.stdout.strip() == "1", found.stderr
