import pytest

from kd_core.latency.devices import DEVICES


def test_boards_run_onnxruntime_first_and_jetsons_tensorrt_in_fp16():
    assert DEVICES["raspberry_pi_4"].runtimes[0].name == "onnxruntime"
    first = DEVICES["jetson_orin_nano"].runtimes[0]
    assert (first.name, first.precisions[0]) == ("tensorrt", "fp16")
    assert DEVICES["raspberry_pi_5"].runtime("ncnn").precisions[0] == "ncnn_default"


@pytest.mark.parametrize(
    ("name", "mhz", "cpu_ghz", "memory_gbs", "most_w"),
    [("jetson_orin_nano", 625, 1.5, 68, 15), ("jetson_orin_nano_super", 1020, 1.7, 102, 25)],
)
def test_both_modes_of_the_orin_nano_are_devices_of_their_own(
    name, mhz, cpu_ghz, memory_gbs, most_w
):
    device = DEVICES[name]
    assert device.gpu_gflops == round(1024 * 2 * mhz / 1000)
    assert (device.ghz, device.memory_gbs) == (cpu_ghz, memory_gbs)
    assert device.power
    assert device.power.load_w == most_w
    assert f"{mhz} MHz" in device.processor
