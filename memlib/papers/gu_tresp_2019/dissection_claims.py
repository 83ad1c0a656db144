"""The paper's claims on what networks learned: Figs. 2, 3 and 5, sections 3 and 4 (no torch)."""

from collections.abc import Iterable

import numpy as np
import xarray as xr

from memlib.papers.gu_tresp_2019.quantities import (
    at_least,
    at_most,
    bar,
    confidence_interval,
    corrected_agreement,
)
from memlib.papers.gu_tresp_2019.schema import RANDOM, TRUE
from memlib.results.claim import Check, Claim, declare

DISSECTION_CLAIMS: list[Claim] = []
ALIKE = "vgg11"  # the partner that differs in its seed alone: VGG11(s2)


def _partners(dataset: xr.Dataset) -> list[str]:
    return [str(name) for name in dataset["partner"].values]


def _mean(dataset: xr.Dataset, name: str, share: float, partner: str) -> float:
    return float(bar(dataset, name, share, partner).mean())


@declare(
    DISSECTION_CLAIMS,
    11,
    "fig3",
    "sections 3 and 4, Fig. 3",
    "Images made for a class show the class.",
    "an independent judge gives class j to >= 0.7 of x*_j for the true-label f1; and for the "
    "random-label f1 within 3 standard errors of chance.",
)
def _shows_the_class(fig3: xr.Dataset) -> Iterable[Check]:
    true, random = (fig3["judge_hit"].sel(label_share=share) for share in (TRUE, RANDOM))
    share = float(true.mean())
    yield Check("true labels", f"{share:.2f}", at_least(share, 0.7), share)
    chance = 1 / fig3.attrs["n_classes"]
    error = np.sqrt(chance * (1 - chance) / random.size)
    share = float(random.mean())
    value = f"{share:.3f}, chance {chance:.3f} within {3 * error:.3f}"
    yield Check("random labels", value, at_most(abs(share - chance), 3 * error), share)


@declare(
    DISSECTION_CLAIMS,
    12,
    "fig2",
    "section 3",
    "Without a GAN the comparison is not accurate.",
    "ascent on pixels gives a lower Dist ratio random/true than through the GAN.",
)
def _needs_the_gan(fig2: xr.Dataset) -> Iterable[Check]:
    ratios = [
        _mean(fig2, name, RANDOM, ALIKE) / _mean(fig2, name, TRUE, ALIKE)
        for name in ("pixel_dissimilarity", "dissimilarity")
    ]
    value = f"{ratios[0]:.1f} on pixels, {ratios[1]:.1f} through the GAN"
    yield Check("ratio of random to true", value, ratios[0] < ratios[1], ratios[1] - ratios[0])


@declare(
    DISSECTION_CLAIMS,
    13,
    "fig2",
    "section 4, Fig. 2",
    "With true labels the dissimilarity is very low for every other network.",
    "each true bar < 1/3 of the same partner's random bar, and agreement of argmax on x* >= 0.75.",
)
def _one_way(fig2: xr.Dataset) -> Iterable[Check]:
    for partner in _partners(fig2):
        true, random = (_mean(fig2, "dissimilarity", s, partner) for s in (TRUE, RANDOM))
        agreement = _mean(fig2, "agreement", TRUE, partner)
        value = f"{true:.2f} against {random:.2f}, agreement {agreement:.2f}"
        yield Check(partner, value, true < random / 3 and at_least(agreement, 0.75), agreement)


@declare(
    DISSECTION_CLAIMS,
    14,
    "fig2",
    "Fig. 2",
    "With random labels the dissimilarity is high, even from one seed to another.",
    "chance-corrected agreement (a - 1/C)/(1 - 1/C) on x* at most half of the true-label one, for "
    "every f2 (digits .31 against .93: holds; two classes .54 against .89: fails).",
)
def _n_ways(fig2: xr.Dataset) -> Iterable[Check]:
    for partner in _partners(fig2):
        true, random = (
            corrected_agreement(_mean(fig2, "agreement", s, partner), fig2.attrs["n_classes"])
            for s in (TRUE, RANDOM)
        )
        value = f"{random:.2f} against {true:.2f}"
        yield Check(partner, value, at_most(random, true / 2), random - true / 2)


