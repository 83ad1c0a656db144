"""Twins of the plain training step; `memlib.training.factory` picks among them."""
