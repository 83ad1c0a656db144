"""What the paper claims, checked against results by rules frozen before they were run (no torch).

Claims 1 to 22 are the paper's; 23 is ours. A rule's text is the frozen one: a rule changed later
keeps its first form and first verdict beside it. Seeds 0 to 9 were used for development; claims
are judged on seeds 100 and up.
"""

from collections.abc import Mapping

import xarray as xr

from memlib.papers.gu_tresp_2019.dissection_claims import DISSECTION_CLAIMS
from memlib.papers.gu_tresp_2019.networks import LABELS
from memlib.papers.gu_tresp_2019.training_claims import TRAINING_CLAIMS
from memlib.results.claim import Claim, Outcome

FIRST_JUDGED_SEED = 100
CLAIMS: dict[int, Claim] = {
    claim.number: claim
    for claim in sorted((*TRAINING_CLAIMS, *DISSECTION_CLAIMS), key=lambda claim: claim.number)
}
OURS = (23,)
NOT_DECIDED = {
    10: "the paper defines no such quantity; per-layer gradient norms are stored and drawn",
    18: "a conjecture: no run here decides it",
}
# What the prototypes let expect of the teaching scale, written down before the judged runs.
EXPECTED = {
    5: '"not reproduced" at small n: 1.4-3.2 x T_hunt, falling with n',
    7: "ResNet-32 (BN) to fail 6 at small n",
    16: '"partly": decay holds, augmentation lowers Dist',
}


def check_claims(results: Mapping[str, xr.Dataset]) -> list[Outcome]:
    """Check all claims on results.

    Parameters
    ----------
    results
        Datasets by figure, laid out as `memlib.papers.gu_tresp_2019.schema` says. A claim whose
        figure, networks or shares of random labels are not there has no checks; neither have those
        in `NOT_DECIDED`, whatever is there.
    """
    return [_outcome(claim, results) for claim in CLAIMS.values()]


def _outcome(claim: Claim, results: Mapping[str, xr.Dataset]) -> Outcome:
    if not all(name in results for name in claim.needs):
        return Outcome(claim, ())
    own = [results[name] for name in claim.needs]
    try:
        checks = tuple(claim.check(*own))
    except KeyError:  # a network or a share that was not run
        return Outcome(claim, ())
    absent: tuple[str, ...] = ()
    if claim.number == 7:
        known = own[0]["network"].values
        absent = tuple(LABELS[name] for name in ("vgg13", "resnet32") if name not in known)
    return Outcome(claim, checks, absent, own[0].attrs["scale"])


def verdict_of(outcome: Outcome) -> str:
    """Return a claim's verdict, ``"not decided"`` for one that no run decides."""
    return "not decided" if outcome.claim.number in NOT_DECIDED else outcome.verdict
