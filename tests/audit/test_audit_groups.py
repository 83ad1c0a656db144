"""Rows that belong together: shuffled row by row they make everything look learned."""

import json

import numpy as np
import pytest

from memlib import compute_null
from memlib.audit import audit
from memlib.base.errors import InputError
from memlib.method.checks import affordable_classifier
from memlib.method.names import MAX_ROWS
from memlib.method.null import shuffled_labels

FEW = {"n_permutations": 19, "progress": False, "n_jobs": 1}
GROUPS = np.repeat(np.arange(24), 5)
LABELS = GROUPS % 2


def grouped(seed):
    """Return features that tell groups apart and know nothing of labels, and copies of them."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(24, 4))[GROUPS]
    return [(centres + 0.3 * rng.normal(size=centres.shape)).astype(np.float32) for _ in range(2)]


@pytest.mark.parametrize(("groups", "rate", "near"), [(None, 0.987, 0.04), (GROUPS, 0.05, 0.04)])
def test_error_rate_of_groups_with_nothing_to_learn(groups, rate, near):
    found = []
    for seed in range(200):
        train, copy = grouped(seed)
        options = FEW | {"classifier": "nearest_neighbours", "groups": groups, "seed": seed}
        found.append(float(compute_null(train, LABELS, {0.1: copy}, **options)["p_value"].item()))
    assert np.mean(np.array(found) <= 0.05) == pytest.approx(rate, abs=near)


def test_groups_keep_together_and_their_labels_are_those_of_groups():
    order = np.random.default_rng(0).permutation(120)
    groups, labels = GROUPS[order], LABELS[order]
    for b in range(1, 5):
        shuffled = shuffled_labels(labels, b, seed=0, groups=groups)
        by_group = [set(shuffled[groups == one]) for one in range(24)]
        assert all(len(one) == 1 for one in by_group)
        assert sum(one.pop() for one in by_group) == 12
        assert (shuffled != labels).any()


def test_groups_that_cannot_be_shuffled_are_refused():
    train, copy = grouped(0)
    with pytest.raises(InputError, match="group 0 has samples of several labels"):
        compute_null(train, np.arange(120) % 2, {0.1: copy}, groups=GROUPS, **FEW)
    with pytest.raises(InputError, match="groups \\(3,\\)"):
        compute_null(train, LABELS, {0.1: copy}, groups=[1, 2, 3], **FEW)


def test_few_groups_and_repeated_rows_are_said():
    inputs = np.repeat(np.random.default_rng(0).normal(size=(4, 6)), 10, axis=0)
    labels, groups = np.repeat([0, 1, 0, 1], 10), np.repeat(np.arange(4), 10)
    options = {**FEW, "n_trees": 10, "baselines": False, "strengths": [0.4]}
    alone = audit(lambda x: x, (inputs, labels), **options)
    assert any("36 of 40 rows of features repeat others" in one for one in alone.warnings)
    together = audit(lambda x: x, (inputs, labels), groups=groups, **options)
    assert any("in 6 ways only" in one for one in together.warnings)
    assert not any("repeat others" in one for one in together.warnings)
    assert together.dataset["group"].values.tolist() == groups.tolist()


def test_more_rows_than_our_forest_takes_fall_back_and_say_so(monkeypatch):
    assert affordable_classifier("random_forest", MAX_ROWS) == "random_forest"
    assert affordable_classifier("random_forest", MAX_ROWS + 1) == "random_forest_sklearn"
    monkeypatch.setattr("memlib.method.checks.MAX_ROWS", 100)
    train, copy = grouped(0)
    found = compute_null(train, LABELS, {0.1: copy}, n_trees=5, **FEW)
    assert json.loads(found.attrs["parameters"])["classifier"] == "random_forest_sklearn"
    assert any("fitted in place of random_forest" in w for w in json.loads(found.attrs["warnings"]))
    straight = compute_null(
        train, LABELS, {0.1: copy}, classifier="random_forest_sklearn", n_trees=5, **FEW
    )
    np.testing.assert_array_equal(found["null_accuracy"], straight["null_accuracy"])
