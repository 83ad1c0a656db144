"""What a claim of a paper is: its words, the rule that decides, and the verdict on results."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

CLAIM_VERDICTS = ("reproduced", "partly", "not reproduced", "not yet run")


@dataclass(frozen=True)
class Check:
    """One quantity of a claim: what, its value as text, and whether it meets the claim.

    Attributes
    ----------
    estimate
        The number that decides, where it is a single one: an epoch (int), a level or a difference.
    interval
        Its 2.5 % and 97.5 % points over resamples of seeds and permutations, where resampled; the
        upper one None where the epoch is not found in that many.
    support
        Share of these resamples in which the check holds.
    """

    label: str
    value: str
    holds: bool
    estimate: int | float | None = None
    interval: tuple[float, float | None] | None = None
    support: float | None = None

    @property
    def stands(self) -> bool:
        """Whether the check holds, and in half of the resamples or more where there are any."""
        return self.holds and (self.support is None or self.support >= 0.5)


@dataclass(frozen=True)
class Claim:
    """One claim of the paper.

    ``needs`` names the figures whose results `check` is given, ``panels`` the panels that the
    claim speaks of (all of the figure when None). A panel that ended before its epoch in ``reach``
    counts as not run. ``revised`` says that the rule was changed after results had been decided by
    it.
    """

    number: int
    needs: tuple[str, ...]
    place: str
    text: str
    rule: str
    check: Callable[..., Iterable[Check]]
    panels: str | None = None
    reach: Mapping[str, int] = field(default_factory=dict)
    revised: bool = False


@dataclass(frozen=True)
class Outcome:
    """A claim with its checks on stored results, and the panels that were not run.

    ``scale`` is that of the results, where several could have been taken.
    """

    claim: Claim
    checks: tuple[Check, ...]
    left_out: tuple[str, ...] = ()
    scale: str | None = None

    @property
    def verdict(self) -> str:
        """``reproduced`` when all checks hold in all panels, ``partly`` when at least half do.

        A check that fails in most resamples does not count as holding, see `Check.stands`.
        """
        if not self.checks:
            return "not yet run"
        share = np.mean([check.stands for check in self.checks])
        if share == 1 and not self.left_out:
            return "reproduced"
        return "partly" if share >= 0.5 else "not reproduced"


def declare(
    claims: list[Claim],
    number: int,
    needs: str,
    place: str,
    text: str,
    rule: str,
    *,
    panels: str | None = None,
    reach: Mapping[str, int] | None = None,
    revised: bool = False,
) -> Callable:
    """Declare the decorated function as the check of a claim, appended to `claims`."""

    def keep(check: Callable[..., Iterable[Check]]) -> Callable[..., Iterable[Check]]:
        declared = (number, tuple(needs.split()), place, text, rule, check)
        claims.append(Claim(*declared, panels, reach or {}, revised))
        return check

    return keep
