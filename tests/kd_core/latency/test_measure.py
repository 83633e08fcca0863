import hashlib
import subprocess

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from kd_core.config import LatencySettings
from kd_core.errors import ExportError
from kd_core.export.contract import FileContract
from kd_core.export.onnx_file import write_metadata
from kd_core.latency.measure import measure

QUICK = LatencySettings(threads=1, warmup=2, repeats=5, batch=4)


@pytest.fixture
def write(tmp_path):
    def make(batch="n", with_contract=True):
        graph = helper.make_graph(
            [
                helper.make_node("Conv", ["images", "w"], ["c"]),
                helper.make_node("GlobalAveragePool", ["c"], ["p"]),
                helper.make_node("Flatten", ["p"], ["logits"]),
            ],
            "toy",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 1, 16, 16])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, 2])],
            [numpy_helper.from_array(np.ones((2, 1, 3, 3), np.float32), "w")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
        if with_contract:
            contract = FileContract(
                classes=("a", "b"), mean=(0.5,), std=(0.2,), size=16, channels=1
            )
            write_metadata(model, contract)
        path = tmp_path / "model.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    return make


def test_one_measurement_a_batch_size_with_its_circumstances(write):
    path = write()
    single, many = measure(path, QUICK)
    assert (single.batch, many.batch) == (1, 4)
    for measurement in (single, many):
        assert 0 < measurement.latency_ms_p50 <= measurement.latency_ms_p95
        assert (measurement.threads, measurement.warmup, measurement.repeats) == (1, 2, 5)
        assert (measurement.size, measurement.channels) == (16, 1)
        assert measurement.precision == "fp32"
        assert measurement.preprocess_ms_p50 > measurement.decode_ms_p50 > 0
        assert measurement.answer_ms_p50 > 0
        assert measurement.baseline_memory_bytes > 1_000_000
        assert measurement.cpu
        assert measurement.model_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert many.images_per_s == pytest.approx(4 / many.latency_ms_p50 * 1000)


def test_a_fixed_batch_is_measured_as_it_is(write):
    (only,) = measure(write(batch=3), QUICK)
    assert only.batch == 3


def test_files_that_cannot_be_measured_say_why(write, tmp_path, monkeypatch):
    with pytest.raises(ExportError, match="file_missing"):
        measure(tmp_path / "none.onnx", QUICK)
    with pytest.raises(ExportError, match="contract_missing"):
        measure(write(with_contract=False), QUICK)

    def crashed(command, **more):
        return subprocess.CompletedProcess(command, -9, "", "Traceback\nMemoryError: no memory")

    monkeypatch.setattr(subprocess, "run", crashed)
    with pytest.raises(ExportError, match=r"measure_failed.*no memory"):
        measure(write(), QUICK)

    def hangs(command, timeout, **more):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", hangs)
    with pytest.raises(ExportError, match="measure_timeout"):
        measure(write(), QUICK)
