import os
import signal
import subprocess

import pytest

from kd_core.jobs.executors import LocalExecutor
from kd_core.jobs.protocol import JobLine
from kd_core.study.claims import Claims
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import TARGET, study, until


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def executor(store):
    made = LocalExecutor(store.home.logs / "worker.log", TARGET)
    yield made
    made.close()


def job(store, **params):
    """The job of a baseline that behaves as asked."""
    submit(store, study(0, **params))
    claims = Claims(store, "me")
    claims.next("auto", ("auto",))
    claim = claims.next("auto", ("auto",))
    assert claim.file.run.key == "baseline-s0"
    return JobLine(home=str(store.home.root), file=claim.file)


def all_events(handle):
    events = []
    while handle.exit() is None:
        events += handle.poll(5)
    return events


def test_a_worker_reports_and_ends(store, executor):
    handle = executor.start(job(store, do="print"))
    kinds = [event.type for event in all_events(handle)]
    assert (kinds[0], kinds[-1]) == ("started", "finished")
    assert handle.exit().code == 0
    run = store.runs()[1].id
    log = (store.home.run(run) / "log.txt").read_text()
    assert "to stdout" in log
    assert "from a child" in log


def test_the_spare_takes_the_job_and_another_takes_its_place(store, executor):
    executor.prepare()
    spare = executor._spare
    executor.prepare()
    assert executor._spare is spare
    handle = executor.start(job(store))
    assert handle is spare
    assert executor._spare is not spare
    assert all_events(handle)[-1].type == "finished"


def test_a_spare_that_died_is_not_used(store, executor):
    executor.prepare()
    spare = executor._spare
    spare.kill()
    handle = executor.start(job(store))
    assert handle is not spare
    assert all_events(handle)[-1].type == "finished"


def test_a_killed_worker_is_seen(store, executor):
    handle = executor.start(job(store, do="die"))
    assert all_events(handle)[-1].type in ("progress", "metric")
    ended = handle.exit()
    assert (ended.code, ended.ready, ended.memory) == (-signal.SIGKILL, True, False)


def test_a_kill_takes_the_workers_children_along(store, executor):
    handle = executor.start(job(store, do="wait"))
    until(lambda: handle.poll(0.1))
    pid = handle._process.pid
    assert os.getpgid(pid) == pid
    handle.kill()
    assert handle._process.returncode == -signal.SIGKILL
    handle.request("cancel")  # nobody is there any more, and nothing happens


def test_a_worker_that_cannot_start_is_told(store, monkeypatch):
    executor = LocalExecutor(store.home.logs / "worker.log", "no.such.module:execute", spare=False)
    handle = executor.start(job(store))
    assert all_events(handle) == []
    assert handle.exit().code == 1
    assert not handle.exit().ready
    assert "no.such.module" not in os.environ
    assert "ModuleNotFoundError" in (store.home.logs / "worker.log").read_text()

    def refuse(*args, **kwargs):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(OSError, match="Cannot allocate"):
        executor.start(job(store))


# --- short runs share a process -------------------------------------------------------------------


def pids(handle):
    return [event.pid for event in all_until_over(handle) if event.type == "started"]


def all_until_over(handle):
    events = []
    while not events or events[-1].type not in ("finished", "failed", "stopped"):
        new = handle.poll(5)
        events += new
        if not new and handle.exit() is not None:
            break
    return events


def test_short_runs_follow_each_other_in_one_process(store, executor):
    first = executor.start(job(store).change(again=True))
    one = pids(first)
    first.release()
    second = executor.start(job(store, steps=2).change(again=True))
    assert second is first
    assert pids(second) == one
    second.release()
    assert {run.stem for run in store.home.runs.glob("r*")} >= {
        run.id for run in store.runs() if run.key == "baseline-s0"
    }


def test_a_long_run_never_gets_the_process_of_short_ones(store, executor):
    first = executor.start(job(store).change(again=True))
    one = pids(first)
    first.release()
    long = executor.start(job(store, steps=2))
    assert pids(long) != one
    assert all_events(long) == []
    assert long.exit().code == 0


def test_a_short_run_that_fails_is_the_last_of_its_process(store, executor):
    handle = executor.start(job(store, do="nan").change(again=True))
    assert all_events(handle)[-1].type == "failed"
    handle.release()
    assert executor.start(job(store).change(again=True)) is not handle


def test_what_was_asked_of_one_run_is_not_asked_of_the_next(store, executor):
    first = executor.start(job(store).change(again=True))
    all_until_over(first)
    first.request("cancel")  # too late: it has finished
    first.release()
    second = executor.start(job(store, steps=2).change(again=True))
    assert second is first
    assert all_until_over(second)[-1].type == "finished"
    second.release()


def test_workers_that_wait_end_with_the_executor(store, executor):
    handle = executor.start(job(store).change(again=True))
    all_until_over(handle)
    handle.release()
    executor.close()
    assert handle.is_gone()


def test_a_worker_that_nobody_needs_ends_after_a_while(store, executor, monkeypatch):
    monkeypatch.setattr("kd_core.jobs.executors.IDLE_S", 0.05)
    handle = executor.start(job(store).change(again=True))
    all_until_over(handle)
    handle.release()
    until(handle.is_gone)
    assert executor._idle == []
