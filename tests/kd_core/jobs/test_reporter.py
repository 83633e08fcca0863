import pytest

from kd_core.errors import StoreError
from kd_core.events import Finished, Metric, Progress, from_line
from kd_core.jobs.reporter import Reporter
from kd_core.study.eventlog import EVENTS, read_events


def step(done, stage="train"):
    return Progress(stage=stage, done=done, total=100)


def test_events_go_into_the_folder_and_through_the_pipe(tmp_path):
    sent = []
    reporter = Reporter(tmp_path, sent.append)
    metric = Metric(epoch=1, step=1, values={"loss.task": 0.5})
    reporter.emit(metric)
    last = Finished(seconds=1)
    reporter.close(last)
    assert [from_line(line) for line in sent] == [metric]
    assert list(read_events(tmp_path / EVENTS).events) == [metric, last]


def test_progress_is_thinned_but_begins_and_ends_exactly(tmp_path):
    sent = []
    reporter = Reporter(tmp_path, sent.append, progress_s=3600)
    for done in range(101):
        reporter.emit(step(done))
    reporter.emit(step(0, "export"))
    reporter.close(Finished(seconds=1))
    events = [from_line(line) for line in sent]
    assert [(e.stage, e.done) for e in events] == [("train", 0), ("train", 100), ("export", 0)]


def test_a_line_cut_short_by_a_crash_harms_no_other(tmp_path):
    (tmp_path / EVENTS).write_bytes(b'{"type":"metr')
    reporter = Reporter(tmp_path, lambda line: None)
    reporter.emit(step(1))
    reporter.close(Finished(seconds=1))
    assert len(read_events(tmp_path / EVENTS).events) == 2


def test_a_full_disk_is_named_and_the_pipe_still_served(tmp_path):
    (tmp_path / EVENTS).symlink_to("/dev/full")
    sent = []
    reporter = Reporter(tmp_path, sent.append)
    with pytest.raises(StoreError, match="disk_full"):
        reporter.emit(step(1))
    assert len(sent) == 1
    with pytest.raises(StoreError, match="disk_full"):
        reporter.close(Finished(seconds=1))
