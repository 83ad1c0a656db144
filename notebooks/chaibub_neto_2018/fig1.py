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
# # Figure 1: pullovers against coats
#
# Six networks, four MLPs and two CNNs, learn to tell pullovers from coats. The paper's claim: all of
# them learn *and* memorize, and the deeper ones and those with dropout memorize less.

# %% tags=["hide-input", "full-width"]
from IPython.display import Markdown, display

from memlib import describe_shipped, panels_of, run_figure, stored_siblings
from memlib.papers.chaibub_neto_2018 import (
    check_claims, check_stored, describe_length, describe_stored,
    networks_table, shipped_summary, show_figure, show_longest,
    show_shipped, stored_scales, summarize_longest, summary_table,
)
from memlib.report import claims_table, provenance_table

show_longest("fig1")

# %% tags=["remove-input"]
Markdown(describe_stored("fig1"))

# %% [markdown]
# A box above the dashed line (chance) is memorization; a curve above the boxes of its own colour is
# learning; red is the score on independent images. [How to read a figure](../how_to_read.md) names every
# part. The convolutional networks (c, f) differ most from seed to seed, from the first epoch on.

# %% tags=["hide-input", "full-width"]
Markdown(summarize_longest("fig1"))

# %% [markdown]
# ## Against the paper
#
# The paper makes ten claims about this figure. Here they are, each on the stored run that decides it.

# %% tags=["hide-input", "full-width", "claims-table"]
Markdown(claims_table(check_stored("fig1")))

# %% [markdown]
# ## Your own run
#
# Every network of the figure is trained here, for a hundredth of the paper's epochs, and tested as it
# learns. Change a value and run the page again, or give it on the command line: `memlib run fig1 --panels a,d`.

# %% tags=["parameters"]
scale: str = "teaching"  # smoke, teaching, tenth or paper
seed: int = 0  # base seed of the first run
# None: what the figure and the scale declare.
n_seeds: int | None = None  # runs: seeds seed, seed + 1, ...
panels: list[str] | None = None  # networks of the figure, like a,d
epochs: int | None = None  # training epochs of the MLPs
cnn_epochs: int | None = None  # training epochs of the CNNs
optimizer: str | None = None  # sgd, or rmsprop as in Keras
learning_rate: float | None = None  # step size of the optimizer
inputs: str | None = None  # images, or Gaussian noise in their place
classifier: str | None = None  # shallow classifier
perturbations: list[float] | None = None  # strength of each s-validation set
n_permutations: int | None = None  # shuffles of the labels, B
more: dict = {}  # every other setting by name, like {'n_trees': 50}

# %%
result = run_figure(
    "fig1", scale, seed=seed, n_seeds=n_seeds, panels=panels,
    epochs=epochs, cnn_epochs=cnn_epochs,
    optimizer=optimizer, learning_rate=learning_rate,
    inputs=inputs, classifier=classifier, perturbations=perturbations,
    n_permutations=n_permutations, **more,
)

# %% tags=["remove-input"]
Markdown(describe_length(result))

# %% tags=["hide-input", "full-width"]
show_figure(result)

# %% tags=["hide-input", "full-width"]
Markdown(summary_table(result))

# %% tags=["hide-cell", "full-width", "claims-table"]
Markdown(claims_table(check_claims(stored_siblings(result), figure="fig1")))

# %% [markdown]
# ## Other stored runs

# %% tags=["hide-input", "full-width"]
for other in stored_scales("fig1")[1:]:
    display(show_shipped("fig1", other))
    display(Markdown(shipped_summary("fig1", other)))

# %% tags=["remove-input"]
Markdown("\n\n".join(describe_shipped("fig1", one) for one in ("paper", "tenth")))

# %% [markdown]
# ## The method
#
# Each network is trained as usual on the true labels. At roughly log-spaced epochs its last hidden layer
# gives 16 {term}`learned features` for every training image, for its perturbed copies (the
# {term}`s-validation sets <s-validation set>` with 5 %, 10 % and 100 % of the pixels shuffled) and for
# independent validation images. A random forest is fitted on the training features with the true labels
# (the {term}`observed score`), and again with labels shuffled $B$ times (the
# {term}`permutation null`). Each forest predicts every s-validation set, and its accuracy
#
# ```{margin}
# 16 features are all that a forest sees of an image of 784 pixels: what the network has not kept in them
# cannot be remembered.
# ```
#
# $$
# A_b = \frac{1}{n} \sum_{i=1}^{n} \left[ \hat y_b(x'_i) = y_{\pi_b(i)} \right]
# $$ (eq-score)
#
# is counted against the labels it was fitted on, shuffled or not ({cite:t}`chaibubneto2018`, sections 4
# and 5). From these scores come the p-values {eq}`eq-p-values` of
# [Algorithm 1 by hand](algorithm_1_by_hand).

# %% [markdown]
# ## The networks
#
# Each {term}`panel` of the figure is one network, named by the paper's letter.

# %% tags=["hide-input"]
Markdown(networks_table(result))

# %% [markdown]
# ## The dataset
#
# One group a panel. Every shuffle's score is kept, so p-values and verdicts can be recomputed from it.

