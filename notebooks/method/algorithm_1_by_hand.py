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

from memlib import VERDICTS, chance_accuracy, compute_null, stream
from memlib.papers.chaibub_neto_2018 import planted_features, plot_cases
from memlib.report import markdown_table, picture

# %% [markdown]
# ## Step 1: features of two sets
#
# The test never sees images. It sees what the network's last hidden layer makes of them:
# {term}`learned features` of the training set, and of an s-validation set in which every training image was
# disturbed a little. Here we make up both, with two features per sample. Each sample has a random place of its
# own that says nothing about its label; its copy lies `disturbance` away.

# %%
labels, training, copies = planted_features(
    "memorized", n_samples, disturbance, seed=seed
)
print(labels[:8], training[:3].round(2), copies[:3].round(2), sep="\n")

# %% [markdown]
# ## Step 2: the observed score
#
# Fit a {term}`shallow classifier` on the training features with the true labels, and count how many copies it
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
# The forest reproduces labels it could only have learned by heart: it finds, for many copies, the
# training sample they came from. This is what the paper means by memorization, measured without
# training the network on shuffled labels.
#
# ## Step 4: do it B times
#
# One shuffle is an accident; all of them are the {term}`permutation null`. `compute_null` does this, with a fast
# forest, and adds two {term}`p-values <p-value>`,
#
# $$
# p = \frac{1 + \#\{b : A_b \ge A_{\text{observed}}\}}{1 + B}, \qquad
# p_{\text{mem}} = \frac{1 + \#\{b : A_b \le \text{chance}_b\}}{1 + B},
# $$ (eq-p-values)
#
# where {term}`chance <chance level>` is $\sum_k p_k q_k$, with $p_k$ the share of label $k$ and $q_k$ that of prediction $k$ after
# shuffle $b$: a forest that names one class only is right as often as chance, and no better. The added
# ones keep a p-value from being 0 ({cite:t}`phipsonsmyth2010`).
#
# ```{margin}
# With $B$ shuffles no p-value is below $1/(B+1)$, so 0.05 needs at least 19.
# ```

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
# - **memorized** when at most 5 % of the null lies at or below its chance, $p_{\text{mem}} \le 0.05$;
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
        f"{float(ds['share_at_chance'].item()):.3f}",
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
# With a 5 % rule, one case in twenty without any learning will be called *learned* by accident. A false
# *memorized* is far rarer: without memory, chance lies in the middle of the null. The more samples, the
# narrower the null, and the less memorization it takes for the verdict. So read the *level* of the null, not
# only the word. The paper itself advises comparing networks rather than trusting p-values, because the level
# depends on the perturbation.
#
# ## Change something
#
# ```bash
# memlib run algorithm_1_by_hand -p disturbance=0.5
# memlib run algorithm_1_by_hand -p n_permutations=19 -p n_samples=60
# ```

# %% [markdown]
# ## Exercises
#
# ### Exercise 1, look: how few shuffles are enough?
#
# **Predict first:** with nine shuffles, how small can a p-value become? What is the smallest number
# of shuffles that allows a verdict by the rule of 5 %?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# One is added above and below the line, so even a score that no shuffle reaches has a p-value above 0.
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# from memlib import VERDICTS, compute_null
# from memlib.papers.chaibub_neto_2018 import planted_features
#
# labels, training, copies = planted_features("both")
# verdicts = {}
# for b in (9, 18, 19):
#     null = compute_null(training, labels, {"both": copies}, n_permutations=b, n_trees=20)
#     verdicts[b] = VERDICTS[int(null["verdict"].item())]
#     print(b, "smallest p:", 1 / (b + 1), verdicts[b])
# ```
#
# One tenth, which is above 5 % however clear the case. It takes 19 shuffles to reach one twentieth; with fewer,
# the verdict is *undecided*. More shuffles do not make a case clearer; they only resolve it more finely.
#
# </details>
#
# ### Exercise 2, change: how far may a copy move?
#
# Take the case *memorized* and move the copies further and further away. **Predict first:** does
# the null fall at once, step by step, or not at all? Does a null at one half prove that nothing was
# memorized?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# A copy is recognized while its own original is nearer than the other samples.
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# from memlib import compute_null
# from memlib.papers.chaibub_neto_2018 import planted_features
#
# means = []
# for disturbance in (0.02, 0.1, 0.5, 4.0):
#     labels, training, copies = planted_features("memorized", 300, disturbance)
#     null = compute_null(training, labels, {"": copies}, n_permutations=50, n_trees=50)
#     means.append(float(null["null_accuracy"].mean()))
#     print(disturbance, round(means[-1], 3))
# ```
#
# Step by step, as one copy after the other comes nearer to a stranger than to its own original. The training
# features are the same in all four rows: what was memorized did not change, only how much of it the copies
# still show. A null at chance says that *this* perturbation leaves nothing to recognize.
#
# </details>
#
# ### Exercise 3, explain: when one class is rare
#
# Let one label in ten be a 1, and let the features have nothing to do with anything. **Predict
# first:** will the null lie near one half? Is a null far above one half memorization?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# How often is a forest right that has seen mostly zeros and says mostly zero?
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# import numpy as np
# from memlib import VERDICTS, compute_null
#
# rng = np.random.default_rng(0)
# labels = (np.arange(300) % 10 == 0).astype(int)
# training, copies = rng.normal(size=(2, 300, 2))
# null = compute_null(training, labels, {"unrelated": copies}, n_permutations=100, n_trees=50)
# mean, chance = float(null["null_accuracy"].mean()), float(null["chance_accuracy"].item())
# verdict = VERDICTS[int(null["verdict"].item())]
# print(f"null {mean:.3f}, chance {chance:.3f}: {verdict}")
# ```
#
# The null lies far above one half, and exactly where predictions that know only the class
# frequencies are expected: at $\sum_k p_k q_k$. So the null is held against this chance level and
# never against one half. With two classes of one size, as in the paper, both are the same.
#
# </details>

# %% [markdown]
# ## Summary
#
# Shuffling labels leaves a classifier only one way to be right about a copy: to recognize the sample it
# came from. So the null's height above chance measures memorization, and what the true labels add to
# it measures learning.
