"""What the summaries of chapters say in words, on the stored runs that they speak of."""

import pytest

from memlib.method.verdicts import VERDICTS
from memlib.papers.chaibub_neto_2018.choices import stored_choices
from memlib.papers.chaibub_neto_2018.figures import FIGURES, SCALES
from memlib.papers.chaibub_neto_2018.noise_claims import ONSETS
from memlib.papers.chaibub_neto_2018.puzzle import tried
from memlib.papers.chaibub_neto_2018.quantities import (
    forgetting_epoch,
    half_lost_epoch,
    memorization_level,
    null_mean,
    onset_epochs,
)
from memlib.results.schema import panels_of
from memlib.runs.shipped import lacks, read_shipped


def panels(figure, scale):
    return panels_of(read_shipped(figure, scale))


def memorized(dataset, epoch):
    """Whether each seed has memorized at a measured epoch, by its verdict on the 5 % set."""
    verdicts = dataset["verdict"].sel(perturbation=0.05).isel(epoch=epoch).values
    return ["memorized" in VERDICTS[verdict] for verdict in verdicts]


@pytest.mark.parametrize("scale", ["paper", "tenth"])
def test_fig1_every_network_memorizes_at_first_and_e_has_learned_only_in_the_end(scale):
    own = panels("fig1", scale)
    assert all(all(memorized(dataset, 0)) for dataset in own.values())
    last = own["e"]["verdict"].sel(perturbation=0.05).isel(epoch=-1).values
    assert {VERDICTS[verdict] for verdict in last} == {"learned"}
    assert all(memorized(own["a"], -1))
    assert 0.5 < null_mean(own["e"], 0.05)[-1] < 0.52  # almost, not quite


def test_fig1_e_still_recognizes_gentler_copies_after_a_tenth_of_the_epochs():
    last = panels("fig2", "tenth")["e"]["verdict"].sel(perturbation=0.01).isel(epoch=-1).values
    assert {VERDICTS[verdict] for verdict in last} == {"memorized_and_learned"}


@pytest.mark.parametrize("scale", ["paper", "tenth"])
def test_fig1_remembering_less_costs_d_nothing_and_does_not_lift_e_above_d(scale):
    own = panels("fig1", scale)
    valid = {p: float(own[p]["validation_accuracy"].isel(epoch=-1).mean()) for p in "ade"}
    level = {p: float(null_mean(own[p], 0.05)[-1]) for p in "ade"}
    assert level["e"] < level["d"] < level["a"]
    assert valid["d"] >= valid["a"]
    assert valid["e"] <= valid["d"]


def test_fig3_more_images_lower_the_null_from_the_start_and_improve_validation():
    few, many = panels("fig1", "tenth"), panels("fig3", "tenth")
    for panel in "abde":
        small, large = (null_mean(one[panel], 0.05) for one in (few, many))
        assert large[0] < small[0] - 0.02
        if panel in "abd":  # e begins by losing what its random weights tell apart
            assert large.argmax() <= small.argmax()
        ends = [one[panel]["validation_accuracy"].isel(epoch=-1) for one in (few, many)]
        differ = max(float(end.max() - end.min()) for end in ends)
        assert float(ends[1].min() - ends[0].max()) > differ
    level = {panel: memorization_level(many[panel], 0.05) for panel in "abde"}
    assert level["e"] < level["d"] < level["b"] < level["a"]
    few_levels = {panel: memorization_level(few[panel], 0.05) for panel in "abde"}
    assert sorted(level, key=level.get) == sorted(few_levels, key=few_levels.get)
    assert abs(null_mean(many["e"], 0.05)[-1] - 0.5) < 0.01
    assert not any(memorized(many["e"], -1))


def seeds_apart(dataset):
    """Smallest to largest seed's null of the 5 % set at each measured epoch."""
    nulls = dataset["null_accuracy"].sel(perturbation=0.05).mean("permutation")
    return (nulls.max("seed") - nulls.min("seed")).values


@pytest.mark.parametrize("figure", FIGURES)
def test_headings_of_the_longer_runs_with_several_seeds_name_what_is_stored(figure):
    own = panels(figure, "tenth")
    assert lacks(figure, "tenth") == {}
    assert {dataset.sizes["seed"] for dataset in own.values()} == {3}
    for panel, dataset in own.items():
        last, paper = int(dataset["epoch"][-1]), SCALES["paper"]
        assert last == (paper.cnn_epochs / 5 if panel in "cf" else paper.epochs / 10)


@pytest.mark.parametrize("figure", ["fig1", "fig5"])
def test_seeds_of_convolutional_networks_lie_furthest_apart_from_the_first_epoch_on(figure):
    apart = {panel: seeds_apart(dataset) for panel, dataset in panels(figure, "tenth").items()}
    for cnn in "cf":
        for mlp in "abde":
            assert apart[cnn][0] > apart[mlp][0]
            assert apart[cnn].mean() > apart[mlp].mean()


@pytest.mark.parametrize("scale", ["paper", "tenth"])
def test_fig4_without_dropout_rmsprop_does_not_end_by_forgetting(scale):
    sgd, rmsprop = panels("fig1", scale), panels("fig4", scale)
    for panel in "ab":
        ends = [null_mean(one[panel], 0.05) for one in (sgd, rmsprop)]
        falls = [mean.max() - mean[-1] for mean in ends]
        assert forgetting_epoch(sgd[panel]) is not None
        # From its low after the first epochs the null of rmsProp rises to the end.
        low = ends[1].argmin()
        assert ends[1][-1] > ends[1][low] + 0.01
        assert panel != "a" or falls[1] < falls[0]


@pytest.mark.parametrize("scale", ["paper", "tenth"])
def test_fig4_with_dropout_rmsprop_forgets_several_times_sooner(scale):
    sgd, rmsprop = panels("fig1", scale), panels("fig4", scale)
    for panel in "de":
        assert 5 * half_lost_epoch(rmsprop[panel]) < half_lost_epoch(sgd[panel])


def test_panel_f_begins_to_learn_noise_later_than_in_the_paper_in_all_runs():
    runs = [*tried(stored_choices()).values(), panels("fig5", "tenth")["f"]]
    found = [onset for dataset in runs for onset in onset_epochs(dataset)]
    assert len(found) > 20
    assert all(onset is None or onset > ONSETS["f"] for onset in found)


@pytest.mark.parametrize("scale", ["paper", "tenth"])
def test_fig5_e_memorizes_only_a_little_more_when_it_begins_to_learn(scale):
    own, rises = panels("fig5", scale), {}
    for panel in "de":
        mean = null_mean(own[panel], 0.05)
        found = [epoch for epoch in onset_epochs(own[panel]) if epoch is not None]
        before = own[panel]["epoch"].values <= min(found)
        low = int(mean[before].argmin())
        peak = low + int(mean[low:].argmax())
        rises[panel] = mean[peak] - mean[low]
        assert mean[0] - mean[low] > 0.1  # what the random weights tell apart is forgotten first
        assert mean[peak] - mean[-1] > 0.01
    assert 0 < rises["e"] < 0.04 < rises["d"]
