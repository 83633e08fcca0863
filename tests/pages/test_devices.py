import json

import pytest

from app.services import services
from kd_core.latency.bundle import Bench, BundleModel
from kd_core.latency.own_calibrate import Step
from kd_core.latency.own_devices import own_devices, save_device, this_machine
from kd_core.latency.own_evidence import read_evidence
from kd_core.study import calibration, devices
from kd_core.study.calibration import Watched
from tests.helpers_devices import conv_file, names_in, result_of
from tests.pages.conftest import texts

STUDENT = "r2a7c3e388b75"  # of the embedded study


def button(at, key):
    return next(b for b in at.button if b.key == key)


def test_without_a_study_a_device_is_described_all_the_same(empty, open_page) -> None:
    at = open_page("devices")
    assert not at.exception
    said = texts(at)
    assert "Raspberry Pi 4" in said
    assert "no finished study yet" in said
    assert "Nothing was measured on Raspberry Pi 4" in said


def test_the_address_chooses_the_device(empty, open_page) -> None:
    at = open_page("devices", device="stm32h747")
    assert not at.exception
    assert at.selectbox(key="devices-device").value == "stm32h747"
    said = texts(at)
    assert "STM32H747" in said
    boxes = [box.label for box in at.expander]
    assert "Figures of the data sheet: 5, of which 1 are assumptions" in boxes
    runtimes = at.dataframe[0].value
    assert set(runtimes["tier"]) <= {"A", "B", "C", "–"}


def test_a_kind_narrows_the_devices(empty, open_page) -> None:
    at = open_page("devices")
    at.selectbox(key="devices-kind").set_value("microcontroller").run()
    assert not at.exception
    assert "raspberry_pi_4" not in at.selectbox(key="devices-device").options


@pytest.mark.parametrize("name", ["pack", "bundle"])
def test_pack_and_bundle_are_made_without_images_of_the_data_set(open_page, name) -> None:
    at = open_page("devices")
    assert not at.checkbox(key=f"devices-images-{name}").value
    button(at, f"devices-make-{name}").click().run()
    assert not at.exception
    _, content, file_name = at.session_state[f"devices-made-{name}"]
    assert file_name.endswith(".zip")
    names = names_in(content)
    assert "model.onnx" in names or "models/01.onnx" in names
    assert not [each for each in names if "val_" in each]


def test_a_result_is_added_and_the_estimates_learn_from_it(open_page, tmp_path) -> None:
    at = open_page("devices")
    store = services().store
    models = [
        devices.bundle_model(store, STUDENT),
        BundleModel(conv_file(tmp_path / "c.onnx"), "c@12"),
    ]
    _, issued = devices.issue(store, models, Bench("raspberry_pi_4"), lambda msg: msg.id)
    result = result_of(issued)
    at.file_uploader[0].upload("result.json", result, "application/json")
    at.run()
    button(at, "devices-add").click().run()
    assert not at.exception
    assert "result.json: added to models: 1; to what the estimates learn from: 2." in texts(at)
    assert len(read_evidence(store.home.root, "raspberry_pi_4")) == 2
    errors = next(d.value for d in at.dataframe if "error before" in d.value)
    assert errors["networks"].tolist() == [2]


def test_a_spoilt_result_is_refused_with_its_reason(open_page, tmp_path) -> None:
    at = open_page("devices")
    store = services().store
    models = [devices.bundle_model(store, STUDENT)]
    _, issued = devices.issue(store, models, Bench("raspberry_pi_4"), lambda msg: msg.id)
    spoilt = {**json.loads(result_of(issued)), "device": "raspberry_pi_5"}
    at.file_uploader[0].upload("spoilt.json", json.dumps(spoilt).encode(), "application/json")
    at.run()
    button(at, "devices-add").click().run()
    assert not at.exception
    assert "was changed after it was written" in texts(at)
    assert read_evidence(store.home.root, "raspberry_pi_4") == []


def test_a_device_of_ones_own_is_added_changed_and_deleted(empty, open_page, home) -> None:
    at = open_page("devices")
    at.text_input(key="title-new-raspberry_pi_4").set_value("ROCK 5B")
    at.text_input(key="source-new-raspberry_pi_4").set_value("the vendor")
    next(b for b in at.button if b.label == "Add the device").click().run()
    assert not at.exception
    assert own_devices(home)["rock_5b"].title == "ROCK 5B"
    assert at.selectbox(key="devices-device").value == "rock_5b"
    button(at, "devices-delete-rock_5b").click().run()
    assert not at.exception
    assert own_devices(home) == {}


def test_a_device_without_a_source_is_refused(empty, open_page, home) -> None:
    at = open_page("devices")
    at.text_input(key="title-new-raspberry_pi_4").set_value("ROCK 5B")
    next(b for b in at.button if b.label == "Add the device").click().run()
    assert "Say where the specification" in texts(at)
    assert own_devices(home) == {}


def test_on_a_shared_server_others_devices_and_runs_are_left_alone(
    open_page, home, monkeypatch
) -> None:
    monkeypatch.setenv("KDLAB_SHARED", "1")
    save_device(home, "bobs_box", this_machine(), "bob")
    at = open_page("devices")
    assert not at.exception
    said = texts(at)
    assert "of your own runs only" in said
    assert "their own devices only" in said
    assert "kd-lab calibrate" in said
    keys = {b.key for b in at.button}
    assert not keys & {"devices-delete-bobs_box", "devices-make-bundle", "devices-calibrate"}
    assert "devices-make-pack" in keys  # reading is free


def test_this_machine_is_measured_in_a_process_of_its_own(empty, open_page, monkeypatch) -> None:
    started = []
    monkeypatch.setattr(calibration, "start", lambda root: started.append(root))
    at = open_page("devices")
    button(at, "devices-calibrate").click().run()
    assert not at.exception
    assert started == [services().store.home.root]


def test_a_measuring_in_progress_is_followed_and_can_be_stopped(empty, open_page, home) -> None:
    services()
    with Watched(services().store) as watched:
        watched.tick(Step("measure", 3, 10, "mobilenet_v2@64"))
        at = open_page("devices")
        assert not at.exception
        assert "devices-calibrate" not in {b.key for b in at.button}
        button(at, "devices-stop").click().run()
        assert watched.stop()
