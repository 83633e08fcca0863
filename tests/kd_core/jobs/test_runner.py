import queue
import threading

import pytest

from kd_core.config import ComputeSettings
from kd_core.events import from_line
from kd_core.jobs.executors import Exit
from kd_core.jobs.runner import Runner
from kd_core.jobs.worker import carry_out
from kd_core.study.claims import Claims
from kd_core.study.queue import Queue
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import FAST, by_key, execute, let_go, study, until, until_status


class Threads:
    """An executor that needs no processes, so that a test of many runs is quick."""

    def __init__(self):
        self.jobs = []

    def prepare(self):
        pass

    def close(self):
        pass

    def start(self, job):
        self.jobs.append(job)
        return _Thread(job)


class _Thread:
    def __init__(self, job):
        self.events, self.asked, self.ended = queue.Queue(), None, None
        thread = threading.Thread(target=self._run, args=[job], daemon=True)
        thread.start()

    def _run(self, job):
        send = lambda line: self.events.put(from_line(line))  # noqa: E731
        self.events.put(carry_out(job, execute, send, lambda: self.asked))
        self.events.put(None)

    def poll(self, timeout_s):
        try:
            event = self.events.get(timeout=timeout_s)
        except queue.Empty:
            return []
        if event is None:
            self.ended = Exit(0)
            return []
        return [event]

    def exit(self):
        return self.ended

    def request(self, what):
        self.asked = {"cancel": "cancelled", "pause": "paused"}[what]

    def kill(self):
        self.asked = "cancelled"

    def release(self):
        pass


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def run(store):
    """Start runners that are closed after the test."""
    started = []

    def start(**options):
        runner = Runner(store, options.pop("executor", None) or Threads(), timing=FAST, **options)
        runner.start()
        started.append(runner)
        return runner

    yield start
    for runner in started:
        runner.close()


def all_over(store):
    return until(lambda: store.runs() and not store.runs(status=["queued", "waiting", "running"]))


def test_a_study_runs_by_itself(store, run):
    run()
    study_id = submit(store, study(0, 1))
    all_over(store)
    assert store.study(study_id).finished == 5
    assert Queue(store).runner()["slots"] == ["auto"]


def test_thirty_people_submit_and_all_are_served_in_turn(store, run):
    executor = Threads()
    for person in range(30):
        submit(store, study(person, steps=1), f"p{person}")
    run(executor=executor, slots=("auto", "auto"))
    all_over(store)
    assert {row.status for row in store.runs()} == {"finished"}
    owners = [job.file.run.owner for job in executor.jobs]
    assert len(owners) == len(store.runs()) == 90
    assert len(set(owners[:30])) == 30


def test_only_one_runner_takes_runs_and_the_next_takes_over(store, run):
    first, second = run(), run()
    assert (first.drives, second.drives) == (True, False)
    submit(store, study(0))
    all_over(store)
    assert Queue(store).runner()["holder"] == first._claims.holder
    first.close()
    until(lambda: second.drives)
    study_id = submit(store, study(1))
    all_over(store)
    assert store.study(study_id).finished == 3


def test_a_runner_that_ends_gives_its_run_back(store, run):
    first = run()
    study_id = submit(store, study(0, do="wait"))
    baseline = by_key(store, study_id)["baseline-s0"].id
    until_status(store, baseline, "running")
    until(lambda: store.run(baseline).stage)
    first.close()
    assert store.run(baseline).status == "queued"
    let_go(store.home.root)
    run()
    all_over(store)
    assert store.run(baseline).attempt == 2
    assert store.study(study_id).finished == 3


def test_leases_of_a_server_that_is_gone_expire(store, run):
    study_id = submit(store, study(0))
    Claims(store, "gone", lease_s=-1).next("auto", ("auto",))
    teacher = by_key(store, study_id)["teacher-s0"].id
    run()
    until_status(store, teacher, "interrupted")
    Queue(store).request(teacher, "resume")
    all_over(store)
    assert store.study(study_id).finished == 3


def test_slots_share_the_work_and_name_their_devices(store, run):
    submit(store, study(0, 1, 2, 3))
    executor = Threads()
    run(executor=executor, slots=("cuda:0", "cuda:1"))
    all_over(store)
    assert {job.device for job in executor.jobs} == {"cuda:0", "cuda:1"}
    assert {job.slots for job in executor.jobs} == {2}
    assert {row.place for row in store.runs()} == {"cuda:0", "cuda:1"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_slot_that_fell_is_set_up_again(store, run, monkeypatch):
    runner = run()
    fall = [True]
    take = runner._claims.next

    def falling(device, devices):
        if fall:
            fall.pop()
            raise ZeroDivisionError
        return take(device, devices)

    monkeypatch.setattr(runner._claims, "next", falling)
    study_id = submit(store, study(0))
    all_over(store)
    assert fall == []
    assert store.study(study_id).finished == 3


def test_closing_twice_and_without_work_is_quick(store):
    runner = Runner(store, Threads(), timing=FAST)
    runner.start()
    runner.close()
    runner.close()
    assert not runner.drives


def test_a_slot_for_short_runs_takes_no_long_one(store, run):
    short = study(1).change(compute=ComputeSettings(device="cpu", threads=1), name="short")
    long_id = submit(store, study(0, do="wait"))
    short_id = submit(store, short, expected_s={"teacher-s1": 5, "baseline-s1": 5})
    executor = Threads()
    run(executor=executor, short=1)
    until(lambda: by_key(store, long_id)["baseline-s0"].status == "running")
    until(lambda: by_key(store, short_id)["distilled-s1"].status == "queued")
    until(lambda: by_key(store, short_id)["baseline-s1"].status == "finished")
    assert by_key(store, long_id)["baseline-s0"].status == "running"
    assert by_key(store, short_id)["distilled-s1"].status == "queued"  # nobody said how long
    again = {job.file.run.key: job.again for job in executor.jobs}
    assert again == {key: key.endswith("s1") for key in again}
    assert set(again) == {"teacher-s0", "baseline-s0", "teacher-s1", "baseline-s1"}
    assert {job.slots for job in executor.jobs} == {2}
    let_go(store.home.root)
    all_over(store)
