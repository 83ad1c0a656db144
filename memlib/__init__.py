"""Did a network learn, or memorize? Shared structure validation sets (Chaibub Neto 2018)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from memlib.errors import InputError
from memlib.version import __version__

if TYPE_CHECKING:  # what type checkers and editors see; the rest of us loads it when first used
    from memlib.claims import check_claims
    from memlib.data import Data, load_data
    from memlib.features import extract_learned_features
    from memlib.measures import shared_structure_test
    from memlib.null import compute_null
    from memlib.perturb import make_s_validation_set
    from memlib.pictures import show_figure
    from memlib.plots import plot_figure
    from memlib.results import read_result
    from memlib.runs import run_figure
    from memlib.steps import make_step
    from memlib.training import train_network
    from memlib.verdicts import VERDICTS

# Loaded when first used: torch takes seconds to import, and much here works without it.
_HOME = {
    "Data": "data",
    "load_data": "data",
    "make_s_validation_set": "perturb",
    "extract_learned_features": "features",
    "compute_null": "null",
    "VERDICTS": "verdicts",
    "shared_structure_test": "measures",
    "make_step": "steps",
    "train_network": "training",
    "run_figure": "runs",
    "read_result": "results",
    "plot_figure": "plots",
    "show_figure": "pictures",
    "check_claims": "claims",
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
