"""The page "The test, live": its data, random numbers and training, held against memlib."""

import base64
import json
import math
import re

import numpy as np
import pytest
import torch
from conftest import ROOT
from kit.pages.live import data as live
from kit.publish import data_script
from live_book import inputs, small_network

from memlib.method.features import extract_learned_features, predict_logits
from memlib.method.perturb import shuffle_pixels
from memlib.report import styles
from memlib.training.factory import make_step
from memlib.training.images import load_data

pytestmark = pytest.mark.xdist_group("small site")
WORD = 2**32


def words(seed, purpose, *indices):
    """sfc32 seeded by FNV-1a, a second time: what `stream` of random.js says it is."""
    name = "/".join(map(str, (seed, purpose, *indices)))
    state = []
    for word in range(3):
        value = 0x811C9DC5
        for byte in f"{word}/{name}".encode():
            value = (value ^ byte) * 0x01000193 % WORD
        state.append(value)
    (a, b, c), counter, drawn = state, 1, 0
    while True:
        total = (a + b + counter) % WORD
        counter = (counter + 1) % WORD
        a = b ^ (b >> 9)
        b = (c + (c << 3)) % WORD
        c = (((c << 21) | (c >> 11)) + total) % WORD
        if drawn >= 16:
            yield total
        drawn += 1


def take(generator, n):
    return np.array([next(generator) for _ in range(n)], np.int64)


# Data


