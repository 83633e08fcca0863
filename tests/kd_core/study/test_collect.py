import json
import shutil

import pytest

from kd_core.errors import StoreError
from kd_core.study import collect as collect_module
from kd_core.study.collect import collect
from kd_core.study.entries import read_study
from kd_core.study.rebuild import rebuild
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import by_key, run_all, study


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def other(tmp_path):
    """A store elsewhere with one finished study, whose test part was opened."""
    made = Store(tmp_path / "elsewhere")
    study_id = submit(made, study(0), "visitor-there", plugins=["/tmp/their_plugin.py"])
    with made.db.write() as db:
        db.execute("UPDATE configs SET plugins = '[]'")  # so that it runs here
    run_all(made)
    made.open_test(study_id)
    return made


def test_a_whole_home_is_collected_once(store, other):
    result = collect(store, other.home.root, owner="ana")
    assert (len(result.added), result.known, result.refused) == (3, (), ())
    there, here = other.studies()[0], store.studies()[0]
    assert (here.id, here.settings, here.owner) == (there.id, there.settings, "ana")
    assert (here.test_opened_at, here.test_opened_runs) == (there.test_opened_at, 3)
    assert [m.values for m in store.models()] == [m.values for m in other.models()]
    assert [row.id for row in store.runs()] == [row.id for row in other.runs()]
    assert [store.parents(r.id) for r in store.runs()] == [
        other.parents(r.id) for r in store.runs()
    ]
    assert all(row.status == "finished" and row.owner == "ana" for row in store.runs())
    again = collect(store, other.home.root)
    assert (again.added, len(again.known)) == ((), 3)
    before = store.runs()
    rebuild()
    assert store.runs() == before


def test_single_folders_make_their_study(store, other, tmp_path):
    teacher = other.runs(study=other.studies()[0].id)[0]
    lone = tmp_path / "copy" / teacher.id
    shutil.copytree(other.home.run(teacher.id), lone)
    assert collect(store, lone).added == (teacher.id,)
    assert store.study(teacher.study).runs == 1
    assert len(collect(store, other.home.runs).added) == 2
    assert len(read_study(store.home.study(teacher.study)).runs) == 3


def test_a_name_that_is_taken_in_the_study_gets_another(store, other, tmp_path):
    collect(store, other.home.root)
    study_id = store.studies()[0].id
    old = by_key(store, study_id)["teacher-s0"]
    copy = tmp_path / "copy" / "r-twin"
    shutil.copytree(other.home.run(old.id), copy)
    for name in ("run.json", "record.json"):
        text = (copy / name).read_text().replace(old.id, "r-twin")
        (copy / name).write_text(text)
    assert collect(store, copy).added == ("r-twin",)
    rows = store.runs(study=study_id)
    assert len(rows) == 4
    assert "teacher-s0-r-twin" in read_study(store.home.study(study_id)).graph


def tamper_model(folder):
    (folder / "models" / "main" / "model.onnx").write_bytes(b"another network")


def tamper_link(folder):
    (folder / "models" / "secret").symlink_to("/etc/passwd")


def tamper_name(folder):
    (folder / ".hidden").write_text("x")


def tamper_record(folder):
    data = json.loads((folder / "record.json").read_text())
    (folder / "record.json").write_text(json.dumps({**data, "models": 3}))


def tamper_hash(folder):
    data = json.loads((folder / "record.json").read_text())
    (folder / "record.json").write_text(json.dumps({**data, "config_hash": "0" * 64}))


def tamper_model_name(folder):
    data = json.loads((folder / "record.json").read_text())
    data["models"][0]["name"] = "../../../etc"
    (folder / "record.json").write_text(json.dumps(data))


def tamper_id(folder):
    data = json.loads((folder / "run.json").read_text())
    data["study"]["id"] = "../../outside"
    (folder / "run.json").write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("tamper", "code"),
    [
        (tamper_model, "file_changed"),
        (tamper_link, "file_not_plain"),
        (tamper_name, "file_not_plain"),
        (tamper_record, "record_unreadable"),
        (tamper_hash, "record_unreadable"),
        (tamper_model_name, "bad_id"),
        (tamper_id, "bad_id"),
        (lambda folder: (folder / "run.json").unlink(), "entry_unreadable"),
    ],
)
def test_a_folder_that_was_tampered_with_is_refused_alone(store, other, tamper, code):
    bad = other.runs(study=other.studies()[0].id)[0].id
    tamper(other.home.run(bad))
    result = collect(store, other.home.runs)
    assert len(result.added) == 2
    assert [(name, error.code) for name, error in result.refused] == [(bad, code)]
    assert not store.home.run(bad).exists()


def test_too_large_a_run_and_a_full_disk(store, other, monkeypatch):
    monkeypatch.setattr(collect_module, "MAX_FILES", 3)
    result = collect(store, other.home.root)
    assert {error.code for _, error in result.refused} == {"run_too_large"}
    monkeypatch.setattr(collect_module, "MAX_FILES", 100)

    def full(path, size):
        raise StoreError("disk_full", path=str(path), free_bytes=0)

    monkeypatch.setattr(collect_module, "need_space", full)
    with pytest.raises(StoreError, match="disk_full"):
        collect(store, other.home.root)
    assert store.runs() == []


def test_a_copy_cut_short_leaves_nothing(store, other, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(StoreError, match="disk_full"):
        collect(store, other.home.root)
    assert [path.name for path in store.home.runs.iterdir()] == [".work"]
    assert list((store.home.runs / ".work").iterdir()) == []


def test_nothing_to_collect_is_said(store, tmp_path):
    with pytest.raises(StoreError, match="nothing_to_collect"):
        collect(store, tmp_path / "empty")
