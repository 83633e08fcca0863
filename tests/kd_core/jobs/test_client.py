"""With real processes: what a page or a command sees when things are killed."""

import os
import signal
import subprocess
import sys

import pytest

from kd_core import repro
from kd_core.errors import ConfigError, JobError
from kd_core.events import Started
from kd_core.jobs import connect
from kd_core.jobs.client import default_slots
from kd_core.study.store import Store
from kd_core.study.submit import Limits
from tests.helpers_code import ROOT
from tests.helpers_jobs import (
    DEADLINE_S,
    FAST,
    TARGET,
    by_key,
    let_go,
    study,
    until,
    until_status,
)

SERVER = """
import time
from tests.helpers_jobs import FAST, TARGET
from kd_core.jobs import connect
jobs = connect(target=TARGET, timing=FAST, slots=["auto"])
print("drives" if jobs.runner.drives else "submits", flush=True)
time.sleep(600)
"""


@pytest.fixture
def run_queue():
    """Start to run the queue; ended after the test."""
    opened = []

    def start():
        opened.append(connect(target=TARGET, timing=FAST, slots=["auto"]))
        return opened[-1]

    yield start
    for jobs in opened:
        jobs.close()


def lone_run(seed=0, **params):
    """Queue a run that nothing else is in the way of; its id."""
    client = connect(drive=False)
    runs = by_key(client.store, client.submit(study(seed, **params)))
    for key in (f"teacher-s{seed}", f"distilled-s{seed}"):
        client.request(runs[key].id, "cancel")
    client.close()
    return runs[f"baseline-s{seed}"].id


def pid_of(store, run_id):
    """The process that has a run now."""
    events = store.events(run_id).events
    return [event.pid for event in events if isinstance(event, Started)][-1]


def steps_of(store, run_id):
    """Files that tell at which step each attempt began."""
    return sorted(path.name for path in store.folder(run_id).glob("first-*"))


def test_a_study_is_carried_out_in_other_processes(run_queue):
    jobs = run_queue()
    study_id = jobs.submit(study(0), owner="ana")
    row, runs = jobs.wait(study_id, timeout_s=DEADLINE_S)
    assert (row.finished, [run.status for run in runs]) == (3, ["finished"] * 3)
    pids = {pid_of(jobs.store, run.id) for run in runs}
    assert len(pids) == 3
    assert os.getpid() not in pids
    events = jobs.store.events(runs[0].id)
    assert events.events[-1].type == "finished"
    assert jobs.store.events(runs[0].id, events.offset).events == ()


def test_kill_9_of_the_worker_interrupts_and_resume_goes_on(run_queue):
    run = lone_run(do="die")
    jobs = run_queue()
    row = until_status(jobs.store, run, "interrupted")
    assert row.error.code == "worker_killed"
    assert row.error.fields == {"signal": "SIGKILL"}
    jobs.request(run, "resume")
    row = until_status(jobs.store, run, "finished")
    assert row.attempt == 2
    assert steps_of(jobs.store, run) == ["first-0.json", "first-2.json"]


def test_a_worker_killed_from_outside_does_not_take_the_queue_along(run_queue):
    run, other = lone_run(do="wait"), lone_run(1)
    jobs = run_queue()
    until(lambda: jobs.store.run(run).stage)
    os.kill(pid_of(jobs.store, run), signal.SIGKILL)
    until_status(jobs.store, run, "interrupted")
    until_status(jobs.store, other, "finished")


def test_pause_resume_and_cancel(run_queue):
    run = lone_run(do="wait")
    jobs = run_queue()
    until(lambda: jobs.store.run(run).stage)
    assert jobs.request(run, "pause") == "running"
    until_status(jobs.store, run, "paused")
    jobs.request(run, "resume")
    until(lambda: jobs.store.run(run).attempt == 2)
    jobs.request(run, "cancel")
    row = until_status(jobs.store, run, "cancelled")
    assert row.error is None
    assert not jobs.store.home.run(run).exists()


def test_a_worker_that_is_deaf_is_killed_after_the_grace(run_queue):
    run = lone_run(do="deaf")
    jobs = run_queue()
    until(lambda: jobs.store.run(run).stage)
    jobs.request(run, "cancel")
    until_status(jobs.store, run, "cancelled")


def test_what_goes_wrong_has_a_name_and_the_others_go_on(run_queue):
    expected = {
        "nan": ("failed", "loss_nan"),
        "memory": ("failed", "out_of_memory"),
        "full": ("failed", "disk_full"),
        "bug": ("failed", "unexpected"),
        "exit": ("interrupted", "worker_exited"),
    }
    runs = {do: lone_run(do=do) for do in expected}
    after = lone_run()
    jobs = run_queue()
    until_status(jobs.store, after, "finished")
    rows = {do: jobs.store.run(run) for do, run in runs.items()}
    assert {do: (row.status, row.error.code) for do, row in rows.items()} == expected


def test_kill_9_of_the_server_ends_its_worker_and_loses_nothing(run_queue):
    run = lone_run(do="wait")
    store = Store()
    command = [sys.executable, "-c", SERVER]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env, text=True) as server:
        assert server.stdout.readline() == "drives\n"
        visitor = run_queue()
        assert not visitor.runner.drives
        until(lambda: store.run(run).stage)
        worker = pid_of(store, run)
        server.kill()
    until(lambda: visitor.runner.drives)  # the second server takes over
    row = until_status(store, run, "interrupted")
    assert row.error.code == "runner_lost"
    until(lambda: not os.path.exists(f"/proc/{worker}") or _zombie(worker))
    let_go(store.home.root)
    visitor.request(run, "resume")
    until_status(store, run, "finished")
    assert steps_of(store, run) == ["first-0.json", "first-2.json"]


def _zombie(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()[0] == "Z"


def test_a_client_that_never_runs_anything_submits_to_the_one_that_does(run_queue):
    run_queue()
    client = connect(drive=False)
    assert client.runner is None
    run = lone_run()
    until_status(client.store, run, "finished")
    assert client.place(run) is None
    client.close()


def test_waiting_runs_have_a_place():
    client = connect(drive=False, limits=Limits(max_queued=3))
    study_id = client.submit(study(0), owner="ana", expected_s={"teacher-s0": 60})
    runs = by_key(client.store, study_id)
    assert client.place(runs["teacher-s0"].id) == (1, 0.0)
    assert client.place(runs["baseline-s0"].id) == (2, 60.0)
    with pytest.raises(JobError, match="visitor_limit"):
        client.submit(study(1), owner="ana")
    assert client.request_study(study_id, "cancel") == 3
    assert client.wait(study_id, timeout_s=0)[0].active == 0


def test_slots_come_from_the_environment_else_from_the_cards(monkeypatch):
    monkeypatch.setattr(repro, "available_devices", lambda: ("cuda:0", "cuda:1", "cpu"))
    monkeypatch.delenv("KDLAB_SLOTS", raising=False)
    assert default_slots() == ("cuda:0", "cuda:1")
    monkeypatch.setattr(repro, "available_devices", lambda: ("cpu",))
    assert default_slots() == ("auto",)
    monkeypatch.setenv("KDLAB_SLOTS", "3")
    assert default_slots() == ("auto",) * 3
    monkeypatch.setenv("KDLAB_SLOTS", "cuda:1, cpu")
    assert default_slots() == ("cuda:1", "cpu")
    for bad in ("0", "1000", ",,"):
        monkeypatch.setenv("KDLAB_SLOTS", bad)
        with pytest.raises(ConfigError, match="slots_unclear"):
            default_slots()
