"""The version of memlib, read by packaging, by provenance and by the book."""

__version__ = "0.1.0"
