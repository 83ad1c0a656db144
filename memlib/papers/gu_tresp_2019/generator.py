"""A deep convolutional GAN (Radford et al. 2016) of the training images (sections 3 and 4).

The paper: z ~ N(0, 1) of 100 numbers, four transposed convolutions in the generator and four
convolutions in the discriminator, "architectures and hyperparameters ... the same as in" DCGAN:
Adam at 2e-4 with beta1 = 0.5, weights drawn from N(0, 0.02), LeakyReLU of slope 0.2, batch
normalization but for the generator's output and the discriminator's input, images by tanh.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from memlib.base.errors import InputError
from memlib.base.seeds import stream
from memlib.training.checks import check_whole
from memlib.training.networks import load_network_arrays, network_arrays

N_LATENT = 100
LEARNING_RATE, BETAS = 2e-4, (0.5, 0.999)
WEIGHT_SD, SLOPE = 0.02, 0.2


@dataclass(frozen=True)
class GanSettings:
    """A generator and a discriminator, declared.

    Attributes
    ----------
    image_shape
        (rows, columns) or (channels, rows, columns); rows and columns 16 or 32.
    base
        Feature maps next to the image; twice and four times as many further away.
    n_latent
        Length of z.
    batch_size
        Images of each kind in a step.
    learning_rate
        Of both networks' Adam.
    """

    image_shape: tuple[int, ...]
    base: int = 64
    n_latent: int = N_LATENT
    batch_size: int = 128
    learning_rate: float = LEARNING_RATE

    def __post_init__(self) -> None:
        rows, columns = self.image_shape[-2:]
        if len(self.image_shape) not in (2, 3) or rows != columns or rows not in (16, 32):
            raise InputError(
                f"image_shape = {self.image_shape}: take square images of 16 or 32 pixels, "
                "channels first if they have any"
            )
        for name in ("base", "n_latent", "batch_size"):
            check_whole(name, getattr(self, name), 1)

    @property
    def n_channels(self) -> int:
        """Channels of an image."""
        return self.image_shape[0] if len(self.image_shape) == 3 else 1

    @property
    def first_side(self) -> int:
        """Rows of the generator's first feature maps, which three layers then double."""
        return self.image_shape[-1] // 8


