"""Chains on tiny images: every step a model, and a chain that was stopped goes on."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from kd_core.compress import COMPRESSORS
from kd_core.config import (
    Chain,
    CompressStep,
    ComputeSettings,
    DataSettings,
    DistilSettings,
    LatencySettings,
    ModelSettings,
    RunSettings,
    StudySettings,
    TeacherSettings,
    TrainSettings,
    WeightSettings,
)
from kd_core.data.draft import draft
from kd_core.data.library import Library
from kd_core.errors import ConfigError, JobError
from kd_core.evaluate.predictions import read_predictions
from kd_core.export import OnnxModel
from kd_core.models import load_checkpoint
from kd_core.study.chain import kept
from kd_core.study.graph import expand
from kd_core.study.model_files import last_model, load_teacher
from kd_core.study.pipeline import execute, load_data
from kd_core.study.records import Job, RunRecord
from kd_core.study.step import model_name, subject_of
from tests.helpers_chain import test_methods
from tests.helpers_code import ROOT
from tests.helpers_data import tiny_images, write_folder

TINY = ModelSettings(name="tiny_cnn", params={"width": 8, "depth": 1})
TRAIN = TrainSettings(epochs=2, batch_size=16)
HALVE = CompressStep(
    method="test_halve", tune=TRAIN.change(epochs=4), distil=DistilSettings(views=2)
)
TUNE = CompressStep(method="finetune", tune=TRAIN)
SAME = CompressStep(method="test_same_file")


@pytest.fixture(scope="module", autouse=True)
def methods():
    with test_methods():
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("home")
    images, labels = tiny_images(72, size=32)
    write_folder(root / "incoming", images, labels)
    Library(root).add(draft(root / "incoming"), "tiny")
    return root


@pytest.fixture(scope="module")
def study(home) -> StudySettings:
    return StudySettings(
        data=DataSettings(dataset="tiny", data_hash=Library(home).get("tiny").hash, size=32),
        teacher=TeacherSettings(model=TINY, train=TRAIN),
        student=TINY,
        train=TRAIN,
        arms=(),
        chains=(Chain(name="path", origin="teacher", steps=(HALVE, TUNE, SAME)),),
        compute=ComputeSettings(device="cpu", threads=1),
        latency=LatencySettings(warmup=1, repeats=5, batch=4),
    )


@pytest.fixture(scope="module")
def teacher(home, study) -> Path:
    folder = home / "runs" / "teacher"
    execute(expand(study)[0], Job(run_id="teacher", folder=folder, home=home))
    return folder


@pytest.fixture(scope="module")
def finished(home, study, teacher) -> tuple[Path, RunRecord, list]:
    events: list = []
    run = expand(study)[-1]
    record = execute(run, job(home, "path", teacher, emit=events.append, margin=0.2))
    return home / "runs" / "path", record, events


def job(home: Path, name: str, teacher: Path, **more) -> Job:
    parents = {"origin": teacher, "teacher": teacher}
    return Job(run_id=name, folder=home / "runs" / name, home=home, parents=parents, **more)


def test_each_step_is_a_model_with_its_files(finished):
    folder, record, _ = finished
    assert [m.name for m in record.models] == ["1-test-halve", "2-finetune", "3-test-same-file"]
    assert [m.parent for m in record.models] == [None, "1-test-halve", "2-finetune"]
    assert [m.step for m in record.models] == [1, 2, 3]
    assert RunRecord.read(folder) == record
    for model in record.models:
        made = {p.name for p in (folder / "models" / model.name).iterdir()}
        assert {"model.onnx", "facts.json", "model.json"} <= made
        assert (folder / "predictions" / f"{model.name}-test.parquet").is_file()
        assert model.gzip_bytes < model.size_bytes
        assert "accuracy" in model.scores
    assert not (folder / "steps").exists()
    facts = json.loads((folder / "models" / "1-test-halve" / "facts.json").read_text())
    assert facts["facts"] == {"goes": 2}


def test_measurements_are_kept_of_every_model(finished):
    folder, record, _ = finished
    lines = [json.loads(x) for x in (folder / "measurements.jsonl").read_text().splitlines()]
    assert {line["model"] for line in lines} == {model.name for model in record.models}


def test_a_changed_file_keeps_the_network_behind_it(finished):
    folder, record, _ = finished
    last = folder / "models" / record.models[-1].name
    assert not (last / "model.pt").exists()
    assert load_checkpoint(last / "float.pt").spec.name == "tiny_cnn"
    assert record.models[-1].state_dict_bytes is None
    assert subject_of(folder, record.models[-1].name).on_file
    assert OnnxModel(last / "model.onnx").contract.run == "path"
    assert last_model(folder) == "3-test-same-file"


def test_the_same_file_gives_the_same_answers(finished):
    folder, _, _ = finished
    one, two = (
        read_predictions(folder / "predictions" / f"{name}-val.parquet").logits
        for name in ("2-finetune", "3-test-same-file")
    )
    np.testing.assert_array_equal(one, two)


def test_the_truth_is_told_of_each_step(finished):
    _, record, _ = finished
    told = [{f.msg["id"] for f in model.truth.findings} for model in record.models]
    assert all({"truth.accuracy", "truth.flips"} <= ids for ids in told)
    assert "truth.size_unchanged" in told[0]  # zeros are stored like any other number
    assert record.models[0].truth.numbers["size_ratio"] == pytest.approx(1, abs=0.02)
    assert set(record.models[0].truth.classes) == {"class0", "class1", "class2"}


def test_the_truth_is_told_with_the_margin_of_the_study(finished):
    _, record, _ = finished
    findings = [f.msg for f in record.models[2].truth.findings if f.msg["id"] == "truth.accuracy"]
    assert findings[0]["params"]["verdict"]["params"]["margin"] == 0.2


def test_curves_go_on_over_goes_and_steps(finished):
    _, _, events = finished
    epochs = [e.epoch for e in events if e.type == "metric" and "val.loss" in e.values]
    assert epochs == [1, 2, 3, 4, 5, 6]


def test_distilling_asks_the_teacher_and_tuning_alone_does_not(finished):
    _, record, _ = finished
    assert record.models[0].training.teacher_images > 0
    assert record.models[1].training.teacher_images == 0
    assert record.models[2].training is None


def is_epoch(event, epoch: int) -> bool:
    return event.type == "metric" and event.epoch == epoch and "val.loss" in event.values


def is_step(event, step: int) -> bool:
    return (
        event.type == "log" and event.msg["params"].get("n") and event.msg["params"]["step"] == step
    )


@pytest.mark.parametrize(
    ("seen", "number", "redone"),
    [(is_epoch, 3, {1, 2, 3}), (is_epoch, 5, {2, 3}), (is_step, 3, {3})],
)
def test_a_chain_that_was_stopped_goes_on_and_ends_the_same(
    home, study, teacher, finished, seen, number, redone
):
    run, folder, events = expand(study)[-1], home / "runs" / "stopped", []

    def stop() -> str | None:
        return "paused" if any(seen(event, number) for event in events) else None

    with pytest.raises(JobError):
        execute(run, job(home, folder.name, teacher, emit=events.append, stop=stop))
    assert {1, 2, 3} - redone == {m.step for m in map(kept, (folder / "models").glob("*")) if m}
    again: list = []
    record = execute(run, job(home, folder.name, teacher, emit=again.append))
    for one, two in zip(record.models, finished[1].models, strict=True):
        assert one.scores == two.scores
        assert one.network_sha256 == two.network_sha256 or one.step == 3
    assert {step for step in (1, 2, 3) if any(is_step(event, step) for event in again)} == redone
    first = [event.epoch for event in again if event.type == "metric"][:1]
    assert first == [] or first[0] > min(number, 6) - 1  # no epoch is trained twice
    shutil.rmtree(folder)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forks of one process")
def test_a_chain_whose_process_is_killed_twice_ends_the_same(home, study, teacher, finished):
    run, folder = expand(study)[-1], home / "runs" / "killed"
    command = [sys.executable, "-m", "tests.helpers_chain", home, folder, teacher]
    ended = subprocess.run(
        [*command, "epoch-3", "step-2"],  # in fine-tuning, and between two steps
        input=json.dumps(run.to_json()),
        text=True,
        capture_output=True,
        cwd=ROOT,
        check=True,
    )
    assert ended.stdout.split()[-2:] == [str(-signal.SIGKILL)] * 2
    assert [made.step for made in map(kept, (folder / "models").glob("*")) if made] == [1]
    again: list = []
    record = execute(run, job(home, folder.name, teacher, emit=again.append))
    for one, two in zip(record.models, finished[1].models, strict=True):
        assert one.scores == two.scores
        assert one.network_sha256 == two.network_sha256 or one.step == 3
    assert not [event for event in again if event.type == "metric" and event.epoch <= 4]
    shutil.rmtree(folder)


def test_what_a_method_refuses_is_told_before_it_runs(home, study, teacher):
    step = CompressStep(method="test_halve", params={"refuse": True})
    run = expand(study)[-1].change(chain=Chain(name="x", origin="teacher", steps=(step,)))
    with pytest.raises(ConfigError) as caught:
        execute(run, job(home, "refused", teacher))
    assert caught.value.code == "step_refused"
    assert caught.value.fields["step"] == 1


def test_a_run_on_other_images_is_no_origin(home, study, teacher):
    images, labels = tiny_images(36, size=32, seed=9)
    write_folder(home / "others", images, labels)
    other = Library(home).add(draft(home / "others"), "others")
    data = DataSettings(dataset="others", data_hash=other.hash, size=32)
    with pytest.raises(ConfigError) as caught:
        execute(expand(study)[-1].change(data=data), job(home, "other", teacher))
    assert caught.value.code == "chain_other_data"


def test_a_persons_own_file_can_begin_a_chain_of_file_steps(home, study, teacher):
    (home / "uploads").mkdir(exist_ok=True)
    shutil.copy(teacher / "models/model/model.onnx", home / "uploads" / "own.onnx")
    own = RunSettings(
        key="imported-own.onnx",
        role="imported",
        data=study.data,
        model=ModelSettings(name="onnx", weights=WeightSettings(kind="file", source="own.onnx")),
        compute=study.compute,
        latency=study.latency,
    )
    folder = home / "runs" / "own"
    execute(own, Job(run_id="own", folder=folder, home=home))
    file_chain = Chain(name="f", origin="imported-own.onnx", steps=(SAME,))
    run = expand(study)[-1].change(chain=file_chain, needs={"origin": own.key})
    record = execute(run, Job("own-f", home / "runs" / "own-f", home, parents={"origin": folder}))
    assert record.models[0].params is None
    assert not (home / "runs" / "own-f" / "models" / "1-test-same-file" / "float.pt").exists()
    network = Chain(name="n", origin="imported-own.onnx", steps=(TUNE,))
    with pytest.raises(ConfigError) as caught:
        execute(
            run.change(chain=network),
            Job("own-n", home / "runs" / "own-n", home, parents={"origin": folder}),
        )
    assert caught.value.code == "chain_needs_network"


def test_a_compressed_model_can_teach_and_be_compressed_again(home, study, finished, teacher):
    folder, record, _ = finished
    data = load_data(study.data, home)
    images = data.parts["val"].images[:4].astype(np.float32)
    assert load_teacher(folder)(torch.from_numpy(images))["logits"].shape == (4, 3)
    again = Chain(name="again", origin="run:path", steps=(SAME,))
    run = expand(study)[-1].change(chain=again, needs={"origin": "run:path"})
    made = execute(run, Job("again", home / "runs" / "again", home, parents={"origin": folder}))
    assert made.models[0].scores == record.models[-1].scores


def test_names():
    assert model_name(2, "int8_static") == "2-int8-static"
    assert "finetune" in COMPRESSORS
