import re
import subprocess
import sys

import numpy as np
import pytest
from gu_tresp_results import course, filled, results, set_run

from memlib.base.errors import ResultError
from memlib.papers.gu_tresp_2019.claims import CLAIMS, NOT_DECIDED, check_claims, verdict_of
from memlib.papers.gu_tresp_2019.quantities import Runs, evenly_spaced
from memlib.papers.gu_tresp_2019.schema import check_dataset

TRUE, RANDOM = {"label_share": 0.0}, {"label_share": 1.0}


@pytest.fixture(scope="module")
def borne_out():
    return results()


def outcomes(found):
    return {one.claim.number: one for one in check_claims(found)}


def checks_of(number, found):
    return {one.label: one for one in outcomes(found)[number].checks}


def changed(borne_out, figure, change):
    found = borne_out | {figure: borne_out[figure].copy(deep=True)}
    change(found[figure])
    return found


def put(name, where, value):
    def change(dataset):
        dataset[name].loc[where] = value

    return change


def test_all_claims_are_declared_and_borne_out_by_planted_results(borne_out):
    assert list(CLAIMS) == list(range(1, 24))
    verdicts = {number: verdict_of(one) for number, one in outcomes(borne_out).items()}
    decided = {n: v for n, v in verdicts.items() if n not in NOT_DECIDED}
    assert set(decided.values()) == {"reproduced"}, decided
    assert {verdicts[n] for n in NOT_DECIDED} == {"not decided"}


def test_planted_results_are_laid_out_as_the_schema_says(borne_out):
    for figure, dataset in borne_out.items():
        check_dataset(figure, dataset)


def test_without_results_nothing_is_decided(borne_out):
    verdicts = {number: verdict_of(one) for number, one in outcomes({}).items()}
    assert set(verdicts.values()) == {"not yet run", "not decided"}
    fig1 = borne_out["fig1"].sel(network=["vgg11", "vgg13"])
    assert verdict_of(outcomes({"fig1": fig1})[7]) == "partly"  # ResNet-32 is left out
    only_true = borne_out["fig1"].sel(label_share=[0.0])
    assert verdict_of(outcomes({"fig1": only_true})[3]) == "not yet run"


def runs(network="vgg11", share=1.0, **course_of):
    """Change all seeds of a network and share."""

    def change(dataset):
        for seed in dataset["seed"].values:
            where = {"network": network, "label_share": share, "seed": seed}
            set_run(dataset, where, **course_of)

    return change


def paper_scale(test):
    def change(dataset):
        dataset.attrs["scale"] = "paper"
        dataset["test_accuracy"].loc[TRUE] = test

    return change


LAST = {"network": "vgg11", "label_share": 0.0, "seed": 1, "epoch": 60}
FITTED = {"hunt": 4, "mid": 14, "t90": 20, "end": 60}
HUNTS = {"hunt": 30, "mid": 50, "t90": 60}
ERROR_2 = 3 * np.sqrt(0.09 / 797)
ERROR_11 = 3 * np.sqrt(0.09 / 120)  # 10 classes, 4 starts, 3 seeds


def random_hits(n_hits):
    def change(dataset):
        hits = np.zeros(120)
        hits[:n_hits] = 1
        dataset["judge_hit"].loc[RANDOM] = hits.reshape(3, 10, 4)

    return change


def both(*changes):
    def change(dataset):
        for one in changes:
            one(dataset)

    return change


def seeds_of(name, values, **where):
    def change(dataset):
        for seed, value in enumerate(values):
            dataset[name].loc[where | {"seed": seed}] = value

    return change


def t_hunts(true, random):
    """Fig. 4: alternate seeds hunt until one epoch or another."""

    def change(dataset):
        for seed in dataset["seed"].values:
            for share, (early, late) in ((0.0, true), (1.0, random)):
                where = {"network": "vgg11", "label_share": share, "seed": seed}
                set_run(dataset, where, hunt=late if seed % 2 else early, mid=100, t90=120)

    return change


SHARES = [0, 0.2, 0.4, 0.6, 0.8, 1.0]


def by_share(*values):
    def change(dataset):
        for share, value in zip(SHARES, values, strict=True):
            dataset["dissimilarity"].loc[{"label_share": share}] = value

    return change


