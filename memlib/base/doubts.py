"""What makes an answer doubtful, in words that travel with it."""

from collections.abc import Hashable, Iterator

import numpy as np

SATURATED = 0.9  # of the way from chance to 1: what is left cannot tell learned from memorized


def doubts_of_null(
    null: np.ndarray, chance: np.ndarray, changed: np.ndarray, names: list[Hashable]
) -> Iterator[str]:
    """Yield why a null may mislead, a line a set, from means over shuffles and shares of rows.

    `changed` is the share of each set's rows that differ from the training set's.
    """
    for name, mean, level, share in zip(names, null, chance, changed, strict=True):
        if share < 0.95:
            yield (
                f"set {name!r}: {1 - share:.0%} of the copies equal their originals, which any "
                "classifier knows by heart: perturb more"
            )
        if mean - level > SATURATED * (1 - level):
            yield (
                f"set {name!r}: the null is saturated ({mean:.2f}): it leaves no room for the true "
                "labels to score above it; perturb more"
            )
