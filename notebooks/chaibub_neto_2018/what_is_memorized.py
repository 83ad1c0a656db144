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
# # What it is that is memorized, learned, forgotten
#
# "Memorized", "learned" and "forgets" are words of the paper for what two numbers do. This chapter asks what
# they say, and what they do not say. A null at 0.9 does not mean that the network knows nine in ten images by
# heart, and "learned" on noise does not mean that anything generalizes.
#
# | the paper says | the number is | we would say |
# | --- | --- | --- |
# | memorized | a forest of *shuffled* labels, on the last hidden layer, finds the label of an image's copy better than chance | the last hidden layer still tells single images apart |
# | learned | a forest of the *true* labels does better on copies than those of shuffled ones | the last hidden layer separates the training images by their labels |
# | forgets | the null falls with training | a few units no longer tell apart images of one class; earlier layers still do |
#
# Nothing in the two numbers asks about new images. That is what validation accuracy is for.

# %% tags=["parameters"]
seed: int = 0  # base seed of the resampled images

# %%
from IPython.display import Markdown

from memlib.papers.chaibub_neto_2018 import (
    below_table, collapse_table, describe_influence, describe_meaning, gap_table,
    influence_table, layers_table, learned_table, read_meaning, show_layers,
    thresholds_table,
)

tree = read_meaning()

# %% [markdown]
# All numbers come from stored datasets; `memlib meaning` makes the one of this chapter again, and
# `memlib meaning --verify 1` trains one of its networks again and compares.

# %% tags=["hide-input"]
Markdown(describe_meaning(tree) if tree else "Not run yet: `memlib meaning` makes it.")

# %% [markdown]
# ## Which layer forgets?
#
# Every training image has a {term}`twin`, a copy of it with 5 % of the pixels shuffled. Where a layer keeps
# what belongs to the single image, the image is among the five training images nearest to its twin. We count
# this share in every hidden layer, while the network is trained. The null of nearest neighbours beside it is
# what their accuracy with shuffled labels is, on average over the shuffles.

# %% tags=["hide-input", "full-width"]
tree and show_layers(tree)

# %% tags=["hide-input", "full-width"]
tree and Markdown(layers_table(tree))

# %% [markdown]
# The first hidden layer keeps nearly every image, before training and after. What falls is the share in the
# last layers, most of all in the sixteen units of the last. So "the network forgets" means that its last units
# do. Whoever reads an earlier layer finds the image again; the network as a whole has forgotten nothing
# that this test could see.
#
# ## Why does the null fall?
#
# The paper explains the fall by a compression of information {cite:p}`shwartzziv2017`. For networks of
# rectified units, which these are, {cite:t}`saxe2018` found no such phase. A simpler account needs no
# information: when training goes on after every image is classified, features of one class draw together,
# which is known as neural collapse {cite:p}`papyan2020`. We measure it by the variance within classes over
# that between them,
#
# $$
# \frac{\sigma_W^2}{\sigma_B^2} = \frac{\frac1n \sum_i \lVert h_i - \mu_{y_i} \rVert^2}
# {\sum_c \pi_c \lVert \mu_c - \mu \rVert^2} ,
# $$ (eq-collapse)
#
# with the features $h_i$ of the last hidden layer, the mean $\mu_c$ and the share $\pi_c$ of class $c$. Where
# {eq}`eq-collapse` falls together with the null, images of a class are harder to tell apart because they are
# closer to one place.

# %% tags=["hide-input", "full-width"]
tree and Markdown(collapse_table(tree))

# %% [markdown]
# Look at the signs. Classes draw together in every network, but a null does not fall in every one: in panel a
# it rises while the ratio falls. So collapse alone does not decide; what matters is whether the distances
# *within* a class, small as they are, still keep images in order, which two hidden layers do better than
# four. A correlation over epochs is no proof either way: both may follow from how long a network was trained.
#
# ## Is it memorization as the field now means it?
#
# {cite:t}`feldman2020` call an image memorized when networks are right on it *because* they were trained on it:
#
# $$
# \mathrm{mem}_i = \Pr(\text{right on } i \mid i \text{ in the training set})
# - \Pr(\text{right on } i \mid i \text{ left out}) .
# $$ (eq-memorization)
#
# An image that a network gets right anyway has a score of 0 by {eq}`eq-memorization`, however well its features
# tell it apart. We estimate it by training panel a on random halves of the images.

# %% tags=["hide-input"]
tree and Markdown(describe_influence(tree))

# %% tags=["hide-input"]
tree and Markdown(influence_table(tree, seed=seed))

# %% [markdown]
# The first row says how well the score itself is estimated: one half of the networks against the other. The
# others hold it against the share of shuffles in which the forest finds the image's label on its twin, image
# by image. The two words do not mean the same: the null asks whether features tell an image from all others, the
# score whether the label had to be known. The null's mean is no share of memorized images.
#
# The usual sign of memorization is a gap between the accuracies on training and on new images. It grows with
# training; where the null falls with training, as it does in panels b, d and e on images, it moves the other way.

# %% tags=["hide-input", "full-width"]
tree and Markdown(gap_table(tree))

# %% [markdown]
# ## What is "learned" on noise?
#
# The images of Figure 5 are noise, and their labels mean nothing. Still the observed score is near 1: "the
# networks learn from noise". What they have learned is the list of training labels, read here on twins of the
# training images. Any classifier reads it off the features; networks whose labels were shuffled before training
# show the same; new noise stays at chance.

# %% tags=["hide-input", "full-width"]
tree and Markdown(learned_table(tree))

# %% [markdown]
# ## Below the null
#
# Section 5 of the paper has four readings, and none for an observed score *below* its null. On noise, panel a
# shows just this near epoch 10. The table gives the distance of the observed score from the null's mean, in
# standard deviations of the null.

# %% tags=["hide-input", "full-width"]
Markdown(below_table())

# %% [markdown]
# At that time the network is right on about six in ten training images: it has begun to push them apart by
# their labels, each by its own pixels. A copy lacks some of these pixels, so it is pushed less far than its
# image along the direction that separates the labels best. A forest of the true labels splits along it, where
# copies move most; a forest of shuffled labels has no reason to. That is our explanation, not a proof. Once the
# push is wide enough to separate the labels, copies follow, and the observed score rises far above the null. So
# "below the null" says: what is being learned is not yet shared by the copies.
#
# ## The verdict is a rule on an effect
#
# *Memorized* is decided by how much of the null lies at or below chance. That share is no p-value: the null's
# spread shrinks with the number of images, and with it the distance from chance that counts, from 0.018 for
# 2,000 images to 0.008 for 10,000. Where figures are compared, a common threshold is fairer.

# %% tags=["hide-input", "full-width"]
Markdown(thresholds_table())

# %% [markdown]
# ## Limits
#
# Teaching scale: 1,000 epochs, not the paper's 100,000; MLPs only. Networks on random halves see half of the
# images, and are trained in fewer, longer steps. Nearest neighbours and forests read features each in their own
# way; another reader may find an image where these do not.
#
# ## Summary
#
# The null measures whether single images can be told apart in the last hidden layer. It can fall while earlier
# layers keep the images, and while the gap between training and validation grows. "Learned" says that training labels can be read off copies of training images; only
# validation accuracy says that something generalizes.
