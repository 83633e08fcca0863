import json

import pytest

from kd_core.errors import ConfigError
from kd_core.latency.devices import DEVICES, DeviceSpec, all_devices, device_title, read_device
from kd_core.latency.records import PRECISIONS, RUNTIMES


def test_there_are_devices_from_microcontroller_to_server_gpu():
    assert len(DEVICES) >= 30
    kinds = {device.kind for _, device in DEVICES.items()}
    assert {"microcontroller", "board", "edge_gpu", "phone", "mini_pc", "laptop", "gpu"} <= kinds


@pytest.mark.parametrize("name", DEVICES.names())
def test_a_device_uses_the_closed_lists_and_survives_its_json(name):
    device = DEVICES[name]
    assert device.runtimes
    for choice in device.runtimes:
        assert choice.name in RUNTIMES
        assert set(choice.precisions) <= set(PRECISIONS)
    assert DeviceSpec.from_json(json.loads(json.dumps(device.to_json()))) == device


def test_phones_have_no_power():
    phones = [name for name, device in DEVICES.items() if device.kind == "phone"]
    assert [name for name in phones if DEVICES[name].power] == ["qcs6490"]  # a board


def test_a_file_of_ones_own_becomes_a_device(tmp_path):
    folder = tmp_path / "devices"
    folder.mkdir()
    mine = {
        "kind": "board",
        "processor": "4 × Cortex-A55",
        "runtimes": [{"name": "onnxruntime", "threads": [4]}],
        "title": "My board",
    }
    (folder / "my_board.json").write_text(json.dumps(mine))
    (folder / "broken.json").write_text("{")
    found = all_devices(tmp_path)
    assert found["my_board"].runtimes[0].threads == (4,)
    assert "broken" not in found
    assert set(DEVICES) < set(found)
    assert device_title("my_board", found["my_board"]).params == {"title": "My board"}
    assert device_title("raspberry_pi_4", DEVICES["raspberry_pi_4"]).id.endswith("title")


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "toaster"},
        {"runtimes": []},
        {"runtimes": [{"name": "unknown"}]},
        {"cores": -1},
        {"colour": "red"},
    ],
)
def test_a_wrong_device_is_refused(tmp_path, change):
    mine = {"kind": "board", "processor": "x", "runtimes": [{"name": "ncnn"}], **change}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(mine))
    with pytest.raises(ConfigError, match="device_file"):
        read_device(path)
