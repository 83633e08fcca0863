from kd_core.study.records import Finding, ModelRecord, TruthRecord
from kd_core.study.step_truth import side


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
