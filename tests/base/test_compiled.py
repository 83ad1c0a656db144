"""Functions compiled by numba, where their machine code can be kept and where it cannot."""

import pytest
from numba.core import caching

from memlib.base import compiled
from memlib.method.fast import forest_split


@pytest.mark.parametrize("jit", [forest_split.jit, compiled.jit], ids=["forest", "training"])
def test_kernels_work_where_no_cache_can_be_written(jit, monkeypatch):
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])

    def plus_one(x):
        return x + 1

    assert jit(plus_one)(1) == 2
