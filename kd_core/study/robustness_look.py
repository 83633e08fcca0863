"""What a look at corrupted images left, read again for pages."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kd_core.evaluate.robustness import (
    Estimate,
    Level,
    MeanCorruption,
    Robustness,
    RobustnessCurve,
)

FOLDER = "robustness"
SUMMARY = "summary.json"
ESTIMATES = ("mean", "drop", "extra_drop", "error_ratio")


@dataclasses.dataclass(frozen=True)
class Look:
    """What a finished robustness run left.

    Attributes:
        part: ``val`` or ``test``.
        corruptions: Those that were looked at.
        all: Images of the part, of which some may have been drawn.
        metrics: Curves by metric.
    """

    part: str
    corruptions: tuple[str, ...]
    all: int
    metrics: dict[str, Robustness]


def read_look(folder: Path) -> Look | None:
    """The summary in a run's folder; ``None`` where there is none."""
    path = folder / FOLDER / SUMMARY
    if not path.is_file():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    metrics = {name: _robustness(one) for name, one in kept["metrics"].items()}
    return Look(kept["part"], tuple(kept["corruptions"]), kept["all"], metrics)


def _robustness(kept: Mapping[str, Any]) -> Robustness:
    curves = tuple(
        RobustnessCurve(
            one["model"], one["corruption"], tuple(_numbers(Level, x) for x in one["levels"])
        )
        for one in kept["curves"]
    )
    means = tuple(
        MeanCorruption(one["model"], *(_numbers(Estimate, one[name]) for name in ESTIMATES))
        for one in kept["means"]
    )
    return Robustness(
        kept["metric"],
        kept["reference"],
        curves,
        means,
        kept["n_images"],
        kept["n_patients"],
        tuple(kept.get("left_out", ())),
    )


def _numbers(kind: type[Any], kept: Mapping[str, Any]) -> Any:
    return kind(**{name: math.nan if value is None else value for name, value in kept.items()})
