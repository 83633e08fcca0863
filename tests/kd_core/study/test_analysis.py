"""An analysis is a run without a model; what it finds is a file in its folder."""

import pytest

from kd_core.compress.sensitivity import propose
from kd_core.config import ComputeSettings, DataSettings, ModelSettings, StudySettings
from kd_core.data.draft import draft
from kd_core.data.library import Library
from kd_core.errors import JobError, StoreError
from kd_core.models import build_model, save_checkpoint
from kd_core.study.analysis import analyse, analysis_of, plan_analysis, read_sensitivity
from kd_core.study.model_files import model_folder
from kd_core.study.pipeline import execute, load_data
from kd_core.study.records import Job, RunRecord
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_data import tiny_images, write_folder
from tests.helpers_jobs import by_key, run_all, study


@pytest.fixture
def settings(home, tmp_path) -> StudySettings:
    images, labels = tiny_images(60, size=32)
    write_folder(tmp_path / "incoming", images, labels)
    dataset = Library(home).add(draft(tmp_path / "incoming"), "tiny")
    data = DataSettings(dataset="tiny", data_hash=dataset.hash, size=32)
    return StudySettings(data=data, compute=ComputeSettings(device="cpu", threads=1))


@pytest.fixture
def origin(home):
    """A run's folder with a network; it has no record yet, so its model is the usual one."""
    model = build_model(ModelSettings(name="tiny_cnn"), 3, 3, 32, seed=0)
    folder = home / "runs" / "r1"
    save_checkpoint(model_folder(folder) / "model.pt", model)
    return folder


def job(home, origin, **more) -> Job:
    folder = home / "runs" / "looked"
    return Job(run_id="looked", folder=folder, home=home, parents={"origin": origin}, **more)


def test_each_layer_has_a_curve_in_the_runs_folder(home, settings, origin):
    run = analysis_of(settings, "r1", 0, "prune_l2")
    record = execute(run, job(home, origin))
    folder = home / "runs" / "looked"
    assert record.models == ()
    assert RunRecord.read(folder) == record
    found = read_sensitivity(folder)
    assert found.method == "prune_l2"
    assert len(found.curves) > 1
    assert all(len(curve.scores) == len(curve.ratios) for curve in found.curves)
    assert set(propose(found, 1.0)) == {curve.layer for curve in found.curves}
    assert not (folder / "steps").exists()


def test_it_stops_when_it_is_told_to(home, settings, origin):
    run = analysis_of(settings, "r1", 0, "prune_l2")
    data = load_data(settings.data, home)
    with pytest.raises(JobError, match="cancelled"):
        analyse(run, job(home, origin, stop=lambda: "cancelled"), data)


def test_a_file_without_a_network_has_no_layers_to_look_at(home, settings, tmp_path):
    run = analysis_of(settings, "r1", 0, "prune_l2")
    with pytest.raises(StoreError) as caught:
        analyse(run, job(home, tmp_path / "empty"), load_data(settings.data, home))
    assert caught.value.code == "network_missing"
    assert read_sensitivity(tmp_path / "empty") is None


def test_it_is_queued_beside_what_is_finished(home):
    store = Store(home)
    old = submit(store, study())
    run_all(store)
    teacher = by_key(store, old)["teacher-s0"].id
    save = model_folder(store.folder(teacher), "main") / "model.pt"
    save.touch()  # these runs have no network; here only its presence counts
    made = plan_analysis(store, old, teacher, "prune_l2", "Layers")
    new = submit(store, made.study, runs=made.runs, reuse=True)
    rows = by_key(store, new)
    assert {"teacher-s0", "baseline-s0", "distilled-s0", "sensitivity-s0"} == set(rows)
    assert rows["sensitivity-s0"].status == "queued"
    assert store.study(new).name == "Layers"
    store.close()
