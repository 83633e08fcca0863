"""The file that a student hands in."""

import json

from kd_core.lessons.hand_in import Answer, HandIn, OwnRun
from tests.helpers_app import TEXTS, say

RUN = OwnRun(
    "r1",
    "live-s0",
    "finished",
    {"distil": {"alpha": 0.3, "losses": [{"name": "kd", "params": {"T": 4.0}}]}},
    {"accuracy": 0.75},
)
FILE = HandIn(
    nickname="Ana",
    study="Cells",
    answers=(
        Answer("small", "times", "How many times?", "72", True),
        Answer("small", "promise", "What not?", "the battery", False),
    ),
    board={"rank": 2, "accuracy": 0.75, "size": 156_000},
    runs=(RUN,),
    made=0.0,
)


def test_it_is_plain_json_with_everything():
    plain = json.loads(json.dumps(FILE.to_json()))
    assert plain["nickname"] == "Ana"
    assert plain["answers"][0]["answer"] == "72"
    assert plain["board"]["rank"] == 2
    assert plain["runs"][0]["settings"]["distil"]["losses"][0]["params"] == {"T": 4.0}


def test_a_person_can_read_it():
    text = FILE.to_text(TEXTS.render)
    assert "Ana" in text
    assert say("learn.hand_in.answers", right=1, total=2) in text
    assert "How many times?" in text
    assert f"72 ({say('learn.hand_in.right')})" in text
    assert "rank 2" in text
    assert "- live-s0 [finished] α 0.3; Soft targets T 4; Accuracy 0.750" in text


def test_without_a_class_nothing_is_made_up():
    text = HandIn("", "Cells").to_text(TEXTS.render)
    assert say("learn.hand_in.no_board") in text
    assert "{" not in text
    assert say("learn.hand_in.runs", total=0) in text
