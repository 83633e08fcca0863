import json
import os

import filelock
import pytest

from kd_core.errors import ConfigError, JobError, KDLabError, StoreError
from kd_core.events import Failed, Finished, Stopped, from_line
from kd_core.jobs import worker
from kd_core.jobs.protocol import JobLine
from kd_core.jobs.worker import carry_out, ending_of
from kd_core.study.claims import Claims
from kd_core.study.entries import read_run
from kd_core.study.eventlog import EVENTS, read_events
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import execute, study


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def line(store):
    """The job of a teacher."""
    submit(store, study(0), "ana")
    claim = Claims(store, "me").next("auto", ("auto",))
    return JobLine(home=str(store.home.root), file=claim.file)


def carried_out(line, run=execute, asked=None):
    sent = []
    ending = carry_out(line, run, sent.append, lambda: asked)
    return ending, [from_line(text) for text in sent]


def test_a_finished_run_is_complete_and_in_place(store, line):
    ending, sent = carried_out(line)
    folder = store.home.run(line.file.run.id)
    assert isinstance(ending, Finished)
    assert not store.home.work(line.file.run.id).exists()
    assert read_run(folder) == line.file
    assert (folder / "record.json").is_file()
    assert list(read_events(folder / EVENTS).events) == [*sent, ending]
    assert list((store.home.runs / ".work").iterdir()) == []


def test_a_paused_run_stays_aside_and_goes_on_in_the_same_folder(store, line):
    ending, _ = carried_out(line, asked="paused")
    work = store.home.work(line.file.run.id)
    assert isinstance(ending, Stopped)
    assert ending.reason == "paused"
    assert work.is_dir()
    (work / "checkpoint.json").write_text(json.dumps({"step": 2}))
    ending, _ = carried_out(line)
    assert isinstance(ending, Finished)
    folder = store.home.run(line.file.run.id)
    assert (folder / "first-2.json").exists()  # it began at step 2
    kinds = [event.type for event in read_events(folder / EVENTS).events]
    assert kinds.count("started") == 2
    assert kinds[-1] == "finished"


def raising(error):
    def run(settings, job):
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("need_unknown", run="a", need="b"), "need_unknown"),
        (MemoryError(), "out_of_memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "out_of_memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "out_of_memory"),
        (OSError(28, "No space left on device"), "disk_full"),
        (ZeroDivisionError("division by zero"), "unexpected"),
        (RuntimeError("some other trouble"), "unexpected"),
    ],
)
def test_every_error_becomes_a_code(store, line, error, code):
    ending, _ = carried_out(line, raising(error))
    assert isinstance(ending, Failed)
    assert ending.error["code"] == code
    assert type(error).__name__ in ending.traceback
    work = store.home.work(line.file.run.id)
    assert read_events(work / EVENTS).events[-1] == ending


def test_out_of_memory_says_what_to_lower(line):
    run = line.file.run.settings
    ending = ending_of(MemoryError(), run, line_folder := worker.Path("."))
    assert line_folder
    fields = ending.error["fields"]
    assert (fields["batch_size"], fields["size"], fields["model"]) == (64, 64, "resnet18")


def test_a_disk_without_room_is_told_before_anything_is_computed(store, line, monkeypatch):
    monkeypatch.setattr(worker, "NEED_BYTES", 10**18)
    called = []
    ending, _ = carried_out(line, lambda run, job: called.append(1))
    assert isinstance(ending, Failed)
    assert ending.error["code"] == "disk_full"
    assert called == []


def test_a_disk_that_fills_up_while_events_are_written(store, line):
    work = store.home.work(line.file.run.id)
    work.mkdir()
    (work / EVENTS).symlink_to("/dev/full")
    ending, sent = carried_out(line)
    assert isinstance(ending, Failed)
    assert ending.error["code"] == "disk_full"
    assert sent[0].type == "started"


def test_two_workers_never_have_the_same_run(store, line, monkeypatch):
    monkeypatch.setattr(worker, "LOCK_S", 0.05)
    with filelock.FileLock(store.home.runs / ".work" / f"{line.file.run.id}.lock"):
        ending, _ = carried_out(line)
    assert isinstance(ending, Failed)
    assert ending.error["code"] == "run_in_use"
    assert isinstance(carried_out(line)[0], Finished)


def test_plugins_are_loaded_first(store, line, tmp_path):
    plugin = tmp_path / "adds_something.py"
    plugin.write_text("raise ValueError('from the plugin')")
    file = line.file.change(run=line.file.run.change(plugins=(str(plugin),)))
    ending, _ = carried_out(line.change(file=file))
    assert ending.error["code"] == "plugin_failed"


@pytest.mark.parametrize(
    ("device", "before", "after"),
    [("cuda:1", None, "1"), ("cuda:1", "4,6", "6"), ("", None, None), ("cpu", "0", "-1")],
)
def test_a_slots_card_is_the_only_one_that_its_run_sees(line, monkeypatch, device, before, after):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", before or "")
    if before is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    seen = []
    carried_out(
        line.change(device=device),
        lambda run, job: seen.append(os.environ.get("CUDA_VISIBLE_DEVICES")),
    )
    assert seen == [after]


def test_the_job_is_what_the_way_of_the_data_needs(store, line):
    seen = []
    asked = line.file.study.change(settings=line.file.study.settings.change(margin=0.03))
    line = line.change(file=line.file.change(study=asked))
    carried_out(
        line.change(parents={"teacher": "/somewhere/r1"}), lambda run, job: seen.append(job)
    )
    job = seen[0]
    assert (job.run_id, job.study_id) == (line.file.run.id, line.file.study.id)
    assert job.folder == store.home.work(line.file.run.id)
    assert job.config_hash == line.file.run.config_hash
    assert str(job.parents["teacher"]) == "/somewhere/r1"
    assert job.margin == line.file.study.settings.margin == 0.03
    assert job.stop() is None
    with job.exclusive():
        pass


def test_errors_that_are_no_accidents():
    assert issubclass(JobError, KDLabError)
    assert issubclass(StoreError, KDLabError)
