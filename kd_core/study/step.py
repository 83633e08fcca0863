"""One step of a chain: do it, keep its files, and see what became of the model.

apply (and fine-tune) → files → evaluated → measured → truth check → model.json
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from torch import nn

from kd_core import repro
from kd_core.compress import COMPRESSORS, Made, Subject, Workshop
from kd_core.compress.check import check_step
from kd_core.config import CompressStep, RunSettings
from kd_core.data.loaded import LoadedData
from kd_core.events import Progress, Stage
from kd_core.export import FileContract, OnnxTeacher, export_onnx
from kd_core.export.onnx_file import precision_of, write_metadata, write_model
from kd_core.models import TaskModel, load_checkpoint, save_checkpoint
from kd_core.models.profile import nonzero_params, profile
from kd_core.study.evaluation import Evaluated, evaluate_file, measure_file
from kd_core.study.model_files import (
    contract_of,
    gzip_bytes,
    link_or_copy,
    model_folder,
    network_file,
    parity_images,
    poll,
    stage,
)
from kd_core.study.records import Job, ModelRecord, write_json
from kd_core.study.step_truth import in_turns, truth_of
from kd_core.study.tuning import Tuner, history_length
from kd_core.train.checkpoint import network_hash
from kd_core.train.loader import normalisation

DONE = "model.json"
FACTS = "facts.json"
STEPS = "steps"


@dataclass(frozen=True)
class Chaining:
    """What all steps of a chain share.

    Attributes:
        run: The run.
        job: Its job.
        data: The data set.
        externals: External test sets by name.
        origin: Folder of the run whose last model is compressed.
        first: Record of that model.
        teacher: For steps that distil.
    """

    run: RunSettings
    job: Job
    data: LoadedData
    externals: dict[str, LoadedData]
    origin: Path
    first: ModelRecord
    teacher: nn.Module | None

    @property
    def origin_file(self) -> Path:
        """The file that the chain begins with."""
        return model_folder(self.origin, self.first.name) / "model.onnx"


def model_name(number: int, method: str) -> str:
    """Name of the model that a step leaves.

    >>> model_name(1, "prune_l1")
    '1-prune-l1'
    """
    return f"{number}-{method.replace('_', '-')}"


def subject_of(run_folder: Path, name: str) -> Subject:
    """A finished model as a step finds it."""
    checkpoint, own = network_file(run_folder, name)
    return Subject(
        file=model_folder(run_folder, name) / "model.onnx",
        network=None if checkpoint is None else load_checkpoint(checkpoint).eval(),
        on_file=checkpoint is not None and not own,
    )


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        chaining: What all steps share.
        number: From 1.
        step: What to do.
        before: Run folder and record of the model that it begins with.
        done: Records of the steps before.
    """

    chaining: Chaining
    number: int
    step: CompressStep
    before: tuple[Path, ModelRecord]
    done: tuple[ModelRecord, ...]

    @property
    def name(self) -> str:
        """Name of the model that the step leaves."""
        return model_name(self.number, self.step.method)

    @property
    def folder(self) -> Path:
        """Where its files go."""
        return model_folder(self.chaining.job.folder, self.name)

    def carry_out(self) -> ModelRecord:
        """Do it, and leave the model's files and its record."""
        job, run = self.chaining.job, self.chaining.run
        folder, parent = self.before
        subject = subject_of(folder, parent.name)
        work = job.folder / STEPS / self.name
        tuner = self._tuner(work)
        with stage(job, "compress"):
            check_step(self.number, self.step, subject)
            made = self._apply(subject, tuner, work)
        self._write_facts(made)
        tuner.write_history(self.folder)
        figures = self._keep_network(made) if made.file is None else self._keep_file(made)
        file = self.folder / "model.onnx"
        with stage(job, "evaluate"):
            data, externals = self.chaining.data, self.chaining.externals
            found = evaluate_file(file, run, job, data, externals, self.name)
        with stage(job, "measure"), job.exclusive():
            measure_file(file, run, job, self.name)
            image = parity_images(self.chaining.data, run.data)[:1]
            timed = in_turns(self.chaining.origin_file, file, image, run.latency)
        record = self._record(figures, tuner, found)
        truth = truth_of(self.chaining, parent, record, timed)
        record = record.change(truth=truth)
        write_json(self.folder / DONE, record.to_json())
        shutil.rmtree(work, ignore_errors=True)
        return record

    def _tuner(self, work: Path) -> Tuner:
        folders = [model_folder(self.chaining.job.folder, model.name) for model in self.done]
        trained = [model.training for model in self.done if model.training is not None]
        return Tuner(
            run=self.chaining.run,
            step=self.step,
            job=self.chaining.job,
            data=self.chaining.data,
            teacher=self.chaining.teacher,
            folder=work,
            epochs=sum(history_length(folder) for folder in folders),
            steps=sum(training.steps for training in trained),
        )

    def _apply(self, subject: Subject, tuner: Tuner, work: Path) -> Made:
        run, data, job = self.chaining.run, self.chaining.data, self.chaining.job
        folder = work / "shop"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        mean, std = normalisation(data, run.data)

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
            tune=None if self.step.tune is None else tuner,
            tick=tick,
        )
        spec = COMPRESSORS[self.step.method]
        return spec.apply(subject, shop, spec.check(self.step.params))

    def _write_facts(self, made: Made) -> None:
        facts = {
            "method": self.step.method,
            "params": COMPRESSORS[self.step.method].check(self.step.params),
            "facts": dict(made.facts),
            "notes": [note.to_json() for note in made.notes],
        }
        write_json(self.folder / FACTS, facts)

    def _keep_network(self, made: Made) -> dict[str, Any]:
        """Export a changed network; what its record says of it."""
        assert made.network is not None  # a step changes one or the other
        run, data, job = self.chaining.run, self.chaining.data, self.chaining.job
        network = made.network.to("cpu").eval()
        save_checkpoint(self.folder / "model.pt", network)
        with stage(job, "export"):
            contract, images = contract_of(run, data, job), parity_images(data, run.data)
            parity = export_onnx(network, self.folder / "model.onnx", contract, images)
        as_loaded = load_checkpoint(self.folder / "model.pt").eval()  # as a student will load it
        return {
            **self._weights(network),
            "network_sha256": network_hash(as_loaded),
            "parity": parity.to_json(),
        }

    def _weights(self, network: TaskModel) -> dict[str, Any]:
        data = self.chaining.data
        figures = profile(network, data.channels, data.size)
        return {
            "params": figures.params,
            "nonzero": nonzero_params(network),
            "state_dict_bytes": figures.state_dict_bytes,
            "macs": figures.macs,
        }

    def _keep_file(self, made: Made) -> dict[str, Any]:
        """Keep a changed file, with this run in its contract, and the network behind it."""
        assert made.file is not None
        model = onnx.load_model(made.file)
        wanted = contract_of(self.chaining.run, self.chaining.data, self.chaining.job)
        found = FileContract.from_metadata({p.key: p.value for p in model.metadata_props})
        opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
        # A file of a person's own has a normalisation of its own; what was fitted to the weights
        # before does not outlive them.
        contract = (found or wanted).change(run=wanted.run, opset=opset, calibration=None)
        if self.before[1].operating is not None:
            contract = contract.change(threshold=None)
        write_metadata(model, contract)
        write_model(model, self.folder / "model.onnx")
        folder, parent = self.before
        figures = {name: getattr(parent, name) for name in ("params", "nonzero", "macs")}
        if made.network is not None:  # trained in this step, and quantised then
            network = made.network.to("cpu").eval()
            save_checkpoint(self.folder / "float.pt", network)
            figures = self._weights(network)
        else:
            checkpoint, _ = network_file(folder, parent.name)
            if checkpoint is not None:
                link_or_copy(checkpoint, self.folder / "float.pt")
        taught = network_hash(OnnxTeacher(self.folder / "model.onnx"))  # as a student will load it
        return {**figures, "state_dict_bytes": None, "network_sha256": taught}

    def _record(self, figures: dict[str, Any], tuner: Tuner, found: Evaluated) -> ModelRecord:
        file = self.folder / "model.onnx"
        return ModelRecord(
            name=self.name,
            role="compressed",
            architecture=self.chaining.first.architecture,
            parent=self.before[1].name if self.done else None,
            step=self.number,
            method=self.step.method,
            size_bytes=file.stat().st_size,
            gzip_bytes=gzip_bytes(file),
            precision=precision_of(onnx.load_model(file)),
            sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
            training=tuner.record(),
            scores=found.scores,
            operating=found.operating,
            **figures,
        )
