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
# A paper of a few pages cannot say everything. Which loss, which first weights, how many trees? We had to
# choose, and you may choose otherwise. This chapter changes one thing at a time and checks whether the
# conclusions hold: which of them are the paper's, and which are ours? It also changes some things that the
# paper does state, to see how far its conclusions reach.

# %% tags=["parameters"]
stored: str = "choices"  # in data/results of the checkout, or a path to your own .nc

# %% [markdown]
# All numbers come from one stored dataset.

# %%
from IPython.display import Markdown

from memlib.papers.chaibub_neto_2018 import (
    choices_table, describe_choices, describe_puzzle, puzzle_table,
    robustness_table, show_choices, show_puzzle, stored_choices,
)

choices = stored_choices(stored)

# %% tags=["hide-input"]
Markdown(describe_choices(choices, stored))

# %% [markdown]
# ## The method
#
# Two runs represent all: panel a on images, where the paper finds memorization and learning from the first
# epochs on, and panel d on noise, where the null falls, learning sets in, and forgetting follows. Each choice
# repeats them with the same seeds, so that a change is a difference of runs with the same images, first weights
# (unless these are what changes) and order of batches:
#
# $$
# \Delta_s = L_s^{\text{choice}} - L_s^{\text{default}} ,
# $$ (eq-change)
#
# one {eq}`eq-change` for each seed $s$. A choice skips a run that it cannot affect: the pixel scale skips the
# run on noise, the noise's standard deviation the run on images, the strides both (the puzzle below tries them
# on a convolutional network). The size of the validation set affects neither null nor observed score; only
# checks of validation accuracy could flip. The constants of rmsProp are compared with Keras' constants, all
# else with our defaults. The level $L$ is the mean over the measured epochs of the null of the least perturbed
# set (5 % shuffled, or the least rotation and so on), or the observed score of that set at the last epoch. For
# each choice the checks of the paper's claims which these two runs can decide are made again; a check *flips*
# when it held before the change and does not hold now, or the reverse.
#
# Four things that are changed here are not open. The paper states its optimizer (SGD), its classifier (a random
# forest), its kind of perturbation (shuffled pixels) and the layer of its features (the last hidden one). The
# tables mark them *(stated)*.
#
# Four baselines that the paper does not have come last: an untrained network, the pixels themselves as
# features, and networks trained on labels that were shuffled before training, all of them
# {cite:p}`zhang2017` or half of them. For these two, the labels that count as true are the shuffled ones.

# %%
if choices:
    print(choices.leaves[0])

# %% [markdown]
# ## The picture

# %% tags=["hide-input", "full-width"]
choices and show_choices(choices)

# %% [markdown]
# ## In numbers
#
# Means over seeds, smallest and largest in brackets; for the default, the levels themselves. Onset and peak are
# measured epochs, the median of the seeds. A null of rotated or noisy copies lies on the same axis as one of
# shuffled copies, but 5 degrees are not 5 % of the pixels: compare their signs, not their sizes. Where nothing
# is shuffled, claim 4, on shuffling all pixels, does not apply.

# %% tags=["hide-input", "full-width", "choices-table"]
choices and Markdown(choices_table(choices))

# %% [markdown]
# ## Which conclusions are robust?
#
# One column names the open choices that overturn a check; another names changes of what the paper states.
# Baselines are neither. The last column tells whether the check also holds for an untrained network. Where it
# does, it is a fact about random weights as much as about training. Here all choices are compared with our
# defaults, rmsProp's constants too: where these overturn what rmsProp itself overturns, the optimizer is the
# cause.

# %% tags=["hide-input", "full-width", "robustness-table"]
choices and Markdown(robustness_table(choices))

# %% [markdown]
# ## A puzzle: the onset of panel f
#
# When does the convolutional network with dropout begin to learn noise? In all our runs it is later than
# in the paper. Each open choice that could move the onset is tried on it. The {term}`onset` is
# the measured epoch from which on the observed score stays well above the null; it counts as near the
# paper's when it lies within a factor of three.

# %% tags=["hide-input"]
choices and Markdown(describe_puzzle(choices))

# %% tags=["hide-input", "full-width"]
choices and show_puzzle(choices)

# %% tags=["hide-input", "full-width"]
choices and Markdown(puzzle_table(choices))

