import multiprocessing
import threading

import pytest

from kd_core.errors import ConfigError, JobError, StoreError
from kd_core.study import submit as submit_module
from kd_core.study.graph import expand
from kd_core.study.store import Store
from kd_core.study.submit import Limits, equal_runs, submit
from tests.helpers_jobs import by_key, run_all, study


@pytest.fixture
def store():
    return Store()


def test_runs_are_queued_or_wait_for_what_they_need(store):
    study_id = submit(store, study(0), "ana")
    states = {row.key: row.status for row in store.runs(study=study_id)}
    assert states == {"teacher-s0": "queued", "baseline-s0": "queued", "distilled-s0": "waiting"}


def test_equal_finished_runs_are_offered_and_reused(store):
    first = submit(store, study(0))
    assert equal_runs(store, study(0)) == {}
    run_all(store)
    offered = equal_runs(store, study(0, 1))
    assert set(offered) == {"teacher-s0", "baseline-s0", "distilled-s0"}
    second = submit(store, study(0, 1), reuse=True)
    runs = by_key(store, second)
    assert runs["teacher-s0"].id == by_key(store, first)["teacher-s0"].id
    assert runs["teacher-s0"].study == first
    assert {key for key, row in runs.items() if row.status == "queued"} == {
        "baseline-s1",
        "distilled-s1",
    }
    assert store.studies_of(runs["teacher-s0"].id) == sorted([first, second])


def test_nothing_is_reused_unless_asked_or_without_a_data_hash(store):
    submit(store, study(0, data_hash=""))
    run_all(store)
    again = submit(store, study(0, data_hash=""), reuse=True)
    assert store.study(again).finished == 0
    assert store.study(submit(store, study(0))).finished == 0


def test_another_seed_setting_or_data_is_another_run(store):
    submit(store, study(0))
    run_all(store)
    assert set(equal_runs(store, study(0, steps=4))) == {"teacher-s0"}
    assert equal_runs(store, study(0, data_hash="d2")) == {}


def test_an_earlier_run_can_be_the_teacher(store):
    first = submit(store, study(0))
    run_all(store)
    teacher = by_key(store, first)["teacher-s0"]
    wanted = study(1)
    wanted = wanted.change(teacher=wanted.teacher.change(run=teacher.id))
    second = submit(store, wanted)
    student = by_key(store, second)["distilled-s1"]
    assert store.parents(student.id) == {"teacher": teacher.id}
    assert student.status == "queued"
    gone = wanted.change(teacher=wanted.teacher.change(run="r-gone"))
    with pytest.raises(StoreError, match="run_unknown"):
        submit(store, gone)


def test_a_graph_must_hang_together(store):
    runs = [run for run in expand(study(0)) if run.role != "teacher"]
    with pytest.raises(ConfigError, match="need_unknown"):
        submit(store, study(0), runs=runs)
    assert store.studies() == []


def test_one_visitor_cannot_fill_the_queue(store):
    limits = Limits(max_queued=5)
    submit(store, study(0), "ana", limits=limits)
    with pytest.raises(JobError, match="visitor_limit") as caught:
        submit(store, study(1), "ana", limits=limits)
    assert caught.value.fields == {"active": 3, "new": 3, "limit": 5}
    assert len(store.studies()) == 1
    submit(store, study(1), "ben", limits=limits)
    submit(store, study(1, 2), "", limits=limits)
    run_all(store)
    submit(store, study(2), "ana", limits=limits)


def test_paused_runs_keep_their_place(store):
    limits = Limits(max_queued=5)
    made = submit(store, study(0), "ana", limits=limits)
    with store.db.write() as db:
        db.execute("UPDATE runs SET status = 'paused' WHERE id IN (SELECT id FROM runs)")
    assert all(run.status == "paused" for run in store.runs(study=made))
    with pytest.raises(JobError, match="visitor_limit"):
        submit(store, study(1), "ana", limits=limits)


def test_limits_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("KDLAB_MAX_QUEUED", "3")
    assert Limits.from_environment() == Limits(max_queued=3)
    monkeypatch.setenv("KDLAB_MAX_RUNNING", "many")
    with pytest.raises(ConfigError, match="config_value"):
        Limits.from_environment()


def test_a_disk_that_is_full_leaves_nothing_behind(store, monkeypatch):
    def full(path, entry):
        raise StoreError("disk_full", path=str(path), free_bytes=0)

    monkeypatch.setattr(submit_module, "write_study", full)
    with pytest.raises(StoreError, match="disk_full"):
        submit(store, study(0))
    assert store.runs() == store.studies() == []


def _submit_some(home, owner):
    store = Store(home)
    for seed in range(3):
        submit(store, study(seed), owner)


def test_many_submit_at_once_from_threads_and_processes(store):
    spawn = multiprocessing.get_context("spawn")
    args = [(store.home.root, f"owner-{i}") for i in range(6)]
    jobs = [spawn.Process(target=_submit_some, args=a) for a in args[:2]]
    jobs += [threading.Thread(target=_submit_some, args=a) for a in args[2:]]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    rows = store.runs()
    assert len(rows) == 6 * 3 * 3
    assert len({row.position for row in rows}) == len(rows)
    assert len(list(store.home.studies.glob("*.json"))) == 18


def test_a_visitor_of_a_class_has_a_limit_of_their_own(store):
    limits = Limits(class_queued=3, max_queued=5, class_run_s=60)
    submit(store, study(0), "v-ana", limits=limits)
    with pytest.raises(JobError, match="visitor_limit") as caught:
        submit(store, study(1), "v-ana", limits=limits)
    assert caught.value.fields["limit"] == 3
    assert [limits.queued(who) for who in ("v-ana", "t-rui", "")] == [3, 5, 0]
    assert [limits.run_s(who) for who in ("v-ana", "t-rui", "")] == [60, 0, 0]
    assert Limits(class_queued=0).queued("v-ana") == 200


def test_a_run_of_another_study_is_shown_before_it_is_finished(store):
    first = submit(store, study(0))
    baseline = by_key(store, first)["baseline-s0"].id
    teacher = by_key(store, first)["teacher-s0"].id
    shared = {"baseline-s0": baseline, "distilled-s0": teacher}  # the second is another run
    second = submit(store, study(0), "ana", shared=shared)
    runs = by_key(store, second)
    assert runs["baseline-s0"].id == baseline
    assert runs["distilled-s0"].id != teacher
    assert len(store.runs()) == 5
    run_all(store)
    assert store.study(second).finished == 3
