"""Algorithm 1: the permutation null of learning against memorization (section 5).

A shallow classifier is fitted on the training set's learned features with shuffled labels and
scored on each s-validation set against the *same* shuffled labels. It cannot have learned what
goes with the labels, so what it scores above chance it owes to features that recognize the single
image: memorization. The same classifier with the true labels gives the observed score; what it
scores above the null it owes to learning.
"""

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from memlib.base.arrays import aligned, as_array, check_groups
from memlib.base.doubts import doubts_of_null
from memlib.base.errors import InputError
from memlib.base.keys import to_json
from memlib.base.parallel import in_threads, n_workers
from memlib.base.seeds import stream, stream_integer
from memlib.base.version import __version__
from memlib.base.words import label_null
from memlib.method.checks import affordable_classifier, check_finite, check_options
from memlib.method.classifiers import ManyPredictor, make_predictor
from memlib.method.verdicts import null_dataset, with_excess

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin


@dataclass(frozen=True)
class Scores:
    """Accuracy of each labelling on each set, and the chance level that belongs to it.

    Attributes
    ----------
    accuracy, chance
        float64 (labelling, set).
    validation_accuracy
        float64 (labelling,): on the independent set, NaN where it was not scored.
    recognized
        float64 (set, sample): share of shuffles in which a sample's copy was given its label.
    validation_hits
        bool (validation sample,): which the classifier of the true labels got right; None without.
    """

    accuracy: np.ndarray
    chance: np.ndarray
    validation_accuracy: np.ndarray
    recognized: np.ndarray
    validation_hits: np.ndarray | None = None


def shuffled_labels(
    labels: np.ndarray,
    labelling: int,
    *,
    seed: int,
    indices: Sequence[int] = (),
    groups: np.ndarray | None = None,
) -> np.ndarray:
    """Return the training labels (labelling 0) or their b-th shuffle (labelling b, 1 or more).

    With `groups` (sample,), whole groups change labels: rows of a group keep one label together.
    """
    if labelling == 0:
        return labels
    rng = stream(seed, "permutation", *indices, labelling)
    if groups is None:
        return rng.permutation(labels)
    _, first, member = np.unique(groups, return_index=True, return_inverse=True)
    return rng.permutation(labels[first])[member]


def chance_accuracy(labels: np.ndarray, predicted: np.ndarray) -> float:
    """Return the accuracy expected of predictions that have nothing to do with the labels.

    Labels and predictions keep their class frequencies and are paired at random:
    ``sum over k of p_k q_k``, with p_k the share of label k and q_k that of prediction k. It is
    0.5 for two balanced classes whatever is predicted, and 0.9 for a classifier that always names
    a class of 90 %.
    """
    classes = np.union1d(labels, predicted)
    share = [
        np.bincount(np.searchsorted(classes, values), minlength=len(classes)) / len(values)
        for values in (labels, predicted)
    ]
    return float(share[0] @ share[1])