# %% [markdown]
# ## Limits
#
# The runs are at teaching scale, a hundredth of the paper's epochs; they cannot show what takes thousands of
# epochs. Two panels are not six. Choices are changed one at a time, so two that cancel each other, or that
# matter only together, stay hidden.
#
# ## Make your own
#
# ```bash
# memlib choices --only loss,he --output mine.nc
# memlib run open_choices -p stored=$PWD/mine.nc
# ```
#
# Without `--output` the choices join the stored ones, provided that the default, measured again first, is the
# same bit for bit.

# %% [markdown]
# ## Exercises
#
# ### Exercise 1, look: no network at all
#
# One baseline skips the network: the forest gets the pixels themselves. **Predict first:** is the null
# of the pixels higher or lower than that of the trained network's sixteen features? And does the
# validation accuracy suffer?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# A tree that is grown out sends each training image to a leaf of its own. With hundreds of pixels, how
# many splits does a copy with a few shuffled pixels have to pass?
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# from memlib.papers.chaibub_neto_2018 import stored_choices
#
# stored, null, validation = stored_choices(), {}, {}
# for name in ("default", "pixels"):
#     run = stored[name]["images"].isel(perturbation=0, epoch=-1)
#     null[name] = run["null_accuracy"].mean("permutation").values
#     validation[name] = run["validation_accuracy"].values
#     print(name, "null", null[name].round(3), "validation", validation[name].round(3))
# ```
#
# With the pixels the forest recognizes nearly every copy: a forest on many features remembers all by itself. Yet
# the validation accuracy falls only a little. So a high null is no fault of a network; the test has a
# meaning only because the network squeezes an image into few numbers, and it is *those* that are asked
# what they keep.
#
# </details>
#
# ### Exercise 2, change: more trees
#
# The number of trees was not stated. **Predict first:** does the null rise or fall from 25 to 100 to 500
# trees? And which differs more from seed to seed, the null or its change?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# More trees leave less to chance in each vote. Who gains by that: a copy whose twin is in every tree's sample, or
# only in some?
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# import numpy as np
#
# from memlib.papers.chaibub_neto_2018 import stored_choices
#
# stored, levels = stored_choices(), {}
# for name in ("trees_25", "default", "trees_500"):
#     null = stored[name]["noise"]["null_accuracy"].isel(perturbation=0)
#     levels[name] = null.mean(("epoch", "permutation")).values
#     print(f"{name:10}", levels[name].round(3), "by seed")
# paired = np.std(levels["trees_500"] - levels["default"], ddof=1)
# seeds = np.std(levels["default"], ddof=1)
# print(f"spread over seeds: of the level {seeds:.4f}, of the change {paired:.4f}")
# ```
#
# The null rises from 25 to 100 to 500 trees, in every seed: votes that were nearly even become sure. The seeds
# differ in their nulls, but much less in how far these rise. That is why
# each choice is compared with the default seed by seed: the difference of two runs that share images, first
# weights and batches says far more than the difference of two means.
#
# </details>
#
# ### Exercise 3, explain: the network that could only memorize
#
# A network trained on shuffled labels has nothing to learn but single images. **Predict first:** is its null
# higher than that of the network trained on the true labels?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# The null asks what the features keep of an image *whatever* the labels are. Where does it show that a network has
# fitted its own labels?
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# from memlib.papers.chaibub_neto_2018 import stored_choices
#
# stored, found = stored_choices(), {}
# for name in ("default", "shuffled"):
#     run = stored[name]["images"].isel(perturbation=0, epoch=-1)
#     found[name] = {
#         "null": run["null_accuracy"].mean("permutation").values,
#         "observed": run["observed_accuracy"].values,
#         "validation": run["validation_accuracy"].values,
#     }
#     print(name, {key: value.round(2) for key, value in found[name].items()})
# ```
#
# In the end it is about as high, no more. The features keep what separates the labels that the network
# was given, and labels shuffled once more ask for something else. That this network fitted single
# images shows elsewhere: its observed score lies far above its null although next to nothing of it holds for
# new images. "Memorized", read off the null, says that features keep single images apart, not that
# labels were learned by heart.
#
# </details>

# %% [markdown]
# ## Summary
#
# Read the table of robust conclusions by its column of open choices. A check with no entry in that column did
# not depend on any open choice that we tried (two panels, teaching scale). For every other check the
# table names the choice to state when the test is used.
