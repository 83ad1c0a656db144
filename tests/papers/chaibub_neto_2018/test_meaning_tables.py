"""The chapter's tables and picture say what is stored, and what is not."""

import numpy as np
import xarray as xr

from memlib.papers.chaibub_neto_2018.meaning import (
    BY_EPOCH,
    BY_LAYER,
    SCHEMA,
    networks_of,
    read_meaning,
)
from memlib.papers.chaibub_neto_2018.meaning_tables import (
    collapse_table,
    describe_influence,
    describe_meaning,
    draw_layers,
    gap_table,
    influence_table,
    layers_table,
)


def stored(influence=False):
    """A tree of one network whose last layer loses the image while classes collapse."""
    falling = np.linspace(0.9, 0.2, 5)[None]
    ds = xr.Dataset(
        {
            "twin_share": (BY_LAYER, np.stack([np.ones((1, 5)), falling], -1)),
            "neighbours_null": (BY_LAYER, np.stack([np.ones((1, 5)), falling], -1)),
            "null_accuracy": ((*BY_EPOCH, "permutation"), falling[..., None].repeat(3, -1)),
            "variance_ratio": (BY_EPOCH, falling * 2),
            "network_train_accuracy": (BY_EPOCH, 1 - falling / 2),
            "network_validation_accuracy": (BY_EPOCH, np.full((1, 5), 0.5)),
        },
        {"seed": [0], "epoch": [10, 20, 30, 40, 50], "layer": [1, 2]},
        {"panel": "b", "inputs": "images", "network": "b"},
    )
    groups = {"/panel_images_b": ds}
    if influence:
        rng = np.random.default_rng(0)
        n = np.full((1, 2, 60), 50)
        out = rng.integers(0, 51, n.shape[2])[None, None].repeat(2, 1)
        counts = {"hits_in": n, "n_in": n, "hits_out": out, "n_out": n}
        halves = xr.Dataset(
            {name: (("seed", "half", "sample"), v) for name, v in counts.items()},
            {"epoch": [1], "perturbation": [0.01, 0.05]},
            {"panel": "a", "inputs": "images", "network": "halves"},
        )
        hits = 1 - out[0, 0] / 50  # as the memorization score
        dims = (*BY_EPOCH, "perturbation", "sample")
        halves["null_hits"] = (dims, np.stack([hits, 1 - hits])[None, None])
        halves["held_out_accuracy"] = (("seed", "half"), np.full((1, 2), 0.86))
        groups["/panel_influence"] = halves
    return xr.DataTree.from_dict(groups)


def test_layers_at_the_first_and_the_last_epoch():
    table = layers_table(stored())
    assert "| images | b | hidden 1 | 1.000 | 1.000 | 1.000 | 1.000 |" in table
    assert "| images | b | hidden 2 (last) | 0.900 | 0.200 | 0.900 | 0.200 |" in table


def test_null_and_collapse_go_together_and_the_gap_against_them():
    assert collapse_table(stored()).endswith("| +1.00 |")
    assert gap_table(stored()).endswith("| -1.00 |")


def test_scores_against_hits_that_are_planted_the_same_and_the_reverse():
    rows = influence_table(stored(influence=True)).splitlines()
    assert "| 1.000 |" in rows[2]  # both halves of the networks say the same
    assert "| 1.000 |" in rows[3]
    assert "| -1.000 |" in rows[4]
    assert "200 networks" in describe_influence(stored(influence=True))


def test_what_is_not_stored_is_said_so():
    assert influence_table(stored()) == ""
    assert "memlib meaning" in describe_influence(stored())


def test_the_picture_has_a_line_for_every_layer():
    (ax,) = draw_layers(stored()).axes
    drawn = [line.get_ydata() for line in ax.lines if len(line.get_ydata()) == 5]
    np.testing.assert_allclose(drawn[1], np.linspace(0.9, 0.2, 5))
    assert len(drawn) == 3
    assert set(SCHEMA.coordinates) >= {"layer", "half"}


def test_what_the_stored_dataset_lacks_is_told():
    tree = read_meaning()
    assert tree is not None
    text = describe_meaning(tree)
    n = len(networks_of(tree))
    assert f"{n} of 8 networks" in text
    assert ("**Not complete:**" in text) == (n < 8 or "3 of 3 seeds" not in text)
