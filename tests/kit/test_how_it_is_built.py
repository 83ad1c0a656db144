"""The drawing of the house: the same wherever it is shown, and true."""

import re
import tomllib

import pytest
from conftest import ROOT

PLACES = ("README.md", "CONTRIBUTING.md", "book/how_it_is_built.md")


def drawing(place):
    (found,) = re.findall(r"```text\n(memlib/cli .*?)```", (ROOT / place).read_text(), re.DOTALL)
    return found


def test_the_drawing_is_the_same_everywhere():
    assert len({drawing(place) for place in PLACES}) == 1


def test_the_drawing_has_every_room_in_the_order_of_the_law():
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (order,) = [one["layers"] for one in layers["contracts"] if one["id"] == "layers"]
    lines = drawing(PLACES[0]).splitlines()
    drawn = [found[1] for line in lines if (found := re.match(r"[ |+-]*([a-z]+/[a-z]+)", line))]
    names = [one.replace(".", "/").replace("kit", "book/kit") for one in order]
    assert drawn == [room for level in names for room in level.split(" | ")]
    folders = {f"memlib/{path.parent.name}" for path in (ROOT / "memlib").glob("*/__init__.py")}
    assert folders == set(drawn) - {"book/kit"}


@pytest.mark.parametrize("place", PLACES)
def test_every_place_that_is_named_exists(place):
    text = (ROOT / place).read_text(encoding="utf-8")
    paths = re.findall(r"`((?:memlib|book|notebooks|tests)/[\w./]+)`", text)
    assert paths
    for path in paths:
        if "PAPER" not in path and "_site" not in path:
            assert (ROOT / path).exists(), path
