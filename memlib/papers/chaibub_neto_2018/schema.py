"""The variables of a figure's result: scores, null and verdicts, seed by seed (no torch)."""

import numpy as np

from memlib.base.words import COORDINATES, LONG_NAMES
from memlib.method.verdicts import VERDICTS
from memlib.results.schema import Schema, Variable

BY_EPOCH = ("seed", "epoch")
BY_STRENGTH = (*BY_EPOCH, "perturbation")


def _share(name: str, dims: tuple[str, ...]) -> Variable:
    return Variable(dims, LONG_NAMES[name], 0, 1)


SCHEMA = Schema(
    variables={
        "observed_accuracy": _share("observed_accuracy", BY_STRENGTH),
        "null_accuracy": _share("null_accuracy", (*BY_STRENGTH, "permutation")),
        "chance_accuracy": _share("chance_accuracy", BY_STRENGTH),
        "p_value": _share("p_value", BY_STRENGTH),
        "share_at_chance": _share("share_at_chance", BY_STRENGTH),
        "verdict": Variable(BY_STRENGTH, LONG_NAMES["verdict"], 0, len(VERDICTS) - 1),
        "validation_accuracy": _share("validation_accuracy", BY_EPOCH),
        "network_train_accuracy": Variable(
            BY_EPOCH, "network's own accuracy, training images", 0, 1
        ),
        "network_validation_accuracy": Variable(
            BY_EPOCH, "network's own accuracy, independent images", 0, 1
        ),
        "network_train_loss": Variable(
            BY_EPOCH, "mean binary cross-entropy over the outputs, training images", 0, np.inf
        ),
        "validation_hits": Variable(
            (*BY_EPOCH, "validation_byte"),
            "independent images that the shallow classifier of the true labels got right, in bits, "
            "the first image first (numpy.unpackbits)",
            0,
            255,
            optional=True,
        ),
    },
    coordinates=COORDINATES | {"validation_byte": "eight independent images"},
    # Until 2026 it was called a p-value, which it is not.
    renamed={"memorization_p_value": "share_at_chance"},
    attributes=("loss", "initial_weights"),
    panel_attributes=("panel", "network", "layers"),
    flags={"verdict": VERDICTS},
)
