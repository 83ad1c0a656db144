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
# # What the open choices change
#
# A paper of a few pages cannot say everything. Which loss, which first weights, which forest? We had to
# choose, and you may choose otherwise. This chapter changes one thing at a time and looks whether the
# conclusions stand: which of them are the paper's, and which are ours?

# %% tags=["parameters"]
stored: str = "choices"  # in data/results of the checkout, or a path to your own .nc

# %% [markdown]
# All numbers come from one stored dataset.

# %%
from IPython.display import Markdown

from memlib.choice_tables import choices_table, describe_choices, robustness_table, show_choices
from memlib.choices import stored_choices
from memlib.puzzle import describe_puzzle, puzzle_table, show_puzzle

choices = stored_choices(stored)

# %% tags=["hide-input"]
Markdown(describe_choices(choices, stored))

# %% [markdown]
# ## The method
#
# Two runs stand for all: panel a on images, where the paper finds memorization and learning from the first
# epochs on, and panel d on noise, where the null falls, learning sets in, and forgetting follows. Each
# choice repeats both with the same seeds, so that a change is a difference of runs with the same images,
# first weights (unless these are what changes) and order of batches:
#
# $$
# \Delta_s = \text{level of the choice}_s - \text{level of the default}_s ,
# $$ (eq-change)
#
# one {eq}`eq-change` for each seed $s$. The level is the mean over the measured epochs of the null of the least perturbed
# set (5 % shuffled, or the least rotation and so on), or the observed score of that set at the last epoch.
# For each choice the checks of the paper's claims which these two runs can decide are made again; a
# check *flips* when it held with the default and does not hold now, or the reverse.
#
# Four baselines, which the paper does not have, stand at the end: an untrained network, the pixels
# themselves as features, and networks trained on labels that were shuffled before training, all of them
# {cite:p}`zhang2017` or half of them. For these two, the labels that count as true are the shuffled ones.

# %%
if choices:
    print(choices["default/images"])

# %% [markdown]
# ## The picture

# %% tags=["hide-input", "full-width"]
choices and show_choices(choices)

# %% [markdown]
# ## In numbers
#
# Means over seeds, smallest and largest in brackets; for the default, the levels themselves. Onset and
# peak are measured epochs, of all seeds together.

# %% tags=["hide-input", "full-width"]
choices and Markdown(choices_table(choices))

# %% [markdown]
# ## Which conclusions are robust?
#
# Baselines are no choices of the paper, so they are left out here.

# %% tags=["hide-input", "full-width", "robustness-table"]
choices and Markdown(robustness_table(choices))

# %% [markdown]
# ## A puzzle: the onset of panel f
#
# When does the convolutional network with dropout begin to learn noise? In the prototype of this book it was
# later than in the paper. Each open choice that could move the onset is tried on it. The onset is the
# measured epoch from which on the observed score stays above the null (p-value at most 0.05); it counts
# as near the paper's when it lies within a factor of three.

# %% tags=["hide-input"]
choices and Markdown(describe_puzzle(choices))

# %% tags=["hide-input", "full-width"]
choices and show_puzzle(choices)

# %% tags=["hide-input", "full-width"]
choices and Markdown(puzzle_table(choices))

# %% [markdown]
# ## Limits
#
# The runs are of teaching scale, a hundredth of the paper's epochs; what takes thousands of epochs is not
# seen. Two panels are not six. Choices are changed one at a time, so two that cancel each other, or
# that matter only together, stay hidden.
#
# ## Make your own
#
# ```bash
# memlib choices --only loss,he --output mine.nc
# memlib run open_choices -p stored=$PWD/mine.nc
# ```
#
# ## Summary
#
# Read the last table from its last column: a claim that nothing overturns does not hang on what the paper
# left open. For every other claim the table names the choice to state when the test is used.
