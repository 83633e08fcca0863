import threading

import pytest

from kd_core.config import ComputeSettings
from kd_core.errors import JobError
from kd_core.events import Failed, Finished, Progress, Started, Stopped
from kd_core.study.claims import Claims
from kd_core.study.store import Store
from kd_core.study.submit import Limits, submit
from tests.helpers_jobs import execute, run_all, run_here, study

AUTO = ("auto",)


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def claims(store):
    return Claims(store, "me")


def started(store, claims):
    submit(store, study(0))
    claim = claims.next("auto", AUTO)
    assert claim is not None
    return claim.file.run.id


def test_owners_take_turns(store):
    for person in range(30):
        submit(store, study(person), f"p{person}")
    owners = []
    claims = Claims(store, "me")
    while (claim := claims.next("auto", AUTO)) is not None:
        owners.append(claim.file.run.owner)
        claims.record(claim.file.run.id, Stopped(reason="cancelled"))
    assert len(set(owners[:30])) == 30
    assert len(set(owners[30:60])) == 30


def test_every_run_is_taken_once_however_many_ask(store):
    for seed in range(5):
        submit(store, study(seed))
    taken = []

    def take(name):
        mine = Claims(store, name)
        while (claim := mine.next("auto", AUTO)) is not None:
            taken.append(claim.file.run.id)

    threads = [threading.Thread(target=take, args=[f"runner-{i}"]) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 10  # the students wait for their teachers


def test_a_visitor_runs_no_more_at_once_than_the_limit(store):
    submit(store, study(0), "ana")
    submit(store, study(0), "ben")
    claims = Claims(store, "me", limits=Limits(max_running=1))
    owners = [claims.next("auto", AUTO).file.run.owner for _ in range(2)]
    assert owners == ["ana", "ben"]
    assert claims.next("auto", AUTO) is None


def test_a_named_device_goes_to_its_slot_or_to_any_when_there_is_none(store, claims):
    slots = ("cuda:0", "cuda:1")
    for device in ("cuda:1", "cuda:7", "auto"):
        submit(store, study(0).change(compute=ComputeSettings(device=device), name=device))
    first = [claims.next("cuda:0", slots) for _ in range(4)]
    names = [claim.file.study.name for claim in first]
    assert names == ["cuda:7", "cuda:7", "auto", "auto"]
    assert [claim.device for claim in first] == ["", "", "cuda:0", "cuda:0"]
    assert store.run(first[2].file.run.id).place == "cuda:0"
    assert claims.next("cuda:0", slots) is None
    assert claims.next("cuda:1", slots).file.study.name == "cuda:1"


def test_what_a_run_reports_is_in_its_row(store, claims):
    run_id = started(store, claims)
    row = store.run(run_id)
    assert (row.status, row.attempt, row.started) == ("running", 1, None)
    claims.record(run_id, Started(pid=1, device="cpu", at=5.0))
    claims.record(run_id, Progress(stage="train", done=2, total=4, left_s=9.0))
    row = store.run(run_id)
    assert (row.started, row.place, row.stage, row.done, row.left_s) == (5.0, "cpu", "train", 2, 9)
    claims.record(run_id, Failed(error=JobError("runner_lost").to_json(), at=8.0))
    row = store.run(run_id)
    assert (row.status, row.ended, row.left_s, row.error.code) == ("failed", 8, None, "runner_lost")


def test_a_finish_without_a_record_is_an_error(store, claims):
    run_id = started(store, claims)
    with pytest.raises(Exception, match="record_missing"):
        claims.record(run_id, Finished(seconds=1))
    assert store.run(run_id).status == "running"


def test_only_the_holder_writes(store, claims):
    run_id = started(store, claims)
    late = Claims(store, "somebody else")
    late.record(run_id, Progress(stage="train", done=1, total=2))
    late.record(run_id, Stopped(reason="paused"))
    late.give_back(run_id)
    assert store.run(run_id).status == "running"
    assert store.run(run_id).stage is None


def test_only_old_leases_of_others_expire(store):
    gone, here = Claims(store, "gone", lease_s=-1), Claims(store, "here", lease_s=-1)
    fresh = Claims(store, "fresh", lease_s=60)
    first = started(store, gone)
    second, third = started(store, here), started(store, fresh)
    assert here.expire() == [first]
    row = store.run(first)
    assert (row.status, row.error.code) == ("interrupted", "runner_lost")
    assert store.run(second).status == store.run(third).status == "running"
    here.renew(second)


def test_renewing_keeps_a_lease(store):
    claims = Claims(store, "a", lease_s=60)
    run_id = started(store, claims)
    with store.db.write() as db:
        db.execute("UPDATE runs SET lease_until = 0")
    claims.renew(run_id)
    assert Claims(store, "b").expire() == []


def test_a_run_that_had_finished_is_finished_when_its_runner_is_gone(store):
    submit(store, study(0))
    run_id = run_here(store)
    with store.db.write() as db:  # the runner died between the folder and the row
        db.execute(
            "UPDATE runs SET status = 'running', holder = 'gone', lease_until = 0 WHERE id = ?",
            [run_id],
        )
        db.execute("DELETE FROM models")
    assert Claims(store, "b").expire() == [run_id]
    assert store.run(run_id).status == "finished"
    assert len(store.models(run=run_id)) == 1
    assert store.run(run_id).ended is not None


def test_what_is_given_back_is_next_again(store, claims):
    run_id = started(store, claims)
    claims.give_back(run_id)
    assert store.run(run_id).status == "queued"
    assert run_here(store, execute) == run_id
    assert store.run(run_id).attempt == 2
    run_all(store)
