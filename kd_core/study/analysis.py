"""Looking at a finished model as a job of its own: a run that makes no model, only a file of facts.

So far one kind: how much each layer can lose before it is pruned (``sensitivity.json``).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from kd_core import repro
from kd_core.compress import Workshop
from kd_core.compress.sensitivity import Sensitivity, sensitivity
from kd_core.config import RUN_PREFIX, Chain, CompressStep, RunSettings, StudySettings
from kd_core.data.loaded import LoadedData
from kd_core.errors import StoreError
from kd_core.events import Progress, Stage
from kd_core.models import load_checkpoint
from kd_core.study.compress_plan import Plan, finished_runs
from kd_core.study.model_files import last_model, network_file, poll
from kd_core.study.records import Job, write_json
from kd_core.study.store import Store
from kd_core.train.loader import normalisation

SENSITIVITY = "sensitivity.json"


def plan_analysis(store: Store, study_id: str, run_id: str, method: str, name: str = "") -> Plan:
    """A study that shows what another one has finished, with an analysis of one of its models.

    Args:
        store: Where.
        study_id: The finished study.
        run_id: The run whose last model is looked at.
        method: Pruning entry of ``COMPRESSORS`` whose scores choose the channels.
        name: Of the new study.

    Raises:
        StoreError: ``study_unknown``, ``run_unknown``.
    """
    old = store.study(study_id).settings
    study = old.change(name=name or old.name, chains=())
    kept = finished_runs(store, study_id, study)
    return Plan(study, (*kept, analysis_of(study, run_id, store.run(run_id).seed, method)))


def analysis_of(study: StudySettings, run_id: str, seed: int, method: str) -> RunSettings:
    """The run that looks at one model."""
    origin = RUN_PREFIX + run_id
    chain = Chain(name="sensitivity", origin=origin, steps=(CompressStep(method=method),))
    return RunSettings(
        key=f"sensitivity-s{seed}",
        role="analysis",
        data=study.data,
        model=study.student.change(name=origin, params={}),
        chain=chain,
        seed=seed,
        needs={"origin": origin},
        compute=study.compute,
        latency=study.latency,
    )


def analyse(run: RunSettings, job: Job, data: LoadedData) -> None:
    """Carry out an analysis and leave its file in the run's folder.

    Raises:
        StoreError: ``network_missing`` where only a file is known.
        ModelError: ``prune_no_groups``.
    """
    assert run.chain is not None  # an analysis has one step that says how
    origin = job.parents["origin"]
    checkpoint, own = network_file(origin, last_model(origin))
    if checkpoint is None or not own:
        raise StoreError("network_missing", run=origin.name)
    mean, std = normalisation(data, run.data)
    folder = job.folder / "steps"
    folder.mkdir(parents=True, exist_ok=True)

    def tick(name: Stage, done: int, total: int) -> None:
        poll(job)
        job.emit(Progress(stage=name, done=done, total=total))

    shop = Workshop(
        data=data,
        mean=mean,
        std=std,
        folder=folder,
        seed=run.seed,
        threads=run.compute.threads,
        device=str(repro.prepare(run.compute, run.seed)),
        tick=tick,
    )
    found = sensitivity(load_checkpoint(checkpoint).eval(), shop, method=run.chain.steps[0].method)
    write_json(job.folder / SENSITIVITY, found.to_json())
    shutil.rmtree(folder, ignore_errors=True)


def read_sensitivity(folder: Path) -> Sensitivity | None:
    """The curves that a finished analysis left; ``None`` where there are none."""
    path = folder / SENSITIVITY
    if not path.is_file():
        return None
    return Sensitivity.from_json(json.loads(path.read_text(encoding="utf-8")))
