"""The bundled images, what a run draws from them, and how the file is made."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from memlib.data import (
    BUNDLED_CHECKSUM,
    BUNDLED_NAME,
    class_names,
    content_checksum,
    data_path,
    load_data,
    load_labelled_images,
)
from memlib.data_build import (
    IDX_FILES,
    build_labelled_images,
    describe,
    read_idx,
    save_labelled_images,
)
from memlib.errors import DataError, InputError

ORIGINAL = Path("/usr/share/datasets/fashion-mnist")
N_TRAIN, N_TEST = 60, 30  # of the synthetic originals: 6 and 3 of each of ten classes


def one_line(error: pytest.ExceptionInfo) -> str:
    text = str(error.value)
    assert text
    assert "\n" not in text
    return text


def rows_of(images: np.ndarray) -> list[bytes]:
    return [image.tobytes() for image in images]


def idx_bytes(values: np.ndarray, *, magic: bytes = b"\x00\x00\x08") -> bytes:
    return (
        magic
        + bytes([values.ndim])
        + struct.pack(f">{values.ndim}I", *values.shape)
        + bytes(values.astype(np.uint8).tobytes())
    )


def synthetic() -> dict[str, np.ndarray]:
    """Images of 5 x 4 pixels; the first pixel holds the row in the split, the second the class."""
    arrays = {}
    for n, (image_name, label_name) in zip((N_TRAIN, N_TEST), IDX_FILES.values(), strict=True):
        rng = np.random.default_rng(n)
        labels = rng.permutation(np.arange(n) % 10)
        images = rng.integers(0, 256, (n, 5, 4))
        images[:, 0, 0], images[:, 0, 1] = np.arange(n), labels
        arrays |= {image_name: images, label_name: labels}
    return arrays


@pytest.fixture(params=["gz", "plain"])
def packing(request):
    return request.param


@pytest.fixture
def originals(tmp_path):
    return write_originals(tmp_path / "raw")


def write_originals(folder: Path, packing: str = "plain") -> Path:
    folder.mkdir(exist_ok=True)
    for name, values in synthetic().items():
        if packing == "gz":
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx_bytes(values)))
        else:
            (folder / name).write_bytes(idx_bytes(values))
    return folder


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


@pytest.mark.skipif(not ORIGINAL.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")
def test_bundled_file_is_rebuilt_from_the_original_idx_files():
    assert build_labelled_images(ORIGINAL).attrs["content_checksum"] == BUNDLED_CHECKSUM


@pytest.mark.skipif(not ORIGINAL.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")
@pytest.mark.parametrize("split", [0, 1])
def test_original_index_points_to_the_image_in_the_original_file(split):
    labelled = load_labelled_images()
    image_file, label_file = list(IDX_FILES.values())[split]
    part = labelled.isel(sample=labelled["split"].values == split)
    rows = part["original_index"].values
    np.testing.assert_array_equal(part["image"].values, read_idx(ORIGINAL / image_file)[rows])
    np.testing.assert_array_equal(part["label"].values, read_idx(ORIGINAL / label_file)[rows])


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


def test_renamed_variable_is_refused_with_the_file_checksum(tmp_path, monkeypatch):
    path = bundled_copy(tmp_path, monkeypatch, lambda ds: ds.rename(image="picture"))
    with pytest.raises(DataError, match="damaged") as error:
        load_labelled_images()
    assert file_digest(path) in one_line(error)


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


def test_a_file_changed_after_it_was_read_is_read_again(tmp_path, originals):
    path = tmp_path / "mine.nc"
    save_labelled_images(build_labelled_images(originals, classes=(0, 1)), path)
    load_labelled_images(str(path))
    path.write_bytes(b"no longer netCDF")
    with pytest.raises(DataError):
        load_labelled_images(str(path))


# What a run draws


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


# Made from IDX files


@pytest.mark.parametrize("classes", [(2, 4), (0, 9), (3, 8), tuple(range(10))])
def test_classes_of_idx_files_come_through_the_loader(tmp_path, packing, classes):
    built = build_labelled_images(write_originals(tmp_path / "raw", packing), classes=classes)
    path = tmp_path / "mine.nc"
    save_labelled_images(built, path)
    loaded = load_labelled_images(str(path))
    xr.testing.assert_identical(built, loaded)
    images = loaded["image"].values
    np.testing.assert_array_equal(images[:, 0, 0], loaded["original_index"].values)
    np.testing.assert_array_equal(images[:, 0, 1], loaded["label"].values)
    k = len(classes)
    assert np.bincount(loaded["split"].values).tolist() == [k * N_TRAIN // 10, k * N_TEST // 10]

    data = load_data(str(path), n_images=4 * k, n_validation_images=2 * k)
    assert data.n_classes == k
    assert np.bincount(data.train_labels).tolist() == [4] * k
    shown = np.round(data.train_images[:, 0, 1] * 255).astype(int)
    np.testing.assert_array_equal(shown, np.array(classes)[data.train_labels])


def test_order_in_which_classes_are_named_changes_nothing(originals):
    one, other = (build_labelled_images(originals, classes=c) for c in ((3, 8), (8, 3)))
    xr.testing.assert_identical(one, other)


def test_mnist_names_and_title_are_kept(tmp_path, originals):
    digits = [f"digit {number}" for number in range(10)]
    built = build_labelled_images(originals, classes=(3, 8), names=digits, title="MNIST")
    assert class_names(built) == ("digit_3", "digit_8")
    assert built.attrs["title"] == "MNIST: digit 3, digit 8"


def test_altered_file_of_ones_own_is_refused(tmp_path, originals):
    built = build_labelled_images(originals)
    built["image"].values[0, 0, 0] ^= 1
    path = tmp_path / "mine.nc"
    save_labelled_images(built, path)
    with pytest.raises(DataError, match="altered"):
        load_labelled_images(str(path))


@pytest.mark.parametrize("classes", [(), (2,), (2, 2), (2, 10), (-1, 2)])
def test_bad_classes_are_refused(originals, classes):
    with pytest.raises(InputError, match="classes") as error:
        build_labelled_images(originals, classes=classes)
    one_line(error)


IMAGES, LABELS = IDX_FILES["train"]
VALUES = synthetic()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (IMAGES, None, "cannot read"),
        (LABELS, None, "cannot read"),
        (IMAGES, b"", "not an IDX file"),
        (IMAGES, b"\x00\x00\x08", "not an IDX file"),
        (IMAGES, idx_bytes(VALUES[IMAGES], magic=b"\x00\x00\x0d"), "not an IDX file"),
        (IMAGES, b"<html>not found</html>", "not an IDX file"),
        (IMAGES, idx_bytes(VALUES[IMAGES])[:9], "header"),
        (IMAGES, idx_bytes(VALUES[IMAGES])[:-1], "its header says 1200"),
        (IMAGES, idx_bytes(VALUES[IMAGES]) + b"\x00", "its header says 1200"),
        (IMAGES, idx_bytes(VALUES[IMAGES][:-1]), "do not belong together"),
        (LABELS, idx_bytes(VALUES[LABELS][:-1]), "do not belong together"),
        (LABELS, idx_bytes(VALUES[IMAGES]), "do not belong together"),
        (IMAGES, idx_bytes(VALUES[LABELS]), "do not belong together"),
        (LABELS, idx_bytes(np.where(VALUES[LABELS] == 4, 3, VALUES[LABELS])), "class 4"),
    ],
)
def test_bad_idx_file_is_refused_in_one_line(originals, name, content, said):
    (originals / name).unlink()
    if content is not None:
        (originals / name).write_bytes(content)
    with pytest.raises(DataError, match=said) as error:
        build_labelled_images(originals)
    assert str(originals) in one_line(error)


@pytest.mark.parametrize("damage", ["cut", "flipped", "bad block", "no gzip"])
def test_damaged_gzip_is_refused_in_one_line(tmp_path, damage):
    folder = write_originals(tmp_path / "raw", "gz")
    path = folder / f"{IMAGES}.gz"
    packed = bytearray(path.read_bytes())
    if damage == "cut":
        packed = packed[: len(packed) // 2]
    elif damage == "flipped":
        packed[20:60] = bytes(255 - byte for byte in packed[20:60])
    elif damage == "bad block":
        packed[10] = 255  # first byte behind gzip's header: a kind of block that zlib lacks
    else:
        packed = bytearray(b"plain text")
    path.write_bytes(packed)
    with pytest.raises(DataError, match=IMAGES) as error:
        build_labelled_images(folder)
    one_line(error)
