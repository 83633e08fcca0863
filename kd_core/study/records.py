"""What a run leaves behind, and the layout of its folder.

    <run_id>/
      settings.json            the frozen RunSettings
      record.json              the RunRecord below: written last, so its presence means finished
      events.jsonl             everything that the run reported
      history.csv              one row an epoch: loss parts, validation metrics, lr, seconds
      measurements.jsonl       one Measurement a line; lines are only ever added
      models/<name>/model.onnx, model.pt
      models/<name>/float.pt   of a model made by changing a file: the network that it came from
      models/<name>/facts.json what a step of compression found: tables by layer, …
      models/<name>/history.csv, model.json     of a step: its fine-tuning, and its ModelRecord
      predictions/<name>-val.parquet            pages rank and choose on these
      predictions/<name>-test.parquet           sealed: read only once the study's test is open
      predictions/<name>-external-<set>.parquet sealed in the same way

A folder is complete in itself: it can be copied to another machine and collected there.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from kd_core.config import SCHEMA, OperatingSettings, RunSettings, Settings
from kd_core.errors import ConfigError, StoreError
from kd_core.events import Event

if TYPE_CHECKING:
    from kd_core.evaluate.scores import Score

RECORD = "record.json"
SETTINGS = "settings.json"
MEASUREMENTS = "measurements.jsonl"
MODEL = "model"
"""Name of the model that a training run is for; what it leaves beside it is ``exit-1``, ``peer-1``,
…, and steps of a chain are ``1-<method>``, …."""


class ScoreRecord(Settings):
    """One metric of one model on one part, with its 95 % interval; ``None`` where undefined.

    ``left_out`` are the classes that a mean over classes leaves out, since hardly anybody has them.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str = ""
    undefined: dict[str, Any] | None = None
    left_out: tuple[str, ...] = ()

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without ``left_out`` where nothing is: a record that an older reader understands."""
        made: dict[str, Any] = handler(self)
        if not self.left_out:
            del made["left_out"]
        return made


def score_record(score: Score) -> ScoreRecord:
    """A score as it stands in a record: what is undefined is ``None``."""
    value, low, high = (None if math.isnan(v) else v for v in (score.value, score.low, score.high))
    undefined = score.undefined.to_json() if score.undefined else None
    return ScoreRecord(
        value=value,
        low=low,
        high=high,
        n=score.n,
        method=score.method,
        undefined=undefined,
        left_out=score.left_out,
    )


class TrainingRecord(Settings):
    """What training did and cost.

    Attributes:
        best_epoch: Epoch (from 1) whose weights were kept.
        select_metric: Validation metric that chose it.
        steps: Optimiser steps taken.
        seconds: Wall time of training, without filling the teacher cache.
        teacher_seconds: Wall time for teacher outputs.
        teacher_images: Images that the teacher was run on.
        initial_sha256: Hash of the initial weights; equal for baseline and students of one seed.
        teacher_features: Where the teacher's features came from: ``cached`` on the disk, ``live``
            at every step; empty where no loss looks at any.
        teacher_feature_bytes: Bytes that they take on the disk, or would take.
        energy_j: Energy of the machine during training, idle power and other programs included;
            ``None`` where it cannot be read.
        peak_memory_bytes: Largest memory of the process, or of the GPU; ``None`` likewise.
        facts: What else the way of training has to say: plain values by name.
    """

    best_epoch: int
    select_metric: str
    steps: int
    seconds: float
    teacher_seconds: float = 0.0
    teacher_images: int = 0
    initial_sha256: str = ""
    teacher_features: str = ""
    teacher_feature_bytes: int = 0
    energy_j: float | None = None
    peak_memory_bytes: int | None = None
    facts: dict[str, Any] = Field(default_factory=dict)


class Finding(Settings):
    """One thing that the truth check saw.

    Attributes:
        level: ``good`` as promised, ``note`` to know, ``warning`` not what a person would expect.
        msg: The sentence, as a message.
    """

    level: Literal["good", "note", "warning"]
    msg: dict[str, Any]


class TruthRecord(Settings):
    """What the truth check says of one step; see :mod:`kd_core.compress.truth`.

    Attributes:
        findings: Sentences, the most important first.
        numbers: What they rest on: ratios, factors, flips, calibration before and after.
        classes: Sensitivity by class, before and after.
    """

    findings: tuple[Finding, ...] = ()
    numbers: dict[str, float | None] = Field(default_factory=dict)
    classes: dict[str, tuple[float | None, float | None]] = Field(default_factory=dict)


class PointRecord(Settings):
    """One threshold, and what it found on the validation images; ``None`` where undefined."""

    label: str
    threshold: float | None
    sensitivity: float | None
    specificity: float | None
    n_positive: int
    n_negative: int


class OperatingRecord(Settings):
    """Calibration and threshold of one model.

    Attributes:
        rule: What was asked for.
        images: Validation images that it was fitted on.
        calibration: As in the file's contract; ``None`` where none was fitted.
        threshold: As in the file's contract; ``None``: the task's own.
        points: What the thresholds do on the validation images.
        left_out: What was asked for and could not be had, as messages.
    """

    rule: OperatingSettings
    images: int
    calibration: dict[str, float | str | tuple[float, ...]] | None = None
    threshold: float | tuple[float, ...] | None = None
    points: tuple[PointRecord, ...] = ()
    left_out: tuple[dict[str, Any], ...] = Field(default=())


class ModelRecord(Settings):
    """One network with weights.

    Attributes:
        name: Folder under ``models/``; unique within the run.
        role: teacher, baseline, student, imported; of a chain compressed; beside a student peer
            or exit.
        architecture: Registry name of the network.
        parent: Name of the model of the same run that this one was made from, or beside; ``None``
            for the first, which a chain makes from the model of its origin run.
        step: Position in a chain from 1; 0 for the model of a training run.
        method: Entry of ``COMPRESSORS`` that made it; empty for a training run.
        params: Number of parameters; ``None`` for a foreign ONNX file. After a step on the file,
            those of the network that it came from.
        nonzero: Of these, how many are not zero.
        state_dict_bytes: Bytes of all tensors in float32 state dict; ``None`` where only a file is.
        macs: Multiply-accumulates for one image; ``None`` for a foreign ONNX file.
        gzip_bytes: Bytes of the exported file after gzip.
        training: Fine-tuning of the step; a training run has it in its own record.
        truth: What the truth check says of the step.
        size_bytes: Bytes of the exported file, the one that is deployed.
        precision: Number format of the exported file's weights.
        sha256: Hash of the exported file.
        network_sha256: ``train.checkpoint.network_hash`` of the network, which is how stored
            teacher outputs name their teacher; empty for a foreign ONNX file.
        parity: Largest difference and changed predictions between torch and the exported file.
        scores: Validation scores by metric, computed from the exported file.
        operating: Its calibration and threshold; ``None`` where its study has no rule.
    """

    name: str
    role: str
    architecture: str
    parent: str | None = None
    step: int = 0
    method: str = ""
    params: int | None
    nonzero: int | None = None
    state_dict_bytes: int | None
    macs: int | None
    size_bytes: int
    gzip_bytes: int | None = None
    precision: str = "fp32"
    sha256: str
    network_sha256: str = ""
    parity: dict[str, Any] | None = None
    training: TrainingRecord | None = None
    truth: TruthRecord | None = None
    scores: dict[str, ScoreRecord]
    operating: OperatingRecord | None = None


class DataRecord(Settings):
    """Which data a run saw; hash of each external set, and near copies of study images in it."""

    name: str
    hash: str
    task: str
    classes: tuple[str, ...]
    size: int
    channels: int
    counts: dict[str, int]
    synthetic: bool = False
    externals: dict[str, str] = Field(default_factory=dict)
    external_near: dict[str, int] = Field(default_factory=dict)


class RunRecord(Settings):
    """A finished run. Never edited; measurements are added beside it."""

    schema_version: int = SCHEMA
    run_id: str
    study_id: str = ""
    settings: RunSettings
    config_hash: str
    parents: dict[str, str] = Field(default_factory=dict)
    data: DataRecord
    models: tuple[ModelRecord, ...]
    training: TrainingRecord | None = None
    environment: dict[str, Any]
    started: float
    seconds: float

    @property
    def last_model(self) -> str:
        """Name of the model that the run leaves in the end: the last of a chain.

        Of a training run it is the model to deploy, whatever else it leaves beside it.

        Raises:
            StoreError: ``model_missing`` where a run makes none, such as an analysis.
        """
        names = [model.name for model in self.models]
        if not names:
            raise StoreError("model_missing", run=self.settings.key)
        return MODEL if MODEL in names else names[-1]

    @classmethod
    def read(cls, folder: Path) -> RunRecord:
        """The record in a run's folder.

        Raises:
            StoreError: ``record_missing`` or ``record_unreadable``.
        """
        path = folder / RECORD
        if not path.is_file():
            raise StoreError("record_missing", run=folder.name)
        try:
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, OSError, ConfigError) as error:
            raise StoreError("record_unreadable", run=folder.name, detail=str(error)) from None


@dataclass(frozen=True)
class Job:
    """Everything that one execution needs from outside, so that the engine knows no queue.

    Attributes:
        run_id: Random identity of the run.
        study_id: The study that it belongs to.
        config_hash: Identity of the outcome.
        folder: Working folder; renamed into place by the caller when the run has finished.
        home: Where data sets, uploads and caches are.
        parents: Folder of each finished run that this one needs, by need name.
        emit: Takes each event.
        stop: ``"cancelled"`` or ``"paused"`` once that is asked for, else ``None``.
        exclusive: Context in which no other run trains, for measuring.
        margin: The study's: how much worse still counts as "as good". It changes no model, so it
            is no part of the run's settings; what is told with it names it.
    """

    run_id: str
    folder: Path
    home: Path
    study_id: str = ""
    config_hash: str = ""
    parents: Mapping[str, Path] = field(default_factory=dict)
    emit: Callable[[Event], None] = lambda event: None
    stop: Callable[[], str | None] = lambda: None
    exclusive: Callable[[], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext
    margin: float = 0.01


def write_text(path: Path, text: str) -> None:
    """Write aside and rename, so that a reader sees the old file or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def write_json(path: Path, data: Any) -> None:
    """Readable JSON, written aside and renamed."""
    write_text(path, json.dumps(data, indent=1, allow_nan=False) + "\n")
