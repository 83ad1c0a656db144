"""The paper's claims on trainings: Figs. 1 and 4, section 2 (no torch)."""

from collections.abc import Iterable

import numpy as np
import xarray as xr

from memlib.papers.gu_tresp_2019.networks import LABELS
from memlib.papers.gu_tresp_2019.quantities import (
    Runs,
    at_least,
    at_most,
    duration,
    evenly_spaced,
    or_last_epoch,
    rank_correlation,
)
from memlib.papers.gu_tresp_2019.schema import RANDOM, TRUE
from memlib.results.claim import Check, Claim, declare

TRAINING_CLAIMS: list[Claim] = []
PAPER_TEST_ACCURACY = 0.8373
F_LIMIT = 3.18  # F distribution, 9 and 9 degrees of freedom, 5 %


def _epochs(values: np.ndarray) -> str:
    """Say the median of epochs over seeds."""
    median = np.median(values)
    return f"{median:.0f}" if np.isfinite(median) else "never"


@declare(
    TRAINING_CLAIMS,
    1,
    "fig1",
    "section 2, Fig. 1b",
    "True labels reach 100 % on the training images, and test accuracy well above chance.",
    "eval train = 1 at the last epoch; test > chance + 0.2. P: test within 0.8373 +- 0.02.",
)
def _learns(fig1: xr.Dataset) -> Iterable[Check]:
    runs = Runs.of(fig1, "vgg11", TRUE)
    yield _all_fitted(runs)
    test = float(runs.final_test.mean())
    yield Check("test accuracy", f"{test:.3f}", test > runs.chance + 0.2, test)
    if fig1.attrs["scale"] == "paper":
        holds = at_most(abs(test - PAPER_TEST_ACCURACY), 0.02)
        yield Check("test accuracy, the paper's", f"{test:.4f}", holds, test)


def _all_fitted(runs: Runs) -> Check:
    """Check that every seed's last evaluation has all training images right."""
    least = float(runs.final_train.min())
    n_fitted = int((runs.final_train == 1).sum())
    value = f"{least:.4f} at least, {n_fitted} of {len(runs.final_train)} seeds at 1"
    return Check("training accuracy", value, least == 1, least)


@declare(
    TRAINING_CLAIMS,
    2,
    "fig1",
    "section 2",
    "Random labels reach 100 % on the training images, with test accuracy at chance.",
    "train = 1; mean over seeds: abs(test - chance) <= 3 sqrt(chance (1-chance)/n_test).",
)
def _memorizes(fig1: xr.Dataset) -> Iterable[Check]:
    runs = Runs.of(fig1, "vgg11", RANDOM)
    yield _all_fitted(runs)
    test = float(runs.final_test.mean())
    limit = 3 * np.sqrt(runs.chance * (1 - runs.chance) / fig1.attrs["n_test_images"])
    value = f"{test:.3f}, chance {runs.chance:.3f} within {limit:.3f}"
    yield Check("test accuracy", value, at_most(abs(test - runs.chance), limit), test)


def hunts(fig1: xr.Dataset, network: str) -> Check:
    """Check rule 3 of a network."""
    true, random = (Runs.of(fig1, network, share).t_hunt for share in (TRUE, RANDOM))
    longer = bool(np.median(random) >= 3 * np.median(true) and np.median(random) >= 5)
    value = f"random epoch {_epochs(random)}, true epoch {_epochs(true)}"
    found = bool(np.isfinite(np.median(random)))
    return Check(f"{LABELS[network]}, hunting with random labels", value, longer and found)


