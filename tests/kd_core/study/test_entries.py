import json

import pytest

from kd_core.errors import StoreError
from kd_core.study.entries import (
    RUN_FILE,
    RunFile,
    StudyEntry,
    read_run,
    read_study,
    run_file,
    write_study,
)
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import by_key, study


@pytest.fixture
def store():
    return Store()


def test_a_study_file_says_what_was_submitted(store):
    wanted = study(0, 1)
    study_id = submit(store, wanted, "ana", expected_s={"teacher-s0": 12.0}, plugins=["p.py"])
    entry = read_study(store.home.study(study_id))
    assert entry.settings == wanted
    assert entry.graph == {row.key: row.id for row in store.runs(study=study_id)}
    teacher = entry.runs[0]
    assert (teacher.key, teacher.owner, teacher.expected_s) == ("teacher-s0", "ana", 12.0)
    assert teacher.plugins == ("p.py",)
    assert StudyEntry.from_json(entry.to_json()) == entry


def test_a_runs_file_is_its_entry_and_its_study(store):
    study_id = submit(store, study(0), "ana")
    entry = read_study(store.home.study(study_id))
    row = by_key(store, study_id)["distilled-s0"]
    with store.db.connection() as db:
        file = run_file(db, row.id)
    assert file.run == next(run for run in entry.runs if run.id == row.id)
    assert file.study == entry.change(runs=(), graph={})
    assert file.run.parents["teacher"].run == by_key(store, study_id)["teacher-s0"].id


def test_files_that_are_none_are_refused(store, tmp_path):
    study_id = submit(store, study(0))
    entry = read_study(store.home.study(study_id))
    path = tmp_path / "s.json"
    path.write_text("{")
    with pytest.raises(StoreError, match="entry_unreadable"):
        read_study(path)
    data = entry.to_json()
    path.write_text(json.dumps({**data, "graph": {"teacher-s0": "../../etc"}}))
    with pytest.raises(StoreError, match="bad_id"):
        read_study(path)
    path.write_text(json.dumps({**data, "surprise": 1}))
    with pytest.raises(StoreError, match="entry_unreadable"):
        read_study(path)
    with pytest.raises(StoreError, match="entry_unreadable"):
        read_study(tmp_path / "missing.json")


def test_a_run_folder_must_have_its_runs_name(store, tmp_path):
    study_id = submit(store, study(0))
    entry = read_study(store.home.study(study_id))
    file = RunFile(run=entry.runs[0], study=entry)
    for name, fits in ((entry.runs[0].id, True), ("r-other", False)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / RUN_FILE).write_text(json.dumps(file.to_json()))
        if fits:
            assert read_run(folder) == file
        else:
            with pytest.raises(StoreError, match="entry_unreadable"):
                read_run(folder)


def test_writing_over_a_file_keeps_it_whole(store, tmp_path, monkeypatch):
    study_id = submit(store, study(0))
    path = store.home.study(study_id)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kd_core.study.entries.write_json", full)
    with pytest.raises(StoreError, match="disk_full"):
        write_study(path, read_study(path))
    assert path.read_bytes() == before
