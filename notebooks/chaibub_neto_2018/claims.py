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
# # Which claims hold
#
# The text of {cite:t}`chaibubneto2018` makes 22 claims of its five figures. Here they are, each with the rule
# by which we decide, and what our own runs say: at the paper's scale, and at a tenth of it (the CNNs: a fifth),
# with three seeds. A claim that our runs do not bear out is shown as such.

# %% tags=["parameters"]
n_resamples: int = 100  # resamples of seeds and permutations
seed: int = 0  # base seed of the resamples

# %%
from IPython.display import Markdown

from memlib import describe_shipped, shipped_results
from memlib.papers.chaibub_neto_2018 import FIGURES, check_claims, choose_runs
from memlib.report import claims_table, count_verdicts, differing_checks

# %% [markdown]
# ## The method
#
# Every claim is a function of stored datasets. It gives *checks*: a quantity for each panel or pair of
# panels that the claim speaks of, and whether it meets the rule.
#
# - **reproduced**: all checks hold, in all panels;
# - **partly**: at least half of them, or panels are not yet run;
# - **not reproduced**: fewer;
# - **undecided**: the verdict depends on checks that the runs cannot decide, because they hold in some resamples
#   and fail in others;
# - **not yet run**: a figure is missing, or panels that the claim compares; or the run changed what the
#   paper states (the number of images, the classifier, ...), so that it is another experiment.
#
# Brackets show the uncertainty: the range of the quantity (its 2.5 % to its 97.5 % point) when permutations,
# validation images and, where there are several, seeds are resampled with replacement. Then comes the share of
# resamples in which the check holds, unless it is all or none. A check that holds in 5 % to 95 % of them decides
# nothing. Networks share their validation images, and so do the resamples.
#
# For an onset or a peak the quantity is an epoch. It is known to the next measured epoch only, so its range can
# be a single value. A run of one seed has no range: its shuffles say nothing about other training images and
# first weights. With three seeds a range covers the truth about two times in three. Two kinds of ranges are biased: those of
# scores above *every* shuffle, because resampling brings no new extremes, and those of distances from chance,
# which cannot be negative.
#
# The rules are ours: the paper gives words, not thresholds. Some were changed after we had seen results,
# because they missed what the paper says; the tables show their first form and the verdict under it. So read a
# verdict as a description of these runs, not as a test that was fixed in advance.
#
# The same seeds are drawn in all panels, because panels share images, first weights and batches. Some checks
# hold even for an untrained network. For claims about single panels, the table of robust conclusions in [What
# the open choices change](open_choices) says which. Where two networks are compared, the table here gives their
# difference at the first epoch, too.

# %%
spread = {"n_resamples": n_resamples, "seed": seed}
paper = check_claims(shipped_results("paper"), **spread)
tenth = check_claims(shipped_results("tenth"), **spread)

# %% tags=["hide-input"]
best = choose_runs({"paper": paper, "tenth": tenth})
names = ("the run that decides", "the paper's scale", "a tenth of the epochs")
Markdown(count_verdicts(dict(zip(names, (best, paper, tenth), strict=True))))

# %% [markdown]
# ## What holds
#
# Each check on the run that decides it: a claim that compares networks, or strengths of the perturbation, on the
# run with most seeds, every other one on the run that goes furthest. A check that comes out differently on
# the other run says so.

# %% tags=["hide-input", "full-width", "claims-table"]
Markdown(claims_table(best))

# %% [markdown]
# ## At the paper's scale

# %% tags=["hide-cell", "full-width", "claims-table"]
Markdown(claims_table(paper))

# %% tags=["hide-input"]
Markdown("\n".join(f"- {name}: {describe_shipped(name)}" for name in FIGURES))

# %% [markdown]
# ## At a tenth of the epochs
#
# Three seeds of each panel, of MLPs to a tenth of the paper's epochs, of CNNs to a fifth. They cannot tell what
# a network does after that.

# %% tags=["hide-cell", "full-width", "claims-table"]
Markdown(claims_table(tenth))

# %% tags=["hide-input"]
Markdown("\n".join(f"- {name}: {describe_shipped(name, 'tenth')}" for name in FIGURES))

# %% [markdown]
# ## Where the scales differ
#
# Checks that were made at both scales and come out differently. The scales differ in the number of epochs, in
# which epochs are measured, and in the number of seeds; any of these may be the reason.

# %% tags=["hide-input"]
Markdown(differing_checks({"the paper's scale": paper, "a tenth of the epochs": tenth}))

