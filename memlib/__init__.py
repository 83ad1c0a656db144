"""Did a network learn, or memorize? Shared structure validation sets (Chaibub Neto 2018)."""

from importlib import import_module
from typing import Any

from memlib.version import __version__

# Loaded when first used: torch takes seconds to import, and much here works without it.
_HOME = {
    "Data": "data",
    "load_data": "data",
    "make_s_validation_set": "perturb",
    "extract_learned_features": "features",
    "compute_null": "null",
    "VERDICTS": "verdicts",
    "shared_structure_test": "measures",
    "train_network": "training",
    "run_figure": "runs",
    "read_result": "results",
    "plot_figure": "plots",
    "show_figure": "pictures",
    "check_claims": "claims",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'memlib' has no attribute {name!r}")
    return getattr(import_module(f"memlib.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
