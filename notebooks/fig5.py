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
# # Figure 5: Gaussian noise in place of the images
#
# Every pixel is replaced by Gaussian noise, the labels are kept. There is nothing to generalize from, and
# yet, the paper claims, the networks not only memorize: they learn.

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
# As in [Figure 1](fig1), with training and validation pixels drawn from a normal distribution of mean 0
# and variance 1. The {term}`s-validation sets <s-validation set>` shuffle 5 %, 10 % and 100 % of these
# values, and are scored by {eq}`eq-score`. Training and
# validation images now share nothing at all, while training images and their perturbed copies still do.
# A network *learns* here in the sense of the test: the classifier names the copies better than it could if
# the features only told single images apart.

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
result = run_figure("fig5", scale, **changes)

# %% [markdown]
# ## The dataset
#
# The same groups as in Figure 1.

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
show_shipped("fig5", "paper")

# %% tags=["remove-input"]
Markdown(describe_shipped("fig5", "paper"))

# %% [markdown]
# ### A tenth of the epochs (CNNs: a fifth), three seeds
#
# How far do runs differ that differ only in their seed? Thin lines are single seeds, their scores and the
# medians of their nulls; boxes pool the nulls. Here, too, the seeds of the convolutional
# networks (c, f) lie furthest apart.

# %% tags=["hide-input", "full-width"]
show_shipped("fig5", "tenth")

# %% [markdown]
# In numbers, for the least perturbed set, with the smallest and the largest of the seeds in brackets:

# %% tags=["hide-input", "full-width"]
Markdown(shipped_summary("fig5", "tenth"))

# %% tags=["remove-input"]
Markdown(describe_shipped("fig5", "tenth"))

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
# The paper's six claims of this figure. The {term}`onset` is the first measured epoch from which on the
# score stays well above the null, the median of the seeds; the peak is a measured epoch, too. The grid of
# epochs limits how precisely they are known.

# %% tags=["hide-input", "full-width", "claims-table"]
Markdown(claims_table(check_claims(stored_siblings(result), figure="fig5")))

# %% [markdown]
# A cross marks a check that failed. *Partly* means that at least half of a claim's checks hold, or that
# panels the claim speaks of were left out; *not yet run*, that a figure or panels the claim
# compares are not stored at this scale, or that this run is no longer the paper's figure. [Which claims
# hold](claims) has all claims on the most complete runs that come with this book.
#
# ## Limits
#
# The CNNs are trained for far fewer epochs at teaching scale than in the paper, too few for panel f to begin
# to learn; panel e begins only near the end of such a run, if at all. The variance of the noise is not stated
# in the paper; ours is 1.

# %% [markdown]
# ## Change something
#
# ```bash
# memlib run fig5 --panels d -p epochs=1500
# memlib run fig5 --panels d -p noise_sd=0.3
# memlib run fig5 --panels a,d -p inputs=images
# ```

# %% [markdown]
# ## Exercises
#
# Write down what you expect before you open a solution. The code is complete in itself: paste it into a
# new cell or a Python session of the checkout; each takes seconds.
#
# ### Exercise 1, look: the red curve
#
# **Predict first:** can a network trained on noise name the labels of *new* noise? Where does the
# red curve end, and where the observed score?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# What do two noise images of one label have in common?
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
#     "fig5", panels=["a"], n_images=400, epochs=300,
#     n_measured_epochs=1, n_trees=50, n_jobs=1
# )
# dataset = panels_of(result)["a"]
# null = float(null_mean(dataset, 0.05)[-1])
# observed = float(dataset["observed_accuracy"].sel(perturbation=0.05)[0, -1])
# validation = float(dataset["validation_accuracy"][0, -1])
# print(f"null {null:.3f}, observed {observed:.3f}, validation {validation:.3f}")
# ```
#
# The red curve stays at chance: nothing is shared by new noise. The observed score is high all the
# same, and above the null. The network has made structure of its own that goes with the labels, and
# finds it again in the perturbed copies.
#
# </details>
#
# ### Exercise 2, change: twice the noise
#
# Multiply the noise by two and by a half (`noise_sd`). **Predict first:** does the s-validation set
# of 5 % become harder? What about the speed of training?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# A shuffle moves pixels, whatever their scale. But the gradient of a weight is proportional to what
# enters it.
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# from memlib.results.schema import panels_of
# from memlib.runs.figure import run_figure
#
# losses = []
# for sd in (0.5, 1.0, 2.0):
#     result = run_figure(
#         "fig5", panels=["a"], noise_sd=sd, n_images=400, epochs=100,
#         n_measured_epochs=1, n_trees=50, n_jobs=1
#     )
#     losses.append(float(panels_of(result)["a"]["network_train_loss"][0, -1]))
#     print(sd, round(losses[-1], 3))
# ```
#
# Larger inputs train faster: the loss after as many epochs is lower. The perturbation relative to
# the image is the same for all three. So the paper's silence about the variance of its noise moves
# the epochs at which things happen.
#
# </details>
#
# ### Exercise 3, explain: which labels?
#
# On noise, labels are as good as random from the start. **Predict first:** shuffle them once more
# before training. Does the observed score change, or the null?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# Could anybody tell a noise image of a pullover from a noise image of a coat?
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# from memlib.results.schema import panels_of
# from memlib.runs.figure import run_figure
#
# found = {}
# for share in (0.0, 1.0):
#     result = run_figure(
#         "fig5", panels=["a"], shuffled_labels=share, n_images=400,
#         epochs=300, n_measured_epochs=1, n_trees=50, n_jobs=1
#     )
#     last = panels_of(result)["a"].isel(seed=0, epoch=-1, perturbation=0)
#     found[share] = float(last["observed_accuracy"]), float(last["null_accuracy"].mean())
#     print("shuffled", share, "observed and null", found[share])
# ```
#
# Nothing changes but by accident: pairs of noise and label are drawn anew, and are as good as
# before. So *learning* on noise is no discovery in the data. It is the network that carries given
# labels into its features, and the same runs on images need the red curve to tell the two apart.
#
# </details>

# %% [markdown]
# ## Summary
#
# With dropout a network on noise first forgets what its random weights tell apart. Then, within a few measured
# epochs, it learns, and memorizes more again (in e only a little); at last it forgets the single images while
# it keeps the labels. The red curve never leaves chance: learning, in this sense, is not generalization.
#
# ## How this page was made

# %% tags=["hide-input"]
Markdown(provenance_table(result))
