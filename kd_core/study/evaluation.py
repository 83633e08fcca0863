"""What a model is worth: predictions, scores and latency of the file that would be deployed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kd_core.config import RunSettings
from kd_core.data.loaded import LoadedData
from kd_core.evaluate.predictions import Predictions, write_predictions
from kd_core.evaluate.scores import score
from kd_core.export import OnnxModel
from kd_core.latency.measure import measure
from kd_core.latency.records import Measurement
from kd_core.study.operating import OperatingRecord, fit_operating, write_operating
from kd_core.study.records import (
    MEASUREMENTS,
    MODEL,
    Job,
    ScoreRecord,
    TrainingRecord,
    score_record,
    write_text,
)
from kd_core.tasks import TASKS
from kd_core.train import FitResult


@dataclass(frozen=True)
class Evaluated:
    """What evaluation says of a model.

    Attributes:
        scores: Of the validation part, at the model's operating point.
        operating: That point; ``None`` where the study has no rule.
    """

    scores: dict[str, ScoreRecord]
    operating: OperatingRecord | None


def evaluate_file(
    file: Path,
    run: RunSettings,
    job: Job,
    data: LoadedData,
    externals: Mapping[str, LoadedData],
    name: str = MODEL,
) -> Evaluated:
    """Write predictions of every part; the scores of the validation part.

    The operating point is fitted on the validation part first and written into the file. Test and
    external predictions are written and not scored: they stay sealed in the folder.

    Args:
        file: The exported model.
        run: Its configuration.
        job: Where predictions go.
        data: The study's data set.
        externals: External test sets by name.
        name: The model's name in its run.
    """
    model = OnnxModel(file, threads=run.compute.threads)
    parts = {"val": (data, "val"), "test": (data, "test")}
    parts |= {f"external-{name}": (other, "test") for name, other in externals.items()}
    contract, operating = model.contract, None
    validation: dict[str, ScoreRecord] = {}
    for label, (source, part) in parts.items():
        if not len(source.parts.get(part, ())):
            continue
        predicted = _predict(model, source, part, run.seed)
        if label == "val":
            operating = fit_operating(predicted, run.operating)
            if operating is not None:
                contract = write_operating(file, operating)
        own = replace(
            predicted, part=label, calibration=contract.calibration, threshold=contract.threshold
        )
        path = job.folder / "predictions" / f"{name}-{label}.parquet"
        path.parent.mkdir(exist_ok=True)
        write_predictions(path, own)
        if label == "val":
            validation = {metric: score_record(value) for metric, value in score(own).items()}
    return Evaluated(validation, operating)


def _predict(model: OnnxModel, data: LoadedData, part: str, seed: int) -> Predictions:
    rows = data.parts[part]
    return Predictions(
        ids=rows.ids,
        targets=rows.targets,
        logits=model.predict_uint8(rows.images)[TASKS[data.task].output],
        part=part,
        seed=seed,
        patients=rows.patients,
        groups=dict(rows.groups),
        classes=data.classes,
        task=data.task,
    )


def measure_file(file: Path, run: RunSettings, job: Job, name: str = MODEL) -> list[Measurement]:
    """Measure latency and memory of the file, and write one line a measurement.

    Lines of the run's other models stay; those of this one, from an earlier attempt, do not.
    """
    figures = measure(file, run.latency)
    path = job.folder / MEASUREMENTS
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    lines = [line for line in lines if json.loads(line)["model"] != name]
    lines += [
        json.dumps({"model": name, "at": figure.measured_at, **figure.to_json()})
        for figure in figures
    ]
    write_text(path, "\n".join(lines) + "\n")
    return figures


def training_record(fitted: FitResult) -> TrainingRecord:
    """What training did and cost, as it stands in a record."""
    names = TrainingRecord.model_fields
    return TrainingRecord(**{name: getattr(fitted, name) for name in names})
