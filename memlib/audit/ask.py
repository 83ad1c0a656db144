"""Ask about any network, on any data: did it learn, does it recognize single samples?"""

import hashlib
import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray as xr

from memlib.audit.answer import VARIABLES, Audit, in_words, informative
from memlib.audit.copies import Change, Copies, check_strengths, make_copies, numbers_of
from memlib.audit.joint import joint_p_value, wilson_interval
from memlib.audit.readers import Reader, as_reader, raw_reader, read_checkpoints
from memlib.audit.samples import ONE, Parts, Samples, as_samples
from memlib.base.arrays import aligned, as_array, check_groups
from memlib.base.doubts import SATURATED
from memlib.base.errors import InputError
from memlib.base.keys import to_json
from memlib.base.parallel import n_workers, with_bar
from memlib.base.random_state import random_numbers_kept
from memlib.base.seeds import stream, stream_integer
from memlib.base.version import __version__
from memlib.method.checks import affordable_classifier, check_options
from memlib.method.null import compute_null, score_labellings
from memlib.method.verdicts import (
    SIGNIFICANCE,
    VERDICTS,
    can_be_significant,
    permutation_p_value,
)

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin

N_TRIED = 1000  # samples on which the ladder is tried
TARGETS = (0.75, 0.5, 0.25)  # where on the way from chance to 1 nulls are looked for
FEWEST = 5  # samples of a class, or else it is called rare
MOST_CHANGED = 0.95
Network = Any


