"""Results as Markdown tables for the notebooks: in numbers, against the claims, how made."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import xarray as xr

from memlib.results.claim import CLAIM_VERDICTS, Check, Outcome


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; HTML in a cell is shown as text, not obeyed."""
    lines = [header, ["---"] * len(header), *rows]
    cells = ([_cell(str(cell)) for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _cell(text: str) -> str:
    """Return one line that stays within its cell."""
    line = " ".join(text.split())
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", line).replace("|", "\\|")


def plain(text: object) -> str:
    """Return text from a file so that Markdown shows it as it is: no links, no HTML, no code."""
    return re.sub(r"([\\`*\[\]<>&$~{}])", r"\\\1", " ".join(str(text).split()))


def claims_table(outcomes: Iterable[Outcome]) -> str:
    """Return outcomes as a Markdown table, one row a claim."""
    rows = []
    for outcome in outcomes:
        claim = outcome.claim
        found = "; ".join(
            f"{check.label}: {check.value}{spread_text(check)}{MARKS[check.state]}"
            + _elsewhere(check)
            for check in _summarized(outcome.checks)
        )
        if outcome.checks and outcome.left_out:
            found += f"; not run: {', '.join(outcome.left_out)}"
        revised = ", changed after results" if claim.revised else ""
        words = f"{claim.text} *Rule{revised}: {claim.rule}.*"
        verdict = f"**{outcome.verdict}**" + (f" ({scale})" if (scale := _scale(outcome)) else "")
        if outcome.first is not None and claim.first is not None:
            words += f" *First form: {claim.first.rule}.*"
            verdict += f"; by the first form: {outcome.first.verdict}"
        rows.append([claim.number, words, found or "–", verdict])
    return markdown_table(["no.", "the paper says", "we find", "verdict"], rows)


# After a check that does not hold, and after one that decides nothing.
MARKS = {"holds": "", "fails": " ✗", "undecided": " (undecided)"}


def _elsewhere(check: Check) -> str:
    """Say how the same check comes out on another run, where it comes out differently."""
    other = check.elsewhere
    if other is None:
        return ""
    told = {"holds": "it holds", "fails": "it fails", "undecided": "it is undecided"}[other.state]
    return f" [at {check.scale} scale; at {other.scale} scale {told}: {other.value}]"


def count_verdicts(by_name: Mapping[str, Sequence[Outcome]]) -> str:
    """Return how often each verdict was given as a Markdown table, a column for each name."""
    counts = [Counter(one.verdict for one in outcomes) for outcomes in by_name.values()]
    rows = [[verdict, *(count[verdict] for count in counts)] for verdict in CLAIM_VERDICTS]
    return markdown_table(["verdict", *by_name], rows)


def spread_text(check: Check) -> str:
    """Return a check's interval, and the share of resamples in which it holds, if resampled."""
    parts = []
    if check.interval is not None:
        low, high = check.interval
        form = ",.0f" if isinstance(check.estimate, int) else ".3f"  # an accuracy or a share
        parts.append(f"{low:{form}} to {'none' if high is None else format(high, form)}")
    if check.support is not None and check.support not in (0, 1):
        parts.append(f"holds in {100 * check.support:.0f} %")
    return f" [{'; '.join(parts)}]" if parts else ""


def claims_text(outcomes: Iterable[Outcome]) -> str:
    """Return outcomes as lines for a terminal: number, verdict, claim, and each check."""
    lines = []
    for outcome in outcomes:
        claim = outcome.claim
        scale = f" ({scale} scale)" if (scale := _scale(outcome)) else ""
        lines.append(f"{claim.number:2}  {outcome.verdict:15}  {claim.text}{scale}")
        lines += [
            f"      {check.state}  {check.label}: {check.value}{spread_text(check)}"
            f"{_elsewhere(check)}"
            for check in outcome.checks
        ]
        if outcome.first is not None and claim.first is not None:
            lines.append(f"      first form of the rule: {outcome.first.verdict}")
            lines.append(f"      ({claim.first.rule})")
        if outcome.checks and outcome.left_out:
            lines.append(f"      not run: panels {', '.join(outcome.left_out)}")
    return "\n".join(lines)


def differing_checks(by_name: Mapping[str, Sequence[Outcome]]) -> str:
    """Return the checks that hold in some outcomes of the same claims and fail in others, a table.

    Parameters
    ----------
    by_name
        Outcomes of the same claims, by what the columns are to be called.
    """
    rows = []
    for same in zip(*by_name.values(), strict=True):
        made = [{check.label: check for check in outcome.checks} for outcome in same]
        for label in made[0]:
            checks = [one[label] for one in made if label in one]
            if len(checks) == len(made) and len({check.state for check in checks}) > 1:
                told = (f"{c.value}{spread_text(c)}{MARKS[c.state]}" for c in checks)
                rows.append([same[0].claim.number, f"{same[0].claim.text} ({label})", *told])
    if not rows:
        return "No check comes out differently."
    return markdown_table(["no.", "claim (check)", *by_name], rows)


def claims_data(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """Return outcomes as plain data, for JSON."""
    return [
        {
            "number": outcome.claim.number,
            "figures": list(outcome.claim.needs),
            "place": outcome.claim.place,
            "claim": outcome.claim.text,
            "rule": outcome.claim.rule,
            "rule_changed_after_results": outcome.claim.revised,
            "verdict": outcome.verdict,
            "first_rule": outcome.claim.first.rule if outcome.claim.first else None,
            "first_verdict": outcome.first.verdict if outcome.first else None,
            "scale": _scale(outcome),
            "not_run": list(outcome.left_out) if outcome.checks else None,
            "checks": [asdict(one) | {"state": one.state} for one in outcome.checks],
        }
        for outcome in outcomes
    ]


def _scale(outcome: Outcome) -> str | None:
    """Return the scale at which a claim was decided, where it was chosen among several."""
    return outcome.scale if outcome.checks else None


def _summarized(checks: tuple[Check, ...]) -> Iterable[Check]:
    """Fold many checks that hold into one, so that those that do not can be seen."""
    if len(checks) <= 6:
        return checks
    kept = [check for check in checks if check.stands and check.elsewhere is None]
    broken = [check for check in checks if check not in kept]
    return [Check("hold", f"{len(kept)} of {len(checks)} checks", True), *broken]


def provenance_table(tree: xr.DataTree) -> str:
    """Return how a result was made: parameters, seeds, versions, device, time, checksums."""
    names = (
        "scale",
        "base_seed",
        "created",
        "device",
        "compute_seconds",
        "loss",
        "initial_weights",
        "git_commit",
        "data_checksum",
        "parameters_digest",
    )
    rows = [[name.replace("_", " "), plain(tree.attrs[name])] for name in names]
    versions = [
        f"{plain(str(name).removesuffix('_version'))} {plain(value)}"
        for name, value in tree.attrs.items()
        if str(name).endswith("_version")
    ]
    rows.append(["versions", ", ".join(versions)])
    rows += [
        [f"parameter `{name.replace('`', '')}`", plain(value)]
        for name, value in json.loads(tree.attrs["parameters"]).items()
        if name not in ("figure", "scale", "seed")
    ]
    return markdown_table(["setting", "value"], rows)
