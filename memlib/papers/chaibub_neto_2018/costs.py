"""What fits of the paper's classifiers cost, in seconds of one core of the benchmark's machine.

For the time left and for `--dry-run` only: no result depends on these numbers, and other machines
differ by a factor of two or so.
"""

import math

from memlib.method.names import FORESTS
from memlib.papers.chaibub_neto_2018.figures import ShuffleSettings
from memlib.papers.chaibub_neto_2018.networks import ARCHITECTURES

# One row of a fit at 2,000 rows, and of one tree where trees are fitted.
ROW_SECONDS = {
    "random_forest": 1.5e-7,
    "random_forest_sklearn": 1.2e-6,
    "extra_trees": 7e-7,
    "nearest_neighbours": 1e-6,
    "ridge": 1e-7,
    "logistic_regression": 1e-6,
    "linear_discriminant": 1e-6,
    "svm": 1.2e-4,
}
FORWARD_SECONDS = {False: 5e-6, True: 4e-4}  # one image through an MLP, a CNN


def fits_seconds(settings: ShuffleSettings, panel: str, n_fits: int, n_strengths: int) -> float:
    """Estimate the seconds of fitting classifiers on one network's features and scoring them."""
    n_sets = 2 + n_strengths
    forward = FORWARD_SECONDS[ARCHITECTURES[panel].is_cnn]
    fits = n_fits * _row_seconds(settings) * (1 + n_sets / 4)
    return settings.n_images * (fits + n_sets * forward)


def _row_seconds(settings: ShuffleSettings) -> float:
    row, n_rows = ROW_SECONDS[settings.classifier], settings.n_images
    if settings.classifier in FORESTS:
        return row * settings.n_trees * math.log(n_rows) / math.log(2000)
    return row * n_rows / 2000 if settings.classifier == "svm" else row
