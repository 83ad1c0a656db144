"""Random crops and flips against a loop over images, and their streams."""

import pickle

import numpy as np
import pytest
import torch

from memlib.base.errors import InputError
from memlib.base.seeds import stream
from memlib.training.augmentation import Augmentation, augment_images
from memlib.training.factory import make_step
from memlib.training.layers import Architecture, Conv, Dense, Dropout
from memlib.training.loop import train_network
from memlib.training.networks import build_network

pytestmark = pytest.mark.usefixtures("one_thread")


def all_views(image, padding, flips, fill):
    """Every image (channel, row, column) that one may become, by plain slicing."""
    _, rows, columns = image.shape
    padded = np.pad(image, ((0, 0), (padding,) * 2, (padding,) * 2), constant_values=fill)
    views = [
        padded[:, top : top + rows, left : left + columns]
        for top in range(2 * padding + 1)
        for left in range(2 * padding + 1)
    ]
    return np.stack(views + [view[:, :, ::-1] for view in views] if flips else views)


@pytest.mark.parametrize("shape", [(5, 6), (3, 5, 6)])
@pytest.mark.parametrize(("padding", "flips"), [(2, False), (0, True), (1, True)])
def test_each_image_becomes_one_of_its_views_each_as_often(shape, padding, flips):
    n = 3000
    images = np.random.default_rng(0).random((1, *shape), dtype=np.float32)
    augmentation = Augmentation(padding, flips, fill=-1.0)
    found = augment_images(
        torch.from_numpy(images).expand(n, *shape), augmentation, np.random.default_rng(1)
    ).numpy()
    assert found.shape == (n, *shape)
    views = all_views(images.reshape(-1, 5, 6), padding, flips, -1)
    same = (found.reshape(n, 1, -1, 5, 6) == views).all((2, 3, 4))  # (image, view)
    assert (same.sum(1) == 1).all()
    expected = n / len(views)
    assert (abs(same.sum(0) - expected) < 5 * expected**0.5).all()


def test_images_keep_their_places_and_are_not_written_into():
    images = torch.arange(1.0, 9.0)[:, None, None].expand(8, 4, 4).clone()
    before = images.clone()
    found = augment_images(images, Augmentation(1, True), np.random.default_rng(0))
    assert torch.equal(images, before)
    assert found.amax((1, 2)).tolist() == images.amax((1, 2)).tolist()


def test_flips_do_not_change_where_images_are_cropped():
    images = torch.zeros(50, 6, 6)
    images[:, 3] = torch.arange(6.0) + 1
    plain, flipped = (
        augment_images(images, Augmentation(2, flips), np.random.default_rng(0))
        for flips in (False, True)
    )
    assert not torch.equal(plain, flipped)
    for one, other in zip(plain, flipped, strict=True):
        assert torch.equal(one, other) or torch.equal(one, other.flip(-1))


def data():
    rng = np.random.default_rng(0)
    return rng.random((30, 1, 6, 6), dtype=np.float32), rng.integers(0, 2, 30)


def step_of(seed=0):
    architecture = Architecture("c", (Conv(3), Dropout(0.2), Dense(4)))
    network = build_network(architecture, image_shape=(1, 6, 6), seed=seed)
    return make_step(network, optimizer="sgd", learning_rate=0.1, momentum=0.9)


def test_each_epoch_has_views_of_its_own_from_its_stream_and_order_and_masks_stay():
    images, labels = data()
    augmentation = Augmentation(2, True)
    seen, orders = {}, {}
    for given in (None, augmentation):
        step = step_of()
        run = step.run
        seen[given], orders[given] = [], []

        def watched(inputs, targets, batch_size, given=given, run=run, step=step):
            seen[given].append(inputs.clone())
            orders[given].append((targets.clone(), step.rng.state["state"]["state"].tolist()))
            return run(inputs, targets, batch_size)

        step.run = watched
        list(train_network(step, images, labels, epochs=[3], seed=4, augmentation=given))
    for epoch, (plain, changed) in enumerate(zip(seen[None], seen[augmentation], strict=True), 1):
        order = stream(4, "batches", epoch).permutation(30)
        assert torch.equal(plain, torch.from_numpy(images)[order])
        rng = stream(4, "augmentation", epoch)
        assert torch.equal(
            changed, augment_images(torch.from_numpy(images), augmentation, rng)[order]
        )
    for (targets, state), (others, other) in zip(orders[None], orders[augmentation], strict=True):
        assert torch.equal(targets, others)
        assert state == other
    assert len({tuple(one.flatten().tolist()) for one in seen[augmentation]}) == 3


def test_going_on_at_any_epoch_equals_never_stopping():
    choices = {"augmentation": Augmentation(1, True), "batch_size": 8}
    whole, stored = step_of(), {}
    for epoch, _ in train_network(whole, *data(), epochs=range(1, 6), **choices):
        stored[epoch] = whole.arrays()
    for after in range(1, 5):
        resumed = step_of(seed=9)
        resumed.load_arrays(stored[after])
        list(train_network(resumed, *data(), epochs=[5], after=after, **choices))
        for name, expected in stored[5].items():
            np.testing.assert_array_equal(resumed.arrays()[name], expected)


def test_declaration_is_plain_data():
    augmentation = Augmentation(4, True, fill=-1.0)
    assert pickle.loads(pickle.dumps(augmentation)) == augmentation


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "changes nothing"),
        ({"padding": -1}, "padding = -1"),
        ({"padding": 1.5}, "padding = 1.5"),
        ({"flips": "yes"}, "flips = 'yes'"),
        ({"padding": 1, "fill": float("nan")}, "fill = nan"),
    ],
)
def test_what_cannot_be_done_is_refused(given, said):
    with pytest.raises(InputError, match=said) as error:
        Augmentation(**given)
    assert "\n" not in str(error.value)