def audit(
    network: Network,
    data: Any,
    *,
    validation: Any = None,
    layer: "str | torch.nn.Module | None" = None,
    features: Callable[[Any, Any], Any] | None = None,
    checkpoints: str | Path | None = None,
    perturbation: str | Callable | None = None,
    strengths: Sequence[float] | None = None,
    perturb: str | None = None,
    mask_token: int = 0,
    groups: Any = None,
    baselines: bool = True,
    classifier: "str | ClassifierMixin" = "random_forest",
    n_permutations: int = 59,
    n_trees: int = 100,
    batch_size: int = 100,
    device: "str | torch.device | None" = None,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: bool = True,
) -> Audit:
    """Ask of a trained network: did it learn, does it recognize single samples, does it generalize?

    Perturbed copies of the training samples are made, a shallow classifier of shuffled labels is
    asked to know them (Chaibub Neto 2018, Algorithm 1), and everything that makes the answer
    doubtful is said in it. Strengths of the perturbation are found by a ladder, with shuffled
    labels alone, so that the choice favours no answer.

    Parameters
    ----------
    network
        A torch module, a fitted scikit-learn estimator, or a function of inputs that gives
        features; or several of them by name, ``{name: network}``. None of them is changed.
    data
        What it was trained on, as it takes it: ``(inputs, labels)``, with inputs an array, tensor,
        data frame or a mapping of such by the names of the network's arguments; a torch Dataset of
        (input, label) or a DataLoader of one, whose order does not matter; a `memlib.Data`.
    validation
        Independent samples, in any of these forms.
    layer
        Name or module whose inputs are the features. Where it is None, the layer whose outputs are
        the classes.
    features
        ``features(network, batch)`` that gives them, in place of a layer.
    checkpoints
        Folder of weights of this architecture, each asked about by its file's name.
    perturbation, strengths
        One of `memlib.audit.copies.LADDERS`, or a function of inputs, strength and a
        `numpy.random.Generator`; and how strong. By default pixels are shuffled in images, values
        swapped between rows in tables, tokens swapped in sequences (whole numbers of two dims).
        A function is given 256 samples at a time, a table as a whole.
    perturb
        Which of several inputs is perturbed.
    mask_token
        What ``"mask_tokens"`` puts in place of a token.
    groups
        (sample,), where rows belong together: see `memlib.compute_null`.
    baselines
        Also ask of the same architecture untrained, and of the inputs themselves.
    classifier, n_permutations, n_trees
        See `memlib.compute_null`; 59 permutations give p-values down to 0.017.
    batch_size, device
        How the network is run; on the device of its parameters when None.
    seed, n_jobs, progress
        Base seed; threads that fit classifiers, as many as cores when None; show bars.

    Returns
    -------
    Audit
        Prints its answer; ``.warnings``, ``.plot()``, ``.table()``, ``.ranks()``,
        ``.to_html(path)``, ``.to_netcdf(path)``, ``.dataset``.

    Raises
    ------
    InputError
        In one line, before any long work, for whatever the test cannot be run with.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neural_network import MLPClassifier
    >>> rng = np.random.default_rng(0)
    >>> inputs, labels = rng.normal(size=(80, 12)), np.tile([0, 1], 40)
    >>> network = MLPClassifier((8,), max_iter=20, random_state=0)
    >>> answer = audit(network.fit(inputs, labels), (inputs, labels), n_trees=20, progress=False)
    >>> answer.networks
    ('network',)
    """
    samples = as_samples(data)
    if validation is None and len(getattr(data, "validation_images", ())):
        validation = (data.validation_images, data.validation_labels)
    held_out = None if validation is None else _held_out(validation, samples)
    chosen = affordable_classifier(classifier, samples.n)
    check_options(samples.labels, chosen, n_permutations=n_permutations, n_trees=n_trees, seed=seed)
    n_jobs = n_workers(n_jobs)
    n_classes = len(np.unique(samples.labels))
    if groups is not None:
        groups = check_groups(as_array(groups, "groups"), samples.labels)
    copies = make_copies(samples, perturbation, part=perturb, mask_token=mask_token, seed=seed)
    wanted = None if strengths is None else check_strengths(copies, strengths)
    networks = _named(network, checkpoints)
    first = samples.fetch(np.arange(min(8, samples.n)))
    reading: dict[str, Any] = {
        "layer": layer,
        "features": features,
        "batch_size": _positive(batch_size),
        "device": device,
        "seed": seed,
    }
    notes: list[str] = []
    with random_numbers_kept():
        asked = {
            name: as_reader(one, first, n_classes, **reading) for name, one in networks.items()
        }
        readers = dict(asked)
        if baselines:
            readers |= _baselines(asked, copies, first, seed, notes)
        with ExitStack() as stack:
            for reader in readers.values():
                stack.enter_context(reader.ready())
            if wanted is None:
                wanted, found = _climb(asked, copies, groups, chosen, n_trees, seed, n_jobs)
                notes += found
            train = _read(readers, _originals(samples), samples.n, seed, 0, "samples", progress)
            sets: dict[str, dict[Hashable, np.ndarray]] = {name: {} for name in readers}
            changes = {}
            for number, strength in enumerate(wanted, 1):
                changes[strength] = Change()
                chunks = _measured(copies, strength, changes[strength])
                title = f"copies {number} of {len(wanted)}"
                made = _read(readers, chunks, samples.n, seed, number, title, progress)
                for name in readers:
                    sets[name][strength] = made[name]
            validated = None
            if held_out is not None:
                number = len(wanted) + 1
                validated = _read(
                    readers, _originals(held_out), held_out.n, seed, number, "validation", progress
                )
    options = {
        "classifier": classifier,
        "n_permutations": n_permutations,
        "n_trees": n_trees,
        "groups": groups,
        "seed": seed,
        "n_jobs": n_jobs,
        "progress": progress,
    }
    everything = _Read(samples, held_out, copies, changes, readers, asked, train, sets, validated)
    return _concluded(everything, notes, **options)


@dataclass(eq=False)
class _Read:
    """What was read of all samples: features by reader, and what they were made of."""

    samples: Samples
    held_out: Samples | None
    copies: Copies
    changes: Mapping[float, Change]
    readers: Mapping[str, Reader]
    asked: Mapping[str, Reader]
    train: Mapping[str, np.ndarray]
    sets: Mapping[str, Mapping[Hashable, np.ndarray]]
    validated: Mapping[str, np.ndarray] | None


