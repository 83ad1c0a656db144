"""Did a network learn, or memorize? Shared structure validation sets (Chaibub Neto 2018)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from memlib.base.errors import InputError
from memlib.base.version import __version__

if TYPE_CHECKING:  # what type checkers and editors see; the rest of us loads it when first used
    from memlib.method.data import Data
    from memlib.method.features import extract_learned_features
    from memlib.method.null import compute_null
    from memlib.method.perturb import make_s_validation_set
    from memlib.method.test import shared_structure_test
    from memlib.method.verdicts import VERDICTS
    from memlib.papers.chaibub_neto_2018.claims import check_claims
    from memlib.papers.chaibub_neto_2018.pictures import show_figure
    from memlib.papers.chaibub_neto_2018.plots import plot_figure
    from memlib.runs.figure import read_result, run_figure
    from memlib.training.factory import make_step
    from memlib.training.images import load_data
    from memlib.training.loop import train_network

# Loaded when first used: torch takes seconds to import, and much here works without it.
_HOME = {
    "check_claims": "papers.chaibub_neto_2018.claims",
    "compute_null": "method.null",
    "Data": "method.data",
    "extract_learned_features": "method.features",
    "load_data": "training.images",
    "make_s_validation_set": "method.perturb",
    "make_step": "training.factory",
    "plot_figure": "papers.chaibub_neto_2018.plots",
    "read_result": "results.schema",
    "run_figure": "runs.figure",
    "shared_structure_test": "method.test",
    "show_figure": "papers.chaibub_neto_2018.pictures",
    "train_network": "training.loop",
    "VERDICTS": "method.verdicts",
}

__all__ = [
    "VERDICTS",
    "Data",
    "InputError",
    "__version__",
    "check_claims",
    "compute_null",
    "extract_learned_features",
    "load_data",
    "make_s_validation_set",
    "make_step",
    "plot_figure",
    "read_result",
    "run_figure",
    "shared_structure_test",
    "show_figure",
    "train_network",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'memlib' has no attribute {name!r}")
    return getattr(import_module(f"memlib.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
