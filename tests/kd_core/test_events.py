import json
from typing import get_args

import pytest
from pydantic import ValidationError

from kd_core import events
from kd_core.errors import TrainError, error_from_json
from kd_core.text import Msg

EXAMPLES = [
    events.Started(pid=12, device="cpu", resumed_epoch=3),
    events.Progress(stage="train", done=2, total=10, left_s=4.5),
    events.Metric(epoch=1, step=40, values={"loss.task": 0.5, "val.accuracy": 0.9}),
    events.Log(level="warning", msg=Msg("device.cpu", {"name": "x"}).to_json()),
    events.Artefact(name="model.onnx", sha256="0" * 64, size_bytes=12),
    events.Finished(seconds=1.5),
    events.Stopped(reason="paused"),
    events.Failed(error=TrainError("loss_nan", step=7).to_json(), traceback="…"),
]


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type)
def test_one_line_there_and_back(event):
    line = events.to_line(event)
    assert "\n" not in line
    assert events.from_line(line) == event
    assert events.from_line(line.encode()) == event


def test_there_is_an_example_of_each_kind():
    kinds = set(get_args(get_args(events.Event)[0]))
    assert {type(event) for event in EXAMPLES} == kinds


def test_a_later_version_may_add_fields():
    line = json.loads(events.to_line(events.Finished(seconds=1)))
    assert events.from_line(json.dumps({**line, "version": 2, "energy_j": 3})).seconds == 1


@pytest.mark.parametrize("line", ["", "{}", "not json", '{"type": "unheard_of"}', "[1]"])
def test_other_lines_are_refused(line):
    with pytest.raises(ValidationError):
        events.from_line(line)


def test_the_error_of_a_failed_run_can_be_raised_again():
    failed = events.from_line(events.to_line(EXAMPLES[-1]))
    with pytest.raises(TrainError, match="loss_nan"):
        raise error_from_json(failed.error)
