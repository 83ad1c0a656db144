"""The explorer's data hold every stored value, and stay small enough to travel with a page."""

import ast
import gzip
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from builders import make_result
from conftest import ROOT
from kit.pages.by_eye.data import by_eye_data
from kit.pages.explorer import data as explorer
from kit.pages.explorer.data import counts, explorer_data, figure_data
from kit.publish import page_scripts

from memlib.base.errors import ResultError
from memlib.method.verdicts import VERDICTS
from memlib.papers.chaibub_neto_2018.figures import FIGURES
from memlib.report.styles import COLOURS, DARK_COLOURS
from memlib.results.schema import panels_of
from memlib.runs import shipped
from memlib.runs.figure import run_figure
from memlib.runs.study import resolve, study_of
from memlib.training.images import load_labelled_images

pytestmark = pytest.mark.xdist_group("explorer")  # what they share is made once


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """Two networks, two seeds, three disturbances: a real run of a few seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMLIB_RESULTS", str(tmp_path_factory.mktemp("results")))
        return run_figure("fig1", "smoke", panels=["a", "f"], n_seeds=2, n_jobs=1, progress=False)


def decoded(panel):
    """Read a panel as the page does: flat counts into arrays (seed, epoch, perturbation, ..)."""
    shape = [len(panel[name]) for name in ("seed", "epoch", "perturbation")]
    n, n_draws = panel["n"], panel["n_permutations"]
    steps = np.reshape(panel["null"], (*shape, n_draws))
    scales = {"observed": n, "chance": 1, "p_value": n_draws + 1, "verdict": 1}
    scales |= {"share_at_chance": n_draws + 1}
    found = {name: np.reshape(panel[name], shape) / scale for name, scale in scales.items()}
    for name, scale in (("validation", panel["n_validation"]), ("network_train", n)):
        found[name] = np.reshape(panel[name], shape[:2]) / scale
    return found | {"null": np.cumsum(steps, axis=-1) / n}


def assert_holds(panel, dataset):
    values = decoded(panel)
    for name in ("seed", "epoch", "perturbation"):
        assert panel[name] == dataset[name].values.tolist()
    for name, stored in (
        ("observed", "observed_accuracy"),
        ("chance", "chance_accuracy"),
        ("p_value", "p_value"),
        ("share_at_chance", "share_at_chance"),
        ("verdict", "verdict"),
        ("validation", "validation_accuracy"),
        ("network_train", "network_train_accuracy"),
    ):
        np.testing.assert_array_equal(values[name], dataset[stored].values, err_msg=name)
    null = np.sort(dataset["null_accuracy"].values, axis=-1)
    np.testing.assert_array_equal(values["null"], null)


def test_every_value_of_a_run_is_there(result):
    data = json.loads(json.dumps(explorer_data({"fig1": result})))
    source = next(one for one in data["sources"] if one["key"] == "run")
    assert source["label"] == "this copy's run, smoke scale"
    assert list(source["figures"]) == ["fig1"]
    panels = source["figures"]["fig1"]["panels"]
    assert list(panels) == ["a", "f"]
    for letter, dataset in panels_of(result).items():
        assert_holds(panels[letter], dataset)
        assert panels[letter]["network"] == dataset.attrs["network"]
    assert panels["a"]["epoch"] != panels["f"]["epoch"]
    assert panels["a"]["perturbation_labels"] == ["5 %", "10 %", "100 %"]
    assert panels["a"]["colours"][0] == [COLOURS[0.05], DARK_COLOURS[0.05]]
    assert data["verdicts"] == list(VERDICTS)
    assert set(data["figures"]) == set(FIGURES)


def test_shipped_results_come_first_with_what_they_lack(result, tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "shipped_folder", lambda: tmp_path)
    tree = as_paper_scale(result, "f")
    shipped.ship(tree)
    data = explorer_data({"fig1": result})
    assert [one["key"] for one in data["sources"]] == ["paper", "run"]
    figure = data["sources"][0]["figures"]["fig1"]
    assert figure["file"] == "data/results/fig1-paper.nc"
    assert "panels a, b, c, d, e not yet run" in figure["shortfalls"]
    assert any(one.startswith("panel f run to epoch ") for one in figure["shortfalls"])
    assert_holds(figure["panels"]["f"], panels_of(result)["f"])
    assert figure["panels"]["f"]["commit"] == tree.attrs["git_commit"]


def as_paper_scale(tree, panel):
    """Return one panel of a result as if it were of the paper's scale; k of 400 is 5k of 2,000."""
    settings = resolve("fig1", "paper", panels=[panel])
    attributes = dict(tree.attrs) | {"scale": "paper", "parameters": settings.model_dump_json()}
    node = panels_of(tree)[panel]
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs=attributes), f"/panel_{panel}": node})


