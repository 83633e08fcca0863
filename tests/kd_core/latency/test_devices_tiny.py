from kd_core.latency.devices import DEVICES


def test_microcontrollers_and_the_edge_tpu_run_int8_only():
    for name in ("stm32h747", "stm32l4r5", "esp32_s3", "coral_usb"):
        assert {choice.precisions for choice in DEVICES[name].runtimes} == {("int8",)}
    assert DEVICES["stm32h747"].flash_bytes == 2 * 1024 * 1024