@declare(
    DISSECTION_CLAIMS,
    15,
    "fig2",
    "section 4",
    "With true labels initialization, size and architecture do not matter.",
    "largest true bar < smallest random bar; stricter: all true bars within each other's 95 % "
    "interval over seeds.",
)
def _does_not_matter(fig2: xr.Dataset) -> Iterable[Check]:
    partners = _partners(fig2)
    true, random = (
        [bar(fig2, "dissimilarity", share, one) for one in partners] for share in (TRUE, RANDOM)
    )
    largest = max(float(one.mean()) for one in true)
    smallest = min(float(one.mean()) for one in random)
    value = f"{largest:.2f} against {smallest:.2f}"
    yield Check("largest true, smallest random", value, largest < smallest, smallest - largest)
    if len(true[0]) < 2:
        return
    ranges = [confidence_interval(one) for one in true]
    within = [low <= one.mean() <= high for low, high in ranges for one in true]
    value = ", ".join(
        f"{name} {one.mean():.2f} ({low:.2f} to {high:.2f})"
        for name, one, (low, high) in zip(partners, true, ranges, strict=True)
    )
    yield Check("stricter: within each other's interval", value, all(within))


@declare(
    DISSECTION_CLAIMS,
    16,
    "fig2",
    "section 4",
    "Weight decay and data augmentation do not change the dissimilarity with random labels.",
    "variant's mean within 2 sd (over pairs of seeds) of the base.",
)
def _regularization(fig2: xr.Dataset) -> Iterable[Check]:
    own = fig2["variant_dissimilarity"].sel(label_share=RANDOM).mean(("class", "start"))
    base = own.sel(variant="no decay").values
    if len(base) < 2:
        return
    middle, sd = float(base.mean()), float(base.std(ddof=1))
    for variant in ("weight decay", "crops and flips"):
        mean = float(own.sel(variant=variant).mean())
        if np.isfinite(mean):
            value = f"{mean:.2f}, base {middle:.2f} with sd {sd:.2f}"
            yield Check(variant, value, at_most(abs(mean - middle), 2 * sd), mean - middle)


@declare(
    DISSECTION_CLAIMS,
    19,
    "fig5",
    "section 4, Fig. 5",
    "The dissimilarity grows with the share of random labels.",
    "Spearman = 1 over >= 5 shares (mean over pairs), and Dist(1) > 3 Dist(0).",
)
def _grows(fig5: xr.Dataset) -> Iterable[Check]:
    means = fig5["dissimilarity"].mean(("pair", "class", "start")).sortby("label_share")
    if means.sizes["label_share"] < 5:
        return
    value = ", ".join(f"{mean:.2f}" for mean in means.values)
    yield Check("by share", value, bool((np.diff(means.values) > 0).all()))
    ends = [float(means.sel(label_share=share)) for share in (RANDOM, TRUE)]
    value = f"{ends[0]:.2f} against {ends[1]:.2f}"
    yield Check("all random, none", value, ends[0] > 3 * ends[1], ends[0] - 3 * ends[1])


