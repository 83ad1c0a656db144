"""The paper as a study: what its runs are made of, and where that is (no torch)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

from memlib.method.checks import check_n_samples
from memlib.papers.chaibub_neto_2018.figures import (
    BLOCK,
    FIGURES,
    SCALES,
    SHIPPED_SCALES,
    ShuffleSettings,
)
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES
from memlib.papers.chaibub_neto_2018.schema import SCHEMA
from memlib.runs.settings import Settings
from memlib.runs.study import Study
from memlib.training.images import class_names, load_data, load_labelled_images
from memlib.training.layers import Architecture

if TYPE_CHECKING:
    from memlib.method.data import Data

STEP_SECONDS = {"a": 1.4e-3, "b": 1.8e-3, "c": 0.075, "d": 1.4e-3, "e": 1.8e-3, "f": 0.075}
LOSS_NAMES = {
    "binary": "mean binary cross-entropy over sigmoid outputs",
    "categorical": "mean cross-entropy over the softmax of the outputs",
}
INITIAL_WEIGHTS = {"glorot": "Glorot", "he": "He", "torch": "torch's default, Kaiming"}


class ChaibubNeto2018(Study):
    """Using permuted labels to tell learning from memorization (arXiv:1802.07714)."""

    name = "chaibub_neto_2018"
    label = "Chaibub Neto 2018"
    reference = "Chaibub Neto 2018, arXiv:1802.07714"
    source = "memlib, networks trained and measured as in sections 3-7 of the paper"
    settings = ShuffleSettings
    figures = FIGURES
    scales = SCALES
    shipped_scales = SHIPPED_SCALES
    shorter = Study.shorter | {"cnn_epochs"}
    networks = ARCHITECTURES
    schema = SCHEMA
    plot = "memlib.papers.chaibub_neto_2018.plots:plot_figure"
    # Accuracies on 2,000 images, and means of nulls over 100 permutations.
    tolerance: ClassVar[Mapping[str, float]] = {
        "null_accuracy": 0.01,
        "observed_accuracy": 0.02,
        "validation_accuracy": 0.03,
    }
    averaged = ("permutation",)
    machinery = "memlib.papers.chaibub_neto_2018.null_pieces"

    def architecture(self, settings: Settings, panel: str) -> Architecture:
        """Return a panel's network, with the stride of this run."""
        return ARCHITECTURES[panel].with_stride(_own(settings).conv_stride)

    def last_epoch(self, settings: Settings, panel: str) -> int:
        """Return the epoch to which a panel is trained: a CNN for fewer."""
        own = _own(settings)
        return own.cnn_epochs if ARCHITECTURES[panel].is_cnn else own.epochs

    def only_epoch(self, settings: Settings, panel: str, epoch: int) -> Settings:
        """Return the settings of a run that ends at an epoch and measures nothing before."""
        return self.changed(settings, epochs=epoch, cnn_epochs=epoch, n_measured_epochs=1)

    def data(self, settings: Settings, panel: str, seed: int) -> "Data":
        """Return the images and labels of one run, or the noise in their place."""
        own = _own(settings)
        return load_data(
            own.data,
            n_images=own.n_images,
            n_validation_images=own.n_validation_images,
            inputs=own.inputs,
            noise_sd=own.noise_sd,
            pixel_scale=own.pixel_scale,
            shuffled_labels=own.shuffled_labels,
            seed=seed,
        )

    def data_key(self, settings: Settings, panel: str) -> dict[str, Any]:
        """Return all that the training images depend on besides the seed."""
        own = _own(settings)
        return super().data_key(own, panel) | {
            "inputs": own.inputs,
            "noise_sd": own.noise_sd if own.inputs == "noise" else None,
            "pixel_scale": own.pixel_scale if own.inputs == "images" else None,
            "shuffled_labels": own.shuffled_labels,
        }

    def training_options(self, settings: Settings, panel: str) -> dict[str, Any]:
        """Return the options of the step; rmsProp's constants where it has them."""
        own, options = _own(settings), super().training_options(settings, panel)
        if own.optimizer == "rmsprop":
            options |= {"decay": own.rmsprop_decay, "epsilon": own.rmsprop_epsilon}
        return options

    def check(self, settings: Settings) -> None:
        """Refuse what cannot be run: counts, and samples that the classifier does not take."""
        super().check(settings)
        n_classes = len(class_names(load_labelled_images(settings.data)))
        check_n_samples(_own(settings).classifier, settings.n_images, n_classes)

    def step_seconds(self, settings: Settings, panel: str) -> float:
        """Return the time of one step on 128 samples, as measured."""
        return STEP_SECONDS[panel]

    def n_pieces(self, settings: Settings) -> int:
        """Return how many pieces a run is cut into: trainings, and blocks of nulls."""
        epochs = sum(len(self.epochs(settings, panel)) for panel in settings.panels)
        n_blocks = -(-_own(settings).n_permutations // BLOCK)
        return settings.n_seeds * (len(settings.panels) + epochs * n_blocks)

    def describe(self, settings: Settings) -> dict[str, Any]:
        """Return what the root of a result says besides the usual."""
        return {
            "loss": LOSS_NAMES[settings.loss],
            "initial_weights": f"{INITIAL_WEIGHTS[settings.initial_weights]} uniform, zero bias",
        }


def _own(settings: Settings) -> ShuffleSettings:
    return cast(ShuffleSettings, settings)


STUDY = ChaibubNeto2018()
