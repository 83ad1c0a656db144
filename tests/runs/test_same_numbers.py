"""Pieces that earlier code made stay valid while today's code gives the same numbers."""

import json

import pytest
from tiny_runs import run, settings_of

from memlib.base import keys
from memlib.papers.chaibub_neto_2018.null_pieces import NULL_CODE
from memlib.runs import same_numbers
from memlib.runs.plan import plan
from memlib.runs.trainings import TRAINING_CODE


@pytest.fixture
def table(monkeypatch):
    own: dict = {}
    monkeypatch.setattr(same_numbers, "_table", lambda: own)
    return own


def test_pieces_of_earlier_code_are_found_where_the_table_says_it_agrees(
    table, results_folder, monkeypatch
):
    run(panels=["a"])
    before = {"dense": keys.code_digest(*TRAINING_CODE), "null": keys.code_digest(*NULL_CODE)}
    monkeypatch.setattr(keys, "code_digest", lambda *rooms: "of other code")
    assert len(plan(settings_of(panels=["a"])).missing()) == 4  # a network, a null at 3 epochs
    for kind, digest in before.items():
        table[kind] = {"of other code": digest}
    assert plan(settings_of(panels=["a"])).missing() == []


def test_the_table_knows_todays_code_and_the_code_from_before_the_rooms():
    table = json.loads(same_numbers.TABLE.read_text())
    told = "run: python -m memlib.runs.same_numbers CHECKOUT, with a checkout of earlier code"
    training, null = keys.code_digest(*TRAINING_CODE), keys.code_digest(*NULL_CODE)
    assert table["dense"].get(training) == "0fecea3f5c3f32ce", told
    assert table["convolution"].get(training) == "e66bcb9cf19dc5b9", told
    assert table["null"].get(null) == "3b4056afd985b666", told