@declare(
    DISSECTION_CLAIMS,
    20,
    "fig5",
    "section 4",
    "With some random labels, simple patterns are learned first and the rest is memorized later.",
    "(shares .2-.6): at the epoch of best test accuracy, fit of the wrongly labelled <= 0.2 while "
    "accuracy on the rest >= 0.7; later train = 1 and test lower by >= 0.03.",
)
def _simple_first(fig5: xr.Dataset) -> Iterable[Check]:
    shares = fig5["label_share"].values
    for share in shares[(shares >= 0.2 - 1e-9) & (shares <= 0.6 + 1e-9)]:
        own = fig5.sel(label_share=share).transpose("seed", "epoch", ...)
        rows = np.arange(own.sizes["seed"])
        test, train = own["test_accuracy"].values, own["train_accuracy"].values
        best = np.nanargmax(test, axis=1)
        last = np.array([np.flatnonzero(np.isfinite(one))[-1] for one in train])
        wrong = float(own["wrong_label_fit"].values[rows, best].mean())
        clean = float(own["clean_accuracy"].values[rows, best].mean())
        fall = float((test[rows, best] - test[rows, last]).mean())
        fitted = float(train[rows, last].min())
        value = (
            f"wrong labels {wrong:.2f}, the rest {clean:.2f}; test then falls by {fall:.3f}, "
            f"training ends at {fitted:.4f}"
        )
        early = at_most(wrong, 0.2) and at_least(clean, 0.7)
        holds = early and fitted == 1 and at_least(fall, 0.03)
        yield Check(f"share {share:g}", value, holds, fall)


@declare(
    DISSECTION_CLAIMS,
    21,
    "fig3",
    "section 3",
    "The generator has converged.",
    "held-out judge: every class >= 2 % of 1,000 samples, mean confidence >= 0.75, pixel sd within "
    "15 % of real; score exp(E KL(p(y|x) to p(y))) >= half of real images'.",
)
def _converged(fig3: xr.Dataset) -> Iterable[Check]:
    rarest = float(fig3["generated_class_share"].min())
    yield Check("rarest class", f"{100 * rarest:.1f} %", at_least(rarest, 0.02), rarest)
    confidence = float(fig3["generated_confidence"])
    yield Check("confidence", f"{confidence:.2f}", at_least(confidence, 0.75), confidence)
    made, real = (float(fig3[f"{kind}_pixel_sd"]) for kind in ("generated", "real"))
    holds = at_most(abs(made - real), 0.15 * real)
    yield Check("pixel sd", f"{made:.3f}, real {real:.3f}", holds, made - real)
    made, real = (float(fig3[f"{kind}_score"]) for kind in ("generated", "real"))
    yield Check("score", f"{made:.2f}, real {real:.2f}", at_least(made, real / 2), made - real / 2)


@declare(
    DISSECTION_CLAIMS,
    22,
    "fig2",
    "sections 1 and 4",
    "Networks differ from k-nearest-neighbour models, of which there is one.",
    "Dist of two 1-NN built from the same data = 0 on x* (trivial; one sentence).",
)
def _neighbours(fig2: xr.Dataset) -> Iterable[Check]:
    for share, name in ((TRUE, "true labels"), (RANDOM, "random labels")):
        agreement = float(fig2["nearest_neighbour_agreement"].sel(label_share=share))
        yield Check(f"1-NN, {name}", f"agreement {agreement:.3f}", agreement == 1, agreement)


@declare(
    DISSECTION_CLAIMS,
    23,
    "fig2",
    "ours",
    "Networks that memorized random labels agree on their training images and nowhere else.",
    "random labels, every f2: agreement >= 0.99 on the training images; chance-corrected agreement "
    "(a - 1/C)/(1 - 1/C) <= 0.5 on the test images and on x*.",
)
def _nowhere_else(fig2: xr.Dataset) -> Iterable[Check]:
    for partner in _partners(fig2):
        train = _mean(fig2, "train_agreement", RANDOM, partner)
        yield Check(f"{partner}, training images", f"{train:.3f}", at_least(train, 0.99), train)
        for name, place in (("test_agreement", "test images"), ("agreement", "x*")):
            agreement = _mean(fig2, name, RANDOM, partner)
            agreement = corrected_agreement(agreement, fig2.attrs["n_classes"])
            yield Check(
                f"{partner}, {place}", f"{agreement:.2f}", at_most(agreement, 0.5), agreement
            )