# %% [markdown]
# ## The same on the command line
#
# ```bash
# memlib claims
# memlib claims --figure fig5 --scale tenth
# memlib claims --json
# memlib verify --pieces 2
# memlib draw fig5 --format pdf
# ```
#
# `memlib verify` draws stored results at random, each of one network at one epoch, among those that take at most
# five minutes (`--minutes` allows more), trains and measures that network again from scratch, and compares.
# `memlib draw` makes picture files of stored results, for papers and slides.

# %% [markdown]
# ## Exercises
#
# ### Exercise 1, look: two panels change places
#
# Take the stored Figure 1 and let panels a and d, the same network without and with dropout, change
# places. **Predict first:** which of the claims on Figure 1 lose a check, and why do most of them not
# notice?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# Does a claim speak of each panel by itself, or does it compare panels?
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# import xarray as xr
#
# from memlib import panels_of, read_shipped
# from memlib.papers.chaibub_neto_2018 import check_claims
#
# tree = read_shipped("fig1", "tenth")
# stored = panels_of(tree)
# held = {}
# for name, panels in {
#     "stored": stored,
#     "swapped": stored | {"a": stored["d"], "d": stored["a"]},
# }.items():
#     parts = {f"/panel_{panel}": dataset for panel, dataset in panels.items()}
#     figure = xr.DataTree.from_dict({"/": xr.Dataset(attrs=tree.attrs)} | parts)
#     for outcome in check_claims({"fig1": figure}, figure="fig1"):
#         held[name, outcome.claim.number] = {one.label for one in outcome.checks if one.holds}
# lost = {n: labels - held["swapped", n] for (name, n), labels in held.items() if name == "stored"}
# lost = {n: labels for n, labels in lost.items() if labels}
# print("claims that lose checks:", lost)
# ```
#
# Only what is said of depth (5), of dropout (6) and of CNNs against MLPs (9) loses a check. The claim on
# forgetting (8) compares panels, too, but a is still the slower one in its new place. All other claims speak of
# each panel by itself, or count pairs in either order. So a claim that compares particular networks is the
# harder test of the paper.
#
# </details>
#
# ### Exercise 2, change: fewer shuffles
#
# The stored null of panel d has more shuffles than the test needs. Use only the first nine, then the first
# nineteen. **Predict first:** at how many epochs does the observed score lie above all of them, and at
# how many is the p-value at most 0.05?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# The p-value counts the observed score among the shuffles, too: what is the smallest value it can take?
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# from memlib import panels_of, read_shipped
#
# panel = panels_of(read_shipped("fig1", "tenth"))["d"].sel(perturbation=0.05)
# observed, above, small = panel["observed_accuracy"], {}, {}
# for n in (9, 19):
#     null = panel["null_accuracy"].isel(permutation=slice(n))
#     p_value = ((null >= observed).sum("permutation") + 1) / (n + 1)
#     above[n] = float((observed > null.max("permutation")).mean())
#     small[n] = float((p_value <= 0.05).mean())
#     print(n, f"above all: {above[n]:.0%}, p at most 0.05: {small[n]:.0%} of epochs and seeds")
# ```
#
# Nine shuffles cannot give a p-value below a tenth, however far the observed score lies above them; nineteen
# are the fewest that can give a twentieth. A claim that asks for "above all of the null" gets *easier* with
# fewer shuffles, one that asks for a small p-value becomes impossible. Whoever says "above the null" must say
# how many shuffles it has.
#
# </details>
#
# ### Exercise 3, explain: a test that should find nothing
#
# Let every shuffle in turn play the part of the true labels, against all the others. Now there is nothing to
# find. **Predict first:** how often is the p-value at most 0.05 all the same?
#
# <details class="memlib-fold"><summary>Hint</summary>
#
# Of a set of scores of which none is special, how many can lie above all the others?
#
# </details>
#
# <details class="memlib-fold"><summary>Solution</summary>
#
# ```python
# from memlib import panels_of, read_shipped
#
# found = {}
# for letter, panel in panels_of(read_shipped("fig1", "tenth")).items():
#     null = panel["null_accuracy"].sel(perturbation=0.05)
#     n, small = null.sizes["permutation"], []
#     for number in null["permutation"]:
#         others = null.drop_sel(permutation=number)
#         rank = (others >= null.sel(permutation=number)).sum("permutation") + 1
#         small.append(float((rank / n <= 0.05).mean()))
#     found[letter] = sum(small) / n
#     print(letter, f"{found[letter]:.1%}")
# ```
#
# A little less than one time in twenty: that is all that the test promises, and it keeps the promise whatever
# the network, the classifier and the scores are, because no shuffle is special. So a check that asks for a
# small p-value of one panel at one epoch can hold by luck; that it holds by luck in every panel is far less
# likely, which is why claims ask all of them.
#
# </details>

# %% [markdown]
# ## Summary
#
# A verdict is a function of data: run more, and it may change.
