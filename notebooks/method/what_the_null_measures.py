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
# # What the null measures
#
# A shallow classifier that was fitted on shuffled labels beats chance on a copy only if one vote outweighs the
# random votes of all the others: that of the training sample the copy came from, its {term}`twin`. For
# classifiers that are linear in the labels this is a formula, and the null of {cite:t}`chaibubneto2018` can be
# written down without a single shuffle.

# %% tags=["parameters"]
seed: int = 0  # base seed of images, weights and shuffles
n_images: int = 2000  # training images, half of each class
n_epochs: int = 20  # training epochs, enough for features that tell coats
shares: list[float] = [0.01, 0.05, 0.1, 1.0]  # shares of pixels shuffled
n_permutations: int = 100  # shuffles of the labels, B
n_trees: int = 100  # trees of the forest, fewer than in longer runs to be quick
data: str = "fashion_mnist_pullover_coat"  # bundled name, or path of a file of two classes

# %%
import numpy as np
import torch
from IPython.display import Markdown
from matplotlib.figure import Figure
from scipy.special import ndtr
from threadpoolctl import threadpool_limits

from memlib import build_network, extract_learned_features, load_data, strength_label
from memlib.papers.chaibub_neto_2018 import ARCHITECTURES

# %%
from memlib import (
    NeighboursSmoother, RidgeSmoother, compute_null, expected_null_accuracy,
    expected_null_accuracy_neighbours, make_s_validation_set, make_step,
    margin_moments, train_network,
)
from memlib.report import markdown_table, picture

# %% [markdown]
# ## Step 1: learned features
#
# Train the first network of the paper, panel a, for a few epochs. Keep what its last hidden layer makes of the
# training images and of their copies. The training set itself, with nothing shuffled, marks one end of the
# scale: there each sample *is* its own twin.

# %%
torch.set_num_threads(1)  # small products: more threads would wait for each other
threadpool_limits(1)
images = load_data(data, n_images=n_images, seed=seed)
network = build_network(ARCHITECTURES["a"], seed=seed)
step = make_step(network, optimizer="sgd", learning_rate=0.01)
for _ in train_network(
    step, images.train_images, images.train_labels, epochs=[n_epochs], seed=seed
):
    pass

# %%
sets = {}
for share in [0.0, *shares]:
    copies = make_s_validation_set(images.train_images, share, seed=seed)
    sets[share] = extract_learned_features(network, copies)
training = sets[0.0]
names = [strength_label(share, "1") for share in sets]

# %% [markdown]
# ## Step 2: weights instead of a fit
#
# Code the two labels as $y_j = -1$ and $y_j = 1$. Some classifiers predict the sign of a weighted sum,
#
# $$
# \hat{y}_i = \sum_{j=1}^{n} K_{ij} \, y_j ,
# $$ (eq-smoother)
#
# where $K_{ij}$ says how much training sample $j$ counts for copy $i$. If the weights depend on the features
# alone, the classifier is *linear in the labels*, and $K$ is called a {term}`smoother`. Two examples:
#
# - **ridge** regression on the labels, next of kin to the linear discriminant: with centred training
#   features $X$, their mean $\bar{x}$ and a small penalty $\alpha$,
#
#   $$
#   K_{ij} = \frac{1}{n} + (x_i - \bar{x})^{\top} (X^{\top} X + \alpha I)^{-1} X_j ;
#   $$
#
# - the **five nearest neighbours**: $K_{ij} = \frac{1}{5}$ if $j$ is among the five training samples nearest
#   to copy $i$, and 0 otherwise.
#
# Shuffling the labels leaves $K$ as it is. So all shuffles together are one matrix product.

# %%
ridge = RidgeSmoother(training)
neighbours = NeighboursSmoother(training)
example = {
    "ridge": ridge.weights(sets[0.0])[0],
    "nearest neighbours": neighbours.weights(sets[0.0])[0],
}
rows = [
    [name, f"{row[0]:.4f}", f"{row[1:].mean():.4f}", f"{(row[1:] != 0).sum():,}"]
    for name, row in example.items()
]
header = ["sample 0", "its own weight", "mean of the others", "others that count"]
Markdown(markdown_table(header, rows))

