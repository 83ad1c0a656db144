"""What a claim of a paper is: its words, the rule that decides, and the verdict on results."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

CLAIM_VERDICTS = ("reproduced", "partly", "undecided", "not reproduced", "not yet run")
DECIDED = 0.05  # share of resamples up to which a check may come out otherwise and still decide


@dataclass(frozen=True)
class Check:
    """One quantity of a claim: what, its value as text, and whether it meets the claim.

    Attributes
    ----------
    estimate
        The number that decides, where it is a single one: an epoch (int), a level or a difference.
    interval
        Its 2.5 % and 97.5 % points over resamples of seeds, permutations and validation images (of
        three seeds such an interval covers about two thirds), where there are several seeds; the
        upper one None where the epoch is not found in that many.
    support
        Share of these resamples in which the check holds.
    decides
        False where the run cannot tell, a spread over seeds from one seed, say.
    n_seeds, until
        Fewest seeds, and last epoch in common, of the panels that it is made of.
    scale
        Of the run that it was made on, where several could have been taken.
    elsewhere
        The same check on another run that comes out differently.
    """

    label: str
    value: str
    holds: bool
    estimate: int | float | None = None
    interval: tuple[float, float | None] | None = None
    support: float | None = None
    decides: bool = True
    n_seeds: int = 1
    until: int = 0
    scale: str | None = None
    elsewhere: "Check | None" = None

    @property
    def state(self) -> str:
        """``holds`` or ``fails``, or ``undecided``.

        A check that holds in between 5 % and 95 % of the resamples decides nothing, nor does one
        whose resamples contradict it.
        """
        support = float(self.holds) if self.support is None else self.support
        if not self.decides or DECIDED < support < 1 - DECIDED or self.holds != (support > 0.5):
            return "undecided"
        return "holds" if self.holds else "fails"

    @property
    def stands(self) -> bool:
        """Whether the check is decided, and holds."""
        return self.state == "holds"


@dataclass(frozen=True)
class First:
    """The form that a rule had when results were first decided by it."""

    rule: str
    check: Callable[..., Iterable[Check]]


@dataclass(frozen=True)
class Claim:
    """One claim of the paper.

    ``needs`` names the figures whose results `check` is given, ``panels`` the panels that the
    claim speaks of (all of the figure when None). A panel that ended before its epoch in ``reach``
    counts as not run. ``revised`` says that the rule was changed after results had been decided by
    it; ``first`` is then its first form. ``compares`` says that the claim compares networks, or
    strengths of the perturbation: such a claim is decided on the run with most seeds, every other
    one on the run that goes furthest.
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
    first: First | None = None
    compares: bool = False


@dataclass(frozen=True)
class Outcome:
    """A claim with its checks on stored results, and the panels that were not run.

    ``scale`` is that of the results, where several could have been taken; ``first`` the outcome
    by the first form of a rule that was changed.
    """

    claim: Claim
    checks: tuple[Check, ...]
    left_out: tuple[str, ...] = ()
    scale: str | None = None
    first: "Outcome | None" = None

    @property
    def verdict(self) -> str:
        """``reproduced`` when all checks hold in all panels, ``partly`` when at least half do.

        ``undecided`` when this hangs on checks that decide nothing, see `Check.state`: when the
        verdict would be another if they held than if they failed.
        """
        if not self.checks:
            return "not yet run"
        states = [check.state for check in self.checks]
        failing, held = states.count("fails"), states.count("holds")
        if_held, if_failed = self._verdict(len(states) - failing), self._verdict(held)
        return if_held if if_held == if_failed else "undecided"

    def _verdict(self, n_holding: int) -> str:
        if n_holding == len(self.checks) and not self.left_out:
            return "reproduced"
        return "partly" if 2 * n_holding >= len(self.checks) else "not reproduced"


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
    first: First | None = None,
    compares: bool = False,
) -> Callable:
    """Declare the decorated function as the check of a claim, appended to `claims`.

    A rule with a `first` form is one that was changed after results.
    """

    def keep(check: Callable[..., Iterable[Check]]) -> Callable[..., Iterable[Check]]:
        declared = (number, tuple(needs.split()), place, text, rule, check)
        changed = revised or first is not None
        claims.append(Claim(*declared, panels, reach or {}, changed, first, compares))
        return check

    return keep
