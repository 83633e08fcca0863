"""A run's events as tables, extended as it goes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

from kd_core.events import Event, Metric, Started

MAX_STEPS = 2000
"""Rows kept of the curve within epochs; older ones are thinned by two, so memory is bounded."""


@dataclass(frozen=True)
class Curves:
    """What a run reported, as two tables.

    Attributes:
        epochs: One row an epoch: ``epoch``, ``step``, ``loss.<part>``, ``val.<metric>``, ….
        steps: Loss parts within epochs: ``step``, ``loss.<part>``.
        offset: Where the next reading of events starts.
    """

    epochs: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"epoch": []}))
    steps: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"step": []}))
    offset: int = 0

    def extended(self, events: Iterable[Event], offset: int) -> Curves:
        """The curves with further events; a resumed run replaces the epochs that it repeats."""
        epochs, steps = _rows(self.epochs), _rows(self.steps)
        for event in events:
            if isinstance(event, Started):
                epochs = [row for row in epochs if row["epoch"] <= event.resumed_epoch]
            if not isinstance(event, Metric):
                continue
            steps = [row for row in steps if row["step"] < event.step] if steps else steps
            steps.append({"step": event.step, **_losses(event.values)})
            if any(name.startswith("val.") for name in event.values):
                epochs = [row for row in epochs if row["epoch"] < event.epoch]
                epochs.append({"epoch": event.epoch, "step": event.step, **event.values})
        if len(steps) > MAX_STEPS:
            steps = steps[::2]
        return Curves(_table(epochs, "epoch"), _table(steps, "step"), offset)


def _losses(values: dict[str, float]) -> dict[str, float]:
    # a network beside the student has its name in front: peer-1/loss.task
    return {k: v for k, v in values.items() if k.rpartition("/")[2].startswith("loss.")}


def _rows(table: pd.DataFrame) -> list[dict[str, float]]:
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def _table(rows: list[dict[str, float]], first: str) -> pd.DataFrame:
    return pd.DataFrame(rows) if rows else pd.DataFrame({first: []})
