import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import zoom

from memlib.base.errors import DataError, InputError
from memlib.papers.gu_tresp_2019.data import (
    enlarge,
    halve,
    load_cifar10,
    load_digits,
    load_fashion_mnist,
    replace_labels,
    split_images,
)
from memlib.training.images import content_checksum


def test_digits_lie_on_the_generators_scale():
    digits = load_digits()
    assert digits.train_images.shape == (512, 16, 16)
    assert digits.train_images.dtype == np.float32
    assert digits.train_images.min() == -1
    assert 0.9 < digits.train_images.max() <= 1
    assert digits.class_names == tuple("0123456789")
    assert np.bincount(digits.train_labels, minlength=10).min() > 30


def test_the_generator_sees_the_networks_images_and_the_judge_none_of_them():
    digits = load_digits()
    assert (len(digits.generator_images), len(digits.judge_images)) == (1000, 797)
    assert np.array_equal(digits.generator_images[:512], digits.train_images)
    assert np.array_equal(digits.generator_labels[:512], digits.train_labels)
    seen = {image.tobytes() for image in digits.generator_images}
    assert not any(image.tobytes() in seen for image in digits.judge_images)
    assert np.array_equal(digits.test_images, digits.judge_images)


def test_images_keep_their_labels_when_they_are_split():
    images = np.arange(40, dtype=np.float32)[:, None, None] * np.ones((1, 4, 4), np.float32)
    split = split_images(images, np.arange(40) % 5, list("abcde"), n_train=10, n_generator=20)
    for part in ("train", "generator", "judge", "test"):
        shown = getattr(split, f"{part}_images")[:, 0, 0].astype(int)
        assert np.array_equal(getattr(split, f"{part}_labels"), shown % 5)
    assert not np.array_equal(split.generator_images[:, 0, 0], np.arange(20))


def test_enlarging_is_bilinear():
    image = np.random.default_rng(0).uniform(size=(1, 8, 8))
    expected = zoom(image[0], 2, order=1, mode="nearest", grid_mode=True)
    assert np.allclose(enlarge(image, 16)[0], expected)
    assert np.allclose(enlarge(np.full((1, 8, 8), 0.3), 16), 0.3)


def test_halving_pads_with_black_and_takes_the_mean_of_four_pixels():
    images = np.full((1, 28, 28), 255, np.uint8)
    images[0, 0, 0] = 0
    halved = halve(images)
    assert halved.shape == (1, 16, 16)
    assert halved[0, 0, 0] == -1
    assert halved[0, 1, 1] == 0.5  # three white pixels and a black one
    assert halved[0, 8, 8] == 1


def labelled(n_train=120, n_test=30):
    rng = np.random.default_rng(0)
    n = n_train + n_test
    label = np.arange(n) % 10
    image = np.repeat(label * 20, 28 * 28).reshape(n, 28, 28)
    names = " ".join(f"class{i}" for i in range(10))
    dataset = xr.Dataset(
        {
            "image": (("sample", "row", "column"), image.astype(np.uint8)),
            "label": ("sample", label.astype(np.uint8), {"flag_meanings": names}),
            "split": ("sample", (np.arange(n) >= n_train).astype(np.uint8)),
            "original_index": ("sample", rng.permutation(n).astype(np.int32)),
        }
    )
    dataset.attrs["content_checksum"] = content_checksum(dataset)
    return dataset


def test_fashion_mnist_keeps_its_original_test_part(tmp_path):
    path = tmp_path / "all.nc"
    labelled().to_netcdf(path, engine="h5netcdf")
    sizes = {"n_train": 20, "n_generator": 40, "n_judge": 60, "n_test": 30}
    split = load_fashion_mnist(path, **sizes)
    grey = np.round((split.test_images[:, 8, 8] + 1) / 2 * 255 / 20).astype(int)
    assert np.array_equal(split.test_labels, grey)
    assert np.bincount(split.test_labels).tolist() == [3] * 10
    assert split.class_names[3] == "class3"
    with pytest.raises(InputError, match="n_test = 31: take 1 to 30"):
        load_fashion_mnist(path, **sizes | {"n_test": 31})
    with pytest.raises(InputError, match="40 images of the generator and 81 of the judge"):
        load_fashion_mnist(path, **sizes | {"n_judge": 81})


def test_colour_images_come_channels_first_and_keep_their_test_part(monkeypatch):
    class Laid:  # 40 training images of a colour that tells their class, 12 test images
        classes = ("a", "b", "c", "d")

        def __init__(self, root, train, download):
            assert not download
            self.targets = [i % 4 for i in range(40 if train else 12)]
            self.data = np.zeros((len(self.targets), 32, 32, 3), np.uint8)
            self.data[:, 5, 7, 2] = np.array(self.targets) * 51

    monkeypatch.setattr("torchvision.datasets.CIFAR10", Laid)
    sizes = {"n_train": 10, "n_generator": 20, "n_judge": 20}
    split = load_cifar10("folder", **sizes, n_test=9)
    for part, n_images in {"train": 10, "generator": 20, "judge": 20, "test": 9}.items():
        images, labels = getattr(split, f"{part}_images"), getattr(split, f"{part}_labels")
        assert images.shape == (n_images, 3, 32, 32)
        assert images.dtype == np.float32
        assert np.allclose(images[:, 2, 5, 7], labels * 0.4 - 1)
        assert (images[:, 0] == -1).all()
    with pytest.raises(InputError, match="n_test = 13: take 1 to 12"):
        load_cifar10("folder", **sizes, n_test=13)


def test_a_folder_without_cifar_is_told_in_one_line(tmp_path):
    with pytest.raises(DataError, match=r"no CIFAR-10 in .*: unpack"):
        load_cifar10(tmp_path)


LABELS = np.arange(5000) % 10


@pytest.mark.parametrize("share", [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 0.12345])
def test_exactly_the_share_of_labels_is_replaced_and_a_tenth_of_them_stays_right(share):
    drawn = replace_labels(LABELS, share, 10)
    n_replaced = round(share * len(LABELS))
    assert drawn.replaced.sum() == n_replaced
    assert np.array_equal(drawn.labels[~drawn.replaced], LABELS[~drawn.replaced])
    assert np.array_equal(drawn.changed, drawn.labels != LABELS)
    expected, sd = 0.9 * n_replaced, np.sqrt(0.09 * n_replaced)
    assert abs(drawn.changed.sum() - expected) <= 4 * sd


def test_random_labels_are_uniform_and_nested():
    whole, part = replace_labels(LABELS, 1.0, 10), replace_labels(LABELS, 0.4, 10)
    assert abs(np.bincount(whole.labels, minlength=10) - 500).max() < 4 * np.sqrt(450)
    assert np.array_equal(part.labels[part.replaced], whole.labels[part.replaced])
    other = replace_labels(LABELS, 1.0, 10, seed=1)
    assert (other.labels == whole.labels).mean() < 0.13


def test_a_share_beyond_one_is_refused():
    with pytest.raises(InputError, match=r"share = 1.2"):
        replace_labels(LABELS, 1.2, 10)