def _concluded(
    read: _Read,
    notes: list[str],
    *,
    classifier: "str | ClassifierMixin",
    n_permutations: int,
    n_trees: int,
    groups: np.ndarray | None,
    seed: int,
    n_jobs: int,
    progress: bool,
) -> Audit:
    """Run Algorithm 1 on all features and put the answers together."""
    samples, held_out, copies, changes = read.samples, read.held_out, read.copies, read.changes
    readers, asked, train, sets = read.readers, read.asked, read.train, read.sets
    validated = read.validated
    chosen = affordable_classifier(classifier, samples.n)
    n_classes = len(np.unique(samples.labels))
    results = {}
    for name in readers:
        results[name] = compute_null(
            train[name],
            samples.labels,
            sets[name],
            classifier=classifier,
            n_permutations=n_permutations,
            n_trees=n_trees,
            validation=None
            if validated is None or held_out is None
            else (validated[name], held_out.labels),
            groups=groups,
            keep_samples=True,
            seed=seed,
            n_jobs=n_jobs,
            progress=progress,
        )
    dataset = _dataset(results, readers, asked, copies, changes, train, sets, held_out, groups)
    doubts = samples.doubts + ([] if held_out is None else held_out.doubts) + notes
    doubts += _doubts_of_samples(samples, groups, n_permutations, train[next(iter(asked))])
    warnings = [*doubts]
    for name, reader in asked.items():
        prefix = f"{name}: " if len(asked) > 1 else ""
        said = [*reader.doubts, *json.loads(results[name].attrs["warnings"])]
        warnings += [f"{prefix}{one}" for one in said]
    for strength, change in changes.items():
        if change.samples < MOST_CHANGED:
            warnings.append(
                f"strength {strength:g}: {1 - change.samples:.0%} of the copies equal their "
                "originals, which any classifier knows by heart: perturb more"
            )
    codes = np.unique(samples.labels, return_inverse=True)[1]
    label_digest = hashlib.blake2b(codes.tobytes(), digest_size=8)
    parameters = {
        "perturbation": copies.kind,
        "classifier": chosen if isinstance(chosen, str) else repr(chosen),
        "n_permutations": int(n_permutations),
        "n_trees": int(n_trees),
        "seed": int(seed),
        "n_samples": samples.n,
        "n_classes": n_classes,
        "grouped": groups is not None,
    }
    dataset.attrs = {
        "title": "Did a network learn, or memorize?",
        "references": "Chaibub Neto 2018, arXiv:1802.07714",
        "parameters": to_json(parameters),
        "measured_on": to_json([label_digest.hexdigest(), samples.n, copies.kind, copies.part]),
        "fitted": to_json(
            {
                k: parameters[k]
                for k in ("classifier", "n_permutations", "n_trees", "seed", "grouped")
            }
        ),
        "memlib_version": __version__,
        "warnings": json.dumps(list(dict.fromkeys(warnings))),
    }
    return Audit(dataset)


