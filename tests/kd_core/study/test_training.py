"""A run that leaves more than one model, on the whole way of the data."""

import json

import onnx
import pytest
import torch

from kd_core.config import (
    Arm,
    ComputeSettings,
    DataSettings,
    DistilSettings,
    LatencySettings,
    ModelSettings,
    StudySettings,
    TrainSettings,
)
from kd_core.data.draft import draft
from kd_core.data.library import Library
from kd_core.evaluate.predictions import read_predictions
from kd_core.models import load_checkpoint
from kd_core.study.graph import expand
from kd_core.study.model_files import last_model, load_teacher, model_folder
from kd_core.study.pipeline import execute
from kd_core.study.records import Job, RunRecord
from tests.helpers_data import tiny_images, write_folder

TINY = ModelSettings(name="tiny_cnn", params={"width": 4, "depth": 2})
EXITS = DistilSettings(mode="exits", params={"exits": 1}, views=2)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    images, labels = tiny_images(48, size=32)
    write_folder(home / "incoming", images, labels)
    Library(home).add(draft(home / "incoming"), "tiny")
    study = StudySettings(
        data=DataSettings(dataset="tiny", size=32),
        student=TINY,
        train=TrainSettings(epochs=1, batch_size=8),
        arms=(Arm(name="exits", distil=EXITS),),
        compute=ComputeSettings(device="cpu", threads=1),
        latency=LatencySettings(warmup=1, repeats=5, batch=4),
    )
    run = next(run for run in expand(study) if run.key == "exits-s0")
    assert run.needs == {}
    folder = home / "runs" / "exits-s0"
    return folder, execute(run, Job("exits-s0", folder, home))


def test_every_model_is_exported_evaluated_measured_and_recorded(finished):
    folder, record = finished
    assert record == RunRecord.read(folder)
    own, beside = record.models
    assert [own.name, own.role, own.parent] == ["model", "student", None]
    assert [beside.name, beside.role, beside.parent] == ["exit-1", "exit", "model"]
    assert beside.params < own.params * 1.5
    assert beside.macs < own.macs
    assert beside.architecture == "tiny_cnn"
    for model in record.models:
        for part in ("val", "test"):
            predicted = read_predictions(folder / "predictions" / f"{model.name}-{part}.parquet")
            assert len(predicted) > 0
        assert "balanced_accuracy" in model.scores
        assert model.parity["exporter"] == "dynamo"
    lines = (folder / "measurements.jsonl").read_text().splitlines()
    assert {json.loads(line)["model"] for line in lines} == {"model", "exit-1"}


def test_an_exits_file_has_nothing_but_the_way_to_it(finished):
    folder, record = finished
    network = load_checkpoint(model_folder(folder, "exit-1") / "model.pt")
    graph = onnx.load_model(model_folder(folder, "exit-1") / "model.onnx").graph
    ours = sum(isinstance(module, torch.nn.Conv2d) for module in network.modules())
    assert sum(node.op_type == "Conv" for node in graph.node) == ours
    assert record.models[1].params == sum(p.numel() for p in network.parameters())


def test_what_comes_after_takes_the_runs_own_model(finished):
    folder, record = finished
    assert last_model(folder) == "model"
    assert load_teacher(folder).history == ()
    assert record.training.steps == record.training.best_epoch * record.training.steps
    assert record.training.initial_sha256
