"""Perturbed copies: what each kind does, and what it says where copies equal their originals."""

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

from memlib.audit import audit
from memlib.audit.copies import LADDERS, Change, make_copies, numbers_of
from memlib.audit.samples import Samples, as_samples
from memlib.base.errors import InputError

FEW = {"n_permutations": 19, "n_trees": 10, "progress": False, "n_jobs": 1, "baselines": False}
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(300, 3, 16, 16)).astype(np.float32)
TABLE = RNG.normal(size=(300, 13)).astype(np.float32)
TOKENS = RNG.integers(1, 50, (300, 20))


def labels(n):
    return np.arange(n) % 2


def copied(inputs, kind, strength, **options):
    samples = as_samples((inputs, labels(300)))
    copies = make_copies(samples, kind, **options)
    return np.concatenate([new[copies.part] for _, new in copies.chunks(strength)])


@pytest.mark.parametrize("kind", LADDERS)
def test_each_ladder_rises_and_every_rung_changes_something(kind):
    inputs = {"images": IMAGES, "table": TABLE, "tokens": TOKENS}[LADDERS[kind].of]
    found = []
    for rung in LADDERS[kind].rungs:
        change = Change()
        change.add(inputs, copied(inputs, kind, rung))
        found.append((change.values, change.relative))
    assert found[0][0] > 0
    assert all(a[0] <= b[0] + 0.01 for a, b in pairwise(found))
    if kind not in ("mask_tokens", "swap_tokens"):
        assert found[-1][1] > found[0][1]


@pytest.mark.parametrize("share", [0.05, 0.3, 1.0])
def test_swapped_values_keep_each_column_and_the_share_on_average(share):
    table = copied(TABLE, "swap_values", share)
    np.testing.assert_array_equal(np.sort(table, axis=0), np.sort(TABLE, axis=0))
    assert np.mean(table != TABLE) == pytest.approx(share, abs=0.015)


def test_five_percent_of_13_columns_change_something_unlike_shuffled_places():
    """round(0.05 * 13) is 1, and one place shuffled is no place moved."""
    assert np.mean(copied(TABLE, "shuffle", 0.05) != TABLE) == 0
    answer = audit(same, (TABLE, labels(300)), perturbation="shuffle", strengths=[0.05], **FEW)
    assert answer.dataset["learned"].item() == "no answer"
    assert answer.dataset["recognizes"].item() == "no answer"
    assert answer.dataset["samples_changed"].item() == 0
    assert any("100% of the copies equal their originals" in w for w in answer.warnings)


def same(inputs):
    return inputs


def test_copies_that_equal_their_originals_are_said_of_a_function_too():
    def idle(inputs, strength, rng):
        return np.where(np.arange(len(inputs))[:, None] % 2, inputs + strength, inputs)

    answer = audit(same, (TABLE, labels(300)), perturbation=idle, strengths=[1.0], **FEW)
    assert any("50% of the copies equal" in warning for warning in answer.warnings)
    assert answer.dataset["learned"].item() == "no answer"
    with pytest.raises(InputError, match="even at the strongest"):
        audit(same, (TABLE, labels(300)), perturbation=lambda inputs, _: inputs, **FEW)


def test_a_function_of_two_arguments_is_called_with_two_and_of_four_refused():
    def shifted(inputs, strength):
        inputs += strength  # in place, which changes no original
        return inputs

    kept = TABLE.copy()
    np.testing.assert_array_equal(copied(TABLE, shifted, 2.0), TABLE + 2)
    np.testing.assert_array_equal(TABLE, kept)
    with pytest.raises(InputError, match="it is called with inputs, strength"):
        make_copies(as_samples((TABLE, labels(300))), lambda a, b, c, d: a)
    with pytest.raises(InputError, match="made \\(300, 2\\) of \\(300, 13\\)"):
        copied(TABLE, lambda inputs, strength, rng: inputs[:, :2], 1.0)


def test_masked_and_swapped_tokens_leave_padding_alone():
    mask = np.arange(20) < RNG.integers(5, 21, 300)[:, None]
    given = {"input_ids": np.where(mask, TOKENS, 0), "attention_mask": mask.astype(np.int64)}
    masked = copied(given, "mask_tokens", 0.5, mask_token=99)
    assert not (masked == 99)[~mask].any()
    assert (masked == 99)[mask].mean() == pytest.approx(0.5, abs=0.03)
    swapped = copied(given, "swap_tokens", 0.5)
    np.testing.assert_array_equal(np.sort(swapped, axis=1), np.sort(given["input_ids"], axis=1))
    np.testing.assert_array_equal(swapped[~mask], 0)
    assert (swapped != given["input_ids"])[mask].mean() > 0.3


def test_shift_moves_each_image_as_a_whole_by_its_share():
    moved = copied(IMAGES, "shift", 0.25)
    np.testing.assert_array_equal(np.sort(moved.reshape(300, -1)), np.sort(IMAGES.reshape(300, -1)))
    for before, after in zip(IMAGES[:5], moved[:5], strict=True):
        found = [
            (i, j)
            for i in range(-4, 5)
            for j in range(-4, 5)
            if np.array_equal(np.roll(before, (i, j), axis=(-2, -1)), after)
        ]
        assert len(found) == 1
        assert np.hypot(*found[0]) == pytest.approx(4, abs=0.8)


def test_whole_numbers_stay_in_their_range():
    images = RNG.integers(0, 256, (300, 1, 8, 8)).astype(np.uint8)
    noisy = copied(images, "add_noise", 1.0)
    assert noisy.dtype == np.uint8
    assert np.mean(noisy == 255) == pytest.approx(np.mean(noisy == 0), abs=0.03)


@pytest.mark.parametrize(
    ("inputs", "kind", "said"),
    [
        (TABLE, "rotate", "rotate takes"),
        (IMAGES, "swap_values", "is of table, the inputs 'inputs' float32"),
        (IMAGES, "swirl", "perturbation = 'swirl': take one of shuffle"),
        (IMAGES.transpose(0, 2, 3, 1), "shuffle", "channels last"),
    ],
)
def test_kinds_that_do_not_fit_are_refused(inputs, kind, said):
    with pytest.raises(InputError, match=said):
        make_copies(as_samples((inputs, labels(300))), kind)


@pytest.mark.parametrize("strengths", [[0], [1.5], ["a"], [0.1, 0.1], 0.1, [], [np.nan]])
def test_strengths_out_of_range_are_refused(strengths):
    with pytest.raises(InputError, match="strengths"):
        audit(same, (TABLE, labels(300)), strengths=strengths, **FEW)


def test_chunks_hold_each_sample_once_and_none_alone():
    for n in (1, 2, 256, 257, 258, 700):
        chunks = list(numbers_of(n))
        assert np.concatenate(chunks).tolist() == list(range(n))
        assert min(map(len, chunks)) > 1 or n == 1


def test_images_are_streamed_without_a_second_copy():
    def peak(n, shape=(3, 32, 32)):
        def fetch(numbers):
            first = numbers[:, None, None, None] / n
            return {"inputs": np.broadcast_to(first, (len(numbers), *shape)).astype(np.float32)}

        tracemalloc.start()
        audit(
            lambda inputs: inputs.mean((2, 3)),
            Samples(n, fetch, labels(n)),
            perturbation="add_noise",
            strengths=[1.0],
            **FEW | {"n_trees": 1},
        )
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(512)
    assert peak(2048) < 1.15 * peak(512)  # though inputs are four times as many
