"""S-validation sets: what a perturbation keeps, what it changes, and how much of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from memlib.base.errors import InputError
from memlib.method.perturb import KINDS, make_s_validation_set
from memlib.training.images import load_data

SHARES = [0.01, 0.05, 0.10, 0.5, 1.0]


def distinct_images(n: int = 200, side: int = 28) -> np.ndarray:
    """Images no two pixels of which are equal, so that every moved pixel is seen."""
    rng = np.random.default_rng(0)
    pixels = np.broadcast_to(np.arange(side * side, dtype=np.float32), (n, side * side))
    return rng.permuted(pixels, axis=1).reshape(n, side, side)


def changed(images: np.ndarray, other: np.ndarray) -> np.ndarray:
    return (images != other).reshape(len(images), -1)


shapes = st.tuples(st.integers(1, 6), st.integers(1, 12), st.integers(1, 12))
shares = st.floats(0, 1, allow_nan=False)


@settings(deadline=None)
@given(shapes, shares, st.integers(0, 2**32 - 1))
def test_shuffle_keeps_each_images_pixel_multiset(shape, share, seed):
    images = np.random.default_rng(seed).integers(0, 5, shape).astype(np.float32)
    shuffled = make_s_validation_set(images, share, seed=seed)
    assert shuffled.shape == images.shape
    assert shuffled.dtype == np.float32
    flat = shape[0], -1
    np.testing.assert_array_equal(
        np.sort(shuffled.reshape(flat), axis=1), np.sort(images.reshape(flat), axis=1)
    )


@settings(deadline=None)
@given(shapes, shares, st.integers(0, 2**32 - 1))
def test_shuffle_changes_at_most_the_share_asked_for(shape, share, seed):
    n, rows, columns = shape
    images = np.arange(n * rows * columns, dtype=np.float32).reshape(shape)
    n_changed = changed(images, make_s_validation_set(images, share, seed=seed)).sum(axis=1)
    assert n_changed.max() <= round(share * rows * columns)


@pytest.mark.parametrize("share", SHARES)
def test_shuffle_changes_on_average_all_but_one_of_the_positions(share):
    images = distinct_images(400)
    n_changed = changed(images, make_s_validation_set(images, share)).sum(axis=1)
    k = round(share * 784)
    # A uniform permutation of k has one fixed point on average, with variance 1.
    assert n_changed.max() <= k
    assert abs(n_changed.mean() - (k - 1)) < 5 / 400**0.5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("images", [distinct_images(5), load_data(n_images=10).train_images])
def test_strength_0_is_the_identity(kind, images):
    made = make_s_validation_set(images, 0, kind=kind)
    np.testing.assert_array_equal(made, images)
    assert made is not images


@pytest.mark.parametrize("kind", KINDS)
def test_input_is_left_as_it_was(kind):
    images = distinct_images(5)
    before = images.copy()
    make_s_validation_set(images, 1, kind=kind)
    np.testing.assert_array_equal(images, before)


def test_positions_are_drawn_afresh_for_each_image():
    images = distinct_images(300)
    moved = changed(images, make_s_validation_set(images, 0.05)).astype(float)
    overlap = moved @ moved.T / moved.sum(axis=1)[:, None]
    off_diagonal = overlap[~np.eye(len(images), dtype=bool)]
    assert abs(off_diagonal.mean() - 0.05) < 0.005
    assert off_diagonal.max() < 0.5


def test_positions_are_uniform_over_the_image():
    images = np.tile(distinct_images(1), (4000, 1, 1))
    counts = changed(images, make_s_validation_set(images, 0.10)).sum(axis=0)
    # Drawn without replacement the counts vary a little less than chisquare assumes.
    assert chisquare(counts).pvalue > 1e-4
    assert chisquare(counts).pvalue < 1 - 1e-12


def test_a_permuted_value_goes_to_every_chosen_position_alike():
    images = np.tile(np.arange(4, dtype=np.float32).reshape(1, 2, 2), (24_000, 1, 1))
    orders = make_s_validation_set(images, 1.0).reshape(-1, 4) @ [1000, 100, 10, 1]
    _, counts = np.unique(orders, return_counts=True)
    assert len(counts) == 24
    assert chisquare(counts).pvalue > 1e-4


def test_shuffling_all_pixels_destroys_structure():
    images = load_data(n_images=400).train_images
    shuffled = make_s_validation_set(images, 1.0)
    both = images, shuffled
    centred = [x.reshape(400, -1) - x.reshape(400, -1).mean(1, keepdims=True) for x in both]
    correlation = (centred[0] * centred[1]).sum(1) / (centred[0] ** 2).sum(1)
    assert abs(correlation.mean()) < 5 / (400 * 783) ** 0.5
    neighbours = [np.corrcoef(x[:, :, 1:].ravel(), x[:, :, :-1].ravel())[0, 1] for x in both]
    assert neighbours[0] > 0.8
    assert neighbours[1] < 0.2  # what is left is the images' brightness


def test_small_share_keeps_structure():
    images = load_data(n_images=200).train_images
    shuffled = make_s_validation_set(images, 0.05)
    assert np.corrcoef(images.ravel(), shuffled.ravel())[0, 1] > 0.9


# Images in colour, rows of features, and functions of one's own


@pytest.mark.parametrize(
    ("kind", "strength"),
    [("shuffle", 0.1), ("shuffle_shared", 0.1), ("rotate", 30), ("occlude", 0.2)],
)
def test_channels_of_a_pixel_stay_together(kind, strength):
    """Three equal channels are disturbed as the one image they are made of, bit for bit."""
    grey = distinct_images(40)
    colour = np.repeat(grey[:, None], 3, axis=1) * np.float32([1, 2, 4])[:, None, None]
    made = make_s_validation_set(colour, strength, kind=kind, seed=5)
    expected = make_s_validation_set(grey, strength, kind=kind, seed=5)
    for channel, factor in enumerate((1, 2, 4)):
        np.testing.assert_allclose(made[:, channel], factor * expected, rtol=1e-6)
    assert (made != colour).any()


def test_added_noise_differs_between_channels():
    colour = np.zeros((50, 3, 28, 28), np.float32)
    made = make_s_validation_set(colour, 1.0, kind="add_noise")
    correlation = np.corrcoef(made.transpose(1, 0, 2, 3).reshape(3, -1))
    assert np.abs(correlation - np.eye(3)).max() < 5 / (50 * 784) ** 0.5


@pytest.mark.parametrize("kind", ["shuffle", "shuffle_shared", "add_noise"])
def test_rows_of_features_are_disturbed_as_their_images(kind):
    images = distinct_images(20)
    made = make_s_validation_set(images.reshape(20, -1), 0.1, kind=kind)
    np.testing.assert_array_equal(
        made, make_s_validation_set(images, 0.1, kind=kind).reshape(20, -1)
    )


@pytest.mark.parametrize(
    ("kind", "shape"), [("rotate", (4, 9)), ("occlude", (4, 9)), ("shuffle", (2, 1, 1, 3, 3))]
)
def test_images_of_the_wrong_number_of_dims_are_refused_in_one_line(kind, shape):
    with pytest.raises(InputError, match=r"images have shape \(.*takes .*column\)") as error:
        make_s_validation_set(np.zeros(shape, np.float32), 0.1, kind=kind)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("shape", [(2, 32, 32, 3), (2, 28, 28, 1)])
def test_images_with_their_channels_last_are_refused_in_one_line(shape):
    with pytest.raises(InputError, match="channels last: shuffle takes") as error:
        make_s_validation_set(np.zeros(shape, np.float32), 0.1)
    assert "\n" not in str(error.value)
    flipped = np.zeros(shape, np.float32).transpose(0, 3, 1, 2)  # as the message says
    assert make_s_validation_set(flipped, 0.1).shape == flipped.shape


@pytest.mark.parametrize("shape", [(2, 3, 32, 3), (2, 16, 3, 3), (2, 3, 5, 1)])
def test_narrow_images_are_not_taken_for_channels_last(shape):
    assert make_s_validation_set(np.zeros(shape, np.float32), 0.1).shape == shape


def jitter(images: np.ndarray, sd: float, rng: np.random.Generator) -> np.ndarray:
    return images + sd * rng.normal(size=images.shape)


def test_a_function_of_ones_own_gets_strength_and_a_stream_of_its_own():
    images = distinct_images(3)
    made = make_s_validation_set(images, 0.5, kind=jitter, seed=1)
    assert 0.4 < (made - images).std() < 0.6
    np.testing.assert_array_equal(made, make_s_validation_set(images, 0.5, kind=jitter, seed=1))
    for other in ({"strength": 0.6}, {"seed": 2}):
        arguments = {"strength": 0.5, "seed": 1} | other
        again = make_s_validation_set(images, kind=jitter, **arguments)
        noise = (again - images) / arguments["strength"]
        assert abs(np.corrcoef(noise.ravel(), (made - images).ravel())[0, 1]) < 0.1


def test_a_function_may_work_in_place_return_true_and_false_and_take_a_negative_strength():
    def darken(images, amount, rng):
        images -= amount
        return images

    images = distinct_images(3)
    before = images.copy()
    np.testing.assert_array_equal(make_s_validation_set(images, 2, kind=darken), before - 2)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(make_s_validation_set(images, -2, kind=darken), before + 2)
    binary = make_s_validation_set(images, 9, kind=lambda images, least, rng: images > least)
    assert binary.dtype == images.dtype
    one, other = (make_s_validation_set(images, sd, kind=jitter) for sd in (0.5, -0.5))
    assert abs(np.corrcoef((one - images).ravel(), (other - images).ravel())[0, 1]) < 0.1


def test_half_precision_is_rotated_as_single_and_stays_half():
    images = distinct_images(2, 9).astype(np.float16)
    made = make_s_validation_set(images, 30, kind="rotate")
    wide = make_s_validation_set(images.astype(np.float32), 30, kind="rotate")
    assert made.dtype == np.float16
    np.testing.assert_array_equal(made, wide.astype(np.float16))


def test_a_function_that_loses_images_is_refused():
    with pytest.raises(InputError, match=r"perturbation <lambda> made \(2, 28, 28\) of images"):
        make_s_validation_set(distinct_images(3), 1, kind=lambda images, strength, rng: images[1:])


@pytest.mark.parametrize(("degrees", "quarter_turns"), [(90, 1), (180, 2), (270, 3), (360, 0)])
@pytest.mark.parametrize("side", [28, 7])
def test_rotation_by_quarter_turns_is_counter_clockwise_and_exact(degrees, quarter_turns, side):
    images = distinct_images(3, side)
    made = make_s_validation_set(images, degrees, kind="rotate")
    np.testing.assert_array_equal(made, np.rot90(images, quarter_turns, axes=(1, 2)))


def test_rotation_by_45_degrees_moves_what_is_right_up():
    image = np.zeros((1, 29, 29), np.float32)
    image[0, 14, 24] = 1  # to the right of the centre
    row, column = np.argwhere(make_s_validation_set(image, 45, kind="rotate")[0] > 0.3)[0]
    assert row < 14 < column  # up and still to the right


def test_rotation_fills_corners_with_0():
    made = make_s_validation_set(np.ones((1, 28, 28), np.float32), 45, kind="rotate")
    assert made[0][[0, 0, -1, -1], [0, -1, 0, -1]].tolist() == [0, 0, 0, 0]
    assert made.dtype == np.float32


@pytest.mark.parametrize("sd", [0.1, 2.0])
def test_added_noise_has_mean_0_and_the_standard_deviation_asked_for(sd):
    images = load_data(n_images=400).train_images
    noise = (make_s_validation_set(images, sd, kind="add_noise") - images).ravel() / sd
    assert abs(noise.mean()) < 5 / noise.size**0.5
    assert abs(noise.std() - 1) < 0.01
    assert abs(np.corrcoef(noise, images.ravel())[0, 1]) < 0.01
    assert noise.dtype == np.float32


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5, 1.0])
def test_occlusion_hides_one_square_of_the_area_asked_for(share):
    images = distinct_images(300) + 1
    hidden = make_s_validation_set(images, share, kind="occlude") == 0
    side = round(28 * share**0.5)
    assert set(hidden.sum(axis=(1, 2))) == {side**2}
    assert abs(side**2 / 784 - share) < 0.02
    assert set(hidden.any(axis=1).sum(axis=1)) == {side}
    assert set(hidden.any(axis=2).sum(axis=1)) == {side}
    kept = make_s_validation_set(images, share, kind="occlude")
    np.testing.assert_array_equal(kept[~hidden], images[~hidden])


def test_occlusion_falls_on_every_place():
    images = np.ones((3000, 28, 28), np.float32)
    hidden = make_s_validation_set(images, 0.25, kind="occlude") == 0
    for axis in (1, 2):
        starts = hidden.any(axis=axis).argmax(axis=1)
        assert set(starts) == set(range(28 - 14 + 1))


@pytest.mark.parametrize("kind", ["shuffle", "add_noise", "occlude"])
def test_set_depends_on_seed_strength_and_kind_alone(kind):
    images = distinct_images(20)
    alone = make_s_validation_set(images, 0.10, kind=kind, seed=1)
    for strength in (0.05, 0.5, 1.0):
        make_s_validation_set(images, strength, kind=kind, seed=1)
    np.testing.assert_array_equal(alone, make_s_validation_set(images, 0.10, kind=kind, seed=1))
    assert (alone != make_s_validation_set(images, 0.10, kind=kind, seed=2)).any()


def test_sets_of_different_strengths_are_drawn_independently():
    images = distinct_images(200)
    first, second = (changed(images, make_s_validation_set(images, s)) for s in (0.05, 0.10))
    assert abs((first & second).sum() / first.sum() - 0.10) < 0.02


@pytest.mark.parametrize(
    ("kind", "strength", "said"),
    [
        ("blur", 0.1, "perturbation_kind = 'blur'"),
        ("shuffle", 1.5, "1.5"),
        ("shuffle", -0.01, "-0.01"),
        ("shuffle", float("nan"), "nan"),
        ("shuffle", "0.1", "'0.1' should be a finite number"),
        ("shuffle_shared", 1.01, "between 0 and 1"),
        (jitter, float("nan"), "nan should be a finite number"),
        (jitter, float("inf"), "inf"),
        (jitter, "0.1", "'0.1'"),
        ("rotate", 361, "361"),
        ("rotate", -15, "-15"),
        ("add_noise", -1, "-1"),
        ("occlude", 1.01, "1.01"),
    ],
)
def test_bad_kind_or_strength_is_named_in_one_line(kind, strength, said):
    with pytest.raises(InputError) as error:
        make_s_validation_set(distinct_images(1), strength, kind=kind)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
