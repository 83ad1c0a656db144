"""What a worker of a cluster compares before it computes: code, versions, data and device."""

import shutil
import socket
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import one_line
from tiny_runs import block_of, blocks_of, settings_of, trainings_of

from memlib.base.errors import DataError, InputError, ResultError
from memlib.runs import cluster
from memlib.runs.plan import plan
from memlib.runs.trainings import Training


def asked_of(piece):
    return cluster._depends_on(piece)


def pieces():
    """A training and a null, as they are before anything asked for their keys."""
    one = plan(settings_of(panels=["a"]))
    return trainings_of(one)[0], blocks_of(one)[-1]


@pytest.mark.parametrize("which", [0, 1], ids=["training", "null"])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"numpy": "1.0"}, "numpy is '"),
        ({"code of pieces": "another"}, "code of pieces is '"),
        ({"weight_decay": 0.1}, "weight_decay is None there and 0.1 where the run was begun"),
        ({"n_images": None}, "n_images is 200 there and None where the run was begun"),
    ],
)
def test_worker_that_would_compute_something_else_is_refused(which, change, told, results_folder):
    piece = pieces()[which]
    wanted = asked_of(piece) | change
    wanted = {name: value for name, value in wanted.items() if name not in change or value}
    with pytest.raises(ResultError) as error:
        cluster.compute_elsewhere([piece], str(results_folder), [wanted])
    assert told in one_line(error)
    assert socket.gethostname() in one_line(error)
    assert not list(results_folder.rglob("*.npz"))


def test_worker_with_the_same_computes(finished, results_folder):
    training, null = pieces()
    null.place.unlink()
    cluster.compute_elsewhere([null], str(results_folder), [asked_of(null)])
    assert null.is_stored()
    training.snapshot(4).unlink()
    cluster.compute_elsewhere([training], str(results_folder), [asked_of(training)])
    assert training.snapshot(4).is_file()


def test_worker_without_a_gpu_measures_networks_of_one(finished, results_folder):
    training, null = pieces()
    there = replace(training, device="cuda")  # as a machine with a GPU would have stored it
    shutil.copytree(training.place, there.place)
    sent = replace(null, device="cuda")
    assert sent.place != null.place
    cluster.compute_elsewhere([sent], str(results_folder), [asked_of(sent)])
    ours, theirs = null.read(), sent.read()
    for name in ours.keys() - {"seconds"}:
        np.testing.assert_array_equal(theirs[name], ours[name])


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_worker_without_a_gpu_does_not_train_on_one(results_folder):
    training = replace(pieces()[0], device="cuda")
    with pytest.raises(InputError, match=r"the worker on .* no CUDA device here") as error:
        cluster.compute_elsewhere([training], str(results_folder), [asked_of(training)])
    one_line(error)


def test_worker_without_the_data_is_named(results_folder, tmp_path):
    training, null = pieces()
    wanted = asked_of(null)
    settings = training.settings.model_copy(update={"data": str(tmp_path / "gone.nc")})
    elsewhere = Training(settings, training.panel, training.seed)
    sent = block_of(elsewhere, null.epoch, 0, null.strengths)
    with pytest.raises(DataError, match=r"the worker on .*gone\.nc"):
        cluster.compute_elsewhere([sent], str(results_folder), [wanted])
