import pytest

from kd_core.errors import ConfigError
from kd_core.latency.records import PRECISIONS, RUNTIMES, Measurement

FIGURES = {
    "runtime_version": "1.0",
    "precision": "int8",
    "threads": 1,
    "batch": 1,
    "channels": 3,
    "size": 64,
    "warmup": 2,
    "repeats": 5,
    "latency_ms_p50": 1.5,
    "latency_ms_p95": 2.5,
    "images_per_s": 600.0,
    "load_ms": 10.0,
    "preprocess_ms_p50": 0.2,
    "preprocess_ms_p95": 0.3,
    "preprocess_source_px": 128,
    "baseline_memory_bytes": 50_000_000,
    "peak_memory_bytes": None,
    "model_sha256": "0" * 64,
    "model_size_bytes": 100,
    "cpu": "a processor",
    "cpu_cores": 2,
    "cpu_features": ("avx2",),
    "os": "an os",
    "measured_at": 0.0,
}


def test_json_gives_the_measurement_back():
    measurement = Measurement(**FIGURES)
    assert Measurement.from_json(measurement.model_dump_json()) == measurement
    assert (measurement.source, measurement.target_device) == ("measured", "this_machine")
    assert (measurement.runtime, measurement.protocol) == ("onnxruntime", 1)


@pytest.mark.parametrize(
    "change", [{"precision": "int7"}, {"runtime": "magic"}, {"latency_ms_p50": float("nan")}]
)
def test_lists_are_closed_and_figures_are_numbers(change):
    with pytest.raises(ConfigError):
        Measurement(**{**FIGURES, **change})


def test_closed_lists():
    assert RUNTIMES[0] == "onnxruntime"
    assert PRECISIONS[:4] == ("fp32", "fp16", "int8", "int4")
    assert {"ncnn", "tensorrt", "coral_edgetpu"} <= set(RUNTIMES)
    assert "ncnn_default" in PRECISIONS
