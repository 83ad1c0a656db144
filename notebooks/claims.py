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
# by which we decide, and what our own runs say: at the paper's scale, and at a tenth of it with several
# seeds. A claim that our runs do not bear out is shown as such.

# %% tags=["parameters"]
n_resamples: int = 100  # resamples of seeds and permutations
seed: int = 0  # base seed of the resamples

# %%
from collections import Counter

from IPython.display import Markdown

from memlib.claims import check_claims, most_complete
from memlib.figures import FIGURES
from memlib.shipped import describe_shipped, shipped_results
from memlib.tables import claims_table, markdown_table

# %% [markdown]
# ## The method
#
# Every claim is a function of stored datasets. It gives *checks*: a quantity for each panel or pair of
# panels that the claim speaks of, and whether it meets the rule.
#
# - **reproduced**: all checks hold, in all panels;
# - **partly**: at least half of them, or panels are not yet run;
# - **not reproduced**: fewer;
# - **not yet run**: a figure is missing.
#
# In brackets stands how far chance goes: the range of the quantity between its 2.5 % and 97.5 % points over
# resamples, drawn with replacement from the permutations (and, where there are several, from the seeds),
# and the share of the resamples in which the check holds, unless it is all or none. For an onset or a peak
# the quantity is an epoch; it is known to the next measured epoch only, so its range can be a single one.
# With one seed, the range says nothing of what another draw of images and first weights would give:
# for that, look at the runs with several.

# %%
paper = check_claims(shipped_results("paper"), n_resamples=n_resamples, seed=seed)
tenth = check_claims(shipped_results("tenth"), n_resamples=n_resamples, seed=seed)

# %% tags=["hide-input"]
best = most_complete({"paper": paper, "tenth": tenth})
columns = [Counter(outcome.verdict for outcome in some) for some in (best, paper, tenth)]
verdicts = ("reproduced", "partly", "not reproduced", "not yet run")
Markdown(
    markdown_table(
        ["verdict", "the most complete runs", "the paper's scale", "a tenth of the epochs"],
        [[verdict, *(count[verdict] for count in columns)] for verdict in verdicts],
    )
)

# %% [markdown]
# ## What holds
#
# Each claim on the runs that have most of its panels: at the paper's scale where these are as complete
# as those at a tenth. The scale stands with the verdict.

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
# Here more than one seed is wanted. What the paper says of thousands of epochs may come too late for
# these runs.

# %% tags=["hide-cell", "full-width", "claims-table"]
Markdown(claims_table(tenth))

# %% tags=["hide-input"]
Markdown("\n".join(f"- {name}: {describe_shipped(name, 'tenth')}" for name in FIGURES))

# %% [markdown]
# ## The same on the command line
#
# ```bash
# memlib claims
# memlib claims --figure fig5 --scale tenth
# memlib claims --json
# memlib verify --pieces 2
# ```
#
# The last one draws stored networks at random, trains and measures them again from scratch, and
# compares.
#
# ## Summary
#
# A verdict is a function of data: run more, and it may change.
