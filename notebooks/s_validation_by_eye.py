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

from memlib.data import load_data
from memlib.perturb import make_s_validation_set
from memlib.pictures import picture
from memlib.plots import plot_images, strength_label
from memlib.tables import markdown_table

# %% [markdown]
# ## One row for each set
#
# An *s-validation set* (s for shared structure) holds each training image once, with the same label and
# in the same order. To disturb an image the paper shuffles a fixed share of its pixels: some positions
# are drawn at random, afresh for every image, and the values at these positions trade places. Nothing
# is added and nothing lost, so each image keeps its histogram. Rotation is named as an alternative.
#
# **Before you look on:** from which share on would you no longer tell a pullover from a coat?

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
# The first row is the training set itself. In the row with all pixels shuffled the background is gone
# as well: what is left of an image is how bright it is on the whole. Move a slider from 0 to 100 % over
# the same images in [Disturb them yourself](../by_eye.md).
#
# ## How much has changed, in numbers
#
# Two quantities, averaged over all 2,000 training images: how many pixels hold another value than
# before, and how strongly the copy still correlates with the original. Fewer pixels change than are
# shuffled, since many of them are background and trade zeros.

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
# A training image and its copy share two kinds of structure. One goes with the label: it is shared with
# other pullovers, and with validation images, too. The other is that of the single image: this fold, that
# button. The paper calls them *label structure* and *background structure*. A classifier that names the
# label of a copy better than chance must have used one of them. Which one, the test finds out by
# taking the labels away: [Algorithm 1 by hand](algorithm_1_by_hand).
#
# ## Summary
#
# An s-validation set is the training set, disturbed. The share of shuffled pixels sets how much structure
# both still have in common: all of it at 0 %, almost none at 100 %. The level of every score on these sets
# depends on that share, so only networks that were tested on the *same* sets can be compared.
#
# ## Change something
#
# ```bash
# memlib run s_validation_by_eye -p shares=[0.0,0.2,0.5] -p angles=[90.0,180.0]
# ```
