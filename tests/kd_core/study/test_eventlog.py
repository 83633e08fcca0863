from kd_core.events import Log, Progress, Stopped, to_line
from kd_core.study.eventlog import EVENTS, append_event, read_events


def test_reading_goes_on_where_it_stopped(tmp_path):
    append_event(tmp_path, Progress(stage="train", done=1, total=3))
    first = read_events(tmp_path / EVENTS)
    assert [event.done for event in first.events] == [1]
    assert read_events(tmp_path / EVENTS, first.offset).events == ()
    append_event(tmp_path, Progress(stage="train", done=2, total=3))
    second = read_events(tmp_path / EVENTS, first.offset)
    assert [event.done for event in second.events] == [2]


def test_half_a_line_waits_for_its_other_half(tmp_path):
    path = tmp_path / EVENTS
    line = to_line(Stopped(reason="paused"))
    path.write_text(line[:20])
    part = read_events(path)
    assert part.events == ()
    assert part.offset == 0
    path.write_text(line + "\n")
    assert len(read_events(path, part.offset).events) == 1


def test_broken_lines_and_unknown_events_are_skipped(tmp_path):
    path = tmp_path / EVENTS
    good = to_line(Log(msg={"id": "a", "params": {}}))
    path.write_bytes(b'{"type":"prog\n{"type":"of the future"}\n\xff\n' + good.encode() + b"\n")
    assert len(read_events(path).events) == 1


def test_no_file_is_no_events(tmp_path):
    assert read_events(tmp_path / "none", 5).offset == 5