# %% [markdown]
# Ridge gives every sample a small vote; the neighbours give a few samples a large one. Keep this difference in
# mind.
#
# ## Step 3: one sample's margin
#
# Algorithm 1 scores a prediction against the same shuffled label. It is right when the *margin*
# $m_i = y_i \hat{y}_i$ is above 0. Since $y_i^2 = 1$, the twin's part can be taken out of the sum:
#
# $$
# m_i = K_{ii} + \sum_{j \ne i} K_{ij} \, y_i y_j .
# $$ (eq-margin)
#
# The first term of {eq}`eq-margin` does not care about labels: it is the *signal*. The second one is *noise*, for whether
# another sample happens to carry the same label as $i$ is a toss of a coin. Almost: with half of the labels
# of each kind, all $y_j$ add up to 0, therefore $\sum_{j \ne i} y_i y_j = -1$, and each of these products has
# the mean $-1/(n-1)$. The sample's own label is gone from the urn. So the mean margin is
#
# $$
# E(m_i) = K_{ii} - \bar{K}_i , \qquad \bar{K}_i = \frac{1}{n-1} \sum_{j \ne i} K_{ij} .
# $$ (eq-mean-margin)
#
# For the variance, write $v$ for the variance of a product $y_i y_j$ and $c$ for the covariance of two of them.
# A sum that never varies needs $v + (n-2) \, c = 0$. Hence
#
# $$
# \mathrm{Var}(m_i) = (v - c) \sum_{j \ne i} (K_{ij} - \bar{K}_i)^2 = n \, s_i^2 ,
# $$ (eq-variance)
#
# because $v = 1 - 1/(n-1)^2$; here $s_i^2 = \frac{1}{n-1} \sum_{j \ne i} (K_{ij} - \bar{K}_i)^2$ measures how
# unequal the weights of the others are. Up to here nothing is approximate.
#
# ## Step 4: the null in closed form
#
# The noise is a sum over many samples. If none of them dominates, it is nearly normal, with the mean
# {eq}`eq-mean-margin` and the variance {eq}`eq-variance`, and
#
# $$
# P(m_i > 0) \approx \Phi\left( \frac{K_{ii} - \bar{K}_i}{\sqrt{n} \, s_i} \right)
# \approx \Phi\left( \frac{K_{ii}}{\sqrt{\sum_{j \ne i} K_{ij}^2}} \right) ,
# $$ (eq-closed-form)
#
# where the last form holds when the weights of the others nearly add up to 0. The mean over all
# samples is the null accuracy to be expected. `expected_null_accuracy` computes it from the first form.
#
# ```{margin}
# $\Phi$ is the distribution function of the standard normal: one half at 0, nearly 1 at 3.
# ```
#
# **Predict first:** ridge has one coefficient per feature, and there are many more samples than features. Will
# its null for nearly unperturbed copies be close to 1, or close to one half?


# %%
def null_of(name, **options):
    options = {"n_permutations": n_permutations, "seed": seed} | options
    null = compute_null(training, images.train_labels, sets, classifier=name, **options)
    return null["null_accuracy"]


nulls = {name: null_of(name) for name in ("ridge", "nearest_neighbours")}
weights = {share: ridge.weights(copies) for share, copies in sets.items()}
closed = {"ridge": [expected_null_accuracy(one) for one in weights.values()]}


# %%
def against_permutations(name):
    """Closed form, mean of the permutations, standard error of it, difference in errors."""
    mean = nulls[name].mean("permutation").values
    error = nulls[name].std("permutation", ddof=1).values / n_permutations**0.5
    return [
        [f"{one:.4f}", f"{by_shuffles:.4f}", f"{e:.4f}", f"{(by_shuffles - one) / e:+.1f}"]
        for one, by_shuffles, e in zip(closed[name], mean, error, strict=True)
    ]


