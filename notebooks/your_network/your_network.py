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
# # Your own network
#
# Any torch module can be asked whether it learned or memorized, while it trains, by one call in the
# training loop it has. Here is one that differs from the paper's in classes, normalization and optimizer:
# ten digits, batch normalization, Adam.

# %% tags=["parameters"]
seed: int = 0  # base seed: weights, batches, perturbations, shuffles
epochs: list[int] = [1, 3, 10, 30, 100]  # after which the network is tested
shares: list[float] = [0.05, 0.1, 1.0]  # shares of pixels shuffled, 0 to 1
shifts: list[float] = [1.0, 2.0]  # in pixels, for a disturbance of our own
n_images: int = 600  # training images, of 1,797; the others validate
n_permutations: int = 40  # shuffles of the labels; 19 or more for a verdict
n_trees: int = 100  # trees of the random forest

# %%
import numpy as np
import torch
import xarray as xr
from IPython.display import Markdown
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from torch import nn

from memlib import VERDICTS, Data, shared_structure_test
from memlib.report import markdown_table, name_ends, picture, plot_panel

# %% [markdown]
# ## Your images
#
# Handwritten digits come with scikit-learn, 8 by 8 pixels each. `Data` takes arrays as the network
# takes them: (sample, row, column), or (sample, channel, row, column) for images in colour, of which
# a pixel is disturbed as a whole.

# %%
digits = load_digits()
images, labels = digits.images / 16, digits.target
data = Data(
    images[:n_images], labels[:n_images],
    images[n_images:], labels[n_images:],
)

# %% [markdown]
# ## Your network, your loop
#
# Nothing in this cell knows of memlib. The learned features will be what enters the network's last
# linear layer, here 16 values an image; another layer is named with `layer=`.

# %%
torch.set_num_threads(1)  # sums in the same order in every run
torch.manual_seed(seed)
network = nn.Sequential(
    nn.Flatten(),
    nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(),
    nn.Linear(64, 16), nn.ReLU(),
    nn.Linear(16, 10),
)
optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
x = torch.tensor(data.train_images, dtype=torch.float32)
y = torch.tensor(data.train_labels)

# %% [markdown]
# The last two lines of the loop are all that is added. The call propagates images with dropout off, batch
# normalization frozen, and leaves network and random numbers as it found them, so that training goes on as if
# nothing had happened.

