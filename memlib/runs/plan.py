"""Plan a figure run: which pieces it is put together from, and which of them are missing."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from memlib.base import files, keys
from memlib.method.checks import check_n_samples
from memlib.papers.chaibub_neto_2018.figures import FIGURES, Settings
from memlib.papers.chaibub_neto_2018.null_pieces import BLOCK, NullBlock
from memlib.results.schema import result_name
from memlib.runs import costs
from memlib.runs.trainings import Training
from memlib.training.images import check_counts, class_names, load_labelled_images

RESULT_CODE = ("method/verdicts.py", "papers", "results", "runs")


@dataclass(frozen=True)
class Plan:
    """All pieces of one figure run."""

    settings: Settings
    trainings: tuple[Training, ...]
    nulls: tuple[NullBlock, ...]

    @cached_property
    def digest(self) -> str:
        """Digest of all that the dataset depends on: parameters, data and code."""
        pieces = [keys.digest(null.spec) for null in self.nulls]
        return keys.digest(
            [self.settings.model_dump(mode="json"), pieces, keys.code_digest(*RESULT_CODE)]
        )

    @property
    def path(self) -> Path:
        """Where the figure's dataset is stored."""
        name = result_name(self.settings.figure, self.settings.scale, self.digest)
        return files.results_dir() / name

    def missing(self) -> tuple[list[Training], list[NullBlock]]:
        """Return the pieces still to compute, the most expensive trainings first."""
        nulls = [null for null in self.nulls if not null.is_stored()]
        # A network is needed only where a null is still to be computed from it.
        needed = {null.training for null in nulls}
        trainings = [one for one in self.trainings if one in needed and one.missing_epochs()]
        return sorted(trainings, key=costs.training_seconds, reverse=True), nulls


def plan(settings: Settings) -> Plan:
    """Cut a figure run into pieces.

    Figures that share their runs measure the union of their perturbations at once (Fig. 2 adds the
    1 % set to Fig. 1's networks and forests), unless the user chose others.

    Raises
    ------
    InputError
        When the data file does not hold that many images, or the classifier does not take them.
    DataError
        When there is no such file, or it is damaged.
    """
    labelled = load_labelled_images(settings.data)
    check_counts(labelled, settings.n_images, settings.n_validation_images)
    check_n_samples(settings.classifier, settings.n_images, len(class_names(labelled)))
    trainings, nulls = [], []
    for panel in settings.panels:
        strengths = _shared_strengths(settings, panel)
        for seed in settings.seeds:
            training = Training(settings, panel, seed)
            trainings.append(training)
            n_blocks = -(-settings.n_permutations // BLOCK)
            nulls += [
                NullBlock(training, epoch, block, strengths)
                for epoch in training.epochs
                for block in range(n_blocks)
            ]
    return Plan(settings, tuple(trainings), tuple(nulls))


def _shared_strengths(settings: Settings, panel: str) -> tuple[float, ...]:
    own = FIGURES[settings.figure]
    if settings.perturbations != own.perturbations:
        return settings.perturbations
    shared = [
        figure.perturbations
        for figure in FIGURES.values()
        if panel in figure.panels
        and (figure.inputs, figure.optimizer, figure.images_factor)
        == (own.inputs, own.optimizer, own.images_factor)
    ]
    return tuple(sorted(set().union(*shared)))
