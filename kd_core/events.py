"""What a run reports: small typed records, one JSON line each, with a version.

A worker prints them to its pipe and appends them to the run folder's ``events.jsonl``; the runner
writes them to the store; pages read them. Nothing else crosses the line between processes.
"""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

VERSION = 1

Stage = Literal[
    "data",
    "teacher_outputs",
    "synthesise",
    "train",
    "compress",
    "export",
    "evaluate",
    "measure",
    "record",
    "download",
]


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int = VERSION
    at: float = Field(default_factory=time.time)


class Started(_Event):
    """The worker has taken the run: which process, on which device, resumed or not."""

    type: Literal["started"] = "started"
    pid: int
    device: str
    resumed_epoch: int = 0


class Progress(_Event):
    """How far one stage is; ``left_s`` is the estimate for the whole run, if there is one."""

    type: Literal["progress"] = "progress"
    stage: Stage
    done: int
    total: int
    left_s: float | None = None


class Metric(_Event):
    """Figures after an epoch (``epoch`` ≥ 1) or within it; loss parts are ``loss.<part>``."""

    type: Literal["metric"] = "metric"
    epoch: int
    step: int
    values: dict[str, float]


class Log(_Event):
    """A message id with parameters, for a person to read."""

    type: Literal["log"] = "log"
    level: Literal["info", "warning"] = "info"
    msg: dict[str, Any]


class Artefact(_Event):
    """A file in the run's folder, by name and content hash."""

    type: Literal["artefact"] = "artefact"
    name: str
    sha256: str
    size_bytes: int


class Finished(_Event):
    """The record is written and the folder is in place."""

    type: Literal["finished"] = "finished"
    seconds: float


class Stopped(_Event):
    """The run obeyed a request; it can be resumed when ``paused``."""

    type: Literal["stopped"] = "stopped"
    reason: Literal["cancelled", "paused"]


class Failed(_Event):
    """The run ended with an error: family, code and fields, plus a traceback for the log file."""

    type: Literal["failed"] = "failed"
    error: dict[str, Any]
    traceback: str = ""


Event = Annotated[
    Started | Progress | Metric | Log | Artefact | Finished | Stopped | Failed,
    Field(discriminator="type"),
]
_ADAPTER: TypeAdapter[Event] = TypeAdapter(Event)


def to_line(event: Event) -> str:
    """One JSON line without its newline."""
    return event.model_dump_json()


def from_line(line: str | bytes) -> Event:
    """The event of one line; pydantic's ValidationError where it is none.

    >>> from_line(to_line(Progress(stage="train", done=1, total=4))).done
    1
    """
    return _ADAPTER.validate_json(line)
