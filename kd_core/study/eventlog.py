"""A run's ``events.jsonl``: one writer, any number of readers, live or years later.

The file, not the database, is where events are kept: readers remember a byte offset, so following
a run costs what is new, and the database does not grow with every epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from kd_core.events import Event, from_line, to_line
from kd_core.study.folders import disk_errors

EVENTS = "events.jsonl"


@dataclass(frozen=True)
class Events:
    """Some events of a run, and where to go on reading."""

    events: tuple[Event, ...]
    offset: int


def read_events(path: Path, after: int = 0) -> Events:
    """Complete lines of an events file from a byte offset on.

    A line cut short by a crash, or of a type that this version does not know, is skipped.
    """
    if not path.is_file():
        return Events((), after)
    with path.open("rb") as file:
        file.seek(after)
        data = file.read()
    complete = data[: data.rfind(b"\n") + 1]
    events = []
    for line in complete.splitlines():
        try:
            events.append(from_line(line))
        except ValidationError:
            continue
    return Events(tuple(events), after + len(complete))


def append_event(folder: Path, event: Event) -> None:
    """Add an event to a folder in which no worker writes now."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / EVENTS).open("a", encoding="utf-8") as file:
            file.write(to_line(event) + "\n")