def at_best(name, value, share=0.4):
    return put(name, {"label_share": share, "epoch": 24}, value)


EDGES = [  # claim, figure, check, a change that still holds, one that does not
    (
        1,
        "fig1",
        "training accuracy",
        put("train_accuracy", LAST, 1.0),
        put("train_accuracy", LAST, 511 / 512),
    ),
    (
        1,
        "fig1",
        "test accuracy",
        put("test_accuracy", TRUE, 0.301),
        put("test_accuracy", TRUE, 0.3),
    ),
    (1, "fig1", "test accuracy, the paper's", paper_scale(0.8175), paper_scale(0.8170)),
    (
        2,
        "fig1",
        "test accuracy",
        put("test_accuracy", RANDOM, 0.0999 + ERROR_2),
        put("test_accuracy", RANDOM, 0.1001 + ERROR_2),
    ),
    (
        2,
        "fig1",
        "test accuracy",
        put("test_accuracy", RANDOM, 0.1001 - ERROR_2),
        put("test_accuracy", RANDOM, 0.0999 - ERROR_2),
    ),
    (
        3,
        "fig1",
        "VGG11, hunting with random labels",
        both(runs(share=0.0, **FITTED), runs(hunt=12, mid=30, t90=40)),
        both(runs(share=0.0, **FITTED), runs(hunt=11, mid=30, t90=40)),
    ),
    (
        3,
        "fig1",
        "VGG11, hunting with random labels",
        both(runs(share=0.0, hunt=1, mid=9, t90=20, end=60), runs(hunt=5, mid=30, t90=40)),
        both(runs(share=0.0, hunt=1, mid=9, t90=20, end=60), runs(hunt=4, mid=30, t90=40)),
    ),
    (
        4,
        "fig1",
        "VGG11, no hunting with true labels",
        runs(share=0.0, hunt=25, mid=30, t90=40, end=60),
        runs(share=0.0, hunt=26, mid=30, t90=40, end=60),
    ),
    (
        4,
        "fig1",
        "VGG11, no hunting with true labels",
        both(paper_scale(0.83), runs(share=0.0, hunt=1, mid=30, t90=40, end=60)),
        both(paper_scale(0.83), runs(share=0.0, hunt=2, mid=30, t90=40, end=60)),
    ),
    (5, "fig1", "VGG11, fitting", runs(hunt=40, mid=60, t90=79), runs(hunt=40, mid=60, t90=80)),
    (6, "fig1", "VGG11, G", runs(**HUNTS, loud=5.0), runs(**HUNTS, loud=4.99)),
    (
        6,
        "fig1",
        "VGG11, G",
        runs(**HUNTS, quiet=0.1, loud=40, peak=31),
        runs(**HUNTS, quiet=0.1, loud=40, peak=30),
    ),
    (
        7,
        "fig1",
        "ResNet-32, G",
        runs("resnet32", **HUNTS, loud=5.0),
        runs("resnet32", **HUNTS, loud=4.99),
    ),
    (
        9,
        "fig1",
        "true at first, random while hunting",
        put("coherence", TRUE, -0.003),
        put("coherence", TRUE, -0.004),
    ),
    (
        9,
        "fig1",
        "random while fitting, while hunting",
        put("coherence", RANDOM | {"epoch": slice(60, None)}, 0.001),
        put("coherence", RANDOM | {"epoch": slice(40, None)}, 0.0),
    ),
    (
        11,
        "fig3",
        "true labels",
        put("judge_hit", TRUE | {"class": [0, 1, 2]}, 0),
        put("judge_hit", TRUE | {"class": [0, 1, 2, 3]}, 0),
    ),
    (11, "fig3", "random labels", random_hits(21), random_hits(22)),
    (
        12,
        "fig2",
        "ratio of random to true",
        put("pixel_dissimilarity", RANDOM, 4 * 29.9),
        put("pixel_dissimilarity", RANDOM, 4 * 30.1),
    ),
    (13, "fig2", "resnet32", put("agreement", TRUE, 0.75), put("agreement", TRUE, 0.749)),
    (13, "fig2", "vgg13", put("dissimilarity", TRUE, 1.99), put("dissimilarity", TRUE, 2.0)),
    (
        14,
        "fig2",
        "vgg11",
        put("agreement", RANDOM, 0.1 + 0.9 * 0.466),
        put("agreement", RANDOM, 0.1 + 0.9 * 0.467),
    ),
    (
        15,
        "fig2",
        "largest true, smallest random",
        put("dissimilarity", TRUE | {"partner": "vgg13"}, 5.99),
        put("dissimilarity", TRUE | {"partner": "vgg13"}, 6.01),
    ),
    (
        15,
        "fig2",
        "stricter: within each other's interval",
        put("dissimilarity", TRUE | {"partner": "vgg13", "start": 0}, 0.3),
        put("dissimilarity", TRUE | {"partner": "vgg13"}, 0.33),
    ),
    (
        16,
        "fig2",
        "weight decay",
        put("variant_dissimilarity", {"variant": "weight decay"}, 6.99),
        put("variant_dissimilarity", {"variant": "weight decay"}, 7.01),
    ),
    (
        16,
        "fig2",
        "crops and flips",
        put("variant_dissimilarity", {"variant": "crops and flips"}, 5.01),
        put("variant_dissimilarity", {"variant": "crops and flips"}, 4.99),
    ),
    (17, "fig4", "T_hunt", t_hunts((10, 20), (40, 58)), t_hunts((10, 20), (40, 57))),
    (
        19,
        "fig5",
        "by share",
        by_share(0.3, 2.0, 2.01, 4.5, 5.0, 6.5),
        by_share(0.3, 2.0, 2.0, 4.5, 5.0, 6.5),
    ),
    (
        19,
        "fig5",
        "all random, none",
        by_share(0.3, 0.4, 0.5, 0.6, 0.7, 0.91),
        by_share(0.3, 0.4, 0.5, 0.6, 0.7, 0.89),
    ),
    (20, "fig5", "share 0.4", at_best("wrong_label_fit", 0.2), at_best("wrong_label_fit", 0.201)),
    (
        20,
        "fig5",
        "share 0.2",
        at_best("clean_accuracy", 0.7, 0.2),
        at_best("clean_accuracy", 0.699, 0.2),
    ),
    (
        20,
        "fig5",
        "share 0.6",
        at_best("test_accuracy", 0.661, 0.6),
        at_best("test_accuracy", 0.659, 0.6),
    ),
    (
        20,
        "fig5",
        "share 0.4",
        put("train_accuracy", {"epoch": 199, "label_share": 0.4}, 0.9),
        put("train_accuracy", {"epoch": 200, "label_share": 0.4}, 0.998),
    ),
    (
        21,
        "fig3",
        "rarest class",
        put("generated_class_share", {"class": 2}, 0.02),
        put("generated_class_share", {"class": 2}, 0.019),
    ),
    (
        21,
        "fig3",
        "confidence",
        put("generated_confidence", {}, 0.75),
        put("generated_confidence", {}, 0.749),
    ),
    (
        21,
        "fig3",
        "pixel sd",
        put("generated_pixel_sd", {}, 0.3146),
        put("generated_pixel_sd", {}, 0.3144),
    ),
    (21, "fig3", "score", put("generated_score", {}, 4.55), put("generated_score", {}, 4.54)),
    (
        22,
        "fig2",
        "1-NN, true labels",
        put("nearest_neighbour_agreement", TRUE, 1.0),
        put("nearest_neighbour_agreement", TRUE, 0.99),
    ),
    (
        23,
        "fig2",
        "vgg13, training images",
        put("train_agreement", RANDOM, 0.99),
        put("train_agreement", RANDOM, 0.989),
    ),
    (
        23,
        "fig2",
        "vgg11, test images",
        put("test_agreement", RANDOM, 0.55),
        put("test_agreement", RANDOM, 0.551),
    ),
    (23, "fig2", "resnet32, x*", put("agreement", RANDOM, 0.55), put("agreement", RANDOM, 0.551)),
]


