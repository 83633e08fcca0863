"""Making a material elsewhere: what is asked, what is heard, what goes wrong."""

import sys

import pytest

from kd_core.errors import StoreError, TrainError
from kd_core.lessons import aside
from kd_core.lessons.material import MATERIALS, MaterialSpec

TALK = """
import json, sys
asked = json.load(sys.stdin)
print(json.dumps({"done": 1, "total": 4}))
print(json.dumps(%s))
"""


def speaks(monkeypatch, last):
    monkeypatch.setattr(aside, "COMMAND", (sys.executable, "-c", TALK % last))


def test_progress_is_heard(monkeypatch, tmp_path):
    speaks(monkeypatch, '{"made": asked["home"]}')
    heard = []
    aside.make_aside(tmp_path, "", "maps", lambda done, total: heard.append((done, total)))
    assert heard == [(1, 4)]


def test_what_went_wrong_there_is_raised_here(monkeypatch, tmp_path):
    speaks(monkeypatch, repr({"error": StoreError("test_sealed", part="test").to_json()}))
    with pytest.raises(StoreError, match="test_sealed"):
        aside.make_aside(tmp_path, "", "maps")


@pytest.mark.parametrize("command", ["import sys", "print('half')"])
def test_no_answer_is_said(monkeypatch, tmp_path, command):
    monkeypatch.setattr(aside, "COMMAND", (sys.executable, "-c", command))
    with pytest.raises(TrainError, match="material_failed"):
        aside.make_aside(tmp_path, "", "maps")


def test_the_other_side_makes_it_and_says_where(monkeypatch, tmp_path):
    def make(material, folder, progress):
        progress(1, 1)
        (folder / "key.txt").write_text(material.key)

    spec = MaterialSpec(make=make, read=lambda folder: "", version=1, minutes=0.1)
    monkeypatch.setitem(MATERIALS._entries, "keyed", spec)
    heard = []
    ask = {"home": str(tmp_path), "study": "", "name": "keyed"}
    answer = aside.answer_to(ask, lambda done, total: heard.append(done))
    assert answer == {"made": str(tmp_path / "lessons" / "sample" / "keyed-v1")}
    assert heard == [1]
    wrong = aside.answer_to({**ask, "study": "s-none"}, lambda done, total: None)
    assert wrong["error"]["code"] == "study_unknown"
