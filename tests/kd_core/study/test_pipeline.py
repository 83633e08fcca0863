"""The whole way of the data on tiny images: teacher, baseline, student, and a person's own file."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from kd_core.config import (
    Arm,
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
from kd_core.errors import DataError
from kd_core.evaluate.predictions import read_predictions
from kd_core.events import Event
from kd_core.study.graph import expand
from kd_core.study.pipeline import execute, load_data
from kd_core.study.records import RECORD, Job, RunRecord
from tests.helpers_data import tiny_images, write_folder

TINY = ModelSettings(name="tiny_cnn", params={"width": 8, "depth": 1})
TRAIN = TrainSettings(epochs=2, batch_size=16)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("home")
    images, labels = tiny_images(72, size=32)
    write_folder(root / "incoming", images, labels)
    Library(root).add(draft(root / "incoming"), "tiny")
    images, labels = tiny_images(24, size=32, seed=5)
    write_folder(root / "elsewhere", images, labels)
    Library(root).add(draft(root / "elsewhere", split="test_only"), "elsewhere")
    return root


@pytest.fixture(scope="module")
def study(home) -> StudySettings:
    data = DataSettings(
        dataset="tiny",
        data_hash=Library(home).get("tiny").hash,
        size=32,
        external=("elsewhere",),
    )
    return StudySettings(
        data=data,
        teacher=TeacherSettings(model=TINY, train=TRAIN),
        student=TINY,
        train=TRAIN,
        arms=(Arm(distil=DistilSettings(views=2)),),
        compute=ComputeSettings(device="cpu", threads=1),
        latency=LatencySettings(warmup=1, repeats=5, batch=4),
    )


@pytest.fixture(scope="module")
def finished(home, study) -> dict[str, tuple[Path, RunRecord, list[Event]]]:
    done: dict[str, tuple[Path, RunRecord, list[Event]]] = {}
    for run in expand(study):
        folder, events = home / "runs" / run.key, []
        parents = {name: done[key][0] for name, key in run.needs.items()}
        record = execute(run, job(home, folder, parents, events))
        done[run.key] = (folder, record, events)
    return done


def job(home: Path, folder: Path, parents: dict[str, Path], events: list[Event]) -> Job:
    return Job(run_id=folder.name, folder=folder, home=home, parents=parents, emit=events.append)


def test_the_folder_is_complete_in_itself(finished) -> None:
    for folder, record, _ in finished.values():
        assert RunRecord.read(folder) == record
        names = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
        assert {
            "settings.json",
            "measurements.jsonl",
            "history.csv",
            "models/model/model.onnx",
            "models/model/model.pt",
            "predictions/model-val.parquet",
            "predictions/model-test.parquet",
            "predictions/model-external-elsewhere.parquet",
        } <= names
        outside = read_predictions(folder / "predictions/model-external-elsewhere.parquet")
        assert outside.part == "external-elsewhere"


def test_scores_come_from_the_file_that_would_be_deployed(home, study, finished) -> None:
    folder, record, _ = finished["distilled-s0"]
    data = load_data(study.data, home)
    images = data.parts["val"].images.astype(np.float32) / 255
    mean, std = (np.array(v, np.float32)[:, None, None] for v in (data.mean, data.std))
    session = onnxruntime.InferenceSession(folder / "models/model/model.onnx")
    (logits,) = session.run(["logits"], {"images": (images - mean) / std})
    stored = read_predictions(folder / "predictions" / "model-val.parquet")
    np.testing.assert_allclose(stored.logits, logits, atol=1e-4)
    accuracy = (logits.argmax(1) == data.parts["val"].targets).mean()
    assert record.models[0].scores["accuracy"].value == pytest.approx(accuracy)


def test_no_test_score_is_in_any_record(finished) -> None:
    for folder, _, events in finished.values():
        text = (folder / RECORD).read_text() + " ".join(e.model_dump_json() for e in events)
        assert "test." not in text
        assert '"part": "test"' not in text


def test_baseline_and_student_start_alike(finished) -> None:
    alone, taught = (finished[key][1].training for key in ("baseline-s0", "distilled-s0"))
    assert alone.initial_sha256 == taught.initial_sha256
    assert alone.steps == taught.steps
    assert taught.teacher_images == 2 * 50 or taught.teacher_images > 0
    assert alone.teacher_images == 0


def test_measurements_are_of_this_file(finished) -> None:
    folder, record, _ = finished["baseline-s0"]
    lines = (folder / "measurements.jsonl").read_text().splitlines()
    figures = [json.loads(line) for line in lines]
    assert {f["batch"] for f in figures} == {1, 4}
    assert all(f["model_sha256"] == record.models[0].sha256 for f in figures)


def test_the_stages_are_told_in_order(finished) -> None:
    _, _, events = finished["distilled-s0"]
    stages = list(dict.fromkeys(e.stage for e in events if e.type == "progress"))
    assert stages[0] == "data"
    assert stages[-3:] == ["export", "evaluate", "measure"]
    assert "train" in stages


def test_a_persons_own_file_is_a_run_and_can_teach(home, study, finished) -> None:
    (home / "uploads").mkdir(exist_ok=True)
    shutil.copy(finished["teacher-s0"][0] / "models/model/model.onnx", home / "uploads/mine.onnx")
    weights = WeightSettings(kind="file", source="mine.onnx")
    own = RunSettings(
        key="imported-mine",
        role="imported",
        data=study.data,
        model=ModelSettings(name="onnx", weights=weights),
        compute=study.compute,
        latency=study.latency,
    )
    folder = home / "runs" / "own"
    record = execute(own, job(home, folder, {}, []))
    teacher = finished["teacher-s0"][1].models[0]
    assert record.models[0].scores == teacher.scores
    assert record.models[0].params is None
    student = next(run for run in expand(study) if run.role == "student")
    taught = execute(student, job(home, home / "runs" / "taught", {"teacher": folder}, []))
    assert taught.training.teacher_images > 0


def test_changed_data_are_refused(home, study) -> None:
    with pytest.raises(DataError) as caught:
        load_data(study.data.change(data_hash="f" * 64), home)
    assert caught.value.code == "dataset_changed"


def test_an_external_set_must_have_the_same_classes(home, study) -> None:
    images, labels = tiny_images(16, classes=2, size=32)
    write_folder(home / "two", images, labels)
    Library(home).add(draft(home / "two", split="test_only"), "two")
    run = expand(study.change(data=study.data.change(external=("two",))))[0]
    with pytest.raises(DataError) as caught:
        execute(run, job(home, home / "runs" / "refused", {}, []))
    assert caught.value.code == "external_classes"
