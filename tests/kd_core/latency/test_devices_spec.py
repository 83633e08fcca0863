import pytest

from kd_core.errors import ConfigError
from kd_core.latency.devices_spec import DeviceSpec, RuntimeChoice


def test_a_runtime_is_found_by_its_name():
    device = DeviceSpec(kind="board", processor="x", runtimes=(RuntimeChoice("ncnn", (4,)),))
    assert device.runtime("ncnn").threads == (4,)
    assert device.runtime("qnn") is None


@pytest.mark.parametrize("data", [None, [], {"kind": "board"}, {"runtimes": 3}])
def test_what_is_no_device_is_refused(data):
    with pytest.raises(ConfigError, match="device_file"):
        DeviceSpec.from_json(data)
