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
# # Change one thing
#
# One parameter, one command, one picture of what happens. Use this page to look things up, or to guess first:
# cover the picture, predict the two curves, and look.

# %% tags=["parameters"]
stored: str = "choices"  # in data/results of the checkout, or a path to your own .nc

# %%
from IPython.display import Markdown, display

from memlib.papers.chaibub_neto_2018 import (
    change_cards, describe_choices, parameters_table, stored_choices,
)

choices = stored_choices(stored)

# %% tags=["hide-input"]
Markdown(describe_choices(choices, stored))

# %% [markdown]
# ## All changes
#
# Every row is one change against our defaults (the constants of rmsProp: against rmsProp). Most commands run
# the network with dropout on noise, panel d of Figure 5, because it shows most; with `memlib run fig1 --panels
# a` and the same `-p`, you get the network on images.

# %% tags=["hide-input", "full-width"]
Markdown(parameters_table())

# %% [markdown]
# ## How to read the pictures
#
# Black (white on a dark page) is the run before the change, blue the one after it, with the same seeds. The
# solid line in its band is the {term}`null <permutation null>`, the dashed one the {term}`observed score`, both
# for the least perturbed set. A null above the dotted line: memorized. A dashed line above its band: learned.
# The sentence over a picture gives the change in numbers: of the null as a mean over epochs, of the observed
# score at the last epoch, with the smallest and the largest seed in brackets.


# %%
def show(*names):
    """Show each change: its command, what it did, and the picture."""
    for card in change_cards(choices, *names):
        display(Markdown(card.text))
        if card.picture:
            display(card.picture)


# %% [markdown]
# ## How the network is trained
#
# **Predict first:** which of these moves the null most: the loss, the first weights or the optimizer?

# %% tags=["hide-input", "full-width"]
show("loss", "he", "torch", "rmsprop", "rmsprop_decay", "rmsprop_epsilon", "rmsprop_torch", "strides")

# %% [markdown]
# ## What comes in
#
# **Predict first:** images of 0 to 255 make every gradient larger. Will the network be ahead, or in trouble?

# %% tags=["hide-input", "full-width"]
show("standardized", "raw", "noise_half", "noise_double")

# %% [markdown]
# ## How the copies are made
#
# **Predict first:** a rotation by five degrees moves nearly every pixel. Is the null lower than with 5 % shuffled?

# %% tags=["hide-input", "full-width"]
show("shared", "rotate", "add_noise", "occlude")

# %% [markdown]
# ## Which classifier asks
#
# **Predict first:** put the classifiers in the order of their nulls.
# [What the null measures](what_the_null_measures) tells why.

# %% tags=["hide-input", "full-width"]
show("trees_25", "trees_500", "extra_trees", "neighbours", "ridge", "logistic", "discriminant", "svm")

# %% [markdown]
# ## Where and when it asks
#
# **Predict first:** does the first hidden layer, with sixteen times as many units, remember more than the last?

# %% tags=["hide-input", "full-width"]
show("first_hidden", "validation", "epoch_grid")

# %% [markdown]
# ## Baselines
#
# Not choices of the paper, but what every result should be compared with: a network before its first step, no
# network at all, and labels that mean nothing.
#
# **Predict first:** which of the four has the highest null?

# %% tags=["hide-input", "full-width"]
show("untrained", "pixels", "shuffled", "half")

# %% [markdown]
# ## Change something else
#
# ```bash
# memlib list
# memlib choices --only loss,he --output mine.nc
# memlib run change_one_thing -p stored=$PWD/mine.nc
# ```
#
# `memlib list` names every parameter. The other two lines draw this page from runs of your own.
#
# ## Limits
#
# One thing at a time means against one set of defaults: two changes together may do what neither does alone.
# Runs are at teaching scale. [What the open choices change](open_choices) tells which of the paper's claims
# survive all this.
#
# ## Summary
#
# A change of the *test* (copies, classifier) can move the null while the network stays the same. A change of
# the *training* makes another network. Before you compare two nulls, ask which of these differs: the test or
# the network.
