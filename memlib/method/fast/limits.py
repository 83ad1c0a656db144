"""Limits of the fast classifiers that checks need to know without loading them."""

N_NEIGHBOURS = 5
MAX_ROWS = 65_535  # of the forest, whose ranks are stored as uint16
