"""Gu and Tresp (2019): one way to learn, N ways to memorize; arXiv:1911.09537."""