def does_not_hunt(fig1: xr.Dataset, network: str) -> Check:
    """Check rule 4 of a network: in steps, at the paper's scale in epochs."""
    epoch = float(np.median(Runs.of(fig1, network, TRUE).t_hunt))
    n_steps = epoch * -(-fig1.attrs["n_train_images"] // fig1.attrs["batch_size"])
    holds = epoch <= 1 if fig1.attrs["scale"] == "paper" else n_steps <= 100
    value = f"epoch {epoch:.0f}, {n_steps:.0f} steps" if np.isfinite(epoch) else "it does"
    return Check(f"{LABELS[network]}, no hunting with true labels", value, holds)


def converges_quickly(fig1: xr.Dataset, network: str) -> Check:
    """Check rule 5 of a network."""
    runs = Runs.of(fig1, network, RANDOM)
    fitting, hunting = duration(runs.t_of(0.9), runs.t_hunt), runs.t_hunt
    value = f"{_epochs(fitting)} epochs from there to 0.9, {_epochs(hunting)} before"
    holds = bool(np.median(fitting) < np.median(hunting))
    return Check(f"{LABELS[network]}, fitting", value, holds)


def gradients_rise(fig1: xr.Dataset, network: str) -> Check:
    """Check rule 6 of a network."""
    runs = Runs.of(fig1, network, RANDOM)
    rise, later = float(np.median(runs.gradient_rise)), float(np.median(runs.peak_after_hunt))
    place = f"{abs(later):.0f} epochs {'after' if later > 0 else 'before'} hunting ends"
    value = f"{rise:.1f} times, largest {place}" if np.isfinite(later) else "hunting does not end"
    return Check(f"{LABELS[network]}, G", value, at_least(rise, 5) and later > 0, rise)


@declare(
    TRAINING_CLAIMS,
    3,
    "fig1",
    "Fig. 1a",
    "With random labels, training starts with a hunting stage.",
    "T_hunt(random) >= 3 T_hunt(true), both medians over seeds, and >= 5 epochs.",
)
def _hunting(fig1: xr.Dataset) -> Iterable[Check]:
    yield hunts(fig1, "vgg11")


@declare(
    TRAINING_CLAIMS,
    4,
    "fig1",
    "Fig. 1b",
    "With true labels there is no hunting stage.",
    "T_hunt(true) <= 100 steps (measured 18-64), <= 1 epoch P (steps, not epochs: 4.3).",
)
def _no_hunting(fig1: xr.Dataset) -> Iterable[Check]:
    yield does_not_hunt(fig1, "vgg11")


@declare(
    TRAINING_CLAIMS,
    5,
    "fig1",
    "section 2",
    "Once the network starts to fit, it converges quickly.",
    "T90 - T_hunt < T_hunt (random).",
)
def _quick(fig1: xr.Dataset) -> Iterable[Check]:
    yield converges_quickly(fig1, "vgg11")


@declare(
    TRAINING_CLAIMS,
    6,
    "fig1",
    "section 2",
    "The gradient magnitude G is small while hunting and large while fitting.",
    "max G after T_hunt >= 5 x mean G up to T_hunt (random), and its epoch lies after T_hunt.",
)
def _rises(fig1: xr.Dataset) -> Iterable[Check]:
    yield gradients_rise(fig1, "vgg11")


@declare(
    TRAINING_CLAIMS,
    7,
    "fig1",
    "section 2",
    "The same is seen in VGG13 and ResNet-32.",
    "Rules 3-6 per network.",
)
def _other_networks(fig1: xr.Dataset) -> Iterable[Check]:
    for network in ("vgg13", "resnet32"):
        if network in fig1["network"].values:
            yield hunts(fig1, network)
            yield does_not_hunt(fig1, network)
            yield converges_quickly(fig1, network)
            yield gradients_rise(fig1, network)


@declare(
    TRAINING_CLAIMS,
    8,
    "fig1",
    "section 2",
    "A large gradient magnitude goes with large gradients of the parameters.",
    "Spearman over epochs of G and mean per-example parameter-gradient norm >= 0.8.",
)
def _goes_along(fig1: xr.Dataset) -> Iterable[Check]:
    for share, name in ((TRUE, "true labels"), (RANDOM, "random labels")):
        own = fig1.sel(network="vgg11", label_share=share).transpose("seed", "epoch", ...)
        norms = own["parameter_gradient_norm"].values
        even = np.isin(own["epoch"].values, evenly_spaced(own["epoch"].values, norms))
        pairs = zip(own["gradient_magnitude"].values[:, even], norms[:, even], strict=True)
        found = float(np.median([rank_correlation(one, other) for one, other in pairs]))
        if np.isfinite(found):
            yield Check(name, f"{found:.2f}", at_least(found, 0.8), found)


@declare(
    TRAINING_CLAIMS,
    9,
    "fig1",
    "section 2",
    "With true labels gradients within a batch agree from the start; with random labels they "
    "cancel first, and agree when fitting starts.",
    "Quantity: coherence = mean pairwise inner product / mean squared norm of per-example "
    "gradients (unbiased; >= 64, better 256 examples). Rule: coherence(true, epochs 0-6) > "
    "coherence(random, before T_hunt); random: mean while accuracy 0.3-0.95 > 0 and > before "
    "T_hunt.",
)
def _agrees(fig1: xr.Dataset) -> Iterable[Check]:
    true, random = (_coherence(fig1, share) for share in (TRUE, RANDOM))
    epochs, runs = fig1["epoch"].values, Runs.of(fig1, "vgg11", RANDOM)
    hunting = _mean_over_seeds(random, epochs < runs.t_hunt[:, None])
    fitting = _mean_over_seeds(random, (runs.running >= 0.3) & (runs.running <= 0.95))
    early = _mean_over_seeds(true, np.broadcast_to(epochs <= 6, true.shape))
    if np.isfinite(early) and np.isfinite(hunting):
        value = f"{early:.3f} against {hunting:.3f}"
        yield Check("true at first, random while hunting", value, early > hunting, early - hunting)
    if np.isfinite(fitting) and np.isfinite(hunting):
        value = f"{fitting:.3f} against {hunting:.3f}"
        holds = fitting > 0 and fitting > hunting
        yield Check("random while fitting, while hunting", value, holds, fitting - hunting)


def _coherence(fig1: xr.Dataset, share: float) -> np.ndarray:
    own = fig1["coherence"].sel(network="vgg11", label_share=share)
    return own.transpose("seed", "epoch").values


def _mean_over_seeds(values: np.ndarray, chosen: np.ndarray) -> float:
    """Return the mean over seeds of a mean over known, chosen epochs; NaN if a seed has none."""
    rows = [one[here & np.isfinite(one)] for one, here in zip(values, chosen, strict=True)]
    return float(np.mean([row.mean() if len(row) else np.nan for row in rows]))


@declare(
    TRAINING_CLAIMS,
    10,
    "fig1",
    "section 2",
    "Gradients become smaller and smaller on the way back to the input layer.",
    'per-layer gradient norms, optional (needs a definition; else "not decided").',
)
def _shrinks(fig1: xr.Dataset) -> Iterable[Check]:
    return ()


@declare(
    TRAINING_CLAIMS,
    17,
    "fig4",
    "Fig. 4",
    "With true labels trainings follow similar paths; with random ones obviously different paths.",
    "sd over 10 seeds of T_hunt and of T_mid (epoch at accuracy (1 + chance)/2): random/true "
    "variance ratio > 3.18 (F, 9 and 9, 5 %). Also print the coefficient of variation: it does not "
    "differ (trap 12).",
)
def _paths(fig4: xr.Dataset) -> Iterable[Check]:
    true, random = (Runs.of(fig4, "vgg11", share) for share in (TRUE, RANDOM))
    if len(true.train) < 10 or len(random.train) < 10:
        return
    for name, of in (("T_hunt", "t_hunt"), ("T_mid", "t_mid")):
        found = [or_last_epoch(getattr(runs, of), runs) for runs in (random, true)]
        variances = [float(one.var(ddof=1)) for one in found]
        ratio = variances[0] / variances[1] if variances[1] else np.inf
        spread = " against ".join(f"{one.mean():.1f} +- {one.std(ddof=1):.1f}" for one in found)
        variation = " against ".join(f"{one.std(ddof=1) / one.mean():.2f}" for one in found)
        n_censored = int((~np.isfinite(getattr(random, of))).sum())
        censored = f"; {n_censored} random never" if n_censored else ""
        value = (
            f"{spread}, variance ratio {ratio:.1f}; coefficient of variation {variation}{censored}"
        )
        holds = variances[0] > F_LIMIT * variances[1]
        yield Check(name, value, holds, ratio if np.isfinite(ratio) else None)


@declare(
    TRAINING_CLAIMS,
    18,
    "fig4",
    "section 4",
    "A large number of saddle points on random labels is the cause.",
    'conjecture, "not decided".',
)
def _saddles(fig4: xr.Dataset) -> Iterable[Check]:
    return ()
