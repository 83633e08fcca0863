import json
import os
import shutil

import pytest

from kd_core.errors import JobError, StoreError
from kd_core.study.claims import Claims
from kd_core.study.cleanup import (
    delete_data_caches,
    delete_run,
    delete_study,
    disk_usage,
    gc,
)
from kd_core.study.rebuild import rebuild
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import by_key, run_all, study


@pytest.fixture
def store():
    return Store()


def cached(store, name, kind="teacher_outputs", **key):
    folder = store.home.cache / kind / name
    folder.mkdir(parents=True)
    (folder / "key.json").write_text(json.dumps(key))
    return folder


def age(path):
    os.utime(path, (1, 1), follow_symlinks=False)


def test_a_run_goes_with_its_folder_and_its_teacher_outputs(store):
    study_id = submit(store, study(0))
    run_all(store)
    teacher = by_key(store, study_id)["teacher-s0"]
    mine = cached(store, "mine", data="d1", teacher="network-teacher-s0")
    other = cached(store, "other", data="d1", teacher="network-baseline-s0")
    folder = store.home.run(teacher.id)
    assert delete_run(store, teacher.id) > 0
    assert not folder.exists()
    assert not mine.exists()
    assert other.exists()
    assert [row.key for row in store.runs(study=study_id)] == ["baseline-s0", "distilled-s0"]
    assert len(store.models()) == len(store.measurements()) == 2
    before = store.runs()
    rebuild()
    assert store.runs() == before
    with pytest.raises(StoreError, match="run_unknown"):
        delete_run(store, teacher.id)


def test_what_runs_or_is_needed_stays(store):
    study_id = submit(store, study(0))
    runs = by_key(store, study_id)
    with pytest.raises(JobError, match="run_needed"):
        delete_run(store, runs["teacher-s0"].id)
    Claims(store, "me").next("auto", ("auto",))
    with pytest.raises(JobError, match="run_active"):
        delete_study(store, study_id)
    assert len(store.runs(study=study_id)) == 3
    assert delete_run(store, runs["distilled-s0"].id) == 0
    assert len(store.runs(study=study_id)) == 2


def test_a_study_goes_with_its_runs_but_not_those_that_another_shows(store):
    first = submit(store, study(0), "ana")
    run_all(store)
    second = submit(store, study(0), "ben", reuse=True)
    third = submit(store, study(5))
    delete_study(store, first)
    assert len(store.runs(study=second)) == 3
    assert all(row.study == second for row in store.runs(study=second))
    before = store.runs()
    rebuild()
    assert store.runs() == before
    delete_study(store, second)
    assert [row.study for row in store.runs()] == [third] * 3
    assert [row.id for row in store.studies()] == [third]
    assert sorted(path.name for path in store.home.runs.iterdir()) == [".work"]
    with pytest.raises(StoreError, match="study_unknown"):
        delete_study(store, second)


def test_caches_of_a_data_set_go_unless_it_is_in_use(store):
    study_id = submit(store, study(0))
    mine = cached(store, "mine", data="d1")
    other = cached(store, "other", "images", data="d2")
    with pytest.raises(JobError, match="dataset_in_use") as caught:
        delete_data_caches(store, "sample", "d1")
    assert caught.value.fields["n"] == 3
    delete_study(store, study_id)
    delete_data_caches(store, "sample", "d1")
    assert not mine.exists()
    assert other.exists()


def test_gc_tells_then_removes_what_nothing_refers_to(store):
    study_id = submit(store, study(0))
    run_all(store)
    home = store.home
    runs = by_key(store, study_id)
    keep = [
        home.run(runs["teacher-s0"].id),
        cached(store, "used", data="d1", teacher="network-teacher-s0"),
        home.uploads / "fresh.onnx",
        home.studies / ".new-file",
    ]
    drop = [
        home.run("r-stranger"),
        home.work("r-unknown"),
        cached(store, "no-teacher", data="d1", teacher="gone"),
        home.runs / ".gone-r1",
        home.uploads / "old.onnx",
        home.logs / "old.log",
    ]
    for path in (*keep[2:], *drop[4:]):
        path.touch()
    for path in (*drop[:2], drop[3]):
        path.mkdir()
    for path in drop:
        age(path)
    found = gc(store, dry_run=True)
    assert sorted(str(item.path) for item in found) == sorted(map(str, drop))
    assert all(path.exists() for path in drop)
    gc(store)
    assert not any(path.exists() for path in drop)
    assert all(path.exists() for path in keep)
    assert gc(store) == []


def test_an_upload_that_a_run_uses_stays(store):
    wanted = study(0)
    weights = wanted.student.weights.change(kind="file", source="mine.safetensors")
    submit(store, wanted.change(student=wanted.student.change(weights=weights)))
    upload = store.home.uploads / "mine.safetensors"
    upload.touch()
    age(upload)
    assert gc(store) == []


def test_outputs_stay_while_a_network_is_unknown(store):
    submit(store, study(0))
    run_all(store)
    with store.db.write() as db:
        db.execute("UPDATE models SET network_sha256 = '' WHERE role = 'teacher'")
    cached(store, "maybe", data="d1", teacher="who")
    assert gc(store) == []


def test_disk_use_is_told_by_kind(store):
    study_id = submit(store, study(0))
    run_all(store)
    store.home.work("r1").mkdir()
    (store.home.work("r1") / "checkpoint.pt").write_bytes(b"12345")
    (store.home.uploads / "a").write_bytes(b"123")
    used = disk_usage(store)
    assert (used["uploads"], used["unfinished"], used["datasets"]) == (3, 5, 0)
    assert used["runs"] > 0
    assert used["store"] > 4096
    assert 0 < used["free"] <= shutil.disk_usage("/").total * 2
    delete_study(store, study_id)
    assert disk_usage(store)["runs"] == 0
