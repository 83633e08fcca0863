import numpy as np

from kd_core.config import LatencySettings, ModelSettings
from kd_core.export import FileContract, export_onnx
from kd_core.models import build_model
from kd_core.study.records import Finding, ModelRecord, TruthRecord
from kd_core.study.step_truth import in_turns, side


def record(**changes) -> ModelRecord:
    usual = {
        "name": "model", "role": "teacher", "architecture": "a", "params": 10, "macs": 5,
        "state_dict_bytes": 40, "size_bytes": 60, "sha256": "0", "scores": {},
    }  # fmt: skip
    return ModelRecord(**{**usual, **changes})


def test_a_record_becomes_a_side_of_the_check():
    found = side(record(precision="int8", nonzero=4), 50, 1.5)
    assert (found.size_bytes, found.gzip_bytes, found.latency_ms) == (60, 50, 1.5)
    assert (found.precision, found.params, found.nonzero, found.macs) == ("int8", 10, 4, 5)
    assert found.predictions is None


def test_a_record_from_before_chains_has_no_truth_and_keeps_what_is_new():
    old = record().to_json()
    for name in ("method", "nonzero", "gzip_bytes", "training", "truth"):
        del old[name]
    assert ModelRecord.from_json(old) == record()
    finding = Finding(level="good", msg={"id": "truth.size", "params": {}})
    told = record(truth=TruthRecord(findings=(finding,), classes={"a": (0.5, None)}))
    assert ModelRecord.from_json(told.to_json()) == told


def test_a_file_timed_in_turns_with_itself_is_as_fast(tmp_path):
    model = build_model(ModelSettings(name="tiny_cnn"), 3, 3, 32, seed=0).eval()
    contract = FileContract(
        classes=("a", "b", "c"), mean=(0.5,) * 3, std=(0.2,) * 3, size=32, channels=3
    )
    image = np.zeros((1, 3, 32, 32), np.float32)
    export_onnx(model, tmp_path / "m.onnx", contract, image)
    found = in_turns(tmp_path / "m.onnx", tmp_path / "m.onnx", image, LatencySettings())
    assert found.origin_ms > 0
    assert found.own_ms > 0
    assert found.unrest >= 0
