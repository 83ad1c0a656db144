"""The page "The test, live": its null, p-values, verdicts and shuffles, held against memlib."""

import numpy as np
import pytest
import torch
from kit.pages.live import data as live
from live_book import inputs, small_network

from memlib.method.fast.smoothers import NeighboursSmoother
from memlib.method.features import extract_learned_features
from memlib.method.null import chance_accuracy, compute_null, shuffled_labels
from memlib.method.perturb import make_s_validation_set
from memlib.method.verdicts import decide_verdict, permutation_p_value, share_at_chance
from memlib.training.factory import make_step

pytestmark = pytest.mark.xdist_group("live")


@pytest.fixture(scope="module")
def features():
    """Features of two networks that memlib trained a little: training set, 5 % and 100 % sets."""
    found = {}
    for kind in ("images", "noise"):
        images, labels = inputs(kind, 256), live.live_images().train_labels[:256]
        network = small_network(32, 16, seed=11)
        targets = torch.nn.functional.one_hot(torch.from_numpy(labels), 2).float()
        step = make_step(network, optimizer="sgd", learning_rate=0.1)
        for _ in range(10):
            step.run(torch.from_numpy(images), targets, 32)
        sets = {share: make_s_validation_set(images, share) for share in (0.05, 1.0)}
        found[kind] = (
            labels,
            extract_learned_features(network, images),
            {share: extract_learned_features(network, one) for share, one in sets.items()},
        )
    return found


@pytest.mark.parametrize("kind", ["images", "noise"])
def test_null_is_memlibs_number_by_number(core, features, kind):
    labels, train, sets = features[kind]
    n_permutations = 60
    ds = compute_null(
        train, labels, sets, classifier="nearest_neighbours", n_permutations=n_permutations
    )
    labellings = [shuffled_labels(labels, b, seed=0).tolist() for b in range(n_permutations + 1)]
    got = core(
        """(() => {
          const [train, ...sets] = arrays.map((one) => Float32Array.from(one));
          const neighbours = sets.map((one) => core.findNeighbours(train, one, 16, 5));
          const scores = labellings.map((labels) =>
            core.scoreLabelling(neighbours, 5, Uint8Array.from(labels)));
          return { neighbours: neighbours.map((one) => [...one]),
            twins: neighbours.map((one) => core.twinShare(one, 5)),
            answers: sets.map((_, set) => {
              const nullScores = scores.slice(1).map((one) => one[set].accuracy);
              const chances = scores.slice(1).map((one) => one[set].chance);
              const observed = scores[0][set].accuracy;
              const conclusion = core.concludeSet(nullScores, observed, chances, 0.05);
              return { observed, nullScores, ...conclusion };
            }) };
        })()""",
        arrays=[one.ravel().tolist() for one in (train, *sets.values())],
        labellings=labellings,
    )
    smoother = NeighboursSmoother(train)
    for index, (share, one) in enumerate(sets.items()):
        expected, answer = ds.sel(perturbation=share), got["answers"][index]
        neighbours = smoother.neighbours(one)
        np.testing.assert_array_equal(
            np.sort(np.reshape(got["neighbours"][index], (-1, 5)), axis=1),
            np.sort(neighbours, axis=1),
        )
        twins = (neighbours == np.arange(len(labels))[:, None]).any(axis=1).mean()
        assert got["twins"][index] == twins
        assert answer["observed"] == float(expected["observed_accuracy"])
        np.testing.assert_array_equal(answer["nullScores"], expected["null_accuracy"].values)
        assert answer["chance"] == pytest.approx(float(expected["chance_accuracy"]), abs=1e-12)
        assert answer["pValue"] == float(expected["p_value"])
        assert answer["memorization"] == float(expected["share_at_chance"])
        assert answer["verdict"] == int(expected["verdict"])
    assert got["answers"][0]["verdict"] in (1, 3), "the case has to be one with memorization"
    assert got["twins"][0] > 0.5 > got["twins"][1]


@pytest.mark.parametrize("n_permutations", [1, 18, 19, 99])
def test_p_values_and_verdict_follow_memlib(core, n_permutations):
    rng = np.random.default_rng(n_permutations)
    for centre in (0.5, 0.55, 0.7):
        null = np.round(rng.normal(centre, 0.03, n_permutations), 2)
        observed = float(np.round(rng.normal(0.65, 0.1), 2))
        # Each score has a chance level of its own; every third one is met, but for rounding.
        chances = np.round(rng.normal(0.5, 0.05, n_permutations), 2)
        chances[::3] = null[::3] - 1e-12
        got = core(
            "core.concludeSet(nullScores, observed, chances, significance)",
            nullScores=null,
            observed=observed,
            chances=chances,
            significance=0.05,
        )
        p_value = float(permutation_p_value(null, np.array(observed)))
        memorization = float(share_at_chance(null, chances))
        assert got["chance"] == pytest.approx(chances.mean())
        assert got["pValue"] == p_value
        assert got["memorization"] == memorization
        verdict = decide_verdict(np.array(p_value), np.array(memorization), n_permutations)
        assert got["verdict"] == int(verdict)


def test_classifier_that_names_one_class_is_no_memory(core):
    scores = [0.5 + 0.01 * (b % 7) for b in range(99)]  # its chance levels, as well
    got = core("core.concludeSet(scores, 0.6, scores, 0.05)", scores=scores)
    assert got["memorization"] == 1
    assert got["verdict"] == 2


def test_chance_of_unequal_classes_is_memlibs(core):
    labels, predicted = np.repeat([0, 1], [30, 70]), np.repeat([1, 0, 1], [10, 60, 30])
    got = core("core.chanceAccuracy(labels, predicted)", labels=labels, predicted=predicted)
    assert got == pytest.approx(chance_accuracy(labels, predicted), abs=1e-12)
    assert got == pytest.approx(0.3 * 0.6 + 0.7 * 0.4)


def test_shuffles_are_permutations_of_their_own(core):
    labels = live.live_images().train_labels[:100]
    got = core(
        "[[7, 1], [7, 1], [7, 2], [8, 1]].map(([epoch, b]) =>"
        " [...core.shuffledLabels(Uint8Array.from(labels), 0, epoch, b)])",
        labels=labels,
    )
    assert got[0] == got[1]
    assert len({tuple(one) for one in got}) == 3
    for one in got:
        assert sum(one) == 50


@pytest.mark.parametrize("epochs", [1, 2, 30, 300])
def test_measured_epochs_rise_from_first_to_last(core, epochs):
    grid = core("core.measuredEpochs(epochs, 12)", epochs=epochs)
    assert grid == sorted(set(grid))
    assert grid[0] == 1
    assert grid[-1] == epochs
