"""Numbers in the prose of the book's own pages: whose they are, and that they are told right."""

import re
import shutil

import pytest
from kit.prose import longest_results, prose_values
from tiny_runs import run

from memlib.results.schema import panels_of
from memlib.runs import shipped
from memlib.runs.shipped import read_shipped, shipped_path

pytestmark = pytest.mark.xdist_group("explorer")  # what they share is made once


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Tiny runs of the figures that the first page speaks of."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMLIB_RESULTS", str(tmp_path_factory.mktemp("results")))
        return {
            "fig1": run("fig1", panels=["a", "e"]),
            "fig5": run("fig5", panels=["d"]),
        }


def test_the_first_page_tells_of_the_paper_scale_where_it_is_stored(own):
    found, values = longest_results(own), prose_values(own)
    assert {tree.attrs["scale"] for tree in found.values()} == {"paper"}
    assert values["found_size"] == "100,000 epochs, 100 permutations, 500 trees, 1 seed"
    least = panels_of(read_shipped("fig5"))["d"].sel(perturbation=0.05).isel(seed=0)
    # A second reading of the same curves.
    onset = int(re.sub(r"\D", "", values["fig5_d_onset"]))
    peak = int(re.sub(r"\D", "", values["fig5_d_forgets"]))
    null = least["null_accuracy"].mean("permutation")
    assert onset < peak == int(null.where(null["epoch"] > onset).idxmax())
    above = least["observed_accuracy"] - null
    assert float(above.sel(epoch=onset)) >= 0.05 > float(above.sel(epoch=null["epoch"] < onset)[-1])
    # It falls first, before it rises to the peak; where it ends is another matter.
    told = [float(values[f"fig5_d_{name}"]) for name in ("start", "low", "peak", "end")]
    first, rest = null.where(null["epoch"] < peak), float(null[-1])
    expected = [float(null[0]), float(first.min()), float(null.sel(epoch=peak)), rest]
    assert told == pytest.approx(expected, abs=0.0051)
    assert told[0] > told[1] < told[2] > told[3] < told[1]
    # The run that made this copy of the book is told, too.
    assert values["scale"] == own["fig1"].attrs["scale"]
    assert values["size"] != values["found_size"]


def test_without_all_panels_it_speaks_of_the_page_tells_of_its_own_runs(own, tmp_path, monkeypatch):
    shutil.copy(shipped_path("fig5", "paper"), tmp_path)
    monkeypatch.setattr(shipped, "shipped_folder", lambda: tmp_path)
    assert all(found is own[figure] for figure, found in longest_results(own).items())
    values = prose_values(own)
    assert values["found_size"] == values["size"] == "4 epochs, 3 permutations, 5 trees, 1 seed"
    assert values["fig5_d_onset"] == "not within this run"