# %%
print(next(iter(panels_of(result).values())))

# %% [markdown]
# ## Why would a network forget?
#
# The paper sees in the falling nulls the compression of {cite:t}`shwartzziv2017`: after the labels are fitted,
# the random steps of training slowly wear away what a layer keeps of its inputs and does not need for the
# labels. Our runs show the fall, not its cause.
#
# ## Limits
#
# At teaching scale the runs end at a hundredth of the paper's epochs (the CNNs even earlier), with fewer
# permutations and trees. They cannot show what a network forgets later, so the checks of claims 7 and 8 may
# come out differently at full length; the longer runs above decide. A run has one seed unless `n_seeds` says
# otherwise. The paper does not say how many runs its panels show.

# %% [markdown]
# ## Change something
#
# ```bash
# memlib run fig1 --panels a,d
# memlib run fig1 --panels a -p perturbation_kind=rotate -p "perturbations=[5,15,45]"
# memlib run fig1 --panels d -p classifier=nearest_neighbours
# ```

# %% [markdown]
# ## Exercises
#
# ### Exercise 1, look: what dropout does to the null
#
# Panels a and d are the same network without and with dropout. **Predict first:** which of the two
# has the higher 5 % null after 300 epochs on 400 images? Does it also have the higher red curve?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# Dropout hides random units at every step: can units that may be missing identify a single image?
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# from memlib import panels_of, run_figure
# from memlib.papers.chaibub_neto_2018 import null_mean
#
# result = run_figure(
#     "fig1", panels=["a", "d"], n_images=400, epochs=300,
#     n_measured_epochs=4, n_trees=50, n_jobs=1
# )
# nulls, validation = {}, {}
# for panel, dataset in panels_of(result).items():
#     nulls[panel] = null_mean(dataset, 0.05)
#     validation[panel] = dataset["validation_accuracy"].mean("seed").values
#     print(panel, "null", nulls[panel].round(3), "validation", validation[panel].round(3))
# ```
#
# The null of a lies above that of d, while both curves end close together. Remembering less costs d nothing on
# new images. Nor does it gain anything by that alone: in the longer runs above e remembers least, and does not
# end above d.
#
# </details>
#
# ### Exercise 2, change: before the first step
#
# Now do not train at all: a learning rate of nearly 0 leaves the random first weights as they are.
# **Predict first:** is the 5 % null at chance? And the observed score?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# Are the features of two different images the same when the weights are random?
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# from memlib import VERDICTS, panels_of, run_figure
#
# result = run_figure(
#     "fig1", panels=["a"], learning_rate=1e-30, epochs=1,
#     n_measured_epochs=1, n_images=400, n_trees=50, n_jobs=1
# )
# least = panels_of(result)["a"].isel(seed=0, epoch=0, perturbation=0)
# null, observed = float(least["null_accuracy"].mean()), float(least["observed_accuracy"])
# verdict = VERDICTS[int(least["verdict"])]
# print(f"null {null:.3f}, observed {observed:.3f}: {verdict}")
# ```
#
# Both lie above chance. Random weights mix the pixels but keep images apart, so that a forest can recognize
# single images *and* tell pullovers from coats. So the verdict alone says nothing about training: always
# compare a trained network with the one it started from.
#
# </details>
#
# ### Exercise 3, explain: labels that mean nothing
#
# {cite:t}`zhang2017` trained networks on shuffled labels. Do so here, with rmsProp to be quick.
# **Predict first:** what will the red curve show? And will the test say that the network has
# *learned*?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# For the test the labels that count are those the network was trained on, here the shuffled ones.
# Does its last hidden layer carry them?
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# from memlib import panels_of, run_figure
#
# found = {}
# for share in (0.0, 1.0):
#     result = run_figure(
#         "fig1", panels=["a"], shuffled_labels=share,
#         optimizer="rmsprop", n_images=400, epochs=300,
#         n_measured_epochs=1, n_trees=50, n_jobs=1
#     )
#     last = panels_of(result)["a"].isel(seed=0, epoch=-1, perturbation=0)
#     found[share] = {
#         "observed": float(last["observed_accuracy"]),
#         "null": float(last["null_accuracy"].mean()),
#         "p": float(last["p_value"]),
#         "validation": float(last["validation_accuracy"]),
#     }
#     print(share, found[share])
# ```
#
# The red curve stays near chance: there is nothing to generalize. The p-value is small all the
# same, for the features do carry the labels of the training images. *Learned*, in the paper's
# sense, means that the features go with the labels they were trained on. Whether this holds for new
# images, only the red curve can say.
#
# </details>

# %% [markdown]
# ## Summary
#
# Real images: every network learns, and at first every null lies above chance, so it memorizes, too. In the
# deeper network with dropout (e) the 5 % null comes down almost to chance in longer runs, and the verdict is
# *learned*; after a tenth of the paper's epochs gentler copies ([Figure 2](fig2)) are still recognized. How
# high a null lies depends on the perturbation as much as on the network, so compare networks at one colour,
# never across colours.
#
# ## How this page was made

# %% tags=["hide-input"]
Markdown(provenance_table(result))