def test_an_accuracy_that_is_no_share_of_the_images_is_refused():
    with pytest.raises(ResultError, match=r"null_accuracy .* not a share of 2,000"):
        figure_data(make_result("fig1"))  # planted curves, drawn as smooth lines
    exact = xr.DataArray(np.array([0, 7, 2000]) / 2000, name="x")
    assert counts(exact, 2000).tolist() == [0, 7, 2000]


def test_the_paper_s_own_size_travels_in_less_than_a_megabyte_and_a_half(monkeypatch):
    def whole(scale):
        return {name: full_size(name, scale) for name in FIGURES}

    monkeypatch.setattr(explorer, "shipped_results", whole)
    account = {"created": "", "git_commit": ""}
    monkeypatch.setattr(explorer, "accounts_of", lambda dataset: [account])
    script = page_scripts({})["explorer/data.js"]
    assert len(gzip.compress(script.encode())) < 1_000_000
    assert script.count('"null"') == 2 * sum(len(figure.panels) for figure in FIGURES.values())


def full_size(figure, scale):
    """Return a figure of all epochs, shuffles and panels of a scale, scores drawn at random."""
    settings = resolve(figure, scale)
    rng = np.random.default_rng(0)
    n = settings.n_images
    panels = {}
    for panel in settings.panels:
        epochs = study_of(settings).epochs(settings, panel)
        shape = (1, len(epochs), len(settings.perturbations))
        share = rng.uniform(0.5, 0.9, shape)[..., None]
        null = rng.binomial(n, share, (*shape, settings.n_permutations)) / n
        dims = ("seed", "epoch", "perturbation")
        one = xr.Dataset(
            {"null_accuracy": ((*dims, "permutation"), null)}
            | {
                name: (dims, np.full(shape, 0.5))
                for name in ("observed_accuracy", "chance_accuracy", "verdict")
            }
            | {name: (dims, np.full(shape, 1.0)) for name in ("p_value", "share_at_chance")}
            | {
                name: (dims[:2], np.full(shape[:2], 0.5))
                for name in ("validation_accuracy", "network_train_accuracy")
            },
            coords={
                "seed": [0],
                "epoch": list(epochs),
                "perturbation": list(settings.perturbations),
                "permutation": range(settings.n_permutations),
            },
            attrs={"network": panel},
        )
        one["perturbation"].attrs = {"units": "1", "long_name": "share of pixels shuffled"}
        panels[f"/panel_{panel}"] = one
    attributes = {"figure": figure, "scale": scale, "parameters_digest": "0" * 16}
    attributes["parameters"] = settings.model_dump_json()
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs=attributes)} | panels)


def test_images_to_disturb_are_bundled_training_images():
    data = by_eye_data(4)
    labelled = load_labelled_images()
    assert data["shape"] == [28, 28]
    assert [image["label"] for image in data["images"]] == ["Pullover", "Coat"] * 2
    train = labelled["split"].values == 0
    known = {image.tobytes() for image in labelled["image"].values[train]}
    for image in data["images"]:
        assert np.array(image["pixels"], np.uint8).tobytes() in known


def test_explorer_needs_no_torch():
    code = (
        "import sys, kit.pages.explorer.data, kit.pages.by_eye.data; print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "book")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ast.literal_eval(done.stdout.strip()) is False