@pytest.mark.parametrize(("number", "figure", "label", "holds", "fails"), EDGES)
def test_a_little_to_either_side_of_a_rule_decides_otherwise(
    borne_out, number, figure, label, holds, fails
):
    assert checks_of(number, changed(borne_out, figure, holds))[label].holds
    assert not checks_of(number, changed(borne_out, figure, fails))[label].holds


def test_gradients_that_do_not_go_along_fail_claim_8(borne_out):
    def against(dataset):
        dataset["parameter_gradient_norm"] = -dataset["gradient_magnitude"]

    assert all(one.holds for one in checks_of(8, borne_out).values())
    found = checks_of(8, changed(borne_out, "fig1", against))
    assert found["random labels"].estimate == pytest.approx(-1)
    assert not any(one.holds for one in found.values())


def test_a_correlation_over_epochs_takes_them_evenly_spaced():
    epochs = np.arange(14)
    values = np.full((2, 14), np.nan)
    values[0, [0, 1, 2, 3, 4, 8]] = values[1, [0, 1, 2, 3, 4, 8, 12]] = 1
    assert evenly_spaced(epochs, values).tolist() == [0, 4, 8, 12]


def test_the_untrained_networks_gradient_is_no_peak(borne_out):
    huge = put("gradient_magnitude", {"network": "vgg11", "label_share": 1.0, "epoch": 0}, 99.0)
    assert checks_of(6, changed(borne_out, "fig1", huge))["VGG11, G"].holds
    first = put("gradient_magnitude", {"network": "vgg11", "label_share": 1.0, "epoch": 1}, 99.0)
    assert not checks_of(6, changed(borne_out, "fig1", first))["VGG11, G"].holds


