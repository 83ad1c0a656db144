"""The plan of a run: its pieces, what they depend on, and what they are expected to take."""

import shutil
from importlib.metadata import PackageNotFoundError, version

import pytest
from conftest import one_line
from tiny_runs import block_of, blocks_of, parted, settings_of, trainings_of

from memlib.base import keys
from memlib.base.errors import InputError
from memlib.base.version import installed_version
from memlib.method.names import CLASSIFIERS
from memlib.papers.chaibub_neto_2018.costs import fits_seconds
from memlib.runs.plan import plan
from memlib.runs.schedule import compute
from memlib.runs.trainings import Training

pytestmark = pytest.mark.usefixtures("one_thread")


# Its pieces

CHANGES_TRAINING = {
    "n_images": 202,
    "inputs": "noise",
    "optimizer": "rmsprop",
    "learning_rate": 0.5,
    "batch_size": 64,
    "loss": "categorical",
    "initial_weights": "he",
    "pixel_scale": "standardized",
    "shuffled_labels": 0.5,
    "precision": "bfloat16",
}
CHANGES_NULL = {
    "feature_layer": "pixels",
    "n_validation_images": 50,
    "perturbation_kind": "occlude",
    "classifier": "svm",
    "n_trees": 6,
}
CHANGES_NEITHER = {
    "epochs": 8,
    "n_measured_epochs": 2,
    "n_permutations": 4,
    "perturbations": [0.3],
    "noise_sd": 2.0,  # of noise that is not used
    "rmsprop_decay": 0.5,  # of an optimizer that is not used
    "conv_stride": 3,  # of convolutions that panel a has not
    "device": "cpu",
    "n_seeds": 2,
    "panels": ["a"],
}


@pytest.mark.parametrize(
    "changes", [{k: v} for k, v in (CHANGES_TRAINING | CHANGES_NULL | CHANGES_NEITHER).items()]
)
def test_pieces_are_shared_unless_what_they_depend_on_changes(results_folder, changes):
    trainings = [Training(settings, "a", 0) for settings in (settings_of(), settings_of(**changes))]
    nulls = [block_of(training, 1, 0, (0.05,)) for training in trainings]
    name = next(iter(changes))
    assert (trainings[0].place == trainings[1].place) is (name not in CHANGES_TRAINING)
    assert (nulls[0].folder == nulls[1].folder) is (name in CHANGES_NEITHER)


def test_pieces_are_kept_apart_by_panel_seed_and_noise(results_folder):
    noise = [settings_of(inputs="noise", noise_sd=sd) for sd in (1.0, 2.0)]
    images = settings_of()
    made = [(images, "a", 0), (images, "d", 0), (images, "a", 1), *((n, "a", 0) for n in noise)]
    assert len({Training(*one).place for one in made}) == 5


def test_number_of_trees_does_not_matter_to_what_has_none(results_folder):
    folders = {
        block_of(Training(settings_of(classifier="svm", n_trees=n), "a", 0), 1, 0, (0.05,)).folder
        for n in (5, 6)
    }
    assert len(folders) == 1


def test_changed_code_changes_the_key_of_every_piece(results_folder, monkeypatch):
    def places():
        one = plan(settings_of())
        return one.path, trainings_of(one)[0].place, blocks_of(one)[0].folder

    before = places()
    monkeypatch.setattr(keys, "code_digest", lambda *rooms: "changed")
    assert not set(before) & set(places())


# The plan


@pytest.mark.parametrize(
    ("n_permutations", "blocks"),
    [
        (1, [(0, 1)]),
        (25, [(0, 25)]),
        (26, [(0, 25), (26, 26)]),
        (60, [(0, 25), (26, 50), (51, 60)]),
    ],
)
def test_labellings_are_cut_into_blocks_without_gap_or_overlap(
    results_folder, n_permutations, blocks
):
    one = plan(settings_of(panels=["a"], n_measured_epochs=1, n_permutations=n_permutations))
    assert [null.labellings for null in blocks_of(one)] == [
        list(range(first, last + 1)) for first, last in blocks
    ]


