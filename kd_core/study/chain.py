"""Carrying out a chain: each step makes a model that is exported, evaluated, measured, recorded.

A step that is done is written down in its model's folder (``model.json``, last), so a chain that
was stopped does not do it again; a step that fine-tunes goes on within the epoch.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from kd_core.compress import COMPRESSORS
from kd_core.compress.check import check_chain
from kd_core.config import CompressStep, RunSettings
from kd_core.data.loaded import LoadedData
from kd_core.errors import ConfigError
from kd_core.events import Log
from kd_core.study.model_files import (
    last_model,
    load_teacher,
    model_folder,
    network_file,
    poll,
)
from kd_core.study.records import Job, ModelRecord, RunRecord
from kd_core.study.step import DONE, STEPS, Chaining, Step, model_name
from kd_core.text import Msg


def compress(
    run: RunSettings, job: Job, data: LoadedData, externals: dict[str, LoadedData]
) -> tuple[ModelRecord, ...]:
    """The models of a chain, in order.

    Raises:
        ConfigError: ``chain_other_data``, ``step_refused``, and those of ``check_chain``.
        KDLabError: Whatever a step, an export or a measurement raises.
    """
    assert run.chain is not None  # the graph gives one to each such run
    chaining = _begin(run, job, data, externals)
    before = (chaining.origin, chaining.first)
    records: list[ModelRecord] = []
    for number, step in enumerate(run.chain.steps, start=1):
        folder = model_folder(job.folder, model_name(number, step.method))
        record = kept(folder)
        if record is None:
            _tell(job, number, step, len(run.chain.steps))
            record = Step(chaining, number, step, before, tuple(records)).carry_out()
        records.append(record)
        before = (job.folder, record)
    shutil.rmtree(job.folder / STEPS, ignore_errors=True)
    return tuple(records)


def kept(folder: Path) -> ModelRecord | None:
    """The record of a step that an earlier attempt finished."""
    path = folder / DONE
    return ModelRecord.from_json(path.read_text(encoding="utf-8")) if path.is_file() else None


def _begin(
    run: RunSettings, job: Job, data: LoadedData, externals: dict[str, LoadedData]
) -> Chaining:
    assert run.chain is not None
    origin = job.parents["origin"]
    record = RunRecord.read(origin)
    found = (record.data.hash, record.data.size, record.data.classes)
    if found != (data.hash, data.size, data.classes):
        raise ConfigError("chain_other_data", chain=run.chain.name, run=record.run_id)
    name = last_model(origin)
    check_chain(run.chain, has_network=network_file(origin, name)[1])
    first = next(model for model in record.models if model.name == name)
    teacher = job.parents.get("teacher")
    return Chaining(
        run=run,
        job=job,
        data=data,
        externals=externals,
        origin=origin,
        first=first,
        teacher=None if teacher is None else load_teacher(teacher),
    )


def _tell(job: Job, number: int, step: CompressStep, steps: int) -> None:
    poll(job)
    method = Msg(COMPRESSORS.text_id(step.method, "title"))
    job.emit(Log(msg=Msg("chain.step", {"step": number, "n": steps, "method": method}).to_json()))
