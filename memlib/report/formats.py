"""Kinds of picture files; this module imports nothing."""

FORMATS = ("svg", "pdf", "png")