def score_labellings(
    train_features: np.ndarray,
    labels: np.ndarray,
    s_validation_features: Sequence[np.ndarray],
    labellings: Iterable[int],
    *,
    classifier: "str | ClassifierMixin" = "random_forest",
    n_trees: int = 500,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    validate_all: bool = False,
    groups: np.ndarray | None = None,
    seed: int = 0,
    indices: Sequence[int] = (),
    n_jobs: int | None = 1,
    progress: bool = False,
) -> Scores:
    """Fit once for each labelling and score every set with that fit (lines 2-8 of Algorithm 1).

    Parameters
    ----------
    train_features
        (sample, feature).
    labels
        (sample,), any number of classes in any balance.
    s_validation_features
        One (sample, feature) array a set, rows in the order of the training set.
    labellings
        0 for the true labels, b for their b-th shuffle.
    classifier, n_trees
        See `memlib.method.classifiers.make_predictor`.
    validation
        Features and labels of an independent set, scored with the true labels only, or also with
        the shuffled ones where `validate_all`.
    groups
        See `shuffled_labels`.
    seed, indices
        Base seed, and the indices (an epoch, say) that tell this call's streams from others'.
        A labelling's score does not depend on which others are computed with it.
    n_jobs, progress
        See `memlib.base.parallel.in_threads`.
    """
    predictor = make_predictor(classifier, train_features, n_trees=n_trees)
    classes, labels = np.unique(labels, return_inverse=True)
    n, n_sets = len(labels), len(s_validation_features)
    rows = [np.asarray(features, train_features.dtype) for features in s_validation_features]
    stacked = np.concatenate(rows) if rows else train_features[:0]
    with_validation = stacked
    if validation is not None:
        with_validation = np.concatenate([stacked, validation[0].astype(train_features.dtype)])
    accuracy, chance, validated = [], [], []
    hits: np.ndarray | None = None
    labellings = list(labellings)
    recognized, n_shuffles = np.zeros((n_sets, n)), sum(one != 0 for one in labellings)
    shuffles = [
        shuffled_labels(labels, one, seed=seed, indices=indices, groups=groups)
        for one in labellings
    ]

    def predict(labelling: int, shuffled: np.ndarray) -> np.ndarray:
        fit_seed = stream_integer(seed, "shallow_classifier", *indices, labelling)
        rows = stacked if labelling and not validate_all else with_validation
        return predictor.predict(shuffled, rows, seed=fit_seed)

    predictions: Iterable[np.ndarray]
    if shuffles and isinstance(predictor, ManyPredictor):
        predictions = predictor.predict_many(np.stack(shuffles), with_validation)
    else:
        calls = list(zip(labellings, shuffles, strict=True))
        predictions = in_threads(
            predict, calls, n_jobs=n_jobs, progress=progress, title=f"{len(calls)} fits"
        )
    for labelling, shuffled, predicted in zip(labellings, shuffles, predictions, strict=True):
        by_set = predicted[: n * n_sets].reshape(n_sets, n)
        accuracy.append((by_set == shuffled).mean(axis=1))
        recognized += (by_set == shuffled) * (labelling != 0) / max(n_shuffles, 1)
        chance.append([chance_accuracy(shuffled, one) for one in by_set])
        if validation is not None and (labelling == 0 or validate_all):
            right = classes[predicted[n * n_sets :]] == validation[1]
            validated.append(float(right.mean()))
            hits = hits if labelling else right
        else:
            validated.append(np.nan)
    shape = (-1, n_sets)
    return Scores(
        np.array(accuracy, float).reshape(shape),
        np.array(chance, float).reshape(shape),
        np.array(validated, float),
        recognized,
        hits,
    )


