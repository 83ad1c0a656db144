"""randX and randY against what they are defined to be."""

import numpy as np
import pytest

from memlib.base.errors import InputError
from memlib.method.data import Data
from memlib.papers.arpit_2017.data import downscale, give_each_its_class, standardize
from memlib.training.changes import change_data

NAMES = tuple("abcdefghij")


def make_data(n=1000, n_validation=200, shape=(14, 14), seed=0):
    rng = np.random.default_rng(seed)
    parts = []
    for size in (n, n_validation):
        images = rng.beta(0.4, 0.9, (size, *shape)).astype(np.float32)
        parts += [images, rng.integers(10, size=size)]
    return Data(*parts, NAMES)


DATA = make_data()


@pytest.mark.parametrize("share", [0, 0.2, 0.333, 1])
@pytest.mark.parametrize("change", ["randX", "randY"])
def test_the_share_is_replaced_exactly_and_nothing_else(change, share):
    changed = change_data(DATA, change, share, seed=3)
    rows = changed.replaced
    assert rows.sum() == round(share * 1000)
    images, labels = changed.train_images, changed.train_labels
    np.testing.assert_array_equal(images[~rows], DATA.train_images[~rows])
    np.testing.assert_array_equal(labels[~rows], DATA.train_labels[~rows])
    differ = (images != DATA.train_images).any((1, 2))
    np.testing.assert_array_equal(differ, rows if change == "randX" else False)
    if change == "randX":
        np.testing.assert_array_equal(labels, DATA.train_labels)
    assert changed.validation_images is DATA.validation_images
    assert changed.validation_labels is DATA.validation_labels


@pytest.mark.parametrize("change", ["randX", "randY"])
def test_shares_are_nested_with_the_same_noise(change):
    small, large = (change_data(DATA, change, share, seed=1) for share in (0.2, 0.4))
    assert small.replaced.sum() == 200
    assert large.replaced[small.replaced].all()
    for part in ("train_images", "train_labels"):
        one, other = (getattr(changed, part)[small.replaced] for changed in (small, large))
        np.testing.assert_array_equal(one, other)


def test_another_seed_replaces_other_examples():
    one, other = (change_data(DATA, "randX", 0.5, seed=seed).replaced for seed in (0, 1))
    assert 400 < (one == other).sum() < 600


def test_randx_has_the_moments_of_the_data():
    changed = change_data(DATA, "randX", 1.0)
    for noise in (changed.train_images, changed.noise_images):
        error = DATA.train_images.std() / np.sqrt(noise.size)
        assert noise.mean() == pytest.approx(DATA.train_images.mean(), abs=4 * error)
        assert noise.std() == pytest.approx(DATA.train_images.std(), abs=4 * error)
        # Gaussian: no excess kurtosis, no correlation of neighbours; the pixels' own is far off.
        z = (noise - noise.mean()) / noise.std()
        assert (z**4).mean() == pytest.approx(3, abs=0.15)
        assert (z[:, 1:] * z[:, :-1]).mean() == pytest.approx(0, abs=0.03)
    fresh = changed.noise_images[:, None], changed.train_images[:200, None]
    assert not (fresh[0] == fresh[1]).any((1, 2, 3)).any()


def test_pixel_moments_follow_each_pixel():
    images = DATA.train_images * np.linspace(0, 1, 14, dtype=np.float32)
    data = Data(images, DATA.train_labels, images[:50], DATA.train_labels[:50], NAMES)
    noise = change_data(data, "randX", 1.0, moments="pixel").train_images
    np.testing.assert_allclose(noise.mean(0), images.mean(0), atol=5 * 0.3 / np.sqrt(1000))
    np.testing.assert_allclose(noise.std(0), images.std(0), atol=0.05)
    assert np.ptp(noise[:, :, 0]) == 0


def test_random_labels_change_nine_tenths_or_all():
    data = make_data(5000)
    for keep, expected in ((True, 0.9), (False, 1.0)):
        changed = change_data(data, "randY", 0.6, may_keep_label=keep)
        differ = changed.train_labels != data.train_labels
        rows = changed.replaced
        assert differ[rows].mean() == pytest.approx(expected, abs=4 * np.sqrt(0.09 / 3000))
        counts = np.bincount(changed.train_labels[rows], minlength=10)
        assert np.abs(counts - 300).max() < 4 * np.sqrt(300)


def test_removed_leaves_the_clean_rest_in_its_order():
    noisy = change_data(DATA, "randY", 0.4)
    clean = change_data(DATA, "removed", 0.4)
    np.testing.assert_array_equal(clean.train_images, DATA.train_images[~noisy.replaced])
    assert len(clean.train_labels) == 600
    assert not clean.replaced.any()
    with pytest.raises(InputError, match="leaves none"):
        change_data(DATA, "removed", 1.0)


def test_standardized_inputs_keep_their_gray_level():
    changed = standardize(change_data(DATA, "randX", 0.5), DATA.train_images)
    real = changed.train_images[~changed.replaced]
    assert changed.train_images.mean() == pytest.approx(0, abs=0.01)
    assert changed.train_images.std() == pytest.approx(1, abs=0.01)
    assert changed.noise_images.std() == pytest.approx(1, abs=0.02)
    step = (real[0] - real[1]) / changed.gray_level / 255
    before = change_data(DATA, "randX", 0.5).train_images[~changed.replaced]
    np.testing.assert_allclose(step, before[0] - before[1], atol=1e-6)
    with pytest.raises(InputError, match="all pixels are equal"):
        standardize(changed, np.ones((2, 3, 3), np.float32))


def test_downscaling_averages_squares():
    data = make_data(20, 10, (2, 4, 6))
    small = downscale(data)
    assert small.train_images.shape == (20, 2, 2, 3)
    assert small.validation_images.shape == (10, 2, 2, 3)
    expected = data.train_images[5, 1, 2:4, 4:].mean()
    assert small.train_images[5, 1, 1, 2] == pytest.approx(expected)
    with pytest.raises(InputError, match="cannot be downscaled by 4"):
        downscale(data, 4)


def test_each_example_its_class():
    own = give_each_its_class(DATA)
    assert own.n_classes == 1000
    assert len(np.unique(own.train_labels)) == 1000


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"change": "randZ"}, "take one of randX, randY, removed"),
        ({"share": 1.2}, "share = 1.2: take a number from 0 to 1"),
        ({"moments": "row"}, "take one of global, pixel"),
    ],
)
def test_refusals(options, words):
    with pytest.raises(InputError, match=words):
        change_data(DATA, **options)
