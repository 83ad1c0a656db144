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
# # Algorithm 1 by hand
#
# Did a network learn, memorize, both, or neither? Here is the test of {cite:t}`chaibubneto2018` (sections 4
# and 5), step by step on a case small enough to see through, with each of the four answers produced
# on purpose.

# %% tags=["parameters"]
seed: int = 0  # base seed of features, shuffles and forests
n_samples: int = 300  # training samples, half of each class
n_permutations: int = 100  # shuffles of the labels, B
n_trees: int = 200  # trees of the random forest
disturbance: float = 0.1  # of a feature, standard deviation

# %%
from IPython.display import Markdown
from sklearn.ensemble import RandomForestClassifier

from memlib.null import VERDICTS, chance_accuracy, compute_null
from memlib.pictures import picture
from memlib.planted import planted_features, plot_cases
from memlib.seeds import stream
from memlib.tables import markdown_table

# %% [markdown]
# ## Step 1: features of two sets
#
# The test never sees images. It sees what the network's last hidden layer makes of them: *learned
# features* of the training set, and of an s-validation set in which every training image was
# disturbed a little. Here we make up both, with two features a sample. Each sample has a place of its
# own, at random, which says nothing about its label; its copy lies `disturbance` away.

# %%
labels, training, copies = planted_features(
    "memorized", n_samples, disturbance, seed=seed
)
print(labels[:8], training[:3].round(2), copies[:3].round(2), sep="\n")

# %% [markdown]
# ## Step 2: the observed score
#
# Fit a shallow classifier on the training features with the true labels, and count how many copies it
# gets right. The paper takes a random forest.

# %%
def accuracy(fit_labels, score_labels, tree_seed):
    forest = RandomForestClassifier(n_trees, random_state=tree_seed)
    predicted = forest.fit(training, fit_labels).predict(copies)
    return (predicted == score_labels).mean(), predicted


observed, _ = accuracy(labels, labels, 0)
Markdown(f"Observed score: **{observed:.3f}**")

# %% [markdown]
# Well above one half, though the features know nothing of the labels. So a good score on
# s-validation sets does not show that anything was learned.
#
# ## Step 3: shuffle, fit, score
#
# Now shuffle the training labels and fit again. Nothing that goes with the labels can be learned any more.
# Score the copies twice: against the *same shuffled labels* the forest was given, as Algorithm 1 says,
# and against the true ones.
#
# **Predict first:** which of the two is at one half?

# %%
shuffled = stream(seed, "by hand").permutation(labels)
same, predicted = accuracy(shuffled, shuffled, 1)
true, _ = accuracy(shuffled, labels, 1)
Markdown(
    f"Against the same shuffled labels: **{same:.3f}**. "
    f"Against the true labels: {true:.3f}. Chance, from the class "
    f"frequencies: {chance_accuracy(shuffled, predicted):.3f}."
)

# %% [markdown]
# The forest reproduces labels it could only have learned by heart: it finds, for each copy, the
# training sample it came from. This is what the paper means by memorization, measured without
# training the network on shuffled labels.
#
# ## Step 4: do it B times
#
# One shuffle is an accident; all of them are the *permutation null*. `compute_null` does this, with a fast
# forest, and adds two p-values,
#
# $$
# p = \frac{1 + \#\{b : A_b \ge A_{\text{observed}}\}}{1 + B}, \qquad
# p_{\text{mem}} = \frac{1 + \#\{b : A_b \le \text{chance}\}}{1 + B},
# $$
#
# where chance is $\sum_k p_k q_k$, with $p_k$ the share of label $k$ and $q_k$ that of prediction $k$. The added
# ones keep a p-value from being 0 ({cite:t}`phipsonsmyth2010`).

# %%
null = compute_null(
    training, labels, {disturbance: copies},
    n_permutations=n_permutations, n_trees=n_trees, seed=seed,
)
print(null)

# %% [markdown]
# ## Step 5: read the verdict
#
# The rule of this book, after section 5 of the paper:
#
# - **memorized** when at most 5 % of the null lies at or below chance, $p_{\text{mem}} \le 0.05$;
# - **learned** when at most 5 % of the null reaches the observed score, $p \le 0.05$.
#
# Both, one, or neither may hold. Four kinds of features make all four verdicts:
#
# | planted | a sample's features | its copy's features |
# |---|---|---|
# | neither | a random place | another random place |
# | memorized | a random place | nearly the same place |
# | learned | a place drawn around its label | another place drawn around its label |
# | both | a place drawn around its label | nearly the same place |

# %%
nulls = {}
for case in ("neither", "memorized", "learned", "both"):
    labels, training, copies = planted_features(
        case, n_samples, disturbance, seed=seed
    )
    nulls[case] = compute_null(
        training, labels, {case: copies},
        n_permutations=n_permutations, n_trees=n_trees, seed=seed,
    )

# %%
picture(
    lambda theme: plot_cases(nulls, theme=theme),
    alt="Null as dots, observed score as a line and chance as a dotted "
    "line, for four planted cases, each with its verdict.",
    caption=f"{n_permutations} permutations, {n_trees} trees, "
    f"{n_samples} samples a case.",
)

# %%
table = [
    [
        case,
        f"{float(ds['null_accuracy'].mean()):.3f}",
        f"{float(ds['observed_accuracy'].item()):.3f}",
        f"{float(ds['memorization_p_value'].item()):.3f}",
        f"{float(ds['p_value'].item()):.3f}",
        VERDICTS[int(ds["verdict"].item())].replace("_", " "),
    ]
    for case, ds in nulls.items()
]
header = ["planted", "null", "observed", "p mem", "p", "verdict"]
Markdown(markdown_table(header, table))

# %% [markdown]
# ## Limits
#
# With a 5 % rule, one case in twenty without any memorization (or learning) will be called so by
# accident. And with thousands of samples the null becomes so narrow that a trace of memorization is
# enough for the verdict: read the *level* of the null, not only the word. The paper itself advises to
# compare networks rather than to trust p-values, because the level depends on the perturbation.
#
# ## Change something
#
# ```bash
# memlib run algorithm_1_by_hand -p disturbance=0.5
# memlib run algorithm_1_by_hand -p n_permutations=19 -p n_samples=60
# ```
#
# ## Summary
#
# Shuffling labels leaves a classifier only one way to be right about a copy: to recognize the sample it
# came from. So the null's height above chance measures memorization, and what the true labels add to
# it measures learning.