def compute_null(
    train_features: np.ndarray,
    labels: np.ndarray,
    s_validation_features: Mapping[Hashable, np.ndarray],
    *,
    classifier: "str | ClassifierMixin" = "random_forest",
    n_permutations: int = 100,
    n_trees: int = 500,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    groups: np.ndarray | None = None,
    keep_samples: bool = False,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Run Algorithm 1 on learned features: did the network learn, memorize, both, or neither?

    Null hypothesis of ``p_value``: the features say nothing about the labels beyond what they say
    about the single image (the network has not learned). ``share_at_chance`` is no p-value: it
    says how much of the null lies at or below chance, and the verdict *memorized* is a rule on it.

    Parameters
    ----------
    train_features
        float (sample, feature).
    labels
        (sample,), any number of classes in any balance.
    s_validation_features
        (sample, feature) arrays by perturbation, rows in the order of `train_features`.
    classifier
        A name in `memlib.method.classifiers.CLASSIFIERS` or any scikit-learn classifier. One fit
        serves all sets. With more than 65,535 samples ``"random_forest_sklearn"`` is fitted in
        place of the default, which parameters and warnings of the result say.
    n_permutations
        B, 1 or more.
    n_trees
        Trees of a named forest.
    validation
        Features and labels of independent images, scored with the true labels only.
    groups
        (sample,), where rows belong together (patients, videos): labels are shuffled among whole
        groups. Shuffled row by row, features that only tell groups apart would look learned.
    keep_samples
        Also return `Scores.recognized` (perturbation, sample) and ``null_validation_accuracy``.
    seed
        Base seed.
    n_jobs
        Threads that fit classifiers; as many as cores when None. Scores do not depend on it.
    progress
        Show a bar with the time left when this takes longer than a few seconds.

    Returns
    -------
    xarray.Dataset
        ``observed_accuracy``, ``null_accuracy`` (.., permutation), ``chance_accuracy``,
        ``p_value``, ``share_at_chance``, ``null_excess`` (the null's mean above chance) with its
        standard error ``null_excess_error``, and ``verdict`` by ``perturbation``; verdicts are
        codes into `memlib.method.verdicts.VERDICTS`. With `validation`, ``validation_accuracy``.
        The attribute ``warnings`` is a JSON list of what makes the answer doubtful.

    Raises
    ------
    InputError
        When shapes do not match, there is one class only, a feature is not finite, or an option is
        out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from memlib.method.verdicts import VERDICTS
    >>> rng = np.random.default_rng(0)
    >>> features = rng.normal(size=(100, 4))
    >>> labels = np.tile([0, 1], 50)
    >>> ds = compute_null(features, labels, {0.0: features}, n_permutations=19, n_trees=20)
    >>> VERDICTS[int(ds["verdict"].item())]  # nothing to learn, but each row known by heart
    'memorized'
    """
    given, asked = train_features, classifier
    train_features = as_array(given, "features").astype(np.float32, copy=False)
    labels = as_array(aligned(labels, given, "labels"), "labels")
    if train_features.ndim != 2 or labels.shape != train_features.shape[:1]:
        raise InputError(
            f"features {train_features.shape} and labels {labels.shape} do not match: "
            "they are (sample, feature) and (sample,)"
        )
    classifier = affordable_classifier(classifier, len(labels))
    check_options(labels, classifier, n_permutations=n_permutations, n_trees=n_trees, seed=seed)
    groups = None if groups is None else check_groups(as_array(groups, "groups"), labels)
    n_jobs = n_workers(n_jobs)
    if not isinstance(s_validation_features, Mapping):
        raise InputError("s_validation_features is no mapping: write {0.05: features}")
    if not s_validation_features:
        raise InputError("s_validation_features is empty: give at least one set")
    for name in s_validation_features:
        if isinstance(name, tuple):
            raise InputError(f"s-validation set {name!r}: name it by a number or a word")
    sets = [
        as_array(aligned(one, given, f"set {name!r}"), f"set {name!r}").astype(
            np.float32, copy=False
        )
        for name, one in s_validation_features.items()
    ]
    for name, features in zip(
        ("train", *s_validation_features), (train_features, *sets), strict=True
    ):
        if features.shape != train_features.shape:
            raise InputError(
                f"features of set {name!r} are {features.shape}, those of the training set "
                f"{train_features.shape}: an s-validation set perturbs every training image once"
            )
        check_finite(features, name)
    if validation is not None:
        validation = (
            as_array(validation[0], "validation features").astype(np.float32, copy=False),
            as_array(validation[1], "validation labels"),
        )
        n, width = validation[1].size, train_features.shape[1]
        if not n or validation[0].shape != (n, width) or validation[1].shape != (n,):
            raise InputError(
                f"validation features {validation[0].shape} and labels {validation[1].shape}: "
                f"they are (sample, {width}) and (sample,), one sample or more"
            )
        # As Python's values: NumPy would take the text "1" for the number.
        if not set(validation[1].tolist()) & set(labels.tolist()):
            raise InputError(
                f"validation labels, like {validation[1][0]!r}, are none of the training labels, "
                f"like {labels[0]!r}"
            )
        check_finite(validation[0], "validation")
    scores = score_labellings(
        train_features,
        labels,
        sets,
        range(n_permutations + 1),
        classifier=classifier,
        n_trees=n_trees,
        validation=validation,
        validate_all=keep_samples,
        groups=groups,
        seed=seed,
        n_jobs=n_jobs,
        progress=progress,
    )
    changed = np.array([(train_features != one).any(axis=1).mean() for one in sets])
    null, chance = scores.accuracy[1:].mean(axis=0), scores.chance[1:].mean(axis=0)
    warnings = list(doubts_of_null(null, chance, changed, list(s_validation_features)))
    n_distinct = len(np.unique(train_features, axis=0))
    if groups is None and n_distinct < 0.9 * len(labels):
        warnings.append(
            f"{len(labels) - n_distinct:,} of {len(labels):,} rows of features repeat others: "
            "where rows belong together, give `groups`"
        )
    if classifier is not asked:
        warnings.append(f"{len(labels):,} samples: {classifier} was fitted in place of {asked}")
    dataset = null_dataset(
        scores.accuracy[0],
        scores.accuracy[1:].T,
        scores.chance[1:].T,
        list(s_validation_features),
    )
    dataset = with_excess(dataset, scores.accuracy[1:].T, scores.chance[1:].T)
    if validation is not None:
        dataset["validation_accuracy"] = float(scores.validation_accuracy[0])
        if keep_samples:
            dataset["null_validation_accuracy"] = ("permutation", scores.validation_accuracy[1:])
    if keep_samples:
        dataset["recognized"] = (("perturbation", "sample"), scores.recognized.astype(np.float32))
    told = classifier if isinstance(classifier, str) else repr(classifier)
    dataset.attrs = {
        "title": "Permutation null of Algorithm 1",
        "references": "Chaibub Neto 2018, arXiv:1802.07714",
        "parameters": to_json({"classifier": told, "n_trees": int(n_trees), "seed": int(seed)}),
        "memlib_version": __version__,
        "warnings": json.dumps(warnings),
    }
    return label_null(dataset, "s-validation set", "1")
