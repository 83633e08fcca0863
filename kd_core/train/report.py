"""What a training run says while it works, and its history as a table."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal

from torch import Tensor

from kd_core.data.disk import full_disk_is_told
from kd_core.events import Event, Log, Metric, Progress, Stage
from kd_core.text import Msg

EVERY_S = 0.5
"""Seconds between two reports of the same kind; a page wants one a second at least."""


class Meter:
    """Means of the loss parts since the epoch began; sums stay on the device until asked for."""

    def __init__(self, sums: Mapping[str, float] | None = None, n: int = 0) -> None:
        self.sums: dict[str, Tensor | float] = dict(sums or {})
        self.n = n

    def add(self, parts: Mapping[str, Tensor]) -> None:
        """One step's parts, detached from the graph."""
        for name, value in parts.items():
            self.sums[name] = value + self.sums.get(name, 0.0)
        self.n += 1

    def state(self) -> dict[str, float]:
        """The sums as plain numbers."""
        return {name: float(value) for name, value in self.sums.items()}

    def means(self) -> dict[str, float]:
        """``loss.<part>`` for each part; nothing before the first step.

        A part ``peer-1/task`` of another network is ``peer-1/loss.task``.
        """
        return {_column(name): value / self.n for name, value in self.state().items()}


def _column(part: str) -> str:
    network, slash, own = part.rpartition("/")
    return f"{network}{slash}loss.{own}"


class Reporter:
    """Sends events, no more often than a person can read them."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self.emit = emit
        self._last = -math.inf  # the first report is due at once
        self.start(0, 0)

    def start(self, step: int, total: int) -> None:
        """Training begins or goes on after ``step`` of ``total`` steps."""
        self._first, self._total = step, total
        self._began = time.perf_counter()

    def due(self) -> bool:
        """True when it is time for the next report; asking starts the next interval."""
        now = time.perf_counter()
        if now - self._last < EVERY_S:
            return False
        self._last = now
        return True

    def progress(self, step: int) -> None:
        """How far training is, and how long it will take at the pace so far."""
        taken = step - self._first
        pace = (time.perf_counter() - self._began) / taken if taken else None
        left = None if pace is None else pace * (self._total - step)
        self.emit(Progress(stage="train", done=step, total=self._total, left_s=left))

    def stage(self, stage: Stage, done: int, total: int) -> None:
        """How far something beside training is."""
        self.emit(Progress(stage=stage, done=done, total=total))

    def log(self, msg: Msg, level: Literal["info", "warning"] = "info") -> None:
        """A line for a person to read."""
        self.emit(Log(msg=msg.to_json(), level=level))

    def metric(self, epoch: int, step: int, values: Mapping[str, float]) -> None:
        """Figures within an epoch, or after it (then with ``val.`` figures)."""
        self.emit(Metric(epoch=epoch, step=step, values=dict(values)))


def write_history(path: Path, rows: Iterable[Mapping[str, float]]) -> None:
    """One row an epoch, as CSV with a header; written aside and renamed.

    Raises:
        StoreError: ``disk_full``.
    """
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, names, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    aside = path.with_name(f".{path.name}.new")
    with full_disk_is_told(path):
        aside.write_text(text.getvalue(), encoding="utf-8")
    aside.replace(path)
