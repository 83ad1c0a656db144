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
scale: str = "teaching"  # smoke (seconds), teaching (minutes) or paper (the paper's own size)
seed: int = 0  # base seed of the first run
n_seeds: int = 1  # runs, with seeds seed, seed + 1, ...
panels: list[str] | None = None  # networks, for example ["a", "d"]; None: all of this figure
epochs: int | None = None  # training epochs of the MLPs; None here and below: as the scale says
cnn_epochs: int | None = None  # training epochs of the CNNs
n_measured_epochs: int | None = None  # how many of them are measured, log-spaced
optimizer: str | None = None  # "sgd" or "rmsprop"
learning_rate: float | None = None  # step size; None: 0.01 for sgd, 0.001 for rmsprop
batch_size: int | None = None  # images in a mini-batch; None: 128
inputs: str | None = None  # "images", or "noise": Gaussian noise in their place
noise_sd: float | None = None  # standard deviation of that noise; None: 1
n_images: int | None = None  # training images, both classes together
n_validation_images: int | None = None  # independent validation images
perturbation_kind: str | None = None  # "shuffle", "rotate", "add_noise" or "occlude"
perturbations: list[float] | None = None  # strengths, for shuffle the shares of pixels
n_permutations: int | None = None  # shuffles of the labels in each null
n_trees: int | None = None  # trees of the random forest
classifier: str | None = None  # shallow classifier, for example "nearest_neighbours"
data: str = "fashion_mnist_pullover_coat"  # bundled name, or path of a labelled file

# %% [markdown]
# These are the choices behind this page. Every one may be changed: here in Jupyter, or with
# `-p name=value` on the command line. Imports first; all of the work is in `memlib`.

# %%
from IPython.display import Markdown

from memlib.claims import check_claims
from memlib.pictures import show_figure
from memlib.runs import run_figure, stored_siblings
from memlib.tables import claims_table, provenance_table, summary_table

# %% [markdown]
# ## The method
#
# As in [Figure 1](fig1), with training and validation pixels drawn from a normal distribution of mean 0
# and variance 1. The s-validation sets shuffle 5 %, 10 % and 100 % of these values. Training and
# validation images now share nothing at all, while training images and their perturbed copies still do.
# A network *learns* here in the sense of the test: its features carry the labels of its training images
# to their perturbed copies better than features that only know one image from another would.

# %%
changes = dict(
    seed=seed, n_seeds=n_seeds, panels=panels, epochs=epochs, cnn_epochs=cnn_epochs,
    n_measured_epochs=n_measured_epochs, optimizer=optimizer, learning_rate=learning_rate,
    batch_size=batch_size, inputs=inputs, noise_sd=noise_sd, n_images=n_images,
    n_validation_images=n_validation_images, perturbation_kind=perturbation_kind,
    perturbations=perturbations, n_permutations=n_permutations, n_trees=n_trees,
    classifier=classifier, data=data,
)
result = run_figure("fig5", scale, **changes)

# %% [markdown]
# ## The dataset
#
# The same groups as in Figure 1.

# %%
print(result[f"panel_{next(iter(result.children)).removeprefix('panel_')}"].to_dataset())

# %% [markdown]
# ## The figure
#
# The boxes are the nulls: accuracies of classifiers that were given shuffled labels. A box above the
# horizontal line is memorization. A curve above the boxes of its own colour is learning.

# %%
show_figure(result)

# %% [markdown]
# In numbers, for the least perturbed set:

# %%
Markdown(summary_table(result))

# %% [markdown]
# ## Against the paper
#
# The paper's six claims of this figure. For onset and peak we state the measured epoch nearest to the
# event; the grid of epochs limits how precisely it is known.

# %%
Markdown(claims_table(check_claims(stored_siblings(result), figure="fig5")))

# %% [markdown]
# A cross marks a check that failed. *Partly* means that at least half of a claim's checks hold; *not
# yet run*, that a figure the claim compares with is not stored at this scale.
#
# ## Limits
#
# The CNNs are trained for far fewer epochs at teaching scale than in the paper, too few for panel f to
# peak and forget. The variance of the noise is not stated in the paper; ours is 1.

# %% [markdown]
# ## Change something
#
# ```bash
# memlib run fig5 --panels d -p epochs=1500
# memlib run fig5 --panels d -p noise_sd=0.3
# memlib run fig5 --panels a,d -p inputs=images
# ```

# %% [markdown]
# ## Summary
#
# With dropout a network on noise first forgets what its random weights tell apart, then, at a sudden
# onset, memorizes and learns at once, and at last forgets the single images while it keeps the labels.
# The red curve never leaves chance: learning, in this sense, is not generalization.
#
# ## How this page was made

# %%
Markdown(provenance_table(result))
