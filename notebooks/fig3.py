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

# %% tags=["parameters"]
scale: str = "teaching"  # "smoke", "teaching", "tenth" or "paper"
seed: int = 0  # base seed of the first run
# Below, None stands for what the figure or the scale declares.
n_seeds: int | None = None  # runs: seeds seed, seed + 1, ...
panels: list[str] | None = None  # networks, like ["a", "d"]
epochs: int | None = None  # training epochs, MLPs
cnn_epochs: int | None = None  # training epochs, CNNs
n_measured_epochs: int | None = None  # of these measured
optimizer: str | None = None  # "sgd" or "rmsprop"
learning_rate: float | None = None  # 0.01, rmsprop 0.001
batch_size: int | None = None  # images in a mini-batch
inputs: str | None = None  # "images" or "noise"
noise_sd: float | None = None  # of the noise inputs
n_images: int | None = None  # training images in all
n_validation_images: int | None = None  # independent ones
perturbation_kind: str | None = None  # "shuffle", "rotate", ...
perturbations: list[float] | None = None  # their strengths
n_permutations: int | None = None  # shuffles of the labels
n_trees: int | None = None  # trees of the random forest
classifier: str | None = None  # shallow classifier's name
feature_layer: str | None = None  # "last_hidden", ...
loss: str | None = None  # "binary" or "categorical"
initial_weights: str | None = None  # "glorot", "he", "torch"
rmsprop_decay: float | None = None  # 0.9
rmsprop_epsilon: float | None = None  # 1e-7
pixel_scale: str | None = None  # "unit", "standardized", "raw"
shuffled_labels: float | None = None  # share, before training
conv_stride: int | None = None  # of the CNNs
precision: str | None = None  # "float32" or "bfloat16"
device: str | None = None  # "auto", "cpu" or "cuda"
data: str = "fashion_mnist_pullover_coat"  # or a path

# %% [markdown]
# These are the choices behind this page. Every one may be changed: here in Jupyter, or with
# `-p name=value` on the command line. Imports first; all of the work is in `memlib`.

# %%
from IPython.display import Markdown

from memlib.papers.chaibub_neto_2018.claims import check_claims
from memlib.papers.chaibub_neto_2018.pictures import show_figure, show_shipped
from memlib.results.schema import panels_of
from memlib.runs.figure import run_figure, stored_siblings
from memlib.runs.shipped import describe_shipped
from memlib.report.tables import claims_table, provenance_table
from memlib.papers.chaibub_neto_2018.tables import shipped_summary, summary_table

# %% [markdown]
# ## The method
#
# As in [Figure 1](fig1), scored by {eq}`eq-score`, on a {term}`training set` that contains that of
# Figure 1. An {term}`epoch` now has five times as many mini-batches, so at the same epoch a network has
# taken five times as many steps. With more images to hold apart in the same 16 features, each one's
# neighbourhood shrinks, and its perturbed copy more often lands among others.

# %%
changes = dict(
    seed=seed, n_seeds=n_seeds, panels=panels, data=data,
    epochs=epochs, cnn_epochs=cnn_epochs,
    n_measured_epochs=n_measured_epochs, batch_size=batch_size,
    optimizer=optimizer, learning_rate=learning_rate,
    inputs=inputs, noise_sd=noise_sd, n_images=n_images,
    n_validation_images=n_validation_images,
    perturbation_kind=perturbation_kind, perturbations=perturbations,
    n_permutations=n_permutations, n_trees=n_trees, classifier=classifier,
    feature_layer=feature_layer, loss=loss,
    initial_weights=initial_weights, pixel_scale=pixel_scale,
    rmsprop_decay=rmsprop_decay, rmsprop_epsilon=rmsprop_epsilon,
    shuffled_labels=shuffled_labels, conv_stride=conv_stride,
    precision=precision, device=device,
)
result = run_figure("fig3", scale, **changes)

# %% [markdown]
# ## The dataset
#
# The same dims as in Figure 1; every permutation now shuffles 10,000 labels.

# %%
print(next(iter(panels_of(result).values())))

# %% [markdown]
# ## The figure
#
# The boxes are the nulls: accuracies of classifiers that were given shuffled labels. A box above the
# dashed line (chance) is memorization. A curve above the boxes of its own colour is learning.
#
# ### At the paper's scale
#
# As far as it has been run; the datasets come with this book, in `data/results`.

# %% tags=["hide-input", "full-width"]
show_shipped("fig3", "paper")

# %% tags=["remove-input"]
Markdown(describe_shipped("fig3", "paper"))

# %% [markdown]
# ### A tenth of the epochs, three seeds
#
# How far do runs differ that differ only in their seed? Thin lines are single seeds, their scores and the
# medians of their nulls; boxes pool the nulls.

# %% tags=["hide-input", "full-width"]
show_shipped("fig3", "tenth")

# %% [markdown]
# In numbers, for the least perturbed set, with the smallest and the largest of the seeds in brackets:

# %% tags=["hide-input", "full-width"]
Markdown(shipped_summary("fig3", "tenth"))

# %% tags=["remove-input"]
Markdown(describe_shipped("fig3", "tenth"))

# %% [markdown]
# ### This run

# %% tags=["hide-input", "full-width"]
show_figure(result)

# %% [markdown]
# In numbers, for the least perturbed set:

# %% tags=["hide-input", "full-width"]
Markdown(summary_table(result))

# %% [markdown]
# ## Against the paper
#
# Two of these claims compare with Figure 1. They are checked on the epochs that both runs reach, at
# the same scale and seed.

# %% tags=["hide-input", "full-width", "claims-table"]
Markdown(claims_table(check_claims(stored_siblings(result), figure="fig3")))

# %% [markdown]
# A cross marks a check that failed. *Partly* means that at least half of a claim's checks hold, or that
# panels the claim speaks of were left out; *not yet run*, that a figure or panels the claim
# compares are not stored at this scale, or that this run is no longer the paper's figure. [Which claims
# hold](claims) has all claims on the most complete runs that come with this book.
#
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
# Write down what you expect before you open a solution. The code is complete in itself: paste it into a
# new cell or a Python session of the checkout; each takes seconds.
#
# ### Exercise 1, look: more images, the same features
#
# Before you compare nulls of 2,000 and 10,000 images: let there be no network at all, only features
# drawn at random. **Predict first:** does the null change when the number of samples grows and
# nothing else?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# How many strangers stand between a copy and its original?
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# from memlib.method.null import compute_null
# from memlib.papers.chaibub_neto_2018.planted import planted_features
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
# from memlib.papers.chaibub_neto_2018.quantities import null_mean
# from memlib.results.schema import panels_of
# from memlib.runs.figure import run_figure
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
# The null falls and the red curve rises, as in the paper. How much of the fall is crowding, this
# comparison cannot say.
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
# from memlib.results.schema import panels_of
# from memlib.runs.figure import run_figure
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
# The longer runs above, beside those of Figure 1: with five times as many images the 5 % null, mean over
# seeds, is lower from the first epoch on, before training has done much, so not all of it is the network's
# doing (exercise 1). In a, b and d the null is highest no later than there, for an epoch has more steps. Every network ends by naming new
# images better, by more than seeds differ. Which network memorizes more than which is as in Figure 1; in e
# the 5 % null ends at chance.
#
# ## How this page was made

# %% tags=["hide-input"]
Markdown(provenance_table(result))
