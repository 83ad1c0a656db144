"""What a claim of the paper is: its words, the rule that decides, and the verdict on results."""

from collections.abc import Iterable, Mapping, Sequence

from memlib.papers.chaibub_neto_2018.quantities import levels_in_common, null_mean
from memlib.papers.chaibub_neto_2018.scores import Scores
from memlib.results.claim import Check

Panels = Mapping[str, Scores]


DEPTH = (("a", "b"), ("d", "e"))
DROPOUT = (("a", "d"), ("b", "e"), ("c", "f"))
NEAR_CHANCE = 0.03  # about three standard errors of an accuracy on 2,000 balanced samples


def check_pairs(
    panels: Panels, pairs: Iterable[tuple[str, str]], strength: float
) -> Iterable[Check]:
    """Check that the first panel of each pair has the higher null, over epochs that both reach."""
    for more, less in pairs:
        if more in panels and less in panels:
            pair = panels[more], panels[less]
            first, second = levels_in_common(pair, strength)
            value = f"{first:.3f} against {second:.3f} ({at_first(pair, strength)})"
            yield Check(f"{more} > {less}", value, first > second, first - second)


def at_first(pair: Sequence[Scores], strength: float) -> str:
    """Say where two nulls lay when first measured: part of a difference may be there from then."""
    levels = " against ".join(f"{null_mean(one, strength)[0]:.3f}" for one in pair)
    return f"epoch {max(int(one.epochs[0]) for one in pair):,}: {levels}"
