import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from memlib.base.errors import InputError
from memlib.papers.gu_tresp_2019.data import load_digits
from memlib.papers.gu_tresp_2019.generator import (
    GanSettings,
    best_generator,
    build_discriminator,
    build_generator,
    train_generator,
)
from memlib.papers.gu_tresp_2019.judge import (
    image_score,
    judge_hits,
    measure_generator,
    measure_images,
    train_judge,
)

DIGITS = load_digits()
TINY = GanSettings((16, 16), base=4, n_latent=6, batch_size=16)


@pytest.fixture(scope="module")
def judge():
    return train_judge(DIGITS.judge_images, DIGITS.judge_labels, 10, n_epochs=20)


@pytest.mark.parametrize("shape", [(16, 16), (32, 32), (3, 32, 32)])
def test_four_layers_each_in_the_shape_of_the_images(shape):
    settings = GanSettings(shape, base=8)
    generator, discriminator = build_generator(settings), build_discriminator(settings)
    kinds = [type(layer) for layer in (*generator, *discriminator)]
    assert kinds.count(nn.ConvTranspose2d) == 4
    assert kinds.count(nn.Conv2d) == 4
    images = generator(torch.randn(5, 100))
    assert images.shape == (5, *shape)
    assert abs(images).max() <= 1
    assert discriminator(images).shape == (5, 1)
    # No normalization at the generator's output and the discriminator's input.
    assert isinstance(generator[-2 if len(shape) == 2 else -1], nn.Tanh)
    first = 0 if len(shape) == 3 else 1
    assert isinstance(discriminator[first + 1], nn.LeakyReLU)


def test_the_teaching_generator_has_the_size_that_is_stored():
    generator = build_generator(GanSettings((16, 16), base=32))
    assert sum(p.numel() for p in generator.parameters()) == 216_000


def test_weights_are_those_of_dcgan():
    generator = build_generator(GanSettings((16, 16), base=32))
    assert float(generator[1].weight.detach().std()) == pytest.approx(0.02, rel=0.02)
    assert float(generator[2].weight.detach().mean()) == pytest.approx(1, abs=0.01)
    assert not generator[2].bias.any()


def judged_once(network):
    """A careless judge that draws from torch's global generator."""
    torch.manual_seed(0)
    return xr.Dataset({"generated_score": float(torch.rand(()))})


def trained(steps, **options):
    arrays = {}
    for step, generator in train_generator(TINY, DIGITS.train_images, steps=steps, **options):
        arrays[step] = {n: v.clone() for n, v in generator.state_dict().items()}
        judged_once(generator)
    return arrays


def test_judging_in_between_does_not_change_the_training():
    often, once = trained([1, 3, 40]), trained([40])
    assert all(torch.equal(often[40][n], v) for n, v in once[40].items())
    other = trained([40], seed=1)
    assert not torch.equal(other[40]["1.weight"], once[40]["1.weight"])


def test_a_gan_learns_the_images_mean():
    """After few steps its images are closer to the real ones' mean than untrained ones are."""
    settings = GanSettings((16, 16), base=8, n_latent=8, batch_size=32, learning_rate=2e-3)
    z = torch.from_numpy(np.random.default_rng(0).standard_normal((64, 8), np.float32))
    mean = DIGITS.train_images.mean(0)

    def distance(generator):
        with torch.no_grad():
            return abs(generator(z).numpy().mean(0) - mean).mean()

    before = distance(build_generator(settings))
    *_, (_, generator) = train_generator(settings, DIGITS.train_images, steps=[60])
    assert distance(generator) < 0.8 * before


def test_the_best_checkpoint_is_kept_with_the_scores_of_all():
    scores = iter([1.0, 3.0, 2.0])
    seen = {}

    def judged(network):
        score = next(scores)
        seen[score] = network[1].weight.detach().clone()
        return xr.Dataset({"generated_score": score})

    kept = best_generator(TINY, DIGITS.train_images, judged, steps=[2, 4, 6])
    assert kept.steps == 4
    assert kept.scores["generated_score"].values.tolist() == [1, 3, 2]
    assert kept.scores["step"].values.tolist() == [2, 4, 6]
    assert float(kept.kept["generated_score"]) == 3
    generator = kept.build()
    assert torch.equal(generator[1].weight, seen[3.0])
    assert not generator.training


@pytest.mark.parametrize(
    ("work", "told"),
    [
        (lambda: GanSettings((28, 28)), r"image_shape = \(28, 28\): take square images"),
        (lambda: GanSettings((16, 16), base=0), "base = 0"),
        (lambda: trained([3, 3]), r"steps = \[3, 3\]: take increasing"),
        (lambda: trained([0]), r"steps = \[0\]"),
        (
            lambda: next(train_generator(TINY, DIGITS.train_images[:, :8], steps=[1])),
            r"images are \(8, 16\), but image_shape = \(16, 16\)",
        ),
        (
            lambda: next(train_generator(TINY, DIGITS.train_images[:9], steps=[1])),
            "9 images are less than a batch",
        ),
        (lambda: best_generator(TINY, DIGITS.train_images, judged_once, steps=[]), r"steps = \[\]"),
    ],
)
def test_what_cannot_be_trained_is_refused(work, told):
    with pytest.raises(InputError, match=told):
        work()


def test_the_judge_knows_real_images_that_it_was_not_trained_on(judge):
    held_out = DIGITS.generator_images, DIGITS.generator_labels
    real = measure_generator(build_generator(TINY), judge, *held_out, n_latent=6)
    assert real["judge_accuracy"] >= 0.95
    assert real["real_score"] > 7
    assert real["generated_class_share"].sum() == pytest.approx(1)


def test_the_judge_sees_no_class_in_noise(judge):
    noise = np.random.default_rng(0).uniform(-1, 1, (10, 50, 16, 16)).astype(np.float32)
    assert judge_hits(judge, noise)["judge_hit"].mean() < 0.1 + 0.2


def test_the_judge_sees_the_classes_of_real_images(judge):
    images = [DIGITS.generator_images[DIGITS.generator_labels == c][:50] for c in range(10)]
    hits = judge_hits(judge, np.stack(images))["judge_hit"]
    assert hits.dims == ("class", "start")
    assert hits.mean() >= 0.95


def test_a_generator_of_one_class_fails_coverage(judge):
    ones = DIGITS.train_images[DIGITS.train_labels == 1]
    found = measure_images(judge, ones, "generated")
    assert found["generated_class_share"].max() > 0.9
    assert found["generated_class_share"].min() < 0.02
    assert found["generated_score"] < 2


def test_the_score_of_planted_answers():
    sure = np.eye(4)[np.arange(40) % 4] * 100
    assert image_score(sure) == pytest.approx(4)
    assert image_score(sure[::4]) == pytest.approx(1)
    assert image_score(np.zeros((40, 4))) == pytest.approx(1)
    half = np.eye(4)[np.arange(40) % 2] * 1000  # two classes never occur
    assert image_score(half) == pytest.approx(2)
