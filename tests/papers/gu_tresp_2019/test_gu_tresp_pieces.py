import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from memlib.papers.gu_tresp_2019.data import load_digits
from memlib.papers.gu_tresp_2019.dissection import draw_starts
from memlib.papers.gu_tresp_2019.generator import GanSettings, build_generator
from memlib.papers.gu_tresp_2019.pieces import join_runs, measure_dissection
from memlib.papers.gu_tresp_2019.schema import VARIABLES, check_dataset, label_dataset

DIGITS = load_digits(n_train=64, n_generator=64)
NOT_OF_ONE_DISSECTION = ("variant_", "generated_", "real_", "judge_accuracy", "generator_steps")


def flat(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(256, 10))


@pytest.fixture(scope="module")
def piece():
    generator = build_generator(GanSettings((16, 16), base=4, n_latent=6))
    partners = {"vgg11": flat(1), "vgg13": flat(0)}
    options = {"n_starts": 3, "n_steps": 4, "n_latent": 6, "seed": 2}
    labels = DIGITS.train_labels
    return measure_dissection(flat(0), partners, generator, flat(5), DIGITS, labels, **options)


def test_a_dissection_gives_the_variables_of_both_figures(piece):
    shares = [0.0, 1.0]
    joined = join_runs([({"label_share": share, "seed": 0}, piece) for share in shares])
    for figure in ("fig2", "fig3"):
        own = {
            name: joined[name].transpose(*[d for d in one.dims if d in joined[name].dims], ...)
            for name, one in VARIABLES[figure].items()
            if not name.startswith(NOT_OF_ONE_DISSECTION)
        }
        for name, array in own.items():
            extra = set(array.dims) - set(VARIABLES[figure][name].dims)
            assert extra <= {"label_share", "seed"}, name  # what a figure takes of one run alone
            assert array.isel(dict.fromkeys(extra, 0)).dims == VARIABLES[figure][name].dims


def test_a_network_agrees_with_itself_wherever_it_is_shown_images(piece):
    same = piece.sel(partner="vgg13")
    for name in ("", "train_", "test_", "pixel_"):
        assert (same[f"{name}dissimilarity"] == 0).all()
        assert (same[f"{name}agreement"] == 1).all()
        assert (piece.sel(partner="vgg11")[f"{name}dissimilarity"] > 0).all()


def test_images_before_are_those_of_the_starts(piece):
    generator = build_generator(GanSettings((16, 16), base=4, n_latent=6)).eval()
    with torch.no_grad():
        images = generator(torch.from_numpy(draw_starts(10, 3, 6, seed=2)[0])).numpy()
    assert np.allclose(piece["image_before"].values[:, 0], images, atol=1e-6)
    assert piece["image_after"].shape == (10, 3, 1, 16, 16)
    assert (piece["image_after"] != piece["image_before"]).any()


def test_runs_of_different_length_are_joined_with_gaps():
    long, short = (
        xr.Dataset({"a": ("epoch", np.ones(n)), "b": 1.0}, {"epoch": np.arange(n)}) for n in (4, 2)
    )
    places = [{"label_share": s, "seed": i} for s in (0.0, 1.0) for i in (0, 1)]
    joined = join_runs(zip(places, [long, short, long, long], strict=True))
    assert dict(joined.sizes) == {"label_share": 2, "seed": 2, "epoch": 4}
    assert int(np.isnan(joined["a"]).sum()) == 2
    assert joined["b"].dims == ("label_share", "seed")


def test_labels_of_a_figure_make_it_pass_the_check():
    where = {"network": "vgg11", "label_share": 0.0, "seed": 0}
    run = xr.Dataset(
        {name: ("epoch", [0.5, 1.0]) for name in list(VARIABLES["fig4"])[:4]} | {"fitted": 1.0},
        {"epoch": [0, 1]},
    )
    attributes = dict.fromkeys(
        ("n_classes", "n_train_images", "n_test_images", "batch_size", "scale"), 10
    )
    labelled = label_dataset("fig4", join_runs([(where, run)]), **attributes)
    check_dataset("fig4", labelled)
    assert labelled["gradient_magnitude"].attrs["units"] == "nat"
    assert labelled["epoch"].attrs["long_name"] == "training epoch"
