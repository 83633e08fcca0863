"""A run's model files: where they are, what they promise, and how a network comes back from them.

models/<name>/model.onnx      what is deployed
models/<name>/model.pt        its network, where it has one
models/<name>/float.pt        the network that a changed file came from, for explanations
"""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from kd_core.config import DataSettings, RunSettings, WeightSettings
from kd_core.data.loaded import LoadedData
from kd_core.errors import JobError, StoreError
from kd_core.events import Progress, Stage
from kd_core.export import FileContract, OnnxTeacher
from kd_core.models import load_checkpoint
from kd_core.study.records import MODEL, RECORD, Job, RunRecord
from kd_core.train.loader import normalisation

PARITY_IMAGES = 64
"""Validation images on which torch and the exported file are compared."""

GZIP_LEVEL = 6


def model_folder(run_folder: Path, name: str = MODEL) -> Path:
    """Where the files of one model of a run are."""
    return run_folder / "models" / name


def last_model(run_folder: Path) -> str:
    """:attr:`RunRecord.last_model` of a run by its folder, which may not be recorded yet.

    Raises:
        StoreError: ``model_missing`` where a run makes none, such as an analysis.
    """
    recorded = (run_folder / RECORD).is_file()
    return RunRecord.read(run_folder).last_model if recorded else MODEL


def network_file(run_folder: Path, name: str) -> tuple[Path | None, bool]:
    """The checkpoint behind a model, and whether it is the model's own network.

    ``False`` says that it is the float parent of a changed file: what explains the model, but
    does not answer quite like it.
    """
    own, parent = (model_folder(run_folder, name) / file for file in ("model.pt", "float.pt"))
    if own.is_file():
        return own, True
    return (parent, False) if parent.is_file() else (None, False)


def load_teacher(run_folder: Path) -> nn.Module:
    """The network of a finished run's last model: from its checkpoint, or run from its file."""
    folder = model_folder(run_folder, last_model(run_folder))
    checkpoint = folder / "model.pt"
    if checkpoint.is_file():
        return load_checkpoint(checkpoint).eval()
    return OnnxTeacher(folder / "model.onnx")


def weights_path(weights: WeightSettings, job: Job) -> Path | None:
    """The file of starting weights; ``None`` for weights that are none of this home's.

    Raises:
        StoreError: ``upload_missing``, ``model_missing``.
    """
    if weights.kind == "run":
        folder = job.home / "runs" / weights.source
        return model_folder(folder, last_model(folder)) / "model.pt"
    if weights.kind == "file":
        path = job.home / "uploads" / Path(weights.source).name
        if not path.is_file():
            raise StoreError("upload_missing", file=weights.source)
        return path
    return None


def contract_of(run: RunSettings, data: LoadedData, job: Job) -> FileContract:
    """What a file of this run promises."""
    mean, std = normalisation(data, run.data)
    return FileContract(
        classes=data.classes,
        mean=mean,
        std=std,
        size=data.size,
        channels=data.channels,
        interpolation=data.interpolation,
        task=data.task,
        run=job.run_id,
    )


def parity_images(data: LoadedData, settings: DataSettings) -> NDArray[np.float32]:
    """Normalised validation images (n, C, S, S) on which torch and a file are compared."""
    mean, std = (np.asarray(v, np.float32)[:, None, None] for v in normalisation(data, settings))
    images = np.asarray(data.parts["val"].images[:PARITY_IMAGES], np.float32) / 255
    return np.asarray((images - mean) / std, np.float32)  # (n, C, S, S)


def gzip_bytes(path: Path) -> int:
    """Bytes of a file after gzip: what a download takes, and what zeros gain."""
    return len(gzip.compress(path.read_bytes(), GZIP_LEVEL, mtime=0))


def link_or_copy(source: Path, target: Path) -> None:
    """The same file under another name, without taking its space twice where that can be."""
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        try:
            os.link(source, aside)
        except OSError:
            shutil.copyfile(source, aside)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


@contextlib.contextmanager
def stage(job: Job, name: Stage) -> Iterator[None]:
    """Say that a stage begins and ends; a run that should stop does so before it begins.

    Raises:
        JobError: ``cancelled`` or ``paused``.
    """
    poll(job)
    job.emit(Progress(stage=name, done=0, total=1))
    yield
    job.emit(Progress(stage=name, done=1, total=1))


def poll(job: Job) -> None:
    """Stop where that was asked for.

    Raises:
        JobError: ``cancelled`` or ``paused``.
    """
    reason = job.stop()
    if reason == "paused":
        raise JobError("paused")
    if reason is not None:
        raise JobError("cancelled")