header = ["closed form", "permutations", "standard error", "difference in errors"]
moments = [[f"{part.mean():.4f}" for part in margin_moments(one)] for one in weights.values()]
table = zip(names, moments, against_permutations("ridge"), strict=True)
rows = [[name, *signal_and_noise, *scores] for name, signal_and_noise, scores in table]
Markdown(markdown_table(["shuffled", "mean signal", "mean noise", *header], rows))

# %% [markdown]
# The formula and the shuffles agree to within the randomness of the shuffles. And the null stays close to one
# half even where nothing was perturbed: the twin's weight is a small part of the noise.
#
# ## Step 5: why a linear classifier cannot remember
#
# On its own training set and without penalty, ridge is a projection: $K K = K$ and $K = K^{\top}$. Two facts
# follow. The weights $K_{ii}$ add up to the rank of the projection, one for the intercept and one for each
# feature, so that a sample's own weight is that number over $n$ on average. And
# $\sum_j K_{ij}^2 = K_{ii}$, so that
#
# $$
# \frac{K_{ii} - \bar{K}_i}{\sqrt{n} \, s_i} \approx \sqrt{\frac{p}{n}}
# $$ (eq-rank)
#
# for $p$ features and $n$ much larger. The classifier has $p + 1$ numbers in which to keep $n$ labels. It has
# to share them out, and each sample gets little. The penalty takes a little more away.

# %%
projection = RidgeSmoother(training, alpha=0.0).weights(training)
n_features = int(np.linalg.matrix_rank(training - training.mean(axis=0)))
Markdown(
    f"Features that vary: {n_features}. Sum of the samples' own weights: "
    f"**{np.trace(projection):.2f}** without penalty, "
    f"{np.trace(weights[0.0]):.2f} with it; their mean without penalty: "
    f"**{np.trace(projection) / n_images:.4f}**. Null expected without penalty: "
    f"**{expected_null_accuracy(projection):.4f}**; by the square root alone: "
    f"{ndtr((n_features / n_images) ** 0.5):.4f}."
)

# %% [markdown]
# The last number, from {eq}`eq-rank`, treats all samples alike. In truth a few unusual images hold more than
# their share of the weights; because of the square root they gain less than the others lose. So the full
# formula gives a little less.
#
# A null near one half from a linear classifier says little about the network. The features may keep every image
# apart; this classifier could not show it.
#
# ## Step 6: neighbours, exactly
#
# Five votes are too few for a normal approximation, but few enough to count. Suppose the twin is among the
# five. Then one vote is right for certain, and two of the other four must be right as well. With a fair coin
# for each of the four that has the probability $\left( 6 + 4 + 1 \right) / 16$. Suppose it is not: then three of five coins
# must be right, which is one half. Hence
#
# $$
# E(\text{null}) \approx \frac{1}{2} + \frac{3}{16} \, q ,
# $$ (eq-neighbours)
#
# where $q$ is the share of copies that find their twin among their five neighbours. The exact form draws the
# other labels from the urn without putting them back: `expected_null_accuracy_neighbours`.
#
# **Predict first:** what is the largest null that five neighbours can have?

# %%
nearest = [neighbours.neighbours(copies) for copies in sets.values()]
closed["nearest_neighbours"] = [expected_null_accuracy_neighbours(one) for one in nearest]
twins = np.arange(n_images)[:, None]
found = [f"{(one == twins).any(axis=1).mean():.1%}" for one in nearest]
table = zip(names, found, against_permutations("nearest_neighbours"), strict=True)
rows = [[name, q, *scores] for name, q, scores in table]
Markdown(markdown_table(["shuffled", "twin among the five", *header], rows))

