"""Perturbed copies: kinds for images, tables and sequences, each with a ladder of strengths.

Copies are made chunk by chunk, so that no second copy of all images lies in memory. A chunk has a
random stream of its own: copies depend on seed, kind and strength, not on batches or networks.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from inspect import signature
from numbers import Real
from typing import Any

import numpy as np

from memlib.audit.samples import Parts, Samples
from memlib.base.errors import InputError
from memlib.base.seeds import stream
from memlib.method.perturb import KINDS, check_images

CHUNK = 256  # samples perturbed at once
Perturb = Callable[..., np.ndarray]


def shift(images: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Move each image by a share of its width in a direction of its own; what leaves comes back."""
    moved = np.empty_like(images)
    for i, angle in enumerate(rng.uniform(0, 2 * np.pi, len(images))):
        rows, columns = images.shape[-2:]
        by = round(np.sin(angle) * share * rows), round(np.cos(angle) * share * columns)
        moved[i] = np.roll(images[i], by, axis=(-2, -1))
    return moved


def _chosen(shape: tuple[int, int], share: float, rng: np.random.Generator) -> np.ndarray:
    """Return a mask (row, column) with share * columns places in each row, on average exactly."""
    n, k = shape
    counts = np.floor(share * k + rng.random(n))  # 5 % of 13 columns: one, in 65 % of the rows
    return np.argsort(np.argsort(rng.random(shape), axis=1), axis=1) < counts[:, None]


