"""Shallow classifiers, fitted many times on the same features with other labels."""

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from memlib.base.errors import InputError
from memlib.method.names import CLASSIFIERS, N_NEIGHBOURS

# Names are needed by every command, scikit-learn and numba only where something is fitted.
if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin


class Predictor(Protocol):
    """Features given once; labels come later, many times."""

    def predict(self, labels: np.ndarray, sets: np.ndarray, *, seed: int) -> np.ndarray:
        """Fit on the labels and return predicted labels of all rows of `sets`."""
        ...


@runtime_checkable
class ManyPredictor(Predictor, Protocol):
    """A predictor that takes many labellings at once, without randomness."""

    def predict_many(self, labellings: np.ndarray, sets: np.ndarray) -> np.ndarray:
        """Fit on each labelling (B, n) and return predicted labels (B, m) of the rows."""
        ...


class EstimatorPredictor:
    """Any scikit-learn classifier: a fresh clone is fitted for every set of labels."""

    def __init__(self, estimator: "ClassifierMixin", features: np.ndarray) -> None:
        self.estimator = estimator
        self.features = features
        names = estimator.get_params()
        self.seeded = [n for n in names if n == "random_state" or n.endswith("__random_state")]

    def predict(self, labels: np.ndarray, sets: np.ndarray, *, seed: int) -> np.ndarray:
        """Fit a clone with this seed on the labels; return predicted labels of the rows."""
        from sklearn.base import clone

        fitted = clone(self.estimator)
        fitted.set_params(**dict.fromkeys(self.seeded, seed % 2**32))
        return fitted.fit(self.features, labels).predict(sets)


def classifies(estimator: object) -> bool:
    """Say whether an object is a classifier as scikit-learn has it, not a class or a regressor."""
    from sklearn.utils import get_tags

    wanted = ("fit", "predict", "get_params")
    if isinstance(estimator, type) or not all(hasattr(estimator, name) for name in wanted):
        return False
    return get_tags(estimator).estimator_type in ("classifier", None)


def make_estimator(name: str, *, n_trees: int = 500) -> "ClassifierMixin":
    """Return the scikit-learn classifier of a name, with one thread.

    Raises
    ------
    InputError
        When the name is not one of `CLASSIFIERS`.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression, RidgeClassifier
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    makers: dict[str, Any] = {
        "random_forest": lambda: RandomForestClassifier(n_trees),
        "random_forest_sklearn": lambda: RandomForestClassifier(n_trees),
        "extra_trees": lambda: ExtraTreesClassifier(n_trees),
        "nearest_neighbours": lambda: KNeighborsClassifier(N_NEIGHBOURS),
        "ridge": lambda: RidgeClassifier(alpha=1.0),
        "logistic_regression": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
        "linear_discriminant": lambda: LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
        "svm": lambda: make_pipeline(StandardScaler(), SVC()),
    }
    if name not in makers:
        raise InputError(f"classifier = {name!r}: take one of {', '.join(CLASSIFIERS)}")
    return makers[name]()


def make_predictor(
    classifier: "str | ClassifierMixin", features: np.ndarray, *, n_trees: int = 500
) -> Predictor:
    """Prepare a classifier for many fits on the same features.

    Parameters
    ----------
    classifier
        A name in `CLASSIFIERS` or any scikit-learn classifier, which is given labels as codes 0 to
        K - 1 in their sorted order. ``"random_forest"`` is our own
        engine, same in distribution as ``"random_forest_sklearn"`` and several times faster;
        ``"nearest_neighbours"`` and ``"ridge"`` predict as scikit-learn's, with all labellings in
        one product (`memlib.method.fast.smoothers`).
    features
        float32 (sample, feature).
    n_trees
        Trees of a named forest.
    """
    if classifier == "random_forest":
        from memlib.method.fast.forest import ForestEngine

        return ForestEngine(features, n_trees=n_trees)
    if classifier == "nearest_neighbours":
        from memlib.method.fast.smoothers import NeighboursSmoother

        return NeighboursSmoother(features)
    if classifier == "ridge":
        from memlib.method.fast.smoothers import RidgeSmoother

        return RidgeSmoother(features)
    if isinstance(classifier, str):
        classifier = make_estimator(classifier, n_trees=n_trees)
    return EstimatorPredictor(classifier, features)