# %% [markdown]
# Here the null simply counts the twins that are found again, on another scale {eq}`eq-neighbours`. It cannot
# exceed the first row, where all are found. It falls with the perturbation exactly as fast as twins get lost
# among the other samples.
#
# ## Step 7: the forest
#
# A random forest ({cite:t}`breiman2001`) is not linear in the labels, since its trees are grown to fit them. But once
# grown, a tree votes with the samples in the leaf that a copy falls into. Grown out, a leaf holds few of
# them, and a tree whose bootstrap sample has drawn the twin ends near it. About
# $1 - 1/e$ of the trees have drawn it. So the twin's weight is large, and the other trees, which
# have not, scatter their votes over the neighbourhood.
#
# **Predict first:** will the forest's null lie near that of ridge, near that of the neighbours, or above both?

# %%
n_forests = max(1, n_permutations // 5)  # shuffles, each a forest of its own
nulls["random_forest"] = null_of("random_forest", n_permutations=n_forests, n_trees=n_trees)
means = {name: null.mean("permutation").values for name, null in nulls.items()}
rows = [
    [label, *(f"{mean[place]:.3f}" for mean in means.values())] for place, label in enumerate(names)
]
header = ["shuffled", *(name.replace("_", " ") for name in nulls)]
Markdown(markdown_table(header, rows))


# %%
def draw_nulls(ax, theme):
    """Draw the shuffles of three classifiers as dots, the closed form as a dash."""
    inks = (theme.colours[0.05], theme.colours[0.10], theme.colours[1.0])
    for place, (name, null) in enumerate(nulls.items()):
        x = np.arange(len(sets)) + 0.27 * (place - 1)
        dots = null.transpose("perturbation", "permutation").values
        ax.plot(x, dots, ".", color=inks[place], markersize=4, alpha=0.4)
        ax.plot([], [], ".", color=inks[place], label=name.replace("_", " "))
        if name in closed:
            ax.plot(x, closed[name], "_", color=theme.ink, markersize=16)
    ax.plot([], [], "_", color=theme.ink, markersize=12, label="closed form")
    ax.axhline(0.5, color=theme.ink, linewidth=0.6, linestyle="--")
    ax.set_xticks(range(len(sets)), names)


# %%
def draw(theme):
    figure = Figure(figsize=(6.8, 3.6), layout="constrained")
    ax = figure.subplots()
    draw_nulls(ax, theme)
    ax.set_xlabel("share of pixels shuffled", color=theme.ink)
    ax.set_ylabel("null accuracy", color=theme.ink)
    ax.tick_params(colors=theme.ink)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(theme.faint)
    ax.legend(frameon=False, labelcolor=theme.ink, fontsize=9)
    return figure


# %%
levels = "; ".join(
    f"{name.replace('_', ' ')} "
    + ", ".join(f"{one:.2f} at {at}" for one, at in zip(mean, names, strict=True))
    for name, mean in means.items()
)
picture(
    draw,
    alt=f"Null accuracies of three classifiers over the share of pixels shuffled. "
    f"Means: {levels}. The closed form lies in the middle of the dots.",
    caption=f"{n_images:,} images, panel a after {n_epochs} epochs. Dots: shuffles "
    f"({n_permutations}; forest {n_forests}, {n_trees} trees). "
    "Dash: closed form, without a shuffle. Broken line: chance.",
)

# %% [markdown]
# The same network, the same features, the same copies, and three nulls. The forest is the most local of the
# three: it knows unmoved copies by heart, while among five neighbours the four others outvote the twin nearly a
# third of the time. Its lead shrinks as the copies move away. Ridge hardly leaves chance at all. All three come
# down to chance when the copies have nothing left of their twins.
#
# ## What this means for reading a null
#
# Three things set its height: how much of the single image the *network* kept in its features, how far the
# *perturbation* moved the copy, and how local the *classifier* is. Only the first is a property
# of the network. So compare networks with the same classifier, the same sets and the same $n$, and read a
# null at one half as "this classifier does not find the twin", not as "the network forgot the image".
#
# ## Limits
#
# The closed form is for two classes of one size. For a smoother whose weight rests on a few samples the
# normal approximation is off by some thousandths; count them instead, as in step 6. It gives the mean of the null, not
# its width: samples that lie close together are right or wrong together, which makes the null wider than
# independent samples would.
#
# ## Change something
#
# ```bash
# memlib run what_the_null_measures -p n_images=200
# memlib run what_the_null_measures -p n_epochs=1 -p n_permutations=400
# ```
#
# With fewer images ridge has fewer labels to keep in the same few numbers. Which way will its null move?

# %% [markdown]
# ## Exercises
#
# ### Exercise 1, look: one neighbour, five, twenty-five
#
# Let the copies be the training samples themselves. **Predict first:** how high is the null of
# *one* nearest neighbour? Does it rise or fall with the number of neighbours?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# The nearest neighbour of a training sample is that sample.
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# import numpy as np
# from sklearn.neighbors import KNeighborsClassifier
# from memlib import compute_null
#
# features = np.random.default_rng(0).normal(size=(200, 2))
# labels = np.arange(200) % 2
# means = {}
# for k in (1, 5, 25):
#     null = compute_null(
#         features, labels, {0: features},
#         classifier=KNeighborsClassifier(k), n_permutations=50,
#     )
#     means[k] = float(null["null_accuracy"].mean())
# print(means)
# ```
#
# One neighbour is always right: it *is* the twin. With more voters the twin is outvoted more often,
# and the null falls towards chance, though the features stayed the same. The classifier sets the
# scale.
#
# </details>
#
# ### Exercise 2, change: can ridge remember after all?
#
# Ridge kept its null near one half because it had few features and many samples. **Predict first:** what
# happens when the number of features comes near the number of samples?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# Step 5: a sample's own weight is the number of features, plus one, over the number of samples.
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# import numpy as np
# from memlib import compute_null
#
# labels = np.arange(200) % 2
# means = []
# for n_features in (5, 50, 150):
#     features = np.random.default_rng(0).normal(size=(200, n_features))
#     null = compute_null(features, labels, {0: features}, classifier="ridge", n_permutations=50)
#     means.append(float(null["null_accuracy"].mean()))
#     print(n_features, round(means[-1], 3))
# ```
#
# Its null rises towards 1: with as many numbers as labels it can keep them all. What kept ridge from
# remembering was not that it is linear; it had too few numbers. The networks here end in 16 units, so that a
# linear classifier on their features stays blind.
#
# </details>
#
# ### Exercise 3, explain: read the number of twins from a null
#
# For five neighbours, the null is $\frac{1}{2} + \frac{3}{16} q$. **Predict first:** can you read the share $q$
# of twins found again from the null alone, without looking at the neighbours? How well?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# Turn the formula round, and count the twins by `NeighboursSmoother` for comparison.
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# import numpy as np
# from memlib import NeighboursSmoother, compute_null
#
# rng = np.random.default_rng(0)
# features = rng.normal(size=(400, 2))
# copies = features + 0.15 * rng.normal(size=features.shape)
# null = compute_null(
#     features, np.arange(400) % 2, {0.15: copies},
#     classifier="nearest_neighbours", n_permutations=400,
# )
# from_null = (float(null["null_accuracy"].mean()) - 0.5) * 16 / 3
# nearest = NeighboursSmoother(features).neighbours(copies)
# counted = (nearest == np.arange(400)[:, None]).any(axis=1).mean()
# print(f"from the null {from_null:.3f}, counted {counted:.3f}")
# ```
#
# They agree up to the randomness of the shuffles, which the factor $16/3$ amplifies. So for this classifier the
# null has a unit that we can name: the share of images still recognized. For a forest there is no such formula,
# so its null orders features but counts no images.
#
# </details>

# %% [markdown]
# ## Summary
#
# The null is a contest: the weight of a sample's own perturbed twin against the noise of all the others. A
# linear classifier on few features spreads its weights so thinly that the twin hardly ever decides, and
# its null stays near chance whatever the features hold. Neighbours and forests are local, so their
# null rises with the number of images that can still be told from all others.