def audit_features(
    features: Any,
    labels: Any,
    copies: Mapping[float, Any] | None = None,
    *,
    validation: tuple[Any, Any] | None = None,
    groups: Any = None,
    classifier: "str | ClassifierMixin" = "random_forest",
    n_permutations: int = 59,
    n_trees: int = 100,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: bool = True,
) -> Audit:
    """Ask of features that are at hand already.

    Parameters
    ----------
    features, labels
        (sample, feature) and (sample,): arrays, tensors, sparse matrices or data frames.
    copies
        Features of the perturbed copies by strength, ``{0.1: (sample, feature)}``, rows in the
        order of `features`. Where there are none, values of the features themselves are swapped
        between rows, which asks less than copies of the inputs do: a warning says so.
    validation
        Features and labels of independent samples.
    groups, classifier, n_permutations, n_trees, seed, n_jobs, progress
        See `audit`.
    """
    options: dict[str, Any] = {
        "classifier": classifier,
        "n_permutations": n_permutations,
        "n_trees": n_trees,
        "seed": seed,
        "progress": progress,
    }
    if copies is None:
        answer = audit(
            as_features,
            (features, labels),
            validation=validation,
            groups=groups,
            perturbation="swap_values",
            baselines=False,
            n_jobs=n_jobs,
            **options,
        )
        note = (
            "copies were made of the features, not of the inputs: give features of perturbed "
            "inputs to ask what the network makes of them"
        )
        answer.dataset.attrs["warnings"] = json.dumps([note, *answer.warnings])
        return answer
    samples = as_samples((features, labels))
    train = as_features(samples.fetch(np.arange(samples.n))[ONE])
    check_options(
        samples.labels,
        affordable_classifier(classifier, samples.n),
        n_permutations=n_permutations,
        n_trees=n_trees,
        seed=seed,
    )
    if not isinstance(copies, Mapping) or not copies:
        raise InputError("copies: give a mapping of strengths to features, {0.1: features}")
    sets: dict[Hashable, np.ndarray] = {}
    changes: dict[float, Change] = {}
    for strength, one in copies.items():
        if isinstance(strength, str | bool) or not np.isreal(strength):
            raise InputError(f"copies {strength!r}: name them by their strength, a number")
        name = f"copies {strength:g}"
        array = as_array(aligned(one, features, name), name).astype(np.float32)
        if array.shape != train.shape:
            raise InputError(f"{name} are {array.shape}, features {train.shape}")
        sets[float(strength)] = array
        changes[float(strength)] = Change()
        changes[float(strength)].add(train, array)
    held_out = None if validation is None else _held_out(validation, samples)
    validated = None
    if held_out is not None:
        validated = {"network": as_features(held_out.fetch(np.arange(held_out.n))[ONE])}
    if groups is not None:
        groups = check_groups(as_array(groups, "groups"), samples.labels)
    reader = {"network": Reader(lambda parts: as_features(parts[ONE]), "features as given")}
    given = make_copies(samples, as_given, seed=seed)
    read = _Read(
        samples,
        held_out,
        given,
        changes,
        reader,
        reader,
        {"network": train},
        {"network": sets},
        validated,
    )
    return _concluded(read, [], groups=groups, n_jobs=n_workers(n_jobs), **options)


def as_features(inputs: np.ndarray) -> np.ndarray:
    """Return inputs as they are, for features that are given in place of inputs."""
    return np.asarray(inputs, np.float32)


def as_given(inputs: np.ndarray, strength: float) -> np.ndarray:
    """Stand for a perturbation that was made elsewhere."""
    return inputs


def _positive(batch_size: int) -> int:
    if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1:
        raise InputError(f"batch_size = {batch_size!r}: take a whole number, 1 or more")
    return batch_size


def _named(network: Network, checkpoints: str | Path | None) -> dict[str, Network]:
    if checkpoints is not None:
        if not isinstance(network, torch.nn.Module):
            raise InputError(
                "checkpoints: the network should be a torch module of that architecture"
            )
        return dict(read_checkpoints(checkpoints, network))
    if isinstance(network, Mapping):
        if not network:
            raise InputError("there are no networks: give {name: network}")
        return {str(name): one for name, one in network.items()}
    return {"network": network}


def _held_out(validation: Any, samples: Samples) -> Samples:
    held_out = as_samples(validation, like=samples, name="validation")
    one, other = (s.fetch(np.arange(1)) for s in (samples, held_out))
    shapes = [{k: v.shape[1:] for k, v in some.items()} for some in (one, other)]
    if shapes[0] != shapes[1]:
        raise InputError(f"validation inputs are {shapes[1]}, training inputs {shapes[0]}")
    if not set(held_out.labels.tolist()) & set(samples.labels.tolist()):
        raise InputError(
            f"validation labels, like {held_out.labels[0]!r}, are none of the training labels, "
            f"like {samples.labels[0]!r}"
        )
    return held_out


