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
# # s-validation sets by eye
#
# The whole method rests on one construction: a copy of the training set in which every image is
# disturbed a little (section 3 of {cite:t}`chaibubneto2018`). Here are such copies, to look at.

# %% tags=["parameters"]
seed: int = 0  # base seed: which images, and which of their pixels
n_examples: int = 6  # images shown
shares: list[float] = [0.0, 0.01, 0.05, 0.1, 1.0]  # shares of pixels shuffled, 0 to 1
angles: list[float] = [15.0, 45.0]  # rotations, in degrees
data: str = "fashion_mnist_pullover_coat"  # bundled name, or path of a labelled file

# %%
from IPython.display import Markdown

from memlib import load_data, make_s_validation_set, strength_label
from memlib.report import markdown_table, picture, plot_images

# %% [markdown]
# ## One row for each set
#
# An {term}`s-validation set` (s for shared structure) holds each training image once, with the same label and
# in the same order. To disturb an image the paper shuffles a fixed share of its pixels: the values at some
# positions trade places. We draw these positions at random, afresh for every image (the paper does not say;
# [open choices](open_choices) has what the other reading changes). Nothing is added and nothing lost, so each
# image keeps its histogram. Rotation is named as an alternative.
#
# **Before you look on:** above which share could you no longer tell a pullover from a coat?

# %%
images = load_data(data, n_images=2000, seed=seed).train_images
rows = {}
for kind, strengths, units in (
    ("shuffle", shares, "1"), ("rotate", angles, "degree")
):
    for strength in strengths:
        label = f"{kind} {strength_label(strength, units)}"
        rows[label] = make_s_validation_set(
            images, strength, kind=kind, seed=seed
        )

# %%
shown = {label: perturbed[:n_examples] for label, perturbed in rows.items()}
picture(
    lambda theme: plot_images(shown, theme=theme),
    alt=f"{n_examples} pullovers and coats in {len(rows)} rows: "
    f"{', '.join(rows)}.",
    caption="The same training images in every row, "
    "pullover and coat in turn.",
)

# %% [markdown]
# The first row is the training set itself. With all pixels shuffled, garment and background mix, and only the
# brightness values are left. [Disturb them yourself](../by_eye.md) has a slider from 0 to 100 % for the same
# images.
#
# ## How much has changed, in numbers
#
# Two quantities, averaged over all 2,000 training images: how many pixels have changed, and how strongly the
# copy still correlates with the original. Fewer pixels change than are shuffled, since many are empty and trade
# zeros.

# %%
import numpy as np

original = images.reshape(len(images), -1)
table = []
for label, perturbed in rows.items():
    flat = perturbed.reshape(len(images), -1)
    changed = (flat != original).mean()
    pairs = zip(original, flat, strict=True)
    correlation = np.mean([np.corrcoef(*pair)[0, 1] for pair in pairs])
    kept = np.array_equal(np.sort(flat, axis=1), np.sort(original, axis=1))
    row = [label, f"{changed:.1%}", f"{correlation:.3f}", "yes" if kept else "no"]
    table.append(row)
header = ["set", "pixels changed", "correlation", "histogram kept"]
Markdown(markdown_table(header, table))

# %% [markdown]
# ## Why this helps
#
# A training image and its copy share two kinds of structure. One goes with the label: it is shared with other
# pullovers, and with validation images, too. The other is that of the single image: this fold, that button. The
# paper calls them {term}`label structure` and {term}`background structure`. A classifier that names the label
# of a copy better than chance must have used one of them. The test finds out which by shuffling the labels:
# [Algorithm 1 by hand](algorithm_1_by_hand).
#
# ## Change something
#
# ```bash
# memlib run s_validation_by_eye -p "shares=[0.0,0.2,0.5]" -p "angles=[90.0,180.0]"
# ```

# %% [markdown]
# ## Exercises
#
# ### Exercise 1, look: how many pixels change?
#
# Shuffle 5 % of the pixels. **Predict first:** do more than 5 % of the pixels change, exactly 5 %, or fewer?
# And if the images are pure noise?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# Nothing is seen when two empty pixels trade places.
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# import numpy as np
# from memlib import load_data, make_s_validation_set
#
# images = load_data(n_images=400).train_images
# noise = np.random.default_rng(0).normal(size=images.shape)
# changed = {}
# for name, pixels in {"images": images, "noise": noise}.items():
#     changed[name] = float((make_s_validation_set(pixels, 0.05) != pixels).mean())
# print(changed)
# ```
#
# Fewer: a shuffle may leave a pixel where it was, and two equal values that trade places do not show. In noise
# no two values are equal, so only the first reason remains. The same share therefore disturbs noise more than
# images: one more reason not to compare levels across inputs.
#
# </details>
#
# ### Exercise 2, change: what each kind keeps
#
# There are five kinds of perturbation: `shuffle`, `shuffle_shared` (the same positions in all
# images), `rotate`, `add_noise`, `occlude`. **Predict first:** which of them keep every image's
# histogram?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# Sort the pixels of an image and of its copy: equal histograms give equal lists.
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# import numpy as np
# from memlib import load_data, make_s_validation_set
#
# images = load_data(n_images=100).train_images
# kinds = dict(shuffle=0.05, shuffle_shared=0.05, rotate=15, add_noise=0.05, occlude=0.05)
# kept = {}
# for kind, strength in kinds.items():
#     copies = make_s_validation_set(images, strength, kind=kind)
#     before, after = (np.sort(x.reshape(len(x), -1)) for x in (images, copies))
#     kept[kind] = np.array_equal(before, after)
# print(kept)
# ```
#
# Only the two shuffles. Rotation mixes neighbouring pixels and loses corners, noise changes all
# values, and an occlusion hides some. A network that looks at brightness alone would score the same
# on the shuffled sets as on the training set, whatever their strength.
#
# </details>
#
# ### Exercise 3, explain: a shuffle that all images share
#
# Shuffle *all* pixels, once afresh for every image and once in the same way for all. **Predict first:** in
# which of the two sets do the distances between the images stay what they were? Would you expect its null to
# lie above chance?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# A network without convolutions does not know which pixels are neighbours. And which two sets does
# the test compare?
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# import numpy as np
# from scipy.spatial.distance import pdist
# from memlib import load_data, make_s_validation_set
#
# images = load_data(n_images=200).train_images
# distances = pdist(images.reshape(200, -1))
# same = {}
# for kind in ("shuffle", "shuffle_shared"):
#     copies = make_s_validation_set(images, 1.0, kind=kind).reshape(200, -1)
#     same[kind] = np.allclose(pdist(copies), distances, rtol=1e-4)
# print(same)
# ```
#
# A shared shuffle only renames the pixels: the set of copies holds all the structure that the
# training set holds, and a new network could be trained on it as well. But the test fits on the
# *originals* and asks for the *copies*. Between these two the twin is lost either way, so expect a
# null near chance. An s-validation set measures what two sets share, not how orderly one of them
# is.
#
# </details>

# %% [markdown]
# ## Summary
#
# An s-validation set is the training set, disturbed. The share of shuffled pixels sets how much structure
# both still have in common: all of it at 0 %, almost none at 100 %. The level of every score on these sets
# depends on that share, so only networks that were tested on the *same* sets can be compared.
