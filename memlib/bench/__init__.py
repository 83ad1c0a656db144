"""The benchmark: memlib against the tools it stands in for."""