def test_runs_that_never_fit_are_kept_and_told(borne_out):
    """A seed that never leaves chance counts as infinitely long, not as missing."""

    def one_is_stuck(dataset):
        where = {"network": "vgg11", "label_share": 1.0, "seed": 2}
        set_run(dataset, where, hunt=999, mid=999, t90=999, peak=3)

    found = changed(borne_out, "fig4", one_is_stuck)
    assert np.isinf(Runs.of(found["fig4"], "vgg11", 1.0).t_hunt[2])
    check = checks_of(17, found)["T_hunt"]
    assert "1 random never" in check.value
    assert check.holds
    stuck = changed(borne_out, "fig1", runs(hunt=999, mid=999, t90=999, peak=3))
    assert not checks_of(3, stuck)["VGG11, hunting with random labels"].holds
    assert not checks_of(5, stuck)["VGG11, fitting"].holds
    assert not checks_of(6, stuck)["VGG11, G"].holds


def test_fewer_than_ten_seeds_do_not_decide_on_paths(borne_out):
    assert not checks_of(17, borne_out | {"fig4": course("fig4", 9)})


def test_one_seed_leaves_spreads_undecided(borne_out):
    one = {"fig2": borne_out["fig2"].isel(seed=[0])}
    assert list(checks_of(15, one)) == ["largest true, smallest random"]
    assert not checks_of(16, one)


def test_the_coefficient_of_variation_is_told(borne_out):
    for check in checks_of(17, borne_out).values():
        assert re.search(r"coefficient of variation 0\.\d\d against 0\.\d\d", check.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda d: d.drop_vars("agreement"), "fig2, agreement is missing"),
        (
            lambda d: d.assign(agreement=d["agreement"] + 1),
            "agreement holds a value outside 0 to 1",
        ),
        (lambda d: d.transpose("start", ...), "it should have"),
        (lambda d: d.assign(latent_norm=d["latent_norm"] * np.nan), "latent_norm has gaps"),
        (lambda d: d.drop_attrs(deep=False), "attribute 'n_classes' is missing"),
        (lambda d: d.assign(agreement=d["agreement"].drop_attrs()), "agreement has no long_name"),
    ],
)
def test_results_of_another_layout_are_refused(change, told):
    with pytest.raises(ResultError, match=told):
        check_dataset("fig2", change(filled("fig2", {})))


def test_claims_and_layout_need_no_torch():
    code = (
        "import sys, memlib.papers.gu_tresp_2019.claims, memlib.papers.gu_tresp_2019.schema; "
        "print({'torch', 'sklearn', 'numba'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
