"""Names and limits that are needed where nothing is fitted: this module imports nothing."""

CLASSIFIERS = (
    "random_forest",
    "random_forest_sklearn",
    "extra_trees",
    "nearest_neighbours",
    "ridge",
    "logistic_regression",
    "linear_discriminant",
    "svm",
)
FORESTS = ("random_forest", "random_forest_sklearn", "extra_trees")  # made of n_trees
N_NEIGHBOURS = 5
MAX_ROWS = 65_535  # of our forest, whose ranks are stored as uint16
