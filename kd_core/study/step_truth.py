"""The truth check of one step, from the files and records that a run has at hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kd_core import hardware
from kd_core.compress import COMPRESSORS
from kd_core.compress.quantise_timing import medians_ms
from kd_core.compress.ran import layers_run
from kd_core.compress.truth import Side, check
from kd_core.config import LatencySettings
from kd_core.evaluate.predictions import Predictions, read_predictions
from kd_core.study.model_files import gzip_bytes, model_folder
from kd_core.study.records import Finding, ModelRecord, TruthRecord
from kd_core.tasks import TASKS

if TYPE_CHECKING:
    from kd_core.study.step import Chaining


@dataclass(frozen=True)
class Turns:
    """Two files timed in turns on this machine, twice.

    Attributes:
        origin_ms: Median of one image, the first file.
        own_ms: The second file.
        unrest: How far the two ratios were apart, as a share.
    """

    origin_ms: float
    own_ms: float
    unrest: float


def in_turns(
    origin: Path, file: Path, image: NDArray[np.float32], settings: LatencySettings
) -> Turns:
    """Time two files call by call, so that whatever else the machine does slows both alike.

    Raises:
        ExportError: A file cannot be opened.
    """
    one, two = (medians_ms([origin, file], image, settings.threads) for _ in range(2))
    ratios = one[0] / one[1], two[0] / two[1]
    return Turns(
        origin_ms=(one[0] + two[0]) / 2,
        own_ms=(one[1] + two[1]) / 2,
        unrest=abs(ratios[0] - ratios[1]) / min(ratios),
    )


def truth_of(
    chaining: Chaining,
    before: ModelRecord,
    after: ModelRecord,
    timed: Turns,
) -> TruthRecord:
    """What the check says of a step.

    Args:
        chaining: The chain; its first model is the judge of speed and accuracy.
        before: The model that the step began with.
        after: The model that it left, without its truth.
        timed: The chain's first model and this one, timed in turns.
    """
    file = model_folder(chaining.job.folder, after.name) / "model.onnx"
    first = chaining.first
    zipped = first.gzip_bytes or gzip_bytes(chaining.origin_file)
    found = check(
        COMPRESSORS[after.method].family,
        side(first, zipped, timed.origin_ms, _answers(chaining.origin, first.name)),
        side(before, before.gzip_bytes),
        side(
            after,
            after.gzip_bytes,
            timed.own_ms,
            _answers(chaining.job.folder, after.name),
        ),
        metric=TASKS[chaining.data.task].select_metric,
        margin=chaining.job.margin,
        unrest=timed.unrest,
        layers=layers_run(file),
        features=hardware.cpu()["features"],
    )
    return TruthRecord(
        findings=tuple(Finding(level=level, msg=msg.to_json()) for level, msg in found.findings),
        numbers=found.numbers,
        classes=found.classes,
    )


def side(
    model: ModelRecord,
    zipped: int | None,
    latency_ms: float | None = None,
    predictions: Predictions | None = None,
) -> Side:
    """A model's record as one side of the check."""
    return Side(
        size_bytes=model.size_bytes,
        gzip_bytes=zipped,
        precision=model.precision,
        params=model.params,
        nonzero=model.nonzero,
        macs=model.macs,
        latency_ms=latency_ms,
        predictions=predictions,
    )


def _answers(run_folder: Path, name: str) -> Predictions | None:
    path = run_folder / "predictions" / f"{name}-val.parquet"
    return read_predictions(path) if path.is_file() else None