# %%
tests = {}
for epoch in range(1, max(epochs) + 1):
    for batch in torch.randperm(len(x)).split(50):
        if len(batch) == 1:  # batch normalization takes two or more
            continue
        loss = nn.functional.cross_entropy(network(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch in epochs:
        tests[epoch] = shared_structure_test(
            network, data, perturbations=shares, seed=seed,
            n_permutations=n_permutations, n_trees=n_trees,
        )

# %% [markdown]
# ## The dataset
#
# One test is an `xarray.Dataset` with dims perturbation and permutation. Those of several epochs are joined
# along a new one; `joined.to_netcdf("digits.nc")` would keep them.

# %%
joined = xr.concat(tests.values(), "epoch", join="exact")
joined = joined.assign_coords(epoch=list(tests))
print(joined)

# %% [markdown]
# ## The figure
#
# **Predict first:** with ten classes, where is chance? Will the null rise and fall as it does for the paper's
# networks?

# %%
def draw(theme):
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    ax = plot_panel(joined, ax=figure.subplots(), theme=theme)
    name_ends(joined, ax=ax, theme=theme)
    ax.set_xlabel("training epoch", color=theme.ink)
    ax.set_ylabel("accuracy", color=theme.ink)
    return figure


# %% tags=["hide-input"]
picture(
    draw,
    alt="Nulls of each s-validation set as boxes over epochs, observed "
    "and validation accuracy as lines; the table below has the numbers.",
    caption=f"{n_images} training images, one seed, {n_permutations} "
    f"permutations, {n_trees} trees. Boxes: permutation null; lines of "
    "the same colour: observed accuracy; red: validation; dashed: chance.",
)

# %% [markdown]
# In numbers, for the least perturbed set:

# %% tags=["hide-input"]
least = joined.sel(perturbation=min(shares))
null = least["null_accuracy"].mean("permutation")
rows = [
    [
        epoch, f"{float(null.sel(epoch=epoch)):.3f}",
        f"{float(one['observed_accuracy']):.3f}",
        f"{float(one['validation_accuracy']):.3f}",
        VERDICTS[int(one["verdict"])].replace("_", " "),
    ]
    for epoch in tests for one in [least.sel(epoch=epoch)]
]
header = ["epoch", "null", "observed", "validation", "verdict"]
Markdown(markdown_table(header, rows))

# %% tags=["hide-input"]
Markdown(
    f"The null is highest at epoch **{int(null.idxmax())}** "
    f"({float(null.max()):.3f}) and ends at {float(null[-1]):.3f}; chance is "
    f"{float(joined['chance_accuracy'].mean()):.2f}."
)

# %% [markdown]
# Read it as the paper's figures: boxes above the dashed line are memorization, a line above the boxes
# of its own colour is learning. Colours are not to be compared, networks and epochs are.
#
# ## A disturbance of your own
#
# What counts as *the same image, a little changed* is yours to say. A function of images, strength and
# a random generator will do; here it moves each digit to the right. For text or sound it is often the
# only one that makes sense.

# %%
def shift(images, n_pixels, rng):
    return np.roll(images, round(n_pixels), axis=-1)


moved = shared_structure_test(
    network, data, perturbations=shifts, perturbation_kind=shift,
    seed=seed, n_permutations=n_permutations, n_trees=n_trees,
)

# %% tags=["hide-input"]
rows = [
    [
        f"{strength:g}", f"{float(one['null_accuracy'].mean()):.3f}",
        f"{float(one['observed_accuracy']):.3f}",
        VERDICTS[int(one["verdict"])].replace("_", " "),
    ]
    for strength in shifts for one in [moved.sel(perturbation=strength)]
]
Markdown(markdown_table(["shift", "null", "observed", "verdict"], rows))

# %% [markdown]
# The level of the null belongs to the disturbance as much as to the network: what this network knows of a
# single image does not survive a step to the side. To compare two networks, disturb their images in the
# same way.
#
# ## More
#
# - Features from elsewhere, of another framework or of no network at all, go to `memlib.compute_null`.
# - Any scikit-learn classifier may take the forest's place: `classifier=KNeighborsClassifier()`.
# - A network on a GPU stays there; images are brought to it batch by batch, in its own precision.
# - The tests of several seeds join along a dim `seed`; then boxes pool them and lines are drawn one a seed.
#
# ## Limits
#
# One seed and few images: an example, not a finding. The forest is fitted anew for every shuffle, so a test
# takes longer with more images, features, trees and classes; on the benchmark's machine it takes [this
# long](benchmark) for the paper's sizes. All cores take part unless `n_jobs` says otherwise, and a long test
# shows the time left.
#
# ## Change something
#
# ```bash
# memlib run your_network -p "shares=[0.2,0.5]"
# memlib run your_network -p n_images=1200 --seed 1
# ```

# %% [markdown]
# ## Exercises
#
# ### Exercise 1, look: two per cent of 64 pixels
#
# Shuffle 2 % of the pixels of a digit. **Predict first:** how many pixels change, and what is the
# verdict on an untrained network?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# The share is rounded to whole pixels. How many ways are there to permute one pixel?
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# import torch
# from sklearn.datasets import load_digits
# from torch import nn
# from memlib import VERDICTS, Data, make_s_validation_set, shared_structure_test
#
# digits = load_digits()
# images, labels = digits.images / 16, digits.target
# data = Data(images[:300], labels[:300], images[300:], labels[300:])
# changed = float((make_s_validation_set(data.train_images, 0.02) != data.train_images).mean())
# torch.manual_seed(0)
# network = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
# result = shared_structure_test(
#     network, data, perturbations=[0.02], n_permutations=19, n_trees=100
# )
# verdict = VERDICTS[int(result["verdict"].item())]
# print(changed, verdict)
# ```
#
# None, for one pixel can only trade places with itself: the s-validation set *is* the training set.
# The forest knows it by heart, with true and with shuffled labels alike, so that the verdict is
# *memorized*. Look at your s-validation set before you believe a null.
#
# </details>
#
# ### Exercise 2, change: shuffle the labels before training
#
# Train the network on digits whose labels were shuffled. **Predict first:** will the observed score
# lie above the null? And the validation accuracy above chance?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# The labels of the test are those the network was trained on. Are there patterns that go with them?
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# import numpy as np
# import torch
# from sklearn.datasets import load_digits
# from torch import nn
# from memlib import Data, shared_structure_test
#
# digits = load_digits()
# images, labels = digits.images / 16, digits.target
# labels[:600] = np.random.default_rng(0).permutation(labels[:600])
# data = Data(images[:600], labels[:600], images[600:], labels[600:])
# torch.manual_seed(0)
# network = nn.Sequential(
#     nn.Flatten(), nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(),
#     nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10)
# )
# optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
# x, y = torch.tensor(images[:600], dtype=torch.float32), torch.tensor(labels[:600])
# for _ in range(300):
#     for batch in torch.randperm(600).split(50):
#         loss = nn.functional.cross_entropy(network(x[batch]), y[batch])
#         optimizer.zero_grad()
#         loss.backward()
#         optimizer.step()
# result = shared_structure_test(
#     network, data, perturbations=[0.1], n_permutations=19, n_trees=100
# )
# observed = float(result["observed_accuracy"].item())
# null = float(result["null_accuracy"].max())
# validation = float(result["validation_accuracy"])
# print(observed, null, validation)
# ```
#
# The observed score lies above the whole null: the features hold what goes with *these* labels, though nobody
# else would call it knowledge, and the validation accuracy stays at chance. *Learned*, in the sense of the
# test, means tied to the training labels. The red line says whether it generalizes.
#
# </details>
#
# ### Exercise 3, explain: the deeper, the lower
#
# Test three layers of one trained network: the pixels, the first hidden layer, the last one.
# **Predict first:** in which order are their nulls, and their validation accuracies?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# What could a layer throw away, and what may it not throw away, if the next ones are to name the
# digit?
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# import torch
# from sklearn.datasets import load_digits
# from torch import nn
# from memlib import Data, shared_structure_test
#
# digits = load_digits()
# images, labels = digits.images / 16, digits.target
# data = Data(images[:600], labels[:600], images[600:], labels[600:])
# torch.manual_seed(0)
# network = nn.Sequential(
#     nn.Flatten(), nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(),
#     nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10)
# )
# optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
# x, y = torch.tensor(images[:600], dtype=torch.float32), torch.tensor(labels[:600])
# for _ in range(100):
#     for batch in torch.randperm(600).split(50):
#         loss = nn.functional.cross_entropy(network(x[batch]), y[batch])
#         optimizer.zero_grad()
#         loss.backward()
#         optimizer.step()
# nulls, validation = [], []
# for layer in ("1", "4", "6"):  # what enters each of the three linear layers
#     result = shared_structure_test(
#         network, data, perturbations=[0.1], layer=layer, n_permutations=19, n_trees=100
#     )
#     nulls.append(float(result["null_accuracy"].mean()))
#     validation.append(float(result["validation_accuracy"]))
#     print(layer, nulls[-1], validation[-1])
# ```
#
# The null falls from layer to layer. Training is not needed for that: repeat it with an untrained
# network, and it falls, too. A few shuffled pixels leave the other pixels as they were but move every
# unit a little, and sixteen numbers hold less than sixty-four, trained or not. The validation accuracy
# does not fall with it. So a null belongs to a layer; the paper asks the last hidden one, from whose
# features the network itself names the label.
#
# </details>

# %% [markdown]
# ## Summary
#
# Arrays, a network and one call in its own training loop give the paper's test with its whole null. The
# disturbance, the layer and the classifier are yours to choose; to compare two networks, choose the
# same.