def test_plan_holds_every_panel_seed_and_epoch(results_folder):
    one = plan(settings_of(n_seeds=2))
    assert [(t.panel, t.seed) for t in trainings_of(one)] == [
        ("a", 0),
        ("a", 1),
        ("d", 0),
        ("d", 1),
    ]
    assert len(blocks_of(one)) == 4 * 3
    trainings, nulls = parted(one.missing())
    assert one.missing() == [*trainings, *nulls]  # what others need first
    assert len(trainings) == 4
    assert len(nulls) == 12
    seconds = [training.seconds_left() for training in trainings]
    assert seconds == sorted(seconds, reverse=True)


def test_what_is_not_installed_has_no_version_in_a_plan(results_folder, monkeypatch):
    def missing(package):
        if package in ("torch", "scikit-learn"):
            raise PackageNotFoundError(package)
        return version(package)

    monkeypatch.setattr("memlib.base.version.version", missing)
    installed_version.cache_clear()
    trainings, nulls = parted(plan(settings_of(classifier="svm")).missing())
    assert {training.spec["torch"] for training in trainings} == {"none"}
    assert {null.spec["scikit-learn"] for null in nulls} == {"none"}
    installed_version.cache_clear()


def test_what_is_missing_without_torch_is_refused_before_any_work(results_folder, monkeypatch):
    monkeypatch.setattr("memlib.runs.schedule.installed_version", lambda package: "none")
    with pytest.raises(InputError, match="torch is not installed here") as error:
        compute([plan(settings_of())], progress=False)
    one_line(error)
    assert not list(results_folder.rglob("*.*"))


def test_figures_that_share_runs_measure_the_union_of_their_perturbations(results_folder):
    assert blocks_of(plan(settings_of()))[0].strengths == (0.01, 0.05, 0.1, 1.0)
    assert blocks_of(plan(settings_of("fig2")))[0].strengths == (0.01, 0.05, 0.1, 1.0)
    assert blocks_of(plan(settings_of("fig3")))[0].strengths == (0.05, 0.1, 1.0)
    assert blocks_of(plan(settings_of(panels=["c"])))[0].strengths == (0.05, 0.1, 1.0)
    assert blocks_of(plan(settings_of(perturbations=[0.3, 0.2])))[0].strengths == (0.3, 0.2)


def test_finished_run_misses_nothing_even_when_its_networks_are_gone(finished, results_folder):
    one = plan(settings_of())
    for folder in (results_folder / "pieces").glob("training-*"):
        shutil.rmtree(folder)
    assert one.missing() == []


def test_few_images_for_a_classifier_are_refused_before_any_work(results_folder):
    few = {"n_images": 2, "n_validation_images": 2}
    plan(settings_of(classifier="svm", **few))
    for name, least in (("nearest_neighbours", 5), ("linear_discriminant", 3)):
        with pytest.raises(InputError, match=f"2 samples: {name} takes {least}") as error:
            plan(settings_of(classifier=name, **few))
        one_line(error)
    plan(settings_of(classifier="linear_discriminant", n_images=4, n_validation_images=2))


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_expected_time_of_a_fit_grows_with_trees_only_where_there_are_trees(
    results_folder, classifier
):
    few, many = (
        fits_seconds(settings_of(classifier=classifier, n_trees=n), "a", 100, 3) for n in (10, 1000)
    )
    if classifier in ("random_forest", "random_forest_sklearn", "extra_trees"):
        assert many > 10 * few
    else:
        assert 0 < many == few


def test_expected_time_shrinks_with_what_is_stored(finished, results_folder):
    done, more, most = (
        Training(settings_of(epochs=n), "b", 0).seconds_left() for n in (4, 100, 200)
    )
    assert 0 < 25 * done == pytest.approx(more) == pytest.approx(most / 2)
    assert Training(settings_of(), "a", 0).seconds_left() == 0
    started, new = (Training(settings_of(epochs=16), "a", seed) for seed in (0, 1))
    assert started.seconds_left() == pytest.approx(12 / 16 * new.seconds_left())
    assert started.seconds_in_all() == new.seconds_in_all() == new.seconds_left()
    blocks = [
        block_of(Training(settings_of(n_permutations=n), "a", 0), 1, 0, (0.05,)) for n in (3, 25)
    ]
    assert blocks[0].seconds_left() < blocks[1].seconds_left()
