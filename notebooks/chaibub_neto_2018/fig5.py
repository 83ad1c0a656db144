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

# %% tags=["hide-input", "full-width"]
from IPython.display import Markdown, display

from memlib import describe_shipped, panels_of, run_figure, stored_siblings
from memlib.papers.chaibub_neto_2018 import (
    check_claims, check_stored, describe_length, describe_stored,
    shipped_summary, show_figure, show_longest, show_shipped,
    stored_scales, summarize_longest, summary_table,
)
from memlib.report import claims_table, provenance_table

display(show_longest("fig5"))
Markdown(describe_stored("fig5"))

# %% [markdown]
# The red curve stays at chance: noise has nothing to generalize from. *Learned* says here that the training labels
# can be read off copies of the training inputs, and no more. Watch the blue boxes of d and e: they
# fall, rise again when learning sets in, and fall once more. As in Figure 1, the convolutional
# networks (c, f) differ most from seed to seed.

# %% tags=["hide-input", "full-width"]
Markdown(summarize_longest("fig5"))

# %% [markdown]
# ## Against the paper
#
# Six claims. The {term}`onset` is the first measured epoch from which on the score stays well above the
# null, as the median of the seeds. Onset and peak are known to the next measured epoch only.

# %% tags=["hide-input", "full-width", "claims-table"]
Markdown(claims_table(check_stored("fig5")))

# %% [markdown]
# ## Your own run
#
# The fall and rise of panel d take about 1,500 epochs: `memlib run fig5 --panels d -p epochs=1500`.

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
    "fig5", scale, seed=seed, n_seeds=n_seeds, panels=panels,
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
Markdown(claims_table(check_claims(stored_siblings(result), figure="fig5")))

# %% [markdown]
# ## Other stored runs

# %% tags=["hide-input", "full-width"]
for other in stored_scales("fig5")[1:]:
    display(show_shipped("fig5", other))
    display(Markdown(shipped_summary("fig5", other)))

# %% tags=["remove-input"]
Markdown("\n\n".join(describe_shipped("fig5", one) for one in ("paper", "tenth")))

# %% [markdown]
# ## The method
#
# As in [Figure 1](fig1), with training and validation pixels drawn from a normal distribution of mean 0
# and variance 1. The {term}`s-validation sets <s-validation set>` shuffle 5 %, 10 % and 100 % of these
# values, and are scored by {eq}`eq-score`. Training and
# validation images now share nothing at all, while training images and their perturbed copies still do.
# A network *learns* here in the sense of the test: the classifier names the copies better than it could if
# the features only told single images apart.

# %% [markdown]
# ## The dataset
#
# The same groups as in Figure 1.

# %%
print(next(iter(panels_of(result).values())))

# %% [markdown]
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
# from memlib import panels_of, run_figure
# from memlib.papers.chaibub_neto_2018 import null_mean
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
# from memlib import panels_of, run_figure
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
# from memlib import panels_of, run_figure
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
# Nothing changes beyond chance: new pairs of noise and label are as good as the old ones. So *learning* on
# noise finds nothing in the data. The network carries the given labels into its features. On images, too, only
# the red curve tells the two apart.
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