def swap_values(table: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Swap a share of the values with those of other rows, each within its column."""
    swapped, places = table.copy(), _chosen(table.shape, share, rng)
    for j in range(table.shape[1]):
        rows = rng.permutation(np.flatnonzero(places[:, j]))
        swapped[rows, j] = table[np.roll(rows, 1), j]
    return swapped


def add_column_noise(table: np.ndarray, sd: float, rng: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise of `sd` in units of each column's own standard deviation."""
    noise = rng.standard_normal(table.shape) * sd * table.std(axis=0, dtype=np.float64)
    return (table + noise).astype(table.dtype if table.dtype.kind == "f" else np.float32)


def add_noise(images: np.ndarray, sd: float, rng: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise of `sd` in units of these images' standard deviation."""
    noise = rng.standard_normal(images.shape, dtype=np.float32)
    noisy = images + noise * np.float32(sd * images.std(dtype=np.float64))
    if images.dtype.kind == "f":
        return noisy.astype(images.dtype)
    limits = np.iinfo(images.dtype)
    return np.clip(np.round(noisy), limits.min, limits.max).astype(images.dtype)


def swap_tokens(
    tokens: np.ndarray, share: float, rng: np.random.Generator, real: np.ndarray
) -> np.ndarray:
    """Permute a share of each sequence's real tokens among their places."""
    swapped = tokens.copy()
    for i, row in enumerate(real):
        places = np.flatnonzero(row)
        n = int(share * len(places) + rng.random())
        if (n := max(n, 2) if n else 0) <= len(places):
            chosen = rng.choice(places, n, replace=False)
            swapped[i, chosen] = tokens[i, np.roll(chosen, 1)]
    return swapped


def mask_tokens(
    tokens: np.ndarray, share: float, rng: np.random.Generator, real: np.ndarray, mask: int = 0
) -> np.ndarray:
    """Put the mask's number in place of a share of each sequence's real tokens."""
    order = np.argsort(np.argsort(np.where(real, rng.random(tokens.shape), 2), axis=1), axis=1)
    counts = np.floor(share * real.sum(axis=1) + rng.random(len(tokens)))
    return np.where((order < counts[:, None]) & real, tokens.dtype.type(mask), tokens)


@dataclass(frozen=True)
class Ladder:
    """A kind of perturbation: what its strength means, and the strengths that are tried."""

    function: Perturb
    strength: str
    units: str
    rungs: tuple[float, ...]
    of: str  # images, table or tokens
    largest: float = 1.0


SHARES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
LADDERS = {
    "shuffle": Ladder(KINDS["shuffle"].function, KINDS["shuffle"].strength, "1", SHARES, "images"),
    "rotate": Ladder(
        KINDS["rotate"].function, KINDS["rotate"].strength, "degree", (3, 10, 30, 90), "images", 360
    ),
    "shift": Ladder(shift, "share of the width moved", "1", (0.04, 0.08, 0.15, 0.3, 0.5), "images"),
    "occlude": Ladder(
        KINDS["occlude"].function, KINDS["occlude"].strength, "1", (0.05, 0.15, 0.3, 0.6), "images"
    ),
    "add_noise": Ladder(
        add_noise, "noise in standard deviations", "1", (0.1, 0.3, 1.0, 3.0), "images", np.inf
    ),
    "swap_values": Ladder(swap_values, "share of values swapped", "1", SHARES, "table"),
    "add_column_noise": Ladder(
        add_column_noise,
        "noise in standard deviations of the column",
        "1",
        (0.1, 0.3, 1.0, 3.0),
        "table",
        np.inf,
    ),
    "mask_tokens": Ladder(mask_tokens, "share of tokens masked", "1", SHARES, "tokens"),
    "swap_tokens": Ladder(swap_tokens, "share of tokens swapped", "1", SHARES, "tokens"),
}
USUAL = {"images": "shuffle", "table": "swap_values", "tokens": "swap_tokens"}
OWN_RUNGS = (0.05, 0.1, 0.2, 0.4, 0.8)


@dataclass(eq=False)
class Copies:
    """How samples are perturbed: which part of them, by what, with which ladder."""

    samples: Samples
    part: str
    kind: str
    meaning: str
    units: str
    rungs: tuple[float, ...]
    perturb: Callable[[Parts, float, np.random.Generator], np.ndarray]
    whole: bool  # perturbed at once: rows of a table change places
    seed: int

    def chunks(self, strength: float) -> Iterator[tuple[Parts, Parts]]:
        """Yield originals and their copies, chunk by chunk in order."""
        millionths = round(strength * 1_000_000)
        for chunk, numbers in enumerate(numbers_of(self.samples.n, self.whole)):
            rng = stream(self.seed, f"audit {self.kind}", abs(millionths), millionths < 0, chunk)
            originals = self.samples.fetch(numbers)
            kept = originals[self.part].copy()
            changed = np.asarray(self.perturb(originals, strength, rng))
            if changed.shape != kept.shape:
                raise InputError(
                    f"perturbation {self.kind} made {changed.shape} of {kept.shape}: each sample "
                    "is perturbed once, in the same shape"
                )
            originals[self.part] = kept
            yield originals, originals | {self.part: changed}


def numbers_of(n: int, whole: bool = False) -> Iterator[np.ndarray]:
    """Yield sample numbers chunk by chunk, the last one no single sample where that can be."""
    starts = [0] if whole else list(range(0, n, CHUNK))
    if len(starts) > 1 and n - starts[-1] == 1:
        starts.pop()
    for start, stop in zip(starts, [*starts[1:], n], strict=True):
        yield np.arange(start, stop)


@dataclass
class Change:
    """How much copies really differ from their originals, gathered while they are made.

    Attributes
    ----------
    values, samples
        Share of values, and of samples, that changed.
    relative
        Root mean square of the changes, in standard deviations of the inputs.
    """

    n_values: int = 0
    n_samples: int = 0
    n_changed_values: int = 0
    n_changed_samples: int = 0
    sums: np.ndarray = field(default_factory=lambda: np.zeros(3))
    hash: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=8))

    def add(self, original: np.ndarray, copy: np.ndarray) -> None:
        """Take a chunk into account."""
        flat, other = (one.reshape(len(one), -1) for one in (original, copy))
        differs = flat != other
        self.n_values += differs.size
        self.n_samples += len(flat)
        self.n_changed_values += int(differs.sum())
        self.n_changed_samples += int(differs.any(axis=1).sum())
        wide = flat.astype(np.float64)
        self.sums += [((other - wide) ** 2).sum(), wide.sum(), (wide**2).sum()]
        self.hash.update(np.ascontiguousarray(copy))

    @property
    def values(self) -> float:
        """Share of values that changed."""
        return self.n_changed_values / max(self.n_values, 1)

    @property
    def samples(self) -> float:
        """Share of samples that changed."""
        return self.n_changed_samples / max(self.n_samples, 1)

    @property
    def relative(self) -> float:
        """Root mean square of the changes, in standard deviations of the inputs."""
        squares, total, total_squares = self.sums / max(self.n_values, 1)
        variance = total_squares - total**2
        return float(np.sqrt(squares / variance)) if variance > 0 else float("nan")


