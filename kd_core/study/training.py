"""From settings to the trained networks of a run, each with its exported file.

A training run makes one model, ``model``; some ways of training leave more of them: the networks
that learnt beside the student, or shorter ways through it. Whatever is not said of one of them is
said of the run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from kd_core import repro
from kd_core.config import ModelSettings, RunSettings
from kd_core.data import cache
from kd_core.data.library import Library
from kd_core.data.loaded import LoadedData
from kd_core.export import export_onnx
from kd_core.models import TaskModel, build_model, load_checkpoint, save_checkpoint
from kd_core.models.profile import nonzero_params, profile
from kd_core.study.evaluation import training_record
from kd_core.study.gauges import gauges
from kd_core.study.model_files import (
    contract_of,
    load_teacher,
    model_folder,
    parity_images,
    stage,
    weights_path,
)
from kd_core.study.records import MODEL, Job, TrainingRecord
from kd_core.study.replay import Replay
from kd_core.tasks import TASKS
from kd_core.train import Other, Outside, fit
from kd_core.train.checkpoint import network_hash

TEACHER = "teacher"


@dataclass(frozen=True)
class Made:
    """A model on its way to the record.

    Attributes:
        file: The exported file, the one that is evaluated and measured.
        name: Its folder under ``models/``.
        role: What it is; empty for what the run's own role says.
        architecture: Registry name of its network; empty for the run's own.
        params: Number of parameters; ``None`` where no torch network exists.
        nonzero: Of these, how many are not zero.
        state_dict_bytes: Bytes of its tensors in torch.
        macs: Multiply-accumulates for one image.
        network_sha256: Names the network in stored teacher outputs; empty for a foreign file.
        parity: How far torch and the file agree.
        training: What training did and cost; of the run's own model only.
    """

    file: Path
    name: str = MODEL
    role: str = ""
    architecture: str = ""
    params: int | None = None
    nonzero: int | None = None
    state_dict_bytes: int | None = None
    macs: int | None = None
    network_sha256: str = ""
    parity: dict[str, Any] | None = None
    training: TrainingRecord | None = None


def train(run: RunSettings, job: Job, data: LoadedData) -> tuple[Made, ...]:
    """Train the run's network; its model first, then what else the mode leaves.

    Raises:
        KDLabError: As :func:`kd_core.models.build_model`, :func:`kd_core.train.fit` and
            :func:`kd_core.export.export_onnx`.
    """
    watch = Replay(run, data, job.folder) if run.replay else None
    fitted = fit(
        run,
        data,
        network_builder(data, job)(run.model, run.seed),
        folder=job.folder,
        cache=job.home / "cache" / "teacher",
        outside=_outside(run, job, data),
        emit=job.emit,
        stop=job.stop,
        gauges=gauges(repro.resolve_device(run.compute.device)),
        watch=watch,
    )
    own = _keep(MODEL, Other(fitted.network, ""), run, job, data, training_record(fitted))
    return (own, *(_keep(name, other, run, job, data) for name, other in fitted.others.items()))


def network_builder(data: LoadedData, job: Job) -> Callable[[ModelSettings, int], TaskModel]:
    """What builds a network with its starting weights for this data, from settings and a seed."""
    task = TASKS[data.task]

    def build(settings: ModelSettings, seed: int) -> TaskModel:
        return build_model(
            settings,
            task.n_outputs(data.classes),
            data.channels,
            data.size,
            seed,
            output=task.output,
            weights_path=weights_path(settings.weights, job),
        )

    return build


def _outside(run: RunSettings, job: Job, data: LoadedData) -> Outside:
    """The parents that are teachers, and the ways to further networks and data sets."""

    def load(name: str) -> LoadedData:
        return cache.load(Library(job.home).get(name), run.data.size, job.home / "cache")

    teachers = {
        name: load_teacher(folder)
        for name, folder in job.parents.items()
        if name.partition("-")[0] == TEACHER
    }
    return Outside(teachers, network_builder(data, job), load)


def _keep(
    name: str,
    other: Other,
    run: RunSettings,
    job: Job,
    data: LoadedData,
    training: TrainingRecord | None = None,
) -> Made:
    """Write a network's checkpoint and its file."""
    folder, network = model_folder(job.folder, name), other.network
    assert isinstance(network, TaskModel)  # modes leave what build_model made
    save_checkpoint(folder / "model.pt", network)
    with stage(job, "export"):
        contract, images = contract_of(run, data, job), parity_images(data, run.data)
        parity = export_onnx(network, folder / "model.onnx", contract, images, run.exporter)
    figures = profile(network, data.channels, data.size)
    as_loaded: nn.Module = load_checkpoint(folder / "model.pt").eval()  # as a student will load it
    return Made(
        file=folder / "model.onnx",
        name=name,
        role=other.role,
        architecture=network.spec.name,
        params=figures.params,
        nonzero=nonzero_params(network),
        state_dict_bytes=figures.state_dict_bytes,
        macs=figures.macs,
        network_sha256=network_hash(as_loaded),
        parity=parity.to_json(),
        training=training,
    )