def build_generator(settings: GanSettings, *, seed: int = 0) -> nn.Sequential:
    """Build the generator, (sample, latent) to images from -1 to 1 in the settings' shape."""
    base, side = settings.base, settings.first_side
    layers: list[nn.Module] = [nn.Unflatten(1, (settings.n_latent, 1, 1))]
    # (latent, 1, 1) -> (4 base, side, side) -> ... -> (base, 4 side, 4 side)
    sizes = [settings.n_latent, 4 * base, 2 * base, base]
    for number, (n_in, n_out) in enumerate(pairwise(sizes)):
        kernel, stride, padding = (side, 1, 0) if number == 0 else (4, 2, 1)
        layers += [
            nn.ConvTranspose2d(n_in, n_out, kernel, stride, padding, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(),
        ]
    layers += [nn.ConvTranspose2d(base, settings.n_channels, 4, 2, 1, bias=False), nn.Tanh()]
    if len(settings.image_shape) == 2:
        layers.append(nn.Flatten(1, 2))  # (sample, 1, row, column) -> (sample, row, column)
    return _draw_weights(nn.Sequential(*layers), seed, "generator_weights")


def build_discriminator(settings: GanSettings, *, seed: int = 0) -> nn.Sequential:
    """Build the discriminator, images to one logit each (sample, 1): real above 0."""
    base, side = settings.base, settings.first_side
    layers: list[nn.Module] = []
    if len(settings.image_shape) == 2:
        layers.append(nn.Unflatten(1, (1, settings.image_shape[0])))
    sizes = [settings.n_channels, base, 2 * base, 4 * base]
    for number, (n_in, n_out) in enumerate(pairwise(sizes)):
        layers.append(nn.Conv2d(n_in, n_out, 4, 2, 1, bias=False))
        if number:
            layers.append(nn.BatchNorm2d(n_out))
        layers.append(nn.LeakyReLU(SLOPE))
    layers += [nn.Conv2d(4 * base, 1, side, bias=False), nn.Flatten()]
    return _draw_weights(nn.Sequential(*layers), seed, "discriminator_weights")


def _draw_weights(network: nn.Sequential, seed: int, purpose: str) -> nn.Sequential:
    """Draw convolutions from N(0, 0.02) and scales of batch normalization from N(1, 0.02)."""
    with torch.no_grad():
        for index, (name, weight) in enumerate(network.named_parameters()):
            if name.endswith("bias"):
                weight.zero_()
                continue
            drawn = stream(seed, purpose, index).normal(weight.ndim == 1, WEIGHT_SD, weight.shape)
            weight.copy_(torch.from_numpy(drawn))
    return network


def train_generator(
    settings: GanSettings,
    images: np.ndarray,
    *,
    steps: Iterable[int],
    seed: int = 0,
    device: str = "cpu",
) -> Iterator[tuple[int, nn.Sequential]]:
    """Train a GAN and yield its generator after the steps asked for.

    A step of the discriminator on real and generated images, then one of the generator, which
    wants its images to be taken for real. What a step draws follows from the seed and the step's
    number, so that judging in between alters nothing.

    Parameters
    ----------
    settings
        Declared networks and sizes.
    images
        float32 (sample, ...) from -1 to 1, a batch or more.
    steps
        Increasing numbers of steps, 1 or more; thirty epochs of few images are few steps.
    seed
        Of weights, batches and z: streams ``generator_weights``, ``discriminator_weights``,
        ``gan_batches`` (by epoch) and ``gan_latent`` (by step).
    device
        Where to train.

    Yields
    ------
    step, generator
        The generator in place, in training mode; keep a copy of its arrays.

    Raises
    ------
    InputError
        When images and settings do not match or steps do not increase.
    """
    steps = list(steps)
    if images.shape[1:] != settings.image_shape:
        raise InputError(f"images are {images.shape[1:]}, but image_shape = {settings.image_shape}")
    if len(images) < settings.batch_size:
        raise InputError(
            f"{len(images)} images are less than a batch: take batch_size {len(images)} or less"
        )
    if any(late <= early for early, late in pairwise([0, *steps])):
        raise InputError(f"steps = {steps}: take increasing numbers, 1 or more")
    generator = build_generator(settings, seed=seed).to(device).train()
    discriminator = build_discriminator(settings, seed=seed).to(device).train()
    of_discriminator, of_generator = (
        torch.optim.Adam(one.parameters(), lr=settings.learning_rate, betas=BETAS)
        for one in (discriminator, generator)
    )
    real = torch.from_numpy(images).to(device)
    size = settings.batch_size
    per_epoch = len(images) // size
    order = np.arange(len(images))
    for step in range(1, max(steps, default=0) + 1):
        epoch, batch = divmod(step - 1, per_epoch)
        if batch == 0:
            order = stream(seed, "gan_batches", epoch).permutation(len(images))
        chosen = torch.from_numpy(order[batch * size : (batch + 1) * size]).to(device)
        z = stream(seed, "gan_latent", step).standard_normal((size, settings.n_latent), np.float32)
        latent = torch.from_numpy(z).to(device)
        _gan_step(generator, discriminator, of_discriminator, of_generator, real[chosen], latent)
        if step in steps:
            yield step, generator


def _gan_step(
    generator: nn.Module,
    discriminator: nn.Module,
    of_discriminator: torch.optim.Optimizer,
    of_generator: torch.optim.Optimizer,
    real: Tensor,
    z: Tensor,
) -> None:
    """Change both networks once, in place: real images (sample, ...), z (sample, latent)."""
    fake = generator(z)
    of_discriminator.zero_grad()
    loss = _called(discriminator(real), 1) + _called(discriminator(fake.detach()), 0)
    loss.backward()
    of_discriminator.step()
    of_generator.zero_grad()
    _called(discriminator(fake), 1).backward()
    of_generator.step()


def _called(logits: Tensor, real: float) -> Tensor:
    """Return the loss of calling all images real (1) or generated (0)."""
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, real))


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A generator as it was kept: its settings, arrays and what a judge said of it.

    ``steps`` are those that it was trained for; ``scores`` (step,) the judge's of all checkpoints.
    """

    settings: GanSettings
    steps: int
    arrays: dict[str, np.ndarray]
    scores: xr.Dataset

    def build(self) -> nn.Sequential:
        """Build the generator, in evaluation mode."""
        generator = build_generator(self.settings)
        load_network_arrays(generator, self.arrays)
        return generator.eval()

    @property
    def kept(self) -> xr.Dataset:
        """The judge's scores of the checkpoint that was kept."""
        return self.scores.sel(step=self.steps)


def best_generator(
    settings: GanSettings,
    images: np.ndarray,
    judged: Callable[[nn.Module], xr.Dataset],
    *,
    steps: Iterable[int],
    seed: int = 0,
    device: str = "cpu",
) -> Checkpoint:
    """Train a GAN and keep the checkpoint with the highest score: it may be ruined later.

    Parameters
    ----------
    settings, images, steps, seed, device
        As for `train_generator`; each of `steps` is judged.
    judged
        Gives ``generated_score`` and what else is kept of a generator, see
        `memlib.papers.gu_tresp_2019.judge.measure_generator`.

    Returns
    -------
    Checkpoint
        With the scores of all checkpoints along ``step``.
    """
    best: tuple[float, int, dict[str, np.ndarray]] = (-np.inf, 0, {})
    scores = []
    for step, generator in train_generator(settings, images, steps=steps, seed=seed, device=device):
        found = judged(generator)
        scores.append(found.assign_coords(step=step))
        score = float(found["generated_score"])
        if score > best[0]:
            best = score, step, network_arrays(generator)
    if not scores:
        raise InputError("steps = []: name at least one step to judge the generator at")
    _, step, arrays = best
    return Checkpoint(settings, step, arrays, xr.concat(scores, "step"))
