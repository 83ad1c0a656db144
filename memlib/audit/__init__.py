"""Your own network: did it learn, or memorize? Any model, any data, one report.

`audit` asks, `Audit` answers; `compare` puts answers beside each other, `Watch` asks while a
network trains.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memlib.audit.answer import Audit, compare, read_audit
    from memlib.audit.ask import audit, audit_features
    from memlib.audit.watch import Watch

# Loaded when first used: a stored answer is read without torch.
_HOME = {
    "Audit": "answer",
    "Watch": "watch",
    "audit": "ask",
    "audit_features": "ask",
    "compare": "answer",
    "read_audit": "answer",
}

__all__ = ["Audit", "Watch", "audit", "audit_features", "compare", "read_audit"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'memlib.audit' has no attribute {name!r}")
    return getattr(import_module(f"memlib.audit.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
