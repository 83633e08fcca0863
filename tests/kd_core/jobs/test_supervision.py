import contextlib
import threading
import time

import pytest

from kd_core.errors import StoreError
from kd_core.events import Finished, Progress, Started, Stopped
from kd_core.jobs.executors import Exit
from kd_core.jobs.supervision import Supervision, Timing
from kd_core.study.claims import Claims
from kd_core.study.queue import Queue
from kd_core.study.rebuild import rebuild
from kd_core.study.store import Store
from kd_core.study.submit import Limits, submit
from tests.helpers_jobs import study

QUICK = Timing(lease=60, tick=0.0, idle=0.01, keeper=0.01, grace=0.0)


class Script:
    """An executor and its handle in one: yields events as written, then an exit."""

    def __init__(self, *steps, ending=None):
        self.steps, self.ending = list(steps), ending
        self.requests, self.killed = [], False

    def start(self, job):
        self.job = job
        return self

    def poll(self, timeout_s):
        step = self.steps.pop(0) if self.steps else None
        if callable(step):
            step()
            return []
        return [step] if step else []

    def exit(self):
        if self.killed:
            return Exit(-9)
        return None if self.steps else self.ending

    def request(self, what):
        self.requests.append(what)

    def kill(self):
        self.killed = True


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def claims(store):
    submit(store, study(0))
    return Claims(store, "me", lease_s=60)


def follow(claims, script, closing=None, timing=QUICK):
    claim = claims.next("auto", ("auto",))
    supervision = Supervision(claim, claims, script, 2, timing, closing or threading.Event())
    supervision.follow()
    return claims.store.run(claim.file.run.id)


START = Started(pid=1, device="cpu")
STEP = Progress(stage="train", done=1, total=4, left_s=7.0)


def test_what_comes_is_written_and_the_last_event_ends_it(claims):
    script = Script(START, STEP, Stopped(reason="paused"), ending=Exit(0))
    row = follow(claims, script)
    assert (row.status, row.stage, row.done, row.place) == ("paused", "train", 1, "cpu")
    assert script.killed
    assert script.job.slots == 2


@pytest.mark.parametrize(
    ("ended", "status", "code"),
    [
        (Exit(-9), "interrupted", "worker_killed"),
        (Exit(-9, memory=True), "interrupted", "out_of_memory_killed"),
        (Exit(-11), "interrupted", "worker_killed"),
        (Exit(3), "interrupted", "worker_exited"),
        (Exit(1, ready=False), "failed", "worker_broken"),
    ],
)
def test_a_worker_that_is_gone_is_named(claims, ended, status, code):
    row = follow(claims, Script(START, ending=ended))
    assert (row.status, row.error.code) == (status, code)


def test_out_of_memory_says_what_to_lower(claims):
    row = follow(claims, Script(START, ending=Exit(-9, memory=True)))
    assert row.error.fields == {"model": "resnet18", "batch_size": 64, "size": 64}


def test_a_system_that_starts_no_process_fails_the_run(claims):
    class Refusing:
        def start(self, job):
            raise OSError(12, "Cannot allocate memory")

    row = follow(claims, Refusing())
    assert (row.status, row.error.code) == ("failed", "worker_not_started")


@pytest.mark.parametrize(("what", "status"), [("cancel", "cancelled"), ("pause", "paused")])
def test_a_worker_that_does_not_obey_is_killed_after_the_grace(store, claims, what, status):
    run_id = store.runs(status=["queued"])[-1].id
    script = Script(START, lambda: Queue(store).request(run_id, what), STEP, STEP, STEP, STEP)
    row = follow(claims, script)
    assert row.id == run_id
    assert row.status == status
    assert script.requests == [what]
    store.close()
    rebuild()
    assert store.run(run_id).status == status  # a rebuild finds it in the folder


def test_at_the_end_of_the_process_a_run_goes_back_into_the_queue(claims):
    closing = threading.Event()
    script = Script(START, STEP, closing.set, ending=None)
    row = follow(claims, script, closing)
    assert row.status == "queued"
    assert script.killed


