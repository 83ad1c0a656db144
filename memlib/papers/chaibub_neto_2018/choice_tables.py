"""The open choices as tables: how much each changes, and which claims it flips."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from memlib.papers.chaibub_neto_2018.choices import RUNS, changes_of
from memlib.papers.chaibub_neto_2018.claims import CLAIMS
from memlib.papers.chaibub_neto_2018.quantities import forgetting_epoch, onset_epoch
from memlib.papers.chaibub_neto_2018.scores import Scores
from memlib.report.tables import markdown_table
from memlib.results.claim import Check
from memlib.results.provenance import accounts_of

# Claims that speak of single panels, which two panels can decide.
CLAIMS_OF = {"images": (1, 2, 3, 4, 7), "noise": (17, 18, 19, 21, 22)}
STRENGTHS = (0.05, 0.10, 1.0)
ALL_SHUFFLED = 4
# Questions that the paper answers; their choices show how far its conclusions reach.
STATED = ("optimizer", "classifier", "perturbation", "feature layer")


@dataclass(frozen=True)
class Effect:
    """What one choice does to one run, seed by seed, float64 (seed,).

    Attributes
    ----------
    null, observed
        Mean over measured epochs of the null of the least perturbed set; its observed score at the
        last epoch.
    null_change, observed_change
        The same minus that of the choice it is held against, which has the same seeds.
    """

    null: np.ndarray
    observed: np.ndarray
    null_change: np.ndarray
    observed_change: np.ndarray


def run_of(tree: xr.DataTree, name: str, run: str) -> xr.Dataset | None:
    """Return a choice's run with its sets named 5 %, 10 %, 100 %, from least to most perturbed.

    So that claims, which speak of these, can be read on other kinds of perturbation.
    """
    group = tree.children[name]
    if run not in group.children:
        return None
    dataset = group.children[run].to_dataset().sortby("perturbation")
    return dataset.assign_coords(perturbation=list(STRENGTHS))


def shown_choices(tree: xr.DataTree) -> tuple[str, ...]:
    """Return the choices that were tried on images or on the MLP's noise."""
    return tuple(n for n, group in tree.children.items() if CLAIMS_OF.keys() & group.children)