def test_images_are_the_bundled_ones_made_small():
    data = load_data(n_images=live.N_IMAGES, n_validation_images=live.N_VALIDATION_IMAGES)
    constants = live.live_constants()
    pixels = np.frombuffer(base64.b64decode(constants["train"]), np.uint8)
    pixels = pixels.reshape(-1, live.SIDE, live.SIDE)
    for image, row, column in ((0, 0, 0), (7, 5, 9), (399, 13, 13)):
        block = data.train_images[image, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        assert abs(float(pixels[image, row, column]) - 255 * float(block.mean())) <= 0.5 + 1e-4
    labels = np.frombuffer(base64.b64decode(constants["labels"]), np.uint8)
    np.testing.assert_array_equal(labels, data.train_labels)
    assert np.bincount(labels).tolist() == [200, 200]
    validation = np.frombuffer(base64.b64decode(constants["validationLabels"]), np.uint8)
    np.testing.assert_array_equal(validation, data.validation_labels)


def test_data_script_is_light_and_says_what_memlib_decides():
    text = data_script("live", live.live_constants())
    assert len(text) < 200_000
    constants = json.loads(re.fullmatch(r'.*\["live"\] = (.*);\n', text)[1])
    assert constants["nNeighbours"] == 5
    assert constants["significance"] == 0.05
    assert constants["verdicts"][3] == "memorized_and_learned"
    # One vote of five is right for sure; the other four are nearly coin flips.
    assert constants["nullCeiling"] == pytest.approx(11 / 16, abs=0.002)


@pytest.mark.parametrize("theme", [styles.LIGHT, styles.DARK], ids=["light", "dark"])
def test_colours_are_those_of_the_figures(theme):
    style = (ROOT / "book" / "kit" / "pages" / "live" / "page.css").read_text(encoding="utf-8")
    block = style.split(f'[data-theme="{theme.name}"] #live {{')[1].split("}")[0]
    found = dict(re.findall(r"(--live-\w+): (#\w+);", block))
    assert found["--live-set"] == theme.colours[0.05]
    assert found["--live-check"] == theme.colours[1.0]
    assert found["--live-validation"] == theme.validation
    assert found["--live-ink"] == theme.ink
    assert found["--live-faint"] == theme.faint


# Random numbers and perturbation


@pytest.mark.parametrize(
    "name", [(0, "weights", 0), (0, "weights", 1), (17, "permutation", 300, 99)]
)
def test_stream_is_sfc32(core, name):
    seed, purpose, *indices = name
    got = core(
        "((rng) => Array.from({length: 50}, () => rng.word()))"
        "(core.stream(seed, purpose, ...indices))",
        seed=seed,
        purpose=purpose,
        indices=indices,
    )
    np.testing.assert_array_equal(got, take(words(*name), 50))


def test_streams_of_neighbouring_indices_are_unrelated(core):
    drawn = core(
        "Array.from({length: 200}, (_, b) => { const rng = core.stream(0, 'permutation', 1, b);"
        " return Array.from({length: 200}, rng.uniform); })"
    )
    correlation = np.corrcoef(np.array(drawn))
    off = correlation[np.triu_indices(200, 1)]
    assert np.abs(off).max() < 5.5 / math.sqrt(200)
    assert off.std() == pytest.approx(1 / math.sqrt(200), rel=0.05)


def test_normal_and_permutation_have_their_distributions(core):
    normal = np.array(core("Array.from(core.gaussianNoise(40000, core.stream(1, 'n')))"))
    assert abs(normal.mean()) < 5 / 200
    assert normal.std() == pytest.approx(1, abs=0.02)
    assert (np.abs(normal) > 1.959964).mean() == pytest.approx(0.05, abs=0.006)
    orders = core(
        "((rng) => Array.from({length: 6000}, () => rng.permutation(3).join('')))"
        "(core.stream(1, 'p'))"
    )
    counts = [orders.count(order) for order in ("012", "021", "102", "120", "201", "210")]
    assert sum(counts) == 6000
    assert sum((count - 1000) ** 2 / 1000 for count in counts) < 25  # chi-square, 5 degrees


@pytest.mark.parametrize("share", [0.05, 0.25, 1.0])
def test_shuffled_pixels_move_as_memlib_moves_them(core, share):
    images = np.random.default_rng(0).normal(size=(200, 196)).astype(np.float32)
    got = core(
        "((rng) => [...core.shufflePixels(Float32Array.from(images), 200, 196, share, rng)])"
        "(core.stream(0, 's'))",
        images=images,
        share=share,
    )
    got = np.array(got, np.float32).reshape(images.shape)
    np.testing.assert_array_equal(np.sort(got, axis=1), np.sort(images, axis=1))
    moved = (got != images).sum(axis=1)
    expected = (shuffle_pixels(images, share, np.random.default_rng(1)) != images).sum(axis=1)
    assert moved.max() <= round(share * 196)
    assert moved.mean() == pytest.approx(expected.mean(), abs=0.5)
    # Every pixel takes its turn.
    assert (got != images).any(axis=0).all()


# Training


def layers_of(network):
    """A torch network's dense layers as network.js holds them, arrays as lists."""
    return [
        {
            "inputs": module.in_features,
            "outputs": module.out_features,
            "weight": module.weight.detach().ravel().tolist(),
            "bias": module.bias.detach().tolist(),
        }
        for module in network
        if isinstance(module, torch.nn.Linear)
    ]


NETWORK = (
    "layers.map((one) => ({...one, weight: Float32Array.from(one.weight),"
    " bias: Float32Array.from(one.bias)}))"
)


@pytest.mark.parametrize("kind", ["images", "noise"])
@pytest.mark.parametrize("units", [(16,), (64, 16)], ids=["one", "two"])
def test_training_is_memlibs_step_by_step(core, kind, units):
    images, labels = inputs(kind), live.live_images().train_labels[:128]
    network = small_network(*units)
    layers = layers_of(network)
    step = make_step(network, optimizer="sgd", learning_rate=0.1)
    rng, n_epochs, batch = np.random.default_rng(0), 10, 48
    orders = np.stack([rng.permutation(128) for _ in range(n_epochs)])
    targets = torch.nn.functional.one_hot(torch.from_numpy(labels), 2).float()
    losses = [
        step.run(torch.from_numpy(images[order]), targets[torch.from_numpy(order)], batch)
        for order in orders
    ]
    got = core(
        f"""(() => {{
          const network = {NETWORK};
          const pixels = Float32Array.from(images);
          const training = {{ learningRate: 0.1, rates: [0, 0], batchSize: batch }};
          const losses = orders.map((order) => core.trainEpoch(
            network, pixels, Uint8Array.from(labels), training, Int32Array.from(order), null));
          const features = core.learnedFeatures(network, pixels);
          return {{ losses, layers: network.map((one) => [[...one.weight], [...one.bias]]),
            features: [...features],
            accuracy: core.networkAccuracy(network, features, Uint8Array.from(labels)) }};
        }})()""",
        layers=layers,
        images=images,
        labels=labels,
        orders=orders.tolist(),
        batch=batch,
    )
    np.testing.assert_allclose(got["losses"], losses, atol=1e-5)
    assert losses[-1] < losses[0] - 0.01, "nothing was trained"
    for (weight, bias), after in zip(got["layers"], layers_of(network), strict=True):
        np.testing.assert_allclose(weight, after["weight"], atol=1e-5)
        np.testing.assert_allclose(bias, after["bias"], atol=1e-5)
    features = extract_learned_features(network, images)
    np.testing.assert_allclose(np.reshape(got["features"], features.shape), features, atol=1e-4)
    right = (predict_logits(network, images).argmax(axis=1) == labels).mean()
    assert got["accuracy"] == pytest.approx(right, abs=1e-9)


def test_dropout_step_is_autograds_with_the_same_masks(core):
    images, labels, rates = inputs("noise", 40), live.live_images().train_labels[:40], (0.25, 0.5)
    network = small_network(32, 16)
    layers = layers_of(network)
    got = core(
        f"""(() => {{ const network = {NETWORK};
          const loss = core.trainStep(network, Float32Array.from(images), Uint8Array.from(labels),
            0.1, rates, core.stream(4, "dropout", 1));
          return {{ loss, layers: network.map((one) => [[...one.weight], [...one.bias]]) }};
        }})()""",
        layers=layers,
        images=images,
        labels=labels,
        rates=list(rates),
    )
    source, x = words(4, "dropout", 1), torch.from_numpy(images).flatten(1)
    dense = [module for module in network if isinstance(module, torch.nn.Linear)]
    for module, rate in zip(dense, rates, strict=False):
        uniform = take(source, 40 * module.out_features) / WORD
        kept = torch.from_numpy(uniform.reshape(40, -1) >= rate).float()
        x = torch.relu(module(x)) * kept / (1 - rate)
        assert 0 < float(kept.mean()) < 1
    targets = torch.nn.functional.one_hot(torch.from_numpy(labels), 2).float()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(dense[2](x), targets)
    loss.backward()
    assert got["loss"] == pytest.approx(loss.item(), abs=1e-6)
    for (weight, bias), module in zip(got["layers"], dense, strict=True):
        expected = (module.weight - 0.1 * module.weight.grad).detach().ravel()
        np.testing.assert_allclose(weight, expected, atol=1e-6)
        np.testing.assert_allclose(bias, (module.bias - 0.1 * module.bias.grad).detach(), atol=1e-6)


def test_first_weights_have_glorots_limit(core):
    network = core(
        "core.buildNetwork([196, 64, 2], 0).map((one) => [[...one.weight], [...one.bias]])"
    )
    for (weight, bias), (n_in, n_out) in zip(network, [(196, 64), (64, 2)], strict=True):
        limit = math.sqrt(6 / (n_in + n_out))
        assert len(weight) == n_in * n_out
        assert 0.9 * limit < max(map(abs, weight)) <= limit
        assert np.std(weight) == pytest.approx(limit / math.sqrt(3), rel=0.15)
        assert set(bias) == {0}
