"""What the store answers with: light, typed, immutable rows.

Named tuples, because a list of thousands of runs is made on every refresh of a page, and they are
made several times faster than dataclasses. Columns have the same names in ``schema.py``.
"""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple

from kd_core.config import StudySettings
from kd_core.errors import KDLabError, error_from_json
from kd_core.study.records import ScoreRecord

Status = Literal[
    "queued",  # ready to start
    "waiting",  # a run that it needs is not finished
    "running",
    "paused",  # by request; can be resumed
    "interrupted",  # lost its worker or its server; can be resumed
    "blocked",  # a run that it needs failed or was cancelled
    "cancelled",
    "failed",
    "finished",
]
ACTIVE: tuple[Status, ...] = ("queued", "waiting", "running")
RESUMABLE: tuple[Status, ...] = ("paused", "interrupted", "cancelled", "failed")
OVER: tuple[Status, ...] = ("cancelled", "failed", "finished")


class RunRow(NamedTuple):
    """One run, without its configuration.

    Attributes:
        study: The study in which it was made; others may show it too.
        key: Its name in that study's graph.
        model: Registry name of its network.
        device: Where it was asked to run.
        place: Where it runs or ran, such as ``cuda:1``.
        expected_s: Seconds that it is expected to take, where somebody estimated them.
        stage: What it is doing, with ``done`` of ``total`` and ``left_s`` for the whole run.
        request: ``cancel`` or ``pause`` while the worker has not obeyed yet.
        attempt: How often it was started.
        error_json: See :attr:`error`.
    """

    id: str
    study: str
    key: str
    role: str
    seed: int
    status: Status
    owner: str
    dataset: str
    model: str
    device: str
    threads: int
    config_hash: str
    position: int
    expected_s: float | None
    created: float
    started: float | None
    ended: float | None
    place: str | None
    stage: str | None
    done: int | None
    total: int | None
    left_s: float | None
    request: str | None
    attempt: int
    error_json: str | None

    @property
    def error(self) -> KDLabError | None:
        """Why it failed, is blocked or was interrupted."""
        return error_from_json(json.loads(self.error_json)) if self.error_json else None


class StudyRow(NamedTuple):
    """One study with the number of its runs by state."""

    id: str
    name: str
    owner: str
    data_hash: str
    metric: str
    created: float
    test_opened_at: float | None
    test_opened_runs: int | None
    test_opened_by: str | None
    settings_json: str
    runs: int
    active: int
    finished: int

    @property
    def settings(self) -> StudySettings:
        """What was asked for."""
        return StudySettings.from_json(self.settings_json)


class ModelRow(NamedTuple):
    """One model of a finished run; fields as in ``records.ModelRecord``."""

    run: str
    name: str
    role: str
    architecture: str
    parent: str | None
    step: int
    method: str
    params: int | None
    nonzero: int | None
    state_dict_bytes: int | None
    macs: int | None
    size_bytes: int
    gzip_bytes: int | None
    precision: str
    sha256: str
    network_sha256: str
    scores_json: str

    @property
    def scores(self) -> dict[str, ScoreRecord]:
        """Validation scores by metric."""
        return {name: ScoreRecord(**score) for name, score in json.loads(self.scores_json).items()}

    @property
    def values(self) -> dict[str, float | None]:
        """Validation scores by metric without their intervals: quick, for long tables."""
        return {name: score["value"] for name, score in json.loads(self.scores_json).items()}


class MeasurementRow(NamedTuple):
    """One measurement of a model, as it was written."""

    run: str
    model: str
    at: float
    body: dict[str, Any]


class Place(NamedTuple):
    """Where a run stands in the queue: 1 is next; ``starts_in_s`` is ``None`` when unknown."""

    position: int
    starts_in_s: float | None


class QueuedRun(NamedTuple):
    """A run as :mod:`kd_core.study.order` sees it."""

    id: str
    owner: str
    position: int
    needs: frozenset[str] = frozenset()
    expected_s: float | None = None


def columns(row: type[tuple[Any, ...]], table: str) -> str:
    """The select list of a row type: its own names without ``_json``, in its order."""
    fields: tuple[str, ...] = row._fields  # type: ignore[attr-defined]
    return ", ".join(f"{table}.{name.removesuffix('_json')}" for name in fields)
