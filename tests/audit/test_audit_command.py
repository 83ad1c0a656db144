"""``memlib audit``: files of features, models by name, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner

from memlib.audit import read_audit
from memlib.audit.command import read_features
from memlib.base.errors import InputError
from memlib.cli.audit import audit as command

RNG = np.random.default_rng(0)
FEATURES, LABELS = RNG.normal(size=(50, 6)), np.arange(50) % 2
COPY = FEATURES + 0.2 * RNG.normal(size=FEATURES.shape)
ARRAYS = {
    "features": FEATURES,
    "labels": LABELS,
    "copies_0.2": COPY,
    "validation_features": FEATURES[:10],
    "validation_labels": LABELS[:10],
    "groups": np.arange(50),
}
FEW = ["--permutations", "19", "--trees", "10", "--jobs", "1"]


def write(path):
    if path.suffix == ".npz":
        np.savez(path, **ARRAYS)
    elif path.suffix == ".nc":
        dims = {name: [f"{name}_{i}" for i in range(one.ndim)] for name, one in ARRAYS.items()}
        ds = xr.Dataset({name: (dims[name], one) for name, one in ARRAYS.items()})
        ds.to_netcdf(path, engine="h5netcdf")
    else:
        frame = pd.DataFrame(FEATURES).assign(label=LABELS, set="train", sample=np.arange(50))
        copy = pd.DataFrame(COPY).assign(label=LABELS, set="0.2", sample=np.arange(50))
        held_out = frame.iloc[:10].assign(set="validation", sample=np.arange(100, 110))
        whole = pd.concat([frame, copy[::-1], held_out]).assign(group=np.arange(110))
        whole.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("ending", [".npz", ".nc", ".csv"])
def test_files_of_features_are_asked_about(tmp_path, ending):
    path = write(tmp_path / f"features{ending}")
    report, output = tmp_path / "out.html", tmp_path / "out.nc"
    ran = CliRunner().invoke(
        command, [str(path), *FEW, "--report", str(report), "--output", str(output)]
    )
    assert ran.exit_code == 0, ran.output
    answer = read_audit(output)
    assert ran.output.startswith(str(answer))
    assert answer.dataset["perturbation"].values.tolist() == [0.2]
    assert float(answer.dataset["validation_accuracy"].item()) > 0.8
    assert report.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    from memlib import compute_null

    expected = compute_null(
        FEATURES, LABELS, {0.2: COPY}, groups=np.arange(50), n_permutations=19, n_trees=10
    )
    np.testing.assert_array_equal(
        answer.dataset["null_accuracy"].sel(network="network"), expected["null_accuracy"]
    )


def test_a_model_and_data_are_named(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "import numpy as np\nfrom torch import nn\n"
        "def network():\n    return nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2))\n"
        "def data():\n    return np.random.default_rng(0).normal(size=(50, 6)), np.arange(50) % 2\n"
        "held_out = data()\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    given = ["--model", "mine:network", "--strengths", "0.3", *FEW]
    ran = CliRunner().invoke(
        command, [*given, "--data", "mine:data", "--validation", "mine:held_out"]
    )
    assert ran.exit_code == 0, ran.output
    assert ran.output.startswith("layer '2', 4 features.")
    np.savez(
        "data.npz",
        inputs=FEATURES,
        labels=LABELS,
        validation_inputs=FEATURES[:5],
        validation_labels=LABELS[:5],
    )
    ran = CliRunner().invoke(command, [*given, "--data", "data.npz", "--perturbation", "shuffle"])
    assert ran.exit_code == 0, ran.output
    assert "validation" in ran.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give a file of features, or --model and --data"),
        (["--model", "json:loads"], "--model needs --data"),
        (["--model", "json", "--data", "json:x"], "write package.module:name"),
        (["--model", "json:none", "--data", "a.npz"], "json has no 'none'"),
        (["--model", "json:JSONDecoder", "--data", "a.npz"], "no file a.npz"),
        (["a.npz"], "no file a.npz"),
        (["a.txt"], "should end in .npz, .nc, .csv, .parquet"),
        (["a.npz", "--layer", "fc"], "--layer goes with --model"),
        (["a.npz", "--report", "out.txt"], "the name should end in .html"),
        (["--model", "json:loads", "--data", "json:x", "--strengths", "a"], "write numbers like"),
    ],
)
def test_what_cannot_be_asked_is_refused(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(command, arguments)
    assert isinstance(ran.exception, InputError)
    assert said in str(ran.exception)


def test_files_that_lack_something_say_what(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, features=FEATURES)
    with pytest.raises(InputError, match="no array 'labels', only features"):
        read_features(path)
    path.write_bytes(b"PK damaged")
    with pytest.raises(InputError, match="cannot be read"):
        read_features(path)
    np.savez(path, features=FEATURES, labels=LABELS, copies_far=COPY)
    with pytest.raises(InputError, match="'far' should be named by their strength"):
        read_features(path)
    table = tmp_path / "a.csv"
    table.write_text("x,y\n1,2\n")
    with pytest.raises(InputError, match="no column 'label', only x, y"):
        read_features(table)
    table.write_text("x,label,set\n1,2,train\n1,2,0.1\n")
    with pytest.raises(InputError, match="a column 'sample' should say"):
        read_features(table)
