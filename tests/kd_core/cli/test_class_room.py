import io
import json

import pytest

from kd_core.cli import main
from kd_core.lessons import LESSONS, made_map
from kd_core.study.people import People
from kd_core.study.rights import Person
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import run_all, study

ANA = Person("a" * 24, "visitor", "Ana")


@pytest.fixture
def store():
    found = Store()
    people = People(found.home.root)
    people.enter(ANA.id, "visitor", "Ana", "room")
    people.note_upload(ANA.id, "file", "w.pt", 5)
    people.close()
    submit(found, study(0), ANA.owner)
    submit(found, study(1), "")
    run_all(found)
    yield found
    found.close()


def test_a_class_is_shown(store, capsys):
    assert main(["class", "show", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["people"]
    assert found == {"nickname": "Ana", "role": "visitor", "runs": 3, "upload_bytes": 5}
    assert main(["class", "show"]) == 0
    assert "Ana: 3 runs" in capsys.readouterr().out


def test_a_wipe_asks_first(store, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    assert main(["class", "wipe", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["wiped"] is False
    assert len(store.runs()) == 6
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert main(["class", "wipe", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["wiped"], answer["runs"], answer["people"]) == (True, 3, 1)
    assert [run.owner for run in store.runs()] == ["", "", ""]


def test_a_wipe_that_is_sure_does_not_ask(store, capsys):
    assert main(["class", "wipe", "--yes"]) == 0
    assert "3 runs" in capsys.readouterr().out
    assert len(store.runs()) == 3


def test_the_evening_before_the_embedded_study_is_brought_in_and_looked_at(
    home, capsys, monkeypatch
):
    asked = []  # the teacher takes half a minute for all images
    monkeypatch.setattr(made_map, "store_answers", lambda material: asked.append(material.key))
    code = main(["class", "prepare", "--people", "2", "--upload-mb", "1", "--json"])
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    ids = {check["id"]: check["ok"] for check in answer["checks"]}
    assert code == int(not answer["ok"])
    assert ids["readiness.study"]
    assert ids["readiness.queue"]
    assert "readiness.role_missing" not in ids
    assert answer["study"] == "sample"
    assert asked == ["sample"]
    assert {one["name"] for one in answer["lessons"]} == set(LESSONS)
