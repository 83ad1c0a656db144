"""What the paper claims of its figures, checked against results (no torch).

36 claims of the text, the poster and the workshop abstract. Their rules and the defaults they are
judged at were frozen after an exploration on one or two seeds; those marked as revised were changed
with results in view. They are judged once, on the seeds 100 to 104 and at the teaching scale.
"""

from collections.abc import Mapping

from memlib.base.errors import InputError
from memlib.papers.arpit_2017.capacity_claims import CAPACITY_CLAIMS
from memlib.papers.arpit_2017.complexity_claims import COMPLEXITY_CLAIMS
from memlib.papers.arpit_2017.example_claims import EXAMPLE_CLAIMS
from memlib.papers.arpit_2017.quantities import Panels
from memlib.papers.arpit_2017.regularizer_claims import REGULARIZER_CLAIMS
from memlib.papers.arpit_2017.schema import SCHEMA
from memlib.results.claim import Claim, Outcome

CLAIMS: dict[int, Claim] = {
    claim.number: claim
    for claim in sorted(
        (*EXAMPLE_CLAIMS, *CAPACITY_CLAIMS, *COMPLEXITY_CLAIMS, *REGULARIZER_CLAIMS),
        key=lambda claim: claim.number,
    )
}


def check_claims(results: Mapping[str, Panels], *, figure: str | None = None) -> list[Outcome]:
    """Check the paper's claims on results.

    Parameters
    ----------
    results
        By figure name, each a mapping of panels to datasets as `schema.SCHEMA` lays them out. A
        claim is ``not yet run`` when a figure, panel or condition that it needs is not there.
    figure
        Only the claims of this figure (those whose last needed figure it is).

    Raises
    ------
    InputError
        When there is no such figure.
    """
    if figure is not None and figure not in SCHEMA:
        raise InputError(f"figure {figure!r}: take one of {', '.join(SCHEMA)}")
    return [
        _outcome(claim, results) for claim in CLAIMS.values() if figure in (None, claim.needs[-1])
    ]


def _outcome(claim: Claim, results: Mapping[str, Panels]) -> Outcome:
    if not all(name in results for name in claim.needs):
        return Outcome(claim, ())
    try:
        return Outcome(claim, tuple(claim.check(*(results[name] for name in claim.needs))))
    except (KeyError, IndexError):  # a panel, a condition or a width that this run does not have
        return Outcome(claim, ())
