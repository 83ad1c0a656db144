"""Data files made from IDX files: the bundled one, and those of one's own."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from conftest import one_line

from memlib.base.errors import DataError, InputError
from memlib.cli.main import main
from memlib.runs.build_images import (
    IDX_FILES,
    build_labelled_images,
    read_idx,
    save_labelled_images,
)
from memlib.training.images import BUNDLED_CHECKSUM, class_names, load_data, load_labelled_images

ORIGINAL = Path("/usr/share/datasets/fashion-mnist")
N_TRAIN, N_TEST = 60, 30  # of the synthetic originals: 6 and 3 of each of ten classes


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


def test_a_file_changed_after_it_was_read_is_read_again(tmp_path, originals):
    path = tmp_path / "mine.nc"
    save_labelled_images(build_labelled_images(originals, classes=(0, 1)), path)
    load_labelled_images(str(path))
    path.write_bytes(b"no longer netCDF")
    with pytest.raises(DataError):
        load_labelled_images(str(path))


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


def test_other_images_do_not_take_the_bundled_files_place(originals, tmp_path, monkeypatch):
    checkout = tmp_path / "checkout"
    (checkout / "memlib").mkdir(parents=True)
    monkeypatch.setattr("memlib.cli.main.__file__", str(checkout / "memlib" / "cli.py"))
    done = CliRunner().invoke(main, ["data", "build", "--from", str(originals)])
    assert isinstance(done.exception, SystemExit)
    assert "not Fashion-MNIST's" in done.output
    assert not list(checkout.rglob("*.nc"))