def make_copies(
    samples: Samples,
    kind: str | Perturb | None,
    *,
    part: str | None = None,
    mask_token: int = 0,
    seed: int = 0,
) -> Copies:
    """Choose part and kind by what the inputs are, where they are not named.

    Raises
    ------
    InputError
        When a kind does not take such inputs.
    """
    first = samples.fetch(np.arange(min(2, samples.n)))
    if part is not None and part not in first:
        raise InputError(f"perturb = {part!r}: the inputs are {', '.join(first)}")
    part = part or _main_part(first)
    shape = "table" if samples.columns else _shape(first[part])
    if isinstance(kind, str) and kind in LADDERS and first[part].ndim == 2:
        shape = (
            LADDERS[kind].of if LADDERS[kind].of != "images" else shape
        )  # of whole numbers, both
    if kind is None:
        kind = USUAL[shape]
    if callable(kind):
        return _own_copies(samples, kind, part, seed, whole=shape == "table")
    if kind not in LADDERS:
        raise InputError(
            f"perturbation = {kind!r}: take one of {', '.join(LADDERS)}, or a function"
        )
    ladder = LADDERS[kind]
    if ladder.of == "images" and kind in KINDS:
        check_images(kind, first[part])
    if ladder.of != shape and not (kind == "shuffle" and shape == "table"):
        takes = [name for name, one in LADDERS.items() if one.of == shape]
        raise InputError(
            f"perturbation = {kind!r} is of {ladder.of}, the inputs {part!r} "
            f"{first[part].dtype} (sample, {', '.join(map(str, first[part].shape[1:]))}) are "
            f"{shape}: take one of {', '.join(takes)}, or a function"
        )

    def perturb(parts: Parts, strength: float, rng: np.random.Generator) -> np.ndarray:
        if ladder.of != "tokens":
            return ladder.function(parts[part], strength, rng)
        real = parts.get("attention_mask", np.ones_like(parts[part])).astype(bool)
        more = {"mask": mask_token} if kind == "mask_tokens" else {}
        return ladder.function(parts[part], strength, rng, real, **more)

    return Copies(
        samples,
        part,
        str(kind),
        ladder.strength,
        ladder.units,
        ladder.rungs,
        perturb,
        shape == "table",
        seed,
    )


def check_strengths(copies: Copies, strengths: Sequence[float]) -> tuple[float, ...]:
    """Return strengths as numbers, or raise `InputError`."""
    if isinstance(strengths, str) or np.ndim(strengths) != 1 or not len(strengths):
        raise InputError(f"strengths = {strengths!r}: give a list of numbers, or None for a ladder")
    for strength in strengths:
        if not isinstance(strength, Real) or not np.isfinite(float(strength)):
            raise InputError(f"strengths: {strength!r} should be a finite number")
        largest = LADDERS[copies.kind].largest if copies.kind in LADDERS else np.inf
        if copies.kind in LADDERS and not 0 < strength <= largest:
            raise InputError(
                f"strengths: {strength} should be above 0, at most {largest:g} ({copies.meaning})"
            )
    if len({float(one) for one in strengths}) < len(strengths):
        raise InputError(f"strengths = {list(strengths)}: one is given twice")
    return tuple(sorted(map(float, strengths)))


def _own_copies(
    samples: Samples, function: Perturb, part: str, seed: int, *, whole: bool
) -> Copies:
    name = str(getattr(function, "__name__", type(function).__name__))
    n_arguments = 3
    try:
        signature(function).bind(None, None, None)
    except TypeError:
        try:
            signature(function).bind(None, None)
            n_arguments = 2
        except TypeError:
            raise InputError(
                f"perturbation {name}{signature(function)}: it is called with inputs, strength "
                "and, if it takes three arguments, a random generator"
            ) from None
    except ValueError:  # a built-in function without a signature
        pass

    def perturb(parts: Parts, strength: float, rng: np.random.Generator) -> np.ndarray:
        given = parts[part].copy()  # it may work in place
        return function(*(given, strength, rng)[:n_arguments])

    meaning = f"strength of {name}"
    return Copies(samples, part, f"function {name}", meaning, "1", OWN_RUNGS, perturb, whole, seed)


def _main_part(parts: Parts) -> str:
    for name in ("inputs", "input_ids", "pixel_values"):
        if name in parts:
            return name
    if len(parts) == 1:
        return next(iter(parts))
    raise InputError(f"perturb: say which of the inputs is perturbed, {', '.join(parts)}")


def _shape(array: np.ndarray) -> str:
    if array.ndim == 2:
        return "tokens" if array.dtype.kind in "iu" else "table"
    return "images"