def test_a_run_that_should_stop_does_not_go_on_elsewhere(store, claims):
    run_id = store.runs(status=["queued"])[-1].id
    closing = threading.Event()

    def ask_and_end():
        Queue(store).request(run_id, "cancel")
        closing.set()

    assert follow(claims, Script(START, ask_and_end), closing).status == "cancelled"


def test_a_finish_without_a_record_is_a_failure(claims):
    row = follow(claims, Script(START, Finished(seconds=1.0)))
    assert (row.status, row.error.code) == ("failed", "record_missing")


def test_the_last_word_waits_for_a_store_that_is_busy(claims, monkeypatch):
    record, failures = claims.record, [1, 1]

    def busy(run_id, event):
        if isinstance(event, Stopped) and failures:
            failures.pop()
            raise StoreError("store_locked", path="x")
        record(run_id, event)

    monkeypatch.setattr(claims, "record", busy)
    closing = threading.Event()
    monkeypatch.setattr(closing, "wait", lambda seconds: False)  # no waiting in a test
    row = follow(claims, Script(START, Stopped(reason="cancelled")), closing)
    assert row.status == "cancelled"
    assert failures == []


def test_progress_that_cannot_be_written_stops_nobody(claims, monkeypatch):
    record = claims.record

    def full(run_id, event):
        if isinstance(event, Progress):
            raise StoreError("disk_full", path="x", free_bytes=0)
        record(run_id, event)

    monkeypatch.setattr(claims, "record", full)
    monkeypatch.setattr(Supervision, "_surely", lambda self, act: _try(act))
    row = follow(claims, Script(START, STEP, START, STEP, Stopped(reason="paused")))
    assert row.status == "paused"


def _try(act):
    with contextlib.suppress(StoreError):
        act()


def test_leases_are_renewed_while_a_worker_lives(store, claims):
    run_id = store.runs(status=["queued"])[-1].id
    lease = "SELECT lease_until FROM runs WHERE id = ?"
    seen = []
    script = Script(
        START,
        lambda: seen.append(store.db.rows(lease, [run_id])[0][0]),
        STEP,
        STEP,
        lambda: seen.append(store.db.rows(lease, [run_id])[0][0]),
        Stopped(reason="paused"),
    )
    follow(claims, script, timing=Timing(lease=0.0, tick=0.0))
    assert seen[1] > seen[0]


def test_a_run_whose_thread_fell_does_not_seem_to_run_for_ever(store, claims):
    def fall():
        raise SystemExit

    script = Script(START, fall)
    run_id = store.runs(status=["queued"])[-1].id
    with pytest.raises(SystemExit):
        follow(claims, script)
    assert script.killed
    assert store.run(run_id).status == "interrupted"


def test_a_visitors_run_that_takes_too_long_is_stopped_and_can_go_on(store):
    submit(store, study(0), "v-ana")
    claims = Claims(store, "me", lease_s=60, limits=Limits(class_run_s=0.05))
    claim = claims.next("auto", ("auto",))
    script = Script(*[Started(pid=1, device="cpu")] + [lambda: time.sleep(0.02)] * 50)
    Supervision(claim, claims, script, 1, QUICK, threading.Event()).follow()
    row = store.run(claim.file.run.id)
    assert script.killed
    assert (row.status, row.error.code) == ("cancelled", "class_run_time")
    assert Queue(store).request(row.id, "resume") == "queued"


def test_a_run_of_the_teacher_may_take_its_time(store):
    submit(store, study(0), "t-rui")
    claims = Claims(store, "me", lease_s=60, limits=Limits(class_run_s=0.01))
    claim = claims.next("auto", ("auto",))
    script = Script(lambda: time.sleep(0.05), Stopped(reason="paused"))
    Supervision(claim, claims, script, 1, QUICK, threading.Event()).follow()
    assert store.run(claim.file.run.id).status == "paused"
