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
# # Figure 3: five times as many images
#
# The four MLPs are trained on 10,000 images in place of 2,000. The paper's claim: slightly less
# memorization, slightly better generalization, and otherwise the same patterns.

# %% tags=["hide-input", "full-width"]
from IPython.display import Markdown, display

from memlib import describe_shipped, panels_of, run_figure, stored_siblings
from memlib.papers.chaibub_neto_2018 import (
    check_claims, check_stored, describe_length, describe_stored,
    shipped_summary, show_figure, show_longest, show_shipped,
    stored_scales, summarize_longest, summary_table,
)
from memlib.report import claims_table, provenance_table

show_longest("fig3")

# %% tags=["remove-input"]
Markdown(describe_stored("fig3"))

# %% [markdown]
# Compare panel by panel with [Figure 1](fig1): the blue boxes lie lower from the first epoch on, and the red
# curves end higher. Mind the axis: an epoch here has five times as many steps.

# %% tags=["hide-input", "full-width"]
Markdown(summarize_longest("fig3"))

# %% [markdown]
# ## Against the paper
#
# Two of the three claims compare this figure with Figure 1, on the epochs that both runs reach.

# %% tags=["hide-input", "full-width", "claims-table"]
Markdown(claims_table(check_stored("fig3")))

# %% [markdown]
# ## Your own run
#
# Five times the images take five times as long, so the short run stops after 250 epochs. A middle way is
# `memlib run fig3 --panels a -p n_images=4000 -p epochs=100`.

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
    "fig3", scale, seed=seed, n_seeds=n_seeds, panels=panels,
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
Markdown(claims_table(check_claims(stored_siblings(result), figure="fig3")))

# %% [markdown]
# ## Other stored runs

# %% tags=["hide-input", "full-width"]
for other in stored_scales("fig3")[1:]:
    display(show_shipped("fig3", other))
    display(Markdown(shipped_summary("fig3", other)))

# %% tags=["remove-input"]
Markdown("\n\n".join(describe_shipped("fig3", one) for one in ("paper", "tenth")))

# %% [markdown]
# ## The method
#
# As in [Figure 1](fig1), scored by {eq}`eq-score`, on a {term}`training set` that contains that of
# Figure 1. An {term}`epoch` now has five times as many mini-batches, so at the same epoch a network has
# taken five times as many steps. With more images to hold apart in the same 16 features, each one's
# neighbourhood shrinks, and its perturbed copy more often lands among others.

# %% [markdown]
# ## The dataset
#
# The same dims as in Figure 1; every shuffle now moves 10,000 labels.

# %%
print(next(iter(panels_of(result).values())))

# %% [markdown]
# ## Limits
#
# At teaching scale these runs end earlier than Figure 1's. The stored longer runs end at a tenth of the
# paper's epochs, with three seeds. Figures 1 and 3 differ in the number of steps, too, and in how many
# images share the 16 features: no run here tells the three apart.

# %% [markdown]
# ## Change something
#
# ```bash
# memlib run fig3 --panels a -p epochs=50
# memlib run fig3 --panels a -p n_images=4000 -p epochs=100
# ```

# %% [markdown]
# ## Exercises
#
# ### Exercise 1, look: more images, the same features
#
# Before you compare nulls of 2,000 and 10,000 images: let there be no network at all, only features
# drawn at random. **Predict first:** does the null change when the number of samples grows and
# nothing else?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# How many strangers lie between a copy and its original?
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# from memlib import compute_null
# from memlib.papers.chaibub_neto_2018 import planted_features
#
# means = []
# for n in (100, 400, 1600):
#     labels, training, copies = planted_features("memorized", n, 0.1)
#     null = compute_null(training, labels, {"": copies}, n_permutations=19, n_trees=50)
#     means.append(float(null["null_accuracy"].mean()))
#     print(n, round(means[-1], 3))
# ```
#
# It falls. Among more samples more strangers lie near, and a copy is taken for one of them. So part
# of what looks like less memorization with more data is a matter of crowding. To tell it from the
# network's doing, compare networks at one number of images, or extract the features of the *same*
# images.
#
# </details>
#
# ### Exercise 2, change: a network on 200 and on 800 images
#
# **Predict first:** train panel a on 200 and on 800 images. Which way do the null and the red curve
# go?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# The chapter's claim, on a smaller scale. Mind exercise 1 when you explain the null.
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# from memlib import panels_of, run_figure
# from memlib.papers.chaibub_neto_2018 import null_mean
#
# nulls, validation = [], []
# for n in (200, 800):
#     result = run_figure(
#         "fig3", panels=["a"], n_images=n, epochs=100,
#         n_measured_epochs=1, n_trees=50, n_jobs=1
#     )
#     dataset = panels_of(result)["a"]
#     nulls.append(float(null_mean(dataset, 0.05)[-1]))
#     validation.append(float(dataset["validation_accuracy"][0, -1]))
#     print(n, "null", round(nulls[-1], 3), "validation", round(validation[-1], 3))
# ```
#
# The null falls and the red curve rises, as in the paper. This comparison cannot say how much of the fall is
# crowding.
#
# </details>
#
# ### Exercise 3, explain: epochs or steps?
#
# An epoch of four times as many images has four times as many steps. **Predict first:** after the
# same number of *epochs*, which of the two networks has the lower training loss? And after the same
# number of *steps*?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# Give the larger set a quarter of the epochs.
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# from memlib import panels_of, run_figure
#
# losses = {}
# for n, epochs in ((256, 80), (1024, 80), (1024, 20)):
#     result = run_figure(
#         "fig3", panels=["a"], n_images=n, epochs=epochs,
#         n_measured_epochs=1, n_trees=50, n_jobs=1
#     )
#     loss = float(panels_of(result)["a"]["network_train_loss"][0, -1])
#     losses[n, epochs] = loss
#     print(f"{n} images, {epochs} epochs, {epochs * n // 128} steps: loss {loss:.3f}")
# ```
#
# After the same epochs the larger set is far ahead; after the same steps the two are close. So on
# an axis of epochs Figures 1 and 3 differ in two things at once. To change one thing only, hold the
# number of steps.
#
# </details>

# %% [markdown]
# ## Summary
#
# The longer runs above, beside those of Figure 1: with five times as many images the 5 % null, mean over seeds,
# is lower from the first epoch on, before training has done much, so not all of it is the network's doing
# (exercise 1). In a, b and d it also peaks no later, because an epoch has more steps. Every network ends by
# naming new images better, by more than seeds differ. Which network memorizes more than which is as in Figure
# 1; in e the 5 % null ends at chance.
#
# ## How this page was made

# %% tags=["hide-input"]
Markdown(provenance_table(result))
