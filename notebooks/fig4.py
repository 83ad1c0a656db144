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
# # Figure 4: rmsProp
#
# The four MLPs are trained with rmsProp in place of stochastic gradient descent. The paper's claim:
# an adaptive optimizer can follow other memorization dynamics.

# %% tags=["parameters"]
scale: str = "teaching"  # "smoke", "teaching" or "paper"
seed: int = 0  # base seed of the first run
n_seeds: int = 1  # runs: seeds seed, seed + 1, ...
# Below, None stands for what the figure or the scale declares.
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

from memlib.claims import check_claims
from memlib.pictures import show_figure, show_shipped
from memlib.results import panels_of
from memlib.runs import run_figure, stored_siblings
from memlib.shipped import describe_shipped
from memlib.tables import claims_table, provenance_table, summary_table

# %% [markdown]
# ## The method
#
# As in [Figure 1](fig1), with each weight's step scaled by a running mean of its squared gradients,
#
# $$
# v \leftarrow 0.9\, v + 0.1\, g^2, \qquad w \leftarrow w - \eta\, \frac{g}{\sqrt{v} + \epsilon},
# $$
#
# with $\eta = 0.001$ and $\epsilon = 10^{-7}$, as Keras had it when the paper was written. The paper does not
# state these constants. Steps stay large where gradients become small, so that training goes much
# faster through the stages that take plain descent thousands of epochs.

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
result = run_figure("fig4", scale, **changes)

# %% [markdown]
# ## The dataset
#
# The same dims as in Figure 1.

# %%
print(next(iter(panels_of(result).values())))

# %% [markdown]
# ## The figure
#
# The boxes are the nulls: accuracies of classifiers that were given shuffled labels. A box above the
# horizontal line is memorization. A curve above the boxes of its own colour is learning.
#
# ### At the paper's scale
#
# What comes with this book, in `data/results`:

# %% tags=["hide-input", "full-width"]
show_shipped("fig4", "paper")

# %% tags=["hide-input"]
Markdown(describe_shipped("fig4", "paper"))

# %% [markdown]
# ### A tenth of the epochs, several seeds
#
# How far do runs differ that differ only in their seed? Thin lines are single seeds, boxes pool their
# nulls.

# %% tags=["hide-input", "full-width"]
show_shipped("fig4", "tenth")

# %% tags=["hide-input"]
Markdown(describe_shipped("fig4", "tenth"))

# %% [markdown]
# ### This run

# %% tags=["hide-input", "full-width"]
show_figure(result)

# %% [markdown]
# In numbers, for the least perturbed set:

# %% tags=["hide-input"]
Markdown(summary_table(result))

# %% [markdown]
# ## Against the paper
#
# The one claim compares with Figure 1 at the same scale and seed.

# %% tags=["hide-input"]
Markdown(claims_table(check_claims(stored_siblings(result), figure="fig4")))

# %% [markdown]
# A cross marks a check that failed. *Partly* means that at least half of a claim's checks hold, or that
# panels the claim speaks of were left out; *not yet run*, that a figure the claim compares with is not
# stored at this scale, or that this run is no longer the paper's figure. [Which claims
# hold](claims) has all claims on the runs at the paper's scale.
#
# ## Limits
#
# The paper does not say *which* other dynamics, so the claim is easy to meet: read the picture. The
# constants of rmsProp are our choice (Keras' defaults).

# %% [markdown]
# ## Change something
#
# ```bash
# memlib run fig4 --panels a -p learning_rate=0.0001
# memlib run fig4 --panels d,e --seed 1
# ```

# %% [markdown]
# ## Summary
#
# The optimizer alone changes when a network memorizes and when it forgets, with data and architecture
# unchanged.
#
# ## How this page was made

# %% tags=["hide-input"]
Markdown(provenance_table(result))