def _baselines(
    asked: Mapping[str, Reader], copies: Copies, first: Parts, seed: int, notes: list[str]
) -> dict[str, Reader]:
    """Return readers of untrained twins, one an architecture, and of the inputs themselves."""
    made: dict[str, Reader] = {}
    known: set[str] = set()
    for name, reader in asked.items():
        if reader.untrained is None or reader.layer in known:
            continue
        known.add(reader.layer)
        try:
            twin = reader.untrained(seed)
            with twin.ready():
                twin.read(first)
        except InputError as error:
            notes.append(f"no untrained network beside {name}: {error}")
            continue
        made["untrained" if len(asked) == 1 else f"{name}, untrained"] = twin
    return made | {"raw inputs": raw_reader(copies.part, first, seed)}


def _originals(samples: Samples) -> Iterable[Parts]:
    return (samples.fetch(numbers) for numbers in numbers_of(samples.n))


def _measured(copies: Copies, strength: float, change: Change) -> Iterable[Parts]:
    for original, perturbed in copies.chunks(strength):
        change.add(original[copies.part], perturbed[copies.part])
        yield perturbed


def _read(
    readers: Mapping[str, Reader],
    chunks: Iterable[Parts],
    n: int,
    seed: int,
    number: int,
    title: str,
    progress: bool,
) -> dict[str, np.ndarray]:
    """Return the features that each reader gives, float32 (sample, feature), all in one pass."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in readers}
    total = sum(1 for _ in numbers_of(n))
    for chunk, parts in enumerate(with_bar(chunks, title, total, shown=progress)):
        for name, reader in readers.items():
            # Of forward passes that are random, against what they promise; others draw nothing.
            torch.manual_seed(stream_integer(seed, "forward pass", number, chunk) % 2**63)
            found[name].append(reader.read(parts))
    features = {name: np.concatenate(batches) for name, batches in found.items()}
    for name, one in features.items():
        if not np.isfinite(one).all():
            raise InputError(f"features of {name} for {title} hold a value that is not finite")
    return features


def _climb(
    asked: Mapping[str, Reader],
    copies: Copies,
    groups: np.ndarray | None,
    classifier: "str | ClassifierMixin",
    n_trees: int,
    seed: int,
    n_jobs: int,
) -> tuple[tuple[float, ...], list[str]]:
    """Return strengths at which nulls are informative, found with shuffled labels alone."""
    numbers = np.arange(copies.samples.n)
    if len(numbers) > N_TRIED:
        numbers = np.sort(stream(seed, "ladder").permutation(numbers)[:N_TRIED])
        if len(np.unique(copies.samples.labels[numbers])) < 2:
            numbers = np.arange(copies.samples.n)
    few = copies.samples.subset(numbers)
    some = Copies(**{**vars(copies), "samples": few})
    labels = few.labels
    kept_groups = None if groups is None else groups[numbers]
    train = _read(asked, _originals(few), few.n, seed, 0, "ladder", False)
    found: dict[float, float] = {}

    def try_rung(strength: float) -> None:
        change = Change()
        read = _read(asked, _measured(some, strength, change), few.n, seed, 1, "ladder", False)
        if change.samples < MOST_CHANGED:
            return
        ways = []
        for name in asked:
            scores = score_labellings(
                train[name],
                labels,
                [read[name]],
                (1, 2, 3),
                classifier=classifier,
                n_trees=min(n_trees, 50),
                groups=kept_groups,
                seed=seed,
                indices=(0,),  # other shuffles than the test's
                n_jobs=n_jobs,
            )
            ways.append(informative(scores.accuracy.mean(), scores.chance.mean()))
        found[strength] = float(np.mean(ways))

    for rung in copies.rungs:
        try_rung(float(rung))
        if found and min(found.values()) < 0.1:  # stronger ones know no sample either
            break
    if not found:
        raise InputError(
            f"perturbation {copies.kind}: even at the strongest, {copies.rungs[-1]:g}, copies "
            "equal their originals: name another perturbation"
        )
    for _ in range(3):  # between a saturated rung and one at chance there may be a way
        rungs = sorted(found)
        gaps = [(a, b) for a, b in pairwise(rungs) if found[a] > 0.85 and found[b] < 0.2]
        if not gaps or any(0.2 <= way <= 0.85 for way in found.values()):
            break
        try_rung(float(f"{np.sqrt(gaps[0][0] * gaps[0][1]):.2g}"))
    useful = {s: way for s, way in found.items() if 0.1 < way < 0.85}
    if useful:
        picked = {min(useful, key=lambda s: abs(useful[s] - target)) for target in TARGETS}
        return tuple(sorted(picked)), []
    if min(found.values()) >= SATURATED:
        note = (
            f"copies are recognized however strongly perturbed ({copies.kind}): no strength of the "
            "ladder has an informative null"
        )
        return (max(found),), [note]
    if max(found.values()) <= 0.1:
        return (min(found),), []
    return tuple(sorted(found, key=lambda s: abs(found[s] - 0.5))[:2]), []


def _doubts_of_samples(
    samples: Samples, groups: np.ndarray | None, n_permutations: int, train: np.ndarray
) -> list[str]:
    doubts = []
    classes, counts = np.unique(samples.labels, return_counts=True)
    rare = [str(c) for c, n in zip(classes.tolist(), counts, strict=True) if n < FEWEST]
    if rare:
        doubts.append(
            f"rare classes, of fewer than {FEWEST} samples: {', '.join(rare[:10])}; the answer "
            "says nothing about them"
        )
    if counts.max() > 0.8 * samples.n:
        doubts.append(
            f"class {classes[counts.argmax()].item()!r} has {counts.max() / samples.n:.0%} of the "
            "samples: read accuracies against chance, which is high"
        )
    if len(classes) > samples.n / 4:
        doubts.append(f"{len(classes)} classes for {samples.n} samples: are the labels classes?")
    if not can_be_significant(n_permutations):
        doubts.append(f"{n_permutations} permutations are too few for an answer: take 19 or more")
    if groups is not None:
        _, one = np.unique(groups, return_index=True)
        from scipy.special import gammaln

        sizes = np.unique(samples.labels[one], return_counts=True)[1]
        n_shuffles = np.exp(min(gammaln(len(one) + 1) - gammaln(sizes + 1).sum(), 50))
        if n_shuffles < 20:
            doubts.append(
                f"{len(one)} groups can be shuffled in {n_shuffles:.0f} ways only: no p-value "
                "can be small"
            )
    return doubts


def _dataset(
    results: Mapping[str, xr.Dataset],
    readers: Mapping[str, Reader],
    asked: Mapping[str, Reader],
    copies: Copies,
    changes: Mapping[float, Change],
    train: Mapping[str, np.ndarray],
    sets: Mapping[str, Mapping[Hashable, np.ndarray]],
    held_out: Samples | None,
    groups: np.ndarray | None,
) -> xr.Dataset:
    parts = []
    for name, result in results.items():
        ds = result.drop_attrs()
        codes = result["verdict"].values
        ds["verdict"] = ("perturbation", np.array([VERDICTS[code] for code in codes]))
        changed = [(train[name] != one).any(axis=1).mean() for one in sets[name].values()]
        ds["rows_changed"] = ("perturbation", np.array(changed))
        ds["samples_changed"] = ("perturbation", [one.samples for one in changes.values()])
        ds["values_changed"] = ("perturbation", [one.values for one in changes.values()])
        ds["relative_change"] = ("perturbation", [one.relative for one in changes.values()])
        ds["copies"] = ("perturbation", [one.hash.hexdigest() for one in changes.values()])
        ds["layer"], ds["n_features"] = readers[name].layer, train[name].shape[1]
        ds["role"] = "asked" if name in asked else "baseline"
        ds["perturbation"].attrs = {"long_name": copies.meaning, "units": copies.units}
        parts.append(_judged(ds, held_out).assign_coords(network=name))
    shared = ("samples_changed", "values_changed", "relative_change", "copies", "validation_chance")
    joined = xr.concat(
        [part.drop_vars(shared, errors="ignore") for part in parts],
        "network",
        join="exact",
        data_vars="all",
        coords="minimal",
        compat="override",
    )
    joined = joined.assign({name: parts[0][name] for name in shared if name in parts[0]})
    if groups is not None:
        joined["group"] = ("sample", np.unique(groups, return_inverse=True)[1])
    for name, (dims, long_name) in VARIABLES.items():
        if name in joined:
            joined[name] = joined[name].transpose(*dims)
            joined[name].attrs = {"long_name": long_name}
            if joined[name].dtype.kind in "fiu":
                joined[name].attrs["units"] = "1"
    joined["perturbation"].attrs = {"long_name": copies.meaning, "units": copies.units}
    joined["permutation"].attrs = {"long_name": "shuffle of the labels", "units": "1"}
    return joined


def _judged(ds: xr.Dataset, held_out: Samples | None) -> xr.Dataset:
    """Add what is said of one network: joint p-value, interval, and the three answers."""
    null = ds["null_accuracy"].transpose("perturbation", "permutation").values
    chance, observed = ds["chance_accuracy"].values, ds["observed_accuracy"].values
    way = informative(null.mean(axis=1), chance)
    changed = np.minimum(ds["samples_changed"].values, ds["rows_changed"].values) >= MOST_CHANGED
    usable = changed & (way <= SATURATED)
    shown = int(
        np.where(usable if usable.any() else way == way, np.abs(way - 0.5), np.inf).argmin()
    )
    # What cannot be answered has no verdict that somebody could read.
    ds["verdict"] = ("perturbation", np.where(usable, ds["verdict"].values, "no answer"))
    ds["shown_strength"] = float(ds["perturbation"].values[shown])
    learned, p = "no answer", np.nan
    if usable.any():
        p = joint_p_value(null[usable], observed[usable])
        learned = "yes" if p <= SIGNIFICANCE else "no"
        if not can_be_significant(null.shape[1]):
            learned = "undecided"
    ds["joint_p_value"] = p
    recognizes = "yes" if ds["share_at_chance"].values[shown] <= SIGNIFICANCE else "no"
    if not can_be_significant(null.shape[1]):
        recognizes = "undecided"
    if not changed[shown]:
        recognizes = "no answer"
    generalizes = "not asked"
    if held_out is not None:
        accuracy = float(ds["validation_accuracy"])
        low, high = wilson_interval(accuracy, held_out.n)
        level = np.unique(held_out.labels, return_counts=True)[1].max() / held_out.n
        ds["validation_low"], ds["validation_high"], ds["validation_chance"] = low, high, level
        # Of shuffled labels some luckily fit the classes: more so, the better samples cluster.
        p_shuffled = permutation_p_value(
            ds["null_validation_accuracy"].values, np.asarray(accuracy)
        )
        generalizes = "yes" if low > level and p_shuffled <= SIGNIFICANCE else "no"
        if not can_be_significant(null.shape[1]):
            generalizes = "undecided"
    ds["learned"], ds["recognizes"], ds["generalizes"] = learned, recognizes, generalizes
    strengths = ds["perturbation"].values[usable].tolist()
    ds["answer"] = in_words(
        ds,
        learned=learned,
        recognizes=recognizes,
        generalizes=generalizes,
        strengths=strengths,
    )
    return ds
