"""The bundled images, and what a run draws from them."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from conftest import one_line

from memlib.base.errors import DataError, InputError
from memlib.runs.build_images import describe
from memlib.runs.shipped import shipped_path
from memlib.training.images import (
    BUNDLED_CHECKSUM,
    BUNDLED_NAME,
    class_names,
    content_checksum,
    data_path,
    load_data,
    load_labelled_images,
)


def rows_of(images: np.ndarray) -> list[bytes]:
    return [image.tobytes() for image in images]


# The bundled file


def test_bundled_file_holds_twelve_thousand_and_two_thousand_images():
    labelled = load_labelled_images()
    assert labelled["image"].shape == (14_000, 28, 28)
    assert labelled["image"].dtype == np.uint8
    counts = {
        (code, split): int(((labelled["label"] == code) & (labelled["split"] == split)).sum())
        for code in (2, 4)
        for split in (0, 1)
    }
    assert counts == {(2, 0): 6000, (4, 0): 6000, (2, 1): 1000, (4, 1): 1000}
    assert class_names(labelled) == ("Pullover", "Coat")


def test_bundled_file_has_the_recorded_checksum_and_says_so():
    labelled = load_labelled_images()
    assert content_checksum(labelled) == BUNDLED_CHECKSUM
    assert describe(labelled).splitlines()[1:] == [
        f"content checksum {BUNDLED_CHECKSUM}",
        "class 2 Pullover: 6000 train, 1000 test",
        "class 4 Coat: 6000 train, 1000 test",
    ]


def bundled_copy(folder: Path, monkeypatch: pytest.MonkeyPatch, change) -> Path:
    with xr.open_dataset(data_path(), engine="h5netcdf") as file:
        dataset = change(file.load().drop_encoding())
    path = folder / f"{BUNDLED_NAME}.nc"
    dataset.to_netcdf(path, engine="h5netcdf")
    monkeypatch.setenv("MEMLIB_DATA", str(folder))
    return path


def altered(dataset: xr.Dataset, name: str) -> xr.Dataset:
    values = dataset[name].values
    values[(7,) + (14,) * (values.ndim - 1)] ^= 1
    return dataset


def test_unaltered_copy_of_the_bundled_file_is_accepted(tmp_path, monkeypatch):
    bundled_copy(tmp_path, monkeypatch, lambda dataset: dataset)
    assert load_labelled_images().sizes["sample"] == 14_000


@pytest.mark.parametrize("name", ["image", "label", "split", "original_index"])
def test_one_altered_bit_is_refused_with_both_checksums(tmp_path, monkeypatch, name):
    path = bundled_copy(tmp_path, monkeypatch, lambda dataset: altered(dataset, name))
    with pytest.raises(DataError) as error:
        load_labelled_images()
    text = one_line(error)
    assert text.count("sha256:") == 2
    assert BUNDLED_CHECKSUM in text
    assert str(path) in text


def test_renamed_variable_is_named(tmp_path, monkeypatch):
    path = bundled_copy(tmp_path, monkeypatch, lambda ds: ds.rename(image="picture"))
    with pytest.raises(DataError, match=r"no file of labelled images \(it lacks image\)") as error:
        load_labelled_images()
    assert str(path) in one_line(error)


def test_another_netcdf_is_told_from_a_damaged_one():
    with pytest.raises(DataError, match="no file of labelled images") as error:
        load_labelled_images(str(shipped_path("fig1", "tenth")))
    assert "damaged" not in one_line(error)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_truncated_file_is_refused_with_the_file_checksum(tmp_path, monkeypatch, share):
    whole = data_path().read_bytes()
    path = tmp_path / f"{BUNDLED_NAME}.nc"
    path.write_bytes(whole[: int(share * len(whole))])
    monkeypatch.setenv("MEMLIB_DATA", str(tmp_path))
    with pytest.raises(DataError) as error:
        load_data()
    assert file_digest(path) in one_line(error)


def file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["fashion_mnist", "/nowhere/at/all.nc"])
def test_missing_file_is_named_in_one_line(name):
    with pytest.raises(DataError, match="no data file") as error:
        load_data(name)
    assert name in one_line(error)


# What a run draws


def test_loaded_images_cannot_be_altered_for_other_callers():
    mine = load_labelled_images()
    with pytest.raises(ValueError, match="read-only"):
        mine["image"].values[:] = 0
    mine.attrs["content_checksum"] = "other"
    assert load_labelled_images().attrs["content_checksum"] != "other"


@pytest.mark.parametrize("seed", [None, -1, 1.5, True, "0"])
def test_only_whole_numbers_are_seeds(seed):
    with pytest.raises(InputError, match=f"seed = {seed!r}"):
        load_data(n_images=4, n_validation_images=2, seed=seed)


@pytest.mark.parametrize(("n_images", "n_validation"), [(2000, 2000), (2, 2), (12_000, 2000)])
def test_draw_is_balanced(n_images, n_validation):
    data = load_data(n_images=n_images, n_validation_images=n_validation, seed=3)
    assert np.bincount(data.train_labels).tolist() == [n_images // 2] * 2
    assert np.bincount(data.validation_labels).tolist() == [n_validation // 2] * 2
    assert data.train_images.shape == (n_images, 28, 28)
    assert data.n_classes == 2


def test_labels_stay_with_their_images():
    labelled = load_labelled_images()
    code = {
        image.tobytes(): label
        for image, label in zip(labelled["image"].values, labelled["label"].values, strict=True)
    }
    data = load_data(n_images=400, n_validation_images=400, seed=1)
    for images, labels in (
        (data.train_images, data.train_labels),
        (data.validation_images, data.validation_labels),
    ):
        pixels = np.round(images * 255).astype(np.uint8)
        assert [code[image] for image in rows_of(pixels)] == [(2, 4)[label] for label in labels]


def test_larger_training_set_contains_the_smaller_of_the_same_seed():
    small, large = (load_data(n_images=n, seed=5) for n in (2000, 10_000))
    assert set(rows_of(small.train_images)) <= set(rows_of(large.train_images))
    assert len(set(rows_of(large.train_images))) == 10_000


def test_another_seed_draws_other_images():
    one, other = (set(rows_of(load_data(seed=seed).train_images)) for seed in (0, 1))
    assert len(one & other) < 600  # a sixth of the images, 333, is expected


def test_same_seed_draws_the_same_images():
    one, other = (load_data(n_images=200, seed=4) for _ in range(2))
    np.testing.assert_array_equal(one.train_images, other.train_images)


def test_training_and_validation_images_come_from_their_own_splits():
    data = load_data(n_images=12_000, n_validation_images=2000)
    labelled = load_labelled_images()
    scaled = labelled["image"].values.astype(np.float32) / np.float32(255)
    for split, images in ((0, data.train_images), (1, data.validation_images)):
        assert set(rows_of(images)) == set(rows_of(scaled[labelled["split"].values == split]))
    assert not set(rows_of(data.train_images)) & set(rows_of(data.validation_images))


def test_pixels_are_scaled_from_0_to_1():
    images = load_data().train_images
    assert images.dtype == np.float32
    assert (images.min(), images.max()) == (0, 1)
    np.testing.assert_allclose(images * 255, np.round(images * 255), atol=1e-4)


@pytest.mark.parametrize("sd", [1.0, 0.25])
def test_noise_is_gaussian_with_the_standard_deviation_asked_for(sd):
    data = load_data(inputs="noise", noise_sd=sd)
    for images in (data.train_images, data.validation_images):
        standard = images.ravel() / sd
        assert images.dtype == np.float32
        assert abs(standard.mean()) < 5 / standard.size**0.5
        assert abs(standard.var() - 1) < 5 * (2 / standard.size) ** 0.5
        assert abs((standard**4).mean() - 3) < 0.05  # kurtosis: Gaussian, not uniform


def test_noise_keeps_labels_and_knows_nothing_of_images_or_labels():
    real, noise = load_data(), load_data(inputs="noise")
    np.testing.assert_array_equal(real.train_labels, noise.train_labels)
    n = noise.train_images.size
    correlation = np.corrcoef(real.train_images.ravel(), noise.train_images.ravel())[0, 1]
    assert abs(correlation) < 5 / n**0.5
    by_class = [noise.train_images[noise.train_labels == code].mean() for code in (0, 1)]
    assert abs(by_class[0] - by_class[1]) < 5 * 2 / n**0.5


def test_noise_is_independent_between_samples_and_splits():
    data = load_data(n_images=500, n_validation_images=500, inputs="noise")
    flat = np.concatenate([data.train_images, data.validation_images]).reshape(1000, -1)
    correlation = np.corrcoef(flat) - np.eye(1000)
    assert np.abs(correlation).max() < 6.5 / 784**0.5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"n_images": 201}, "201"),
        ({"n_images": 0}, "multiple of 2"),
        ({"n_images": -2}, "-2"),
        ({"n_images": 12_002}, "at most 12000"),
        ({"n_validation_images": 2002}, "at most 2000"),
        ({"n_validation_images": 3}, "3 test images"),
        ({"inputs": "sound"}, "inputs = 'sound'"),
    ],
)
def test_what_cannot_be_drawn_is_named_in_one_line(arguments, said):
    with pytest.raises(InputError) as error:
        load_data(**arguments)
    assert said in one_line(error)