def _levels(dataset: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    least = dataset.isel(perturbation=0)
    null = least["null_accuracy"].mean(("epoch", "permutation"))
    return null.values, least["observed_accuracy"].isel(epoch=-1).values


def effect(tree: xr.DataTree, name: str, run: str) -> Effect | None:
    """Return what a choice does to a run; None where it was not run."""
    dataset = run_of(tree, name, run)
    if dataset is None:
        return None
    reference = run_of(tree, str(tree.children[name].attrs["against"]), run)
    assert reference is not None
    null, observed = _levels(dataset)
    old_null, old_observed = _levels(reference)
    return Effect(null, observed, null - old_null, observed - old_observed)


def checks_of(dataset: xr.Dataset, run: str) -> dict[tuple[int, str], Check]:
    """Return the checks of the claims that a run alone can decide, by claim and label."""
    panels = {RUNS[run].panel: Scores.of(dataset)}
    return {
        (number, check.label): check
        for number in CLAIMS_OF[run]
        for check in CLAIMS[number].check(panels)
    }


def flips(tree: xr.DataTree, name: str, against: str | None = None) -> list[tuple[int, str]]:
    """Return the checks (claim, label) that hold without a choice and not with it, or the reverse.

    Without it is: with `against`, or when None with the choice that its effect is held against.
    """
    found = []
    for run in CLAIMS_OF:
        dataset = run_of(tree, name, run)
        reference = run_of(tree, against or str(tree.children[name].attrs["against"]), run)
        if dataset is None or reference is None:
            continue
        here, there = checks_of(dataset, run), checks_of(reference, run)
        kind = changes_of(tree.children[name]).get("perturbation_kind", "shuffle")
        if not kind.startswith("shuffle"):
            # A claim on what is left when all pixels are shuffled: here none are.
            here = {key: check for key, check in here.items() if key[0] != ALL_SHUFFLED}
        found += [key for key in there if key in here and here[key].holds != there[key].holds]
    return found


def change_text(values: np.ndarray) -> str:
    """Return the mean of a change over seeds and, of several seeds, its range; float64 (seed,)."""
    mean, low, high = (
        f"{round(float(value), 3) + 0.0:+.3f}".replace("-", "−")  # + 0.0: there is no -0.000
        for value in (values.mean(), values.min(), values.max())
    )
    return mean + (f" ({low} to {high})" if len(values) > 1 else "")


def _epochs(dataset: xr.Dataset | None) -> str:
    if dataset is None:
        return "–"
    onset, peak = onset_epoch(dataset), forgetting_epoch(dataset)
    return " / ".join("none" if epoch is None else f"{epoch:,}" for epoch in (onset, peak))


def describe_choices(tree: xr.DataTree | None, name: str) -> str:
    """Say how a dataset of open choices was made, or that there is none."""
    if tree is None:
        return f"No dataset {name} is stored here: make one with `memlib choices`."
    runs = [run for group in tree.children.values() for run in group.children.values()]
    seconds = sum(float(run.attrs["compute_seconds"]) for run in runs)
    found = tree.attrs
    told = (
        f"Made on {found['created'][:10]} at commit {found['git_commit']} ({found['device']}): "
        f"{len(tree.children)} choices, {len(runs)} runs of {found['scale']} scale with "
        f"{found['n_seeds']} seeds each, {seconds / 60:.0f} minutes of one core."
    )
    later: dict[str, list[str]] = {}
    for group in tree.children.values():
        added: dict[str, list[str]] = {}
        for name, run in group.children.items():
            account = accounts_of(run.to_dataset())[0] if "made" in run.attrs else found
            if account["git_commit"] != found["git_commit"]:
                when = "{created:.10} at commit {git_commit} ({device})".format_map(account)
                added.setdefault(when, []).append(name)
        for when, names in added.items():
            of = f" ({', '.join(names)})" if len(names) < len(group.children) else ""
            label = f"{group.attrs['question']}: {group.attrs['label']}{of}"
            later.setdefault(when, []).append(label)
    for when, names in later.items():
        told += f" Added on {when}: {'; '.join(names)}."
    return told


def choices_table(tree: xr.DataTree) -> str:
    """Return each choice with its effect: means over seeds, smallest and largest in brackets."""
    rows = []
    for name in shown_choices(tree):
        group, cells = tree.children[name], []
        for run in CLAIMS_OF:
            one = effect(tree, name, run)
            if one is None:
                cells += ["–", "–"]
            elif name == "default":
                cells += [f"{one.null.mean():.3f}", f"{one.observed.mean():.3f}"]
            else:
                cells += [change_text(one.null_change), change_text(one.observed_change)]
        flipped = ", ".join(f"{number} ({label})" for number, label in flips(tree, name))
        rows.append(
            [
                _question(tree, name),
                group.attrs["label"],
                *cells,
                _epochs(run_of(tree, name, "noise")),
                flipped or "none",
            ]
        )
    header = [
        "what",
        "choice",
        "images: null",
        "images: observed",
        "noise: null",
        "noise: observed",
        "noise: onset / peak",
        "checks that flip",
    ]
    return markdown_table(header, rows)


def robustness_table(tree: xr.DataTree) -> str:
    """Return each check of the default runs with the choices that overturn it.

    Open choices stand in one column, what departs from the paper in another: a change of what it
    states, or a choice that takes such a change (rmsProp's constants).
    """
    overturned: dict[tuple[int, str, bool], list[str]] = {}
    for name, group in tree.children.items():
        if group.attrs["question"] in ("–", "baseline"):
            continue
        departs = group.attrs["question"] in STATED or group.attrs["against"] != "default"
        for key in flips(tree, name, against="default"):
            text = f"{group.attrs['question']}: {group.attrs['label']}"
            overturned.setdefault((*key, departs), []).append(text)
    rows = []
    for run in CLAIMS_OF:
        dataset = run_of(tree, "default", run)
        if dataset is None:
            continue
        untrained = run_of(tree, "untrained", run) if "untrained" in tree.children else None
        before = {} if untrained is None else checks_of(untrained, run)
        for (number, label), check in checks_of(dataset, run).items():
            by_open, by_stated = (overturned.get((number, label, one), []) for one in (False, True))
            rows.append(
                [
                    number,
                    f"{CLAIMS[number].text} ({label})",
                    _holds(check),
                    "; ".join(by_open) or "**none: robust**",
                    "; ".join(by_stated) or "none",
                    _holds(before.get((number, label))),
                ]
            )
    header = ["", "claim (check)", "with our defaults", "overturned by an open choice"]
    return markdown_table([*header, "overturned by changing what is stated", "untrained"], rows)


def _holds(check: Check | None) -> str:
    return "–" if check is None else "holds" if check.holds else "fails"


def _question(tree: xr.DataTree, name: str) -> str:
    question = str(tree.children[name].attrs["question"])
    return f"{question} (stated)" if question in STATED else question
