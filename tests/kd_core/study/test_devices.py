import io
import json
import zipfile

import numpy as np
import pytest

from kd_core.errors import ModelError, StoreError, UploadError
from kd_core.latency.bundle import Bench, BundleModel
from kd_core.latency.own_evidence import read_evidence
from kd_core.study import devices
from kd_core.study.rebuild import rebuild
from kd_core.study.results import results
from kd_core.study.store import Store
from tests.helpers_devices import (
    MACHINE,
    changed,
    conv_file,
    finished_run,
    names_in,
    result_of,
    sealed,
)


def say(msg):
    return msg.id


@pytest.fixture
def store(home):
    return Store(home)


@pytest.fixture
def run(store):
    return finished_run(store)


@pytest.fixture
def measured(store, run, tmp_path):
    """A result of a bundle with the run's model and one calibration network."""
    models = [
        devices.bundle_model(store, run),
        BundleModel(conv_file(tmp_path / "c.onnx", seed=3), "c@12"),
    ]
    _, issued = devices.issue(store, models, Bench("raspberry_pi_4", owner="ana"), say)
    return result_of(issued), issued


# --- out ----------------------------------------------------------------------------------------


def test_a_pack_is_made_from_a_finished_run(store, run):
    content, name = devices.pack(store, run, say)
    assert name.endswith("-pack.zip")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("model.onnx") == devices.model_file(store, run, "main").read_bytes()
        assert json.loads(archive.read("pack.json"))["run"] == run


def test_what_is_not_there_is_told(store, run):
    with pytest.raises(StoreError, match="run_unknown"):
        devices.pack(store, "r0000", say)
    with pytest.raises(ModelError, match="model_unknown"):
        devices.pack(store, run, say, model="other")
    with pytest.raises(ModelError, match="model_unknown"):
        devices.bundle_model(store, run, model="other")


@pytest.fixture
def val_pixels(monkeypatch):
    pixels = np.full((4, 3, 12, 12), 99, np.uint8)
    monkeypatch.setattr(devices, "_pixels", lambda store, record: pixels)
    return pixels


def test_no_image_of_the_data_set_leaves_by_default(store, run, val_pixels):
    content, _ = devices.pack(store, run, say)
    assert not [name for name in names_in(content) if "val_" in name]
    assert devices.bundle_model(store, run).pixels is None
    bundle, _ = devices.issue(store, [devices.bundle_model(store, run)], Bench("d"), say)
    assert val_pixels[0].tobytes() not in _all_bytes(bundle)
    assert val_pixels[0].tobytes() not in _all_bytes(content)


def test_a_few_leave_when_it_is_asked_for(store, run, val_pixels):
    content, _ = devices.pack(store, run, say, with_images=True)
    assert {f"golden/val_{n}.png" for n in (1, 2, 3, 4)} <= set(names_in(content))
    model = devices.bundle_model(store, run, with_images=True)
    bundle, _ = devices.issue(store, [model], Bench("d"), say)
    assert val_pixels[0].tobytes() in _all_bytes(bundle)


def _all_bytes(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())


# --- in -----------------------------------------------------------------------------------------


def test_a_result_changes_what_the_study_shows(store, run, home, measured):
    content, issued = measured
    taken = devices.take_in(store, content)
    ((run_id, model, figure),) = taken.measurements
    assert (run_id, model, figure.target_device) == (run, "main", "raspberry_pi_4")
    assert taken.evidence == 2
    assert {row.name for row in read_evidence(home, "raspberry_pi_4")} == {
        "c@12", issued.models[0].name
    }  # fmt: skip
    found = next(r for r in results(store, store.studies()[0].id) if r.run.id == run)
    assert found.latency(device="raspberry_pi_4") == figure
    assert found.latency() != figure  # this machine's own figure stays what it was


def test_it_outlives_a_rebuild_of_the_database(store, run, home, measured):
    devices.take_in(store, measured[0])
    before = [row.body for row in store.measurements(run=run)]
    store.close()
    rebuild(home)
    assert [row.body for row in Store(home).measurements(run=run)] == before


def test_the_same_result_is_added_once(store, run, measured):
    devices.take_in(store, measured[0])
    count = len(store.measurements(run=run))
    with pytest.raises(UploadError, match="result_known"):
        devices.take_in(store, measured[0])
    assert len(store.measurements(run=run)) == count


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda c, key: changed(c, device="raspberry_pi_5"), "result_changed"),
        (lambda c, key: changed(c, bundle="b" + "0" * 12), "result_foreign"),
        (lambda c, key: changed(c, bundle="../../../etc"), "result_form"),
        (lambda c, key: c[: len(c) // 2], "result_not_json"),
        (lambda c, key: sealed(c, key, scripts={}), "result_script"),
    ],
)
def test_a_spoilt_result_adds_nothing(store, run, home, measured, spoil, code):
    content, issued = measured
    count = len(store.measurements(run=run))
    with pytest.raises(UploadError) as error:
        devices.take_in(store, spoil(content, issued.key))
    assert error.value.code == code
    assert len(store.measurements(run=run)) == count
    assert read_evidence(home, "raspberry_pi_4") == []


def test_another_store_knows_nothing_of_it(measured, tmp_path):
    with pytest.raises(UploadError, match="result_foreign"):
        devices.take_in(Store(tmp_path / "elsewhere"), measured[0])


def test_only_whoever_asked_for_the_bundle_may_add_on_a_shared_server(store, measured):
    content, _ = measured
    with pytest.raises(UploadError, match="bundle_owner"):
        devices.take_in(store, content, may=lambda owner: owner == "bob")
    assert devices.take_in(store, content, may=lambda owner: owner == "ana").evidence == 2


def test_a_model_that_was_deleted_is_told(store, run, measured):
    with store.db.write() as db:
        db.execute("DELETE FROM models WHERE run = ?", [run])
    with pytest.raises(UploadError, match="result_gone"):
        devices.take_in(store, measured[0])


def test_a_board_of_arm_is_not_measured_on_a_pc(store, measured):
    content, issued = measured
    pc = {**MACHINE, "machine": "AMD64"}
    with pytest.raises(UploadError, match="result_machine"):
        devices.take_in(store, sealed(content, issued.key, machine=pc))


def test_others_runs_and_estimates_are_left_alone_on_a_shared_server(store, run, home, measured):
    content, _ = measured
    bobs = finished_run(store, "bob", seed=8)
    _, mixed = devices.issue(
        store, [devices.bundle_model(store, bobs)], Bench("raspberry_pi_4", owner="ana"), say
    )
    with pytest.raises(UploadError, match="result_owner"):
        devices.take_in(store, result_of(mixed), may=lambda owner: owner == "ana")
    taken = devices.take_in(store, content, may_teach=lambda device: False)
    assert (len(taken.measurements), taken.evidence) == (1, 0)
    assert read_evidence(home, "raspberry_pi_4") == []


def test_calibration_networks_teach_only_where_one_may(store, tmp_path):
    networks = [BundleModel(conv_file(tmp_path / "c.onnx"), "c@12")]
    _, issued = devices.issue(store, networks, Bench("raspberry_pi_4"), say)
    with pytest.raises(UploadError, match="result_shared"):
        devices.take_in(store, result_of(issued), may_teach=lambda device: False)
    assert devices.take_in(store, result_of(issued)).evidence == 1
