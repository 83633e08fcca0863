"""What the wizard tried, and which of it is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kd_core.text import Msg

Goal = Literal["fastest", "smallest"]

MARGIN = 0.97
"""A file counts as faster from 3 % less time on: less is noise of the clock."""


@dataclass(frozen=True)
class Trial:
    """One setting that was tried.

    Attributes:
        method: Entry of ``COMPRESSORS`` that makes it; empty for the float file.
        params: Its parameters, where they are not the defaults.
        size_bytes: Of the file.
        score: Of the metric on validation images; ``None`` where the setting failed.
        loss: How much worse than the float file, positive is worse.
        changed: Validation images that are answered differently.
        latency_ms: Median of one image here, timed in turns with the float file.
        times_as_fast: The float file's time over this one's, of the same turns.
        keeps: Whether the loss is within the bound.
        why: Why it failed.
    """

    method: str
    params: Mapping[str, Any] = field(default_factory=dict)
    size_bytes: int = 0
    score: float | None = None
    loss: float | None = None
    changed: int | None = None
    latency_ms: float | None = None
    times_as_fast: float | None = None
    keeps: bool = False
    why: Msg | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON-safe values by attribute."""
        return vars(self) | {
            "params": dict(self.params),
            "why": self.why.to_json() if self.why else None,
        }


@dataclass(frozen=True)
class Outcome:
    """What the wizard found.

    Attributes:
        file: The chosen file; the float one if no setting is better within the bound.
        chosen: Its place in ``trials``; 0 is the float file.
        trials: All that was tried, in order.
        metric: Entry of ``METRICS``.
        bound: Largest allowed loss, in the metric's unit.
        goal: What was wanted.
        images: Validation images.
        verdict: What the validation data say of the chosen file against the float one.
    """

    file: Path
    chosen: int
    trials: tuple[Trial, ...]
    metric: str
    bound: float
    goal: Goal
    images: int
    verdict: Msg | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON-safe values; the file is the caller's."""
        values = {name: value for name, value in vars(self).items() if name != "file"}
        return values | {
            "trials": [trial.to_json() for trial in self.trials],
            "verdict": self.verdict.to_json() if self.verdict else None,
        }


def choose(trials: Sequence[Trial], goal: Goal) -> int:
    """The best trial within the bound; 0, the float file, unless one is really better."""
    within = [number for number, trial in enumerate(trials) if trial.keeps]
    float_file = trials[0]
    if goal == "smallest":
        best = min(within, key=lambda number: trials[number].size_bytes)
        return best if trials[best].size_bytes < float_file.size_bytes else 0
    best = min(within, key=lambda number: trials[number].latency_ms or 0.0)
    fastest, before = trials[best].latency_ms, float_file.latency_ms
    assert fastest is not None  # all that keep the bound were timed
    assert before is not None  # the float file is among them
    return best if fastest < MARGIN * before else 0
