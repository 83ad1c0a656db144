"""Twins of plain classifiers that are fast enough for a hundred shuffles; see `classifiers`."""
