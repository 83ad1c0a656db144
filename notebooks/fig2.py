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
# # Figure 2: a perturbation of only 1 %
#
# The s-validation sets of Figure 1 are joined by one with 1 % of the pixels shuffled, eight pixels of
# 784. The paper's claim: measured memorization is considerably higher, and the comparisons stay the same.

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
# Nothing is computed again: networks and forests are those of [Figure 1](fig1), which were asked about this
# {term}`s-validation set` at the same time; it is scored as in {eq}`eq-score`. A
# gentler perturbation leaves an image's features closer to where they were, so a forest that has stored
# the image's label finds it again more often. The level of a {term}`null <permutation null>` thus
# measures the perturbation *and* the network; only networks measured with the same set can be compared.
#
# ```{margin}
# The images are the same at 1 % and at 5 %; what differs is how far each copy's features move away from
# those of its {term}`twin`.
# ```

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
result = run_figure("fig2", scale, **changes)

# %% [markdown]
# ## The dataset
#
# The same groups as in Figure 1, without the CNNs and with one more perturbation.

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
show_shipped("fig2", "paper")

# %% tags=["remove-input"]
Markdown(describe_shipped("fig2", "paper"))

# %% [markdown]
# ### A tenth of the epochs, three seeds
#
# How far do runs differ that differ only in their seed? Thin lines are single seeds, their scores and the
# medians of their nulls; boxes pool the nulls.

# %% tags=["hide-input", "full-width"]
show_shipped("fig2", "tenth")

# %% [markdown]
# In numbers, for the least perturbed set, with the smallest and the largest of the seeds in brackets:

# %% tags=["hide-input", "full-width"]
Markdown(shipped_summary("fig2", "tenth"))

# %% tags=["remove-input"]
Markdown(describe_shipped("fig2", "tenth"))

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
# Two claims rest on this figure.

# %% tags=["hide-input", "full-width", "claims-table"]
Markdown(claims_table(check_claims(stored_siblings(result), figure="fig2")))

# %% [markdown]
# A cross marks a check that failed. *Partly* means that at least half of a claim's checks hold, or that
# panels the claim speaks of were left out; *not yet run*, that a figure or panels the claim
# compares are not stored at this scale, or that this run is no longer the paper's figure. [Which claims
# hold](claims) has all claims on the most complete runs that come with this book.
#
# ## Limits
#
# The limits of [Figure 1](fig1) apply. The paper letters these panels a to d; we keep the letters of
# the networks in Figure 1 (a, b, d, e) so that a letter means one network throughout the book.

# %% [markdown]
# ## Change something
#
# ```bash
# memlib run fig2 -p "perturbations=[0.0,0.01,0.02,0.05]"
# memlib run fig2 --panels a,e --seed 1
# ```

# %% [markdown]
# ## Exercises
#
# Write down what you expect before you open a solution. The code is complete in itself: paste it into a
# new cell or a Python session of the checkout; each takes seconds.
#
# ### Exercise 1, look: eight pixels
#
# One per cent of 784 pixels are eight. **Predict first:** put the nulls of 1 %, 5 % and 100 % in
# order. Which of the observed scores moves least?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# How far does a copy move away from its original?
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
# result = run_figure(
#     "fig2", panels=["a"], perturbations=[0.01, 0.05, 1.0],
#     n_images=400, epochs=100, n_measured_epochs=1, n_trees=50,
#     n_jobs=1
# )
# dataset = panels_of(result)["a"]
# nulls = [float(null_mean(dataset, share)[-1]) for share in (0.01, 0.05, 1.0)]
# observed = dataset["observed_accuracy"].isel(seed=0, epoch=-1).values
# print("null", nulls, "observed", observed)
# ```
#
# The nulls stand in the order of the perturbation, the gentlest on top, though it is one and the
# same network. The observed scores of 1 % and 5 % lie much closer together than their nulls: eight
# pixels or forty, a pullover stays a pullover.
#
# </details>
#
# ### Exercise 2, change: no perturbation at all
#
# **Predict first:** what is the null at 0 %, when each copy *is* its original? Is this number a
# property of the network, or of the classifier?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# Ask two classifiers: the forest and ridge regression.
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# from memlib.results.schema import panels_of
# from memlib.runs.figure import run_figure
#
# nulls = {}
# for classifier in ("random_forest", "ridge"):
#     result = run_figure(
#         "fig2", panels=["a"], perturbations=[0.0],
#         classifier=classifier, n_images=400, epochs=20,
#         n_measured_epochs=1, n_trees=50, n_jobs=1
#     )
#     nulls[classifier] = float(panels_of(result)["a"]["null_accuracy"].mean())
# print(nulls)
# ```
#
# The forest is nearly perfect: it knows its own training samples by heart, whatever the network
# did. Ridge cannot. At 0 % the null measures the classifier's memory, and the perturbation is what
# turns it into a measurement of the network: how far may an image be disturbed before its features
# are another image's?
#
# </details>
#
# ### Exercise 3, explain: does the order depend on the strength?
#
# The chapter says that the order of networks carries over from one strength to another. **Predict
# first:** for a and d, where will the difference of their nulls be largest: at the gentlest
# perturbation, at the strongest, or in between?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# At both ends of the scale all nulls meet. Why?
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
# shares = [0.0, 0.01, 0.05, 0.2, 1.0]
# result = run_figure(
#     "fig2", panels=["a", "d"], perturbations=shares, n_images=400,
#     epochs=300, n_measured_epochs=1, n_trees=50, n_jobs=1
# )
# panels = panels_of(result)
# differences = []
# for share in shares:
#     a, d = (float(null_mean(panels[panel], share)[-1]) for panel in "ad")
#     differences.append(a - d)
#     print(f"{share:.0%}: a {a:.3f}, d {d:.3f}, difference {a - d:+.3f}")
# ```
#
# In between. At 0 % every forest remembers, at 100 % none recognizes anything, and networks can
# only differ where some copies are recognized and others are not. A perturbation that tells
# networks apart lies between the two, which is a reason to take several.
#
# </details>

# %% [markdown]
# ## Summary
#
# As a rule, a weaker perturbation raises the null. The order of the networks is what carries over, not the
# level.
#
# ## How this page was made

# %% tags=["hide-input"]
Markdown(provenance_table(result))
