"""The way of the data, in one function: read :func:`execute` first.

    data set → (teacher) → network → trained    → exported → evaluated → measured → recorded
               (origin)  → network → compressed ↗           one model a step of a chain

Every model is evaluated by onnxruntime from the file that would be deployed. Nothing else in the
package knows the whole chain; each step is a function of the package that it is named after.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from kd_core import repro
from kd_core.config import DataSettings, RunSettings
from kd_core.data import cache
from kd_core.data.folds import with_fold
from kd_core.data.library import Library
from kd_core.data.loaded import LoadedData
from kd_core.errors import DataError, ModelError
from kd_core.events import Artefact, Started
from kd_core.export import OnnxModel
from kd_core.study.analysis import analyse
from kd_core.study.chain import compress
from kd_core.study.evaluation import evaluate_file, measure_file
from kd_core.study.externals import load_externals
from kd_core.study.model_files import (
    contract_of,
    gzip_bytes,
    stage,
    weights_path,
)
from kd_core.study.records import (
    MODEL,
    RECORD,
    SETTINGS,
    DataRecord,
    Job,
    ModelRecord,
    RunRecord,
    write_json,
)
from kd_core.study.robustness import look
from kd_core.study.training import Made, train


def execute(run: RunSettings, job: Job) -> RunRecord:
    """Carry out one run and leave a complete folder.

    A run that was interrupted is executed again in the same folder: training goes on from its
    last checkpoint, the later steps are quick and simply happen again.

    Args:
        run: The frozen configuration.
        job: Folder, parents, and the ways to report and to be stopped.

    Raises:
        KDLabError: Whatever went wrong; the folder keeps what was done until then.
    """
    began = time.time()
    device = repro.prepare(run.compute, run.seed)
    job.emit(Started(pid=os.getpid(), device=str(device)))
    write_json(job.folder / SETTINGS, run.to_json())
    with stage(job, "data"):
        data = load_data(run.data, job.home)
        externals, near = load_externals(run.data, data, job)
    models: tuple[ModelRecord, ...] = ()
    training = None
    if run.analysis is not None:
        with stage(job, "evaluate"):
            look(run, job, load_data)
    elif run.role == "analysis":
        with stage(job, "compress"):
            analyse(run, job, data)
    elif run.role == "compressed":
        models = compress(run, job, data, externals)
    else:
        made = _import(run, job, data) if run.role == "imported" else train(run, job, data)
        models = tuple(_assess(one, run, job, data, externals) for one in made)
        training = made[0].training
    for artefact in _artefacts(job.folder):
        job.emit(artefact)
    record = RunRecord(
        run_id=job.run_id,
        study_id=job.study_id,
        settings=run,
        config_hash=job.config_hash,
        parents={name: folder.name for name, folder in job.parents.items()},
        data=_data_record(data, externals, near),
        models=models,
        training=training,
        environment=repro.environment(run.compute),
        started=began,
        seconds=time.time() - began,
    )
    write_json(job.folder / RECORD, record.to_json())
    return record


# --- data ---------------------------------------------------------------------------------------


def load_data(settings: DataSettings, home: Path) -> LoadedData:
    """The data set of a study, decoded at its size; with its fold as the validation part.

    Raises:
        DataError: ``dataset_changed`` when the content is not the one that the study is tied to;
            ``folds_too_many``.
    """
    dataset = Library(home).get(settings.dataset)
    if settings.data_hash and settings.data_hash != dataset.hash:
        raise DataError(
            "dataset_changed",
            name=settings.dataset,
            wanted=settings.data_hash[:12],
            found=dataset.hash[:12],
        )
    data = cache.load(dataset, settings.size, home / "cache")
    return data if settings.fold is None else with_fold(data, settings.fold, settings.folds)


# --- one model ----------------------------------------------------------------------------------


def _import(run: RunSettings, job: Job, data: LoadedData) -> tuple[Made, ...]:
    """Take an ONNX file of a person's own as it is, with the contract that this study gives it."""
    source = weights_path(run.model.weights, job)
    if source is None:
        raise ModelError("onnx_source_missing")
    target = job.folder / "models" / MODEL / "model.onnx"
    target.parent.mkdir(parents=True, exist_ok=True)
    OnnxModel.adopt(source, target, contract_of(run, data, job))
    return (Made(file=target),)


# --- the record ---------------------------------------------------------------------------------


def _assess(
    made: Made,
    run: RunSettings,
    job: Job,
    data: LoadedData,
    externals: dict[str, LoadedData],
) -> ModelRecord:
    """Evaluate and measure the file of a model, and record it."""
    with stage(job, "evaluate"):
        found = evaluate_file(made.file, run, job, data, externals, made.name)
    with stage(job, "measure"), job.exclusive():
        measure_file(made.file, run, job, made.name)
    return ModelRecord(
        name=made.name,
        role=made.role or run.role,
        architecture=made.architecture or run.model.name,
        parent=None if made.name == MODEL else MODEL,
        params=made.params,
        nonzero=made.nonzero,
        state_dict_bytes=made.state_dict_bytes,
        macs=made.macs,
        size_bytes=made.file.stat().st_size,
        gzip_bytes=gzip_bytes(made.file),
        sha256=hashlib.sha256(made.file.read_bytes()).hexdigest(),
        network_sha256=made.network_sha256,
        parity=made.parity,
        scores=found.scores,
        operating=found.operating,
    )


def _data_record(
    data: LoadedData, externals: dict[str, LoadedData], near: dict[str, int]
) -> DataRecord:
    return DataRecord(
        name=data.name,
        hash=data.hash,
        task=data.task,
        classes=data.classes,
        size=data.size,
        channels=data.channels,
        counts={name: len(part) for name, part in data.parts.items()},
        synthetic=data.synthetic,
        externals={name: other.hash for name, other in externals.items()},
        external_near=near,
    )


def _artefacts(folder: Path) -> list[Artefact]:
    """The model files of a run by name, hash and size."""
    return [
        Artefact(
            name=str(path.relative_to(folder)),
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            size_bytes=path.stat().st_size,
        )
        for path in sorted((folder / "models").rglob("*"))
        if path.is_file()
    ]
