"""The truth check of one step, from the files and records that a run has at hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kd_core import hardware
from kd_core.compress import COMPRESSORS
from kd_core.compress.ran import layers_run
from kd_core.compress.truth import Side, check
from kd_core.config import LatencySettings
from kd_core.evaluate.predictions import Predictions, read_predictions
from kd_core.latency.measure import measure
from kd_core.latency.records import Measurement
from kd_core.study.model_files import gzip_bytes, model_folder
from kd_core.study.records import Finding, ModelRecord, TruthRecord
from kd_core.tasks import TASKS

if TYPE_CHECKING:
    from kd_core.study.step import Chaining

MARGIN = 0.01
"""How much worse counts as as good in a record; a page may ask again with the study's own."""


def quick_ms(file: Path, settings: LatencySettings) -> float:
    """Median milliseconds of one image, now: what a step is compared with on the same machine."""
    return measure(file, settings.change(batch=2))[0].latency_ms_p50


def truth_of(
    chaining: Chaining,
    before: ModelRecord,
    after: ModelRecord,
    measured: Measurement,
    reference_ms: tuple[float, float],
) -> TruthRecord:
    """What the check says of a step.

    Args:
        chaining: The chain; its first model is the judge of speed and accuracy.
        before: The model that the step began with.
        after: The model that it left, without its truth.
        measured: Its latency for one image.
        reference_ms: That of the chain's first model, measured just before and just after.
    """
    file = model_folder(chaining.job.folder, after.name) / "model.onnx"
    first = chaining.first
    zipped = first.gzip_bytes or gzip_bytes(chaining.origin_file)
    found = check(
        COMPRESSORS[after.method].family,
        side(first, zipped, sum(reference_ms) / 2, _answers(chaining.origin, first.name)),
        side(before, before.gzip_bytes),
        side(
            after,
            after.gzip_bytes,
            measured.latency_ms_p50 if measured.batch == 1 else None,
            _answers(chaining.job.folder, after.name),
        ),
        metric=TASKS[chaining.data.task].select_metric,
        margin=MARGIN,
        unrest=abs(reference_ms[0] - reference_ms[1]) / min(reference_ms),
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
