import pytest

from kd_core.data.draft import draft
from kd_core.data.library import Library
from kd_core.errors import JobError
from kd_core.latency.own_devices import own_devices, save_device, this_machine
from kd_core.study.claims import Claims
from kd_core.study.people import People
from kd_core.study.rights import Person
from kd_core.study.store import Store
from kd_core.study.submit import submit
from kd_core.study.wipe import INCOMING, wipe
from tests.helpers_data import tiny_images, write_folder
from tests.helpers_jobs import run_all, study

ANA, RUI = Person("a" * 24, "visitor"), Person("c" * 24, "teacher")


@pytest.fixture
def store():
    found = Store()
    yield found
    found.close()


@pytest.fixture
def people(store):
    found = People(store.home.root)
    yield found
    found.close()


def test_a_wipe_takes_all_of_the_visitors_and_nothing_else(store, people, tmp_path):
    people.enter(ANA.id, "visitor", "Ana", "room")
    theirs = [submit(store, study(0), ANA.owner), submit(store, study(1), ANA.owner)]
    kept = [submit(store, study(2), RUI.owner), submit(store, study(3), "")]
    run_all(store)
    submit(store, study(4), ANA.owner)  # waits in the queue
    write_folder(tmp_path / "cells", *tiny_images(12, size=16))
    library = Library(store.home.root)
    for name in ("hers", "mine"):
        library.add(draft(tmp_path / "cells"), name)
    people.note_upload(ANA.id, "dataset", "hers", 10)
    (store.home.uploads / "w.pt").write_bytes(b"weights")
    people.note_upload(ANA.id, "file", "w.pt", 7)
    save_device(store.home.root, "her_box", this_machine(), ANA.owner)
    save_device(store.home.root, "my_box", this_machine(), RUI.owner)
    (store.home.cache / INCOMING / f"{ANA.owner}-x").mkdir(parents=True)
    folders = [store.folder(run.id) for run in store.runs(study=theirs[0])]
    found = wipe(store, people)
    assert (found.people, found.studies, found.runs) == (1, 3, 9)
    assert (found.datasets, found.files, found.devices) == (1, 1, 1)
    assert found.freed_bytes > 0
    assert sorted(row.id for row in store.studies()) == sorted(kept)
    assert not any(folder.exists() for folder in folders)
    assert "hers" not in library
    assert "mine" in library
    assert list(own_devices(store.home.root)) == ["my_box"]
    assert not list(store.home.uploads.iterdir())
    assert not list((store.home.cache / INCOMING).iterdir())
    assert people.everybody() == []


def test_a_run_that_the_teacher_reuses_is_not_kept_as_a_visitors(store, people):
    submit(store, study(0), ANA.owner)
    run_all(store)
    other = submit(store, study(0), RUI.owner, reuse=True)
    wipe(store, people)
    assert store.runs(study=other) == []
    assert [row.id for row in store.studies()] == [other]


def test_a_run_that_does_not_stop_is_not_torn_away(store, people):
    submit(store, study(0), ANA.owner)
    assert Claims(store, "me").next("auto", ("auto",)) is not None
    with pytest.raises(JobError, match="run_active"):
        wipe(store, people, wait_s=0.1)
    assert len(store.runs()) == 3


def test_a_wipe_leaves_what_a_class_shares(store, people):
    shared = submit(store, study(0), "")
    run_all(store)
    baseline = next(run.id for run in store.runs(study=shared) if run.key == "baseline-s0")
    theirs = submit(store, study(0), ANA.owner, shared={"baseline-s0": baseline})
    run_all(store)
    wipe(store, people)
    assert [row.id for row in store.studies()] == [shared]
    assert store.run(baseline).status == "finished"
    assert theirs not in store.studies_of(baseline)
