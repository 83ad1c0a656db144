# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How fast, and against what
#
# The paper's five figures take tens of millions of training steps and tens of thousands of forests. This page
# measures how fast memlib does them, against the tools one would otherwise use: plain torch and Keras for
# training, scikit-learn and R for the null.

# %% tags=["parameters"]
stored: str = "bench-full"  # in data/results of the checkout, or a path to your own .nc

# %% [markdown]
# Every number below comes from one stored dataset.

# %%
from IPython.display import Markdown

from memlib.bench import (
    describe_machine, describe_peak, made_table, null_table, ratio_table,
    scaling_table, show_ratios, stored_bench, variant_table,
)

bench = stored_bench(stored)

# %% tags=["hide-input"]
Markdown(describe_machine(bench, stored))

# %% [markdown]
# ## The method
#
# Times of one machine say little about another, and a machine's own speed drifts while it is measured. So
# the alternatives take turns within each repeat, every other repeat in reverse order, and what counts is
# their ratio,
#
# $$
# r_i = \frac{\text{time of the reference in repeat } i}{\text{time of memlib in repeat } i}.
# $$ (eq-ratio)
#
# Where {eq}`eq-ratio` is above 1, memlib is faster. All repeats are kept; a number with a range is the median,
# with the smallest and the largest in brackets. Every alternative has one thread, sees the same inputs, and has run once before
# it is timed, so that compiling and loading do not count. R's packages are timed within R.
# No test of this project passes or fails on a time.

# %%
if bench:
    print(bench)

# %% [markdown]
# ## The ratios
#
# A training step is one mini-batch of 128: forward, backward and update. A forest is fitted on
# shuffled labels and predicts four s-validation sets, as each permutation of Algorithm 1 asks for. The whole
# figure is Figure 1 at smoke scale from nothing to its dataset, with more workers against one.

# %% tags=["hide-input", "full-width"]
bench and show_ratios(bench)

# %% [markdown]
# The same in numbers, with median times. What was not installed on that machine is listed as such.

# %% tags=["hide-input", "full-width"]
bench and Markdown(ratio_table(bench))

# %% [markdown]
# ## Fast, but the same null?
#
# A faster forest is useful only if it gives the same null. Each engine drew its own shuffles on the features of
# one network, so the two-sample Kolmogorov-Smirnov test applies; its null hypothesis is that the engine's null
# and memlib's have one distribution. The observed scores come from one forest each, with the true labels.

# %% tags=["hide-input"]
bench and Markdown(null_table(bench))

# %% [markdown]
# The column to look at is the difference of the means, against the spread of accuracies that the book's figures
# discuss. A small p-value says that an engine's null differs, however little: engines that cut features into
# bins, as scikit-learn-intelex does, draw other thresholds than scikit-learn itself. But even where nothing
# differs, one test in twenty falls below 0.05.
#
# ## Other ways to train
#
# Products of bfloat16 numbers (8 significant bits in place of 24) and a GPU are options, `-p
# precision=bfloat16` and `-p device=cuda`. They must not change what is found: the table compares the
# means of the nulls at every measured epoch and perturbation with those of float32 on the CPU. Two
# runs of different seeds, the last rows, differ by chance alone; their difference is the yardstick.

# %% tags=["hide-input"]
bench and Markdown(variant_table(bench))

# %% [markdown]
# ## How times grow
#
# A line through the logarithms of time and size has the exponent as its slope: 1 is proportional, 0 does
# not grow at all, and for workers -1 would be a perfect division of labour. A forest of $n$ rows costs
# about $n \log n$, which over these sizes looks like an exponent of about 1.1.

# %% tags=["hide-input"]
bench and Markdown(scaling_table(bench))

# %% [markdown]
# ## How far from the machine's limit
#
# Training an MLP is mostly matrix products, and a machine has a rate at which it can do these.
# Counted are the products of the dense layers, forward and backward; activations, loss, updates and masks
# cost time but count for nothing. The backward pass needs no gradient of the images, so the first layer
# takes two products and the others three.

# %% tags=["hide-input"]
bench and Markdown(describe_peak(bench))

# %% [markdown]
# ## Limits
#
# For the MLPs without dropout the gain over the plain loop is small, and the share above, of panel a, says why:
# where most of the time goes into two large products, a library's product is the limit, and the plain loop
# calls the same one. Only a product of fewer bits goes beyond it. With dropout the plain loop draws a mask a
# step, and there is more to gain.
#
# One machine, one moment. The products of a step are narrow (16 and 2 columns at the end), so a share of 1
# is out of reach, unless the library multiplies narrow matrices by a faster path than square ones. Defaults
# of the references are as their makers set them, but for the parameters the paper fixes; an expert may
# well get more out of each.
#
# ## Make your own
#
# ```bash
# memlib bench                          # seconds: does it run?
# memlib bench --full --output mine.nc  # minutes, on a quiet machine
# memlib run benchmark -p stored=$PWD/mine.nc
# ```
#
# `pip install scikit-learn-intelex`, `pip install keras tensorflow`, and `randomForest` and `ranger` in R
# add their rows.
#
# ## Summary
#
# Compare ratios, not times. For each engine, see how far its null lies from ours; a large p-value does not
# prove that the two are the same. The exponents say what a larger run would cost.
#
# ## How this page was made

# %% tags=["hide-input"]
bench and Markdown(made_table(bench))
