import csv

import pytest
import torch

from kd_core.train import report
from kd_core.train.report import Meter, Reporter, write_history


def test_meter_gives_means_and_goes_on_from_its_state():
    whole, first = Meter(), Meter()
    values = [torch.tensor(v) for v in (0.1, 0.7, 0.4)]
    for value in values:
        whole.add({"total": value})
    for value in values[:2]:
        first.add({"total": value})
    second = Meter(first.state(), first.n)
    second.add({"total": values[2]})
    assert whole.means()["loss.total"] == pytest.approx(0.4)
    assert second.means() == whole.means()
    assert Meter().means() == {}


def test_reports_are_spaced_and_the_first_is_due_at_once(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(report.time, "perf_counter", lambda: now[0])
    reporter = Reporter(lambda event: None)
    answers = []
    for moment in (100.0, 100.1, 100.6, 100.7, 101.2):
        now[0] = moment
        answers.append(reporter.due())
    assert answers == [True, False, True, False, True]


def test_time_left_follows_the_pace_of_this_sitting(monkeypatch):
    now, events = [50.0], []
    monkeypatch.setattr(report.time, "perf_counter", lambda: now[0])
    reporter = Reporter(events.append)
    reporter.start(100, 200)
    reporter.progress(100)
    now[0] = 60.0
    reporter.progress(120)
    assert [event.left_s for event in events] == [None, 40.0]
    assert (events[1].done, events[1].total) == (120, 200)


def test_history_is_a_plain_table(tmp_path):
    rows = [{"epoch": 1, "loss.task": 0.5}, {"epoch": 2, "loss.task": 0.25, "val.accuracy": 1.0}]
    write_history(tmp_path / "history.csv", rows)
    read = list(csv.DictReader((tmp_path / "history.csv").read_text().splitlines()))
    assert read[1] == {"epoch": "2", "loss.task": "0.25", "val.accuracy": "1.0"}
    assert read[0]["val.accuracy"] == ""
    assert len(list(tmp_path.iterdir())) == 1
