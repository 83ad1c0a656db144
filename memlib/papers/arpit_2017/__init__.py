"""A closer look at memorization in deep networks (Arpit et al. 2017)."""
