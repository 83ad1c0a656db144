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
# # Larger runs
#
# The paper's own scale takes days of one core, a thousand seeds take a cluster. Work is cut into pieces: one
# training for each panel and seed, and blocks of permutations for each epoch. Pieces run wherever there is a
# processor: in processes of one machine, on the workers of a cluster, and trainings on a GPU.

# %% tags=["parameters"]
figure: str = "fig1"  # whose pieces are listed
scale: str = "paper"  # "smoke", "teaching", "tenth" or "paper"
n_seeds: int = 1000  # runs to reckon with
n_cores: int = 1000  # of the cluster to reckon with

# %%
from IPython.display import Markdown

from memlib import describe_plan, duration, figure_seconds, plan, resolve
from memlib.papers.chaibub_neto_2018 import FIGURES
from memlib.report import markdown_table

# %% [markdown]
# ## Ask first
#
# With `--dry-run` nothing is started:
#
# ```bash
# memlib run fig1 --scale paper --dry-run
# ```
#
# prints the pieces, what of them is stored already, and what the rest would take. From Python, as if
# nothing were stored:

# %%
print(describe_plan(plan(resolve(figure, scale)), n_jobs=2, whole=True))

# %% [markdown]
# Such times are estimates, from rates measured on the machine of [the benchmark](benchmark); another
# machine may well be twice as fast, or half.
#
# ## Kill it, start it again
#
# Every finished piece is stored as it ends, and a training in progress leaves its network once a minute.
# The random numbers of an epoch follow from the seed and the epoch's number alone. So a run that was
# stopped (`Ctrl-C`), killed, or lost its power goes on when the same command is given again, and its dataset
# equals that of a run nobody disturbed, bit for bit on the same machine. A full disk or a folder without
# write permission ends a run with one line, and nothing stored is lost.
#
# ```bash
# memlib status
# ```
#
# lists what is finished, what was begun, and the time it still needs, also while a run goes on.
#
# ## Several machines: a Dask cluster
#
# Any Dask scheduler will do. Only its address is added. On one machine:
#
# ```bash
# pip install distributed
# dask scheduler --host 127.0.0.1                     # prints its address
# dask worker tcp://127.0.0.1:8786 --host 127.0.0.1 --nthreads 1 --nworkers 16
# memlib run fig1 --scale paper --scheduler tcp://127.0.0.1:8786
# ```
#
# :::{warning}
# Whoever reaches a Dask scheduler or worker can run any code there, as you, with all your files. No
# password is asked for, and without `--host` or `--interface` a scheduler listens on every network of its
# machine. Let it listen on one network only, one that you trust as a whole and that nobody outside reaches.
# :::
#
# Between machines, name the interface of the private network (`ip address` lists them), and use TLS:
#
# ```bash
# TLS="--protocol tls --tls-ca-file ca.pem --tls-cert cert.pem --tls-key key.pem"
# dask scheduler --interface ib0 $TLS                 # prints its address, tls://HOST:8786
# dask worker tls://HOST:8786 --interface ib0 $TLS --nthreads 1 --nworkers 16   # on every machine
# export DASK_DISTRIBUTED__COMM__TLS__CA_FILE=ca.pem
# export DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT=cert.pem
# export DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY=key.pem
# memlib run fig1 --scale paper --scheduler tls://HOST:8786
# ```
#
# With TLS only those get in who hold a certificate signed by `ca.pem`: keep the keys readable by you alone.
#
# The workers need the same checkout and environment, and have to see the results folder
# (`MEMLIB_RESULTS`) under the same path: pieces travel by the file system, not by the network. One thread
# a worker, since a piece uses one core. A run waits for its first worker, a day if need be; those that join
# later take their share. A worker that dies is replaced, and its piece goes on from what it stored. The
# dataset is that of a single machine: a worker that would compute something else, with other code, versions
# or data, is refused.
#
# ### On Slurm
#
# [dask-jobqueue](https://jobqueue.dask.org) starts workers as jobs of a Slurm queue. Save this as
# `cluster.py` on the login node, with your own queue's name:
#
# ```python
# from dask_jobqueue import SLURMCluster
# from memlib import run_figure
#
# if __name__ == "__main__":
#     cluster = SLURMCluster(
#         queue="YOUR-QUEUE",
#         cores=16,
#         processes=16,  # one thread each
#         memory="24GB",
#         walltime="12:00:00",
#         interface="ib0",  # the cluster's own network: all who reach it can run code as you
#         # tells the scheduler before the queue ends the job, so that no piece is half done
#         worker_extra_args=["--lifetime", "11h", "--lifetime-stagger", "10m"],
#     )
#     cluster.scale(jobs=8)
#     run_figure("fig1", "paper", n_seeds=20, scheduler=cluster.scheduler_address)
# ```
#
# Give it the shared results folder, `MEMLIB_RESULTS=/shared/results python cluster.py`. When the queue ends
# a job, what it was doing goes on in another one.
#
# ## One machine with a GPU
#
# Training goes to a CUDA device by itself where torch finds one; `-p device=cpu` keeps it off. Images and
# labels are put on the device once, a training step is captured as a CUDA graph, and the panels and seeds of
# a run are trained by threads of one process, each with a stream of its own, so that small networks share
# the card. Nulls are forests and stay on the processor cores.
#
# ```bash
# memlib run fig1 --scale paper -p n_seeds=10 --jobs 16
# ```
#
# Dropout masks and sums differ from those of the CPU, so a network trained there is another draw of the same
# experiment, and results name the device.
#
# ## What would many seeds cost?
#
# One run is one draw of images, first weights, batches and masks. Here is what `n_seeds` of them would take, in
# hours of one core, and at best with `n_cores` cores. Pieces are many and small, but no run ends before its
# longest training.

# %%
declared = {f"{name}: {one.title}": name for name, one in FIGURES.items()}
seconds = {
    title: figure_seconds(resolve(name, scale, n_seeds=n_seeds))
    for title, name in declared.items() if name != "fig2"  # shares fig1's
}
seconds["**all**"] = tuple(map(sum, zip(*seconds.values(), strict=True)))

# %% tags=["hide-input"]
header = ["figure", "training", "nulls", f"with {n_cores:,} cores"]
rows = [
    [title, *(f"{one / 3600:,.0f} h" for one in both), duration(sum(both) / n_cores)]
    for title, both in seconds.items()
]
Markdown(
    f"At {scale} scale, {n_seeds:,} seeds (Figure 2 shares the runs of Figure 1):\n\n"
    + markdown_table(header, rows)
)

# %% [markdown]
# The claims of the paper are about orderings and shapes: the spread over a few seeds tells which of them
# are safe, long before a thousand.
#
# ## Summary
#
# Ask for the cost with `--dry-run`, watch with `memlib status`, stop and go on at will. A cluster needs
# `--scheduler`, a GPU nothing.
