from kd_core.latency.devices import DEVICES


def test_boards_run_onnxruntime_first_and_jetsons_tensorrt_in_fp16():
    assert DEVICES["raspberry_pi_4"].runtimes[0].name == "onnxruntime"
    first = DEVICES["jetson_orin_nano"].runtimes[0]
    assert (first.name, first.precisions[0]) == ("tensorrt", "fp16")
    assert DEVICES["raspberry_pi_5"].runtime("ncnn").precisions[0] == "ncnn_default"
