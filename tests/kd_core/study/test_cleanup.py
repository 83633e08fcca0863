import json
import os
import shutil

import pytest

from kd_core.data import cache
from kd_core.data.draft import draft
from kd_core.data.library import Library
from kd_core.errors import JobError, StoreError
from kd_core.study.claims import Claims
from kd_core.study.cleanup import (
    delete_dataset,
    delete_run,
    delete_study,
    disk_usage,
    gc,
)
from kd_core.study.rebuild import rebuild
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_data import tiny_images, write_folder
from tests.helpers_jobs import by_key, run_all, study


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def library(store):
    return Library(store.home.root)


@pytest.fixture
def cells(library, tmp_path):
    """A small data set of the library."""
    write_folder(tmp_path / "images", *tiny_images(30))
    return library.add(draft(tmp_path / "images"), "cells")


def cached(store, name, **key):
    folder = store.home.cache / "teacher" / "teacher_outputs" / name
    folder.mkdir(parents=True)
    (folder / "key.json").write_text(json.dumps(key))
    return folder


def age(path):
    os.utime(path, (1, 1), follow_symlinks=False)


def test_a_run_goes_with_its_folder_and_its_teacher_outputs(store, cells):
    study_id = submit(store, study(0, data_hash=cells.hash))
    run_all(store)
    teacher = by_key(store, study_id)["teacher-s0"]
    mine = cached(store, "mine", data=cells.hash, teacher="network-teacher-s0")
    other = cached(store, "other", data=cells.hash, teacher="network-baseline-s0")
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


def test_a_data_set_goes_with_what_was_computed_from_it_unless_it_is_in_use(store, library, cells):
    wanted = study(0, data_hash=cells.hash)
    wanted = wanted.change(data=wanted.data.change(dataset="cells"))
    study_id = submit(store, wanted)
    outputs = cached(store, "mine", data=cells.hash, teacher="t")
    cache.load(cells, 16, library.cache)
    decoded = cache.cache_folder(library.cache, cells.hash, 16)
    with pytest.raises(JobError, match="dataset_in_use") as caught:
        delete_dataset(store, library, "cells")
    assert caught.value.fields["n"] == 3
    assert decoded.is_dir()
    delete_study(store, study_id)
    assert delete_dataset(store, library, "cells") > 0
    assert "cells" not in library.names()
    assert not outputs.exists()
    assert not decoded.exists()


def test_gc_drops_caches_of_data_that_is_gone_only(store, library, cells):
    kept = cache.cache_folder(library.cache, cells.hash, 16)
    gone = cache.cache_folder(library.cache, "0" * 64, 16)
    for path in (kept, gone):
        path.mkdir(parents=True)
        age(path)
    fresh = cache.cache_folder(library.cache, "1" * 64, 16)  # of an import under way
    fresh.mkdir()
    assert [(item.path, item.reason) for item in gc(store)] == [(gone, "data_unknown")]
    assert kept.is_dir()
    assert fresh.is_dir()


def test_gc_tells_then_removes_what_nothing_refers_to(store, cells):
    study_id = submit(store, study(0, data_hash=cells.hash))
    run_all(store)
    home = store.home
    runs = by_key(store, study_id)
    keep = [
        home.run(runs["teacher-s0"].id),
        cached(store, "used", data=cells.hash, teacher="network-teacher-s0"),
        home.uploads / "fresh.onnx",
        home.studies / ".new-file",
    ]
    drop = [
        home.run("r-stranger"),
        home.work("r-unknown"),
        cached(store, "no-teacher", data=cells.hash, teacher="gone"),
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


def test_an_upload_that_a_peer_begins_with_stays(store):
    wanted = study(0)
    weights = wanted.student.weights.change(kind="file", source="peer.safetensors")
    distil = wanted.arms[0].distil.change(
        mode="joint", peers=(wanted.student.change(weights=weights),)
    )
    submit(store, wanted.change(arms=(wanted.arms[0].change(distil=distil),)))
    for name in ("peer.safetensors", "nobodys.safetensors"):
        (store.home.uploads / name).touch()
        age(store.home.uploads / name)
    assert [item.path.name for item in gc(store)] == ["nobodys.safetensors"]


def test_outputs_stay_while_a_network_is_unknown(store, cells):
    submit(store, study(0, data_hash=cells.hash))
    run_all(store)
    with store.db.write() as db:
        db.execute("UPDATE models SET network_sha256 = '' WHERE role = 'teacher'")
    cached(store, "maybe", data=cells.hash, teacher="who")
    assert gc(store) == []


def test_what_a_study_of_folds_or_of_several_teachers_stored_stays(store, cells):
    submit(store, study(0, data_hash=cells.hash))
    run_all(store)
    teachers = ["network-teacher-s0", "network-baseline-s0"]
    one = cached(store, "fold", data=f"{cells.hash} fold 2 of 5", teacher=teachers[0])
    two = cached(store, "committee", data=cells.hash, teacher="both", members=teachers)
    gone = cached(store, "half", data=cells.hash, teacher="both", members=[teachers[0], "who"])
    images = cached(store, "../synthetic/made", teacher=teachers[0])
    orphan = cached(store, "../synthetic/orphan", teacher="who")
    age(orphan)
    found = {item.path.resolve() for item in gc(store)}
    assert found == {gone.resolve(), orphan.resolve()}
    assert all(path.exists() for path in (one, two, images))


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
