"""What Algorithm 1 refuses, in one line before anything is computed, and where its limits end."""

import numpy as np
import pandas as pd
import pytest
from samples import labels_of, noise

from memlib.base.errors import InputError
from memlib.method.checks import check_options
from memlib.method.names import MAX_ROWS
from memlib.method.null import compute_null


def test_two_classes_are_the_least():
    with pytest.raises(InputError, match="fewer than two classes"):
        compute_null(noise(), np.zeros(60), {0: noise()})


@pytest.mark.parametrize(
    ("classifier", "n_samples", "taken"),
    [
        ("random_forest", MAX_ROWS, True),
        ("random_forest", MAX_ROWS + 1, False),
        ("random_forest_sklearn", MAX_ROWS + 1, True),
        ("nearest_neighbours", 5, True),
        ("nearest_neighbours", 4, False),
        ("linear_discriminant", 3, True),
        ("linear_discriminant", 2, False),
        ("svm", 2, True),
    ],
)
def test_a_classifier_takes_samples_up_to_its_limits_and_no_further(classifier, n_samples, taken):
    labels, least = np.arange(n_samples) % 2, {"n_permutations": 1, "n_trees": 1, "seed": 0}
    if taken:
        check_options(labels, classifier, **least)
    else:
        with pytest.raises(InputError, match=f"^{n_samples:,} samples: {classifier} takes"):
            check_options(labels, classifier, **least)


FOUR = {"train": noise(4), "labels": [0, 1] * 2, "sets": {0.05: noise(4)}}


def with_bad_value(value):
    bad = noise()
    bad[3, 1] = value
    return bad


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_permutations": 0}, "n_permutations = 0"),
        ({"labels": labels_of(30, 29)}, "do not match"),
        ({"labels": np.eye(60)}, "do not match"),
        ({"train": noise()[:, 0]}, "do not match"),
        ({"sets": {}}, "at least one set"),
        ({"sets": {0.05: noise(59)}}, r"set 0\.05 are \(59, 4\)"),
        ({"sets": {0.05: noise(60, 3)}}, r"set 0\.05 are \(60, 3\)"),
        ({"sets": {0.05: noise(), 0.1: with_bad_value(np.nan)}}, r"set 0\.1 .*not finite"),
        ({"train": with_bad_value(np.inf)}, "set 'train' .*not finite"),
        ({"validation": (with_bad_value(np.nan), labels_of(30, 30))}, "'validation' .*not finite"),
        ({"validation": (noise(), np.ones((60, 1)))}, r"and labels \(60, 1\)"),
        ({"validation": (noise(), ["coat"] * 60)}, "'coat'.* none of the training labels"),
        ({"validation": (noise(), ["0", "1"] * 30)}, "'0'.* none of the training labels"),
        ({"labels": [0.0, 1.0, np.nan] * 20}, "missing value"),
        ({"labels": np.array([0, 1, None] * 20)}, "missing value"),
        ({"labels": pd.array([0, 1, pd.NA] * 20)}, "missing value"),
        ({"labels": np.array([0, "coat"] * 30, object)}, "mixed types, int, str"),
        ({"sets": {("shuffle", 0.05): noise()}}, "name it by a number or a word"),
        ({**FOUR, "classifier": "nearest_neighbours"}, "^4 samples: nearest_neighbours takes 5"),
        (
            {**FOUR, "labels": list("abcd"), "classifier": "linear_discriminant"},
            "^4 samples: linear_discriminant takes 5",
        ),
        ({"classifier": "perceptron"}, "classifier = 'perceptron': take one of random_forest"),
    ],
)
def test_input_errors_are_one_line_that_names_the_matter(changes, words):
    call = {"train": noise(), "labels": labels_of(30, 30), "sets": {0.05: noise()}} | changes
    with pytest.raises(InputError, match=words) as caught:
        compute_null(call.pop("train"), call.pop("labels"), call.pop("sets"), **call)
    assert "\n" not in str(caught.value)
