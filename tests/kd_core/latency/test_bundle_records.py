import pytest

from kd_core.errors import ConfigError
from kd_core.latency.bundle_records import Issued, RunFigures, seal_of

FIGURES = {
    "batch": 1, "warmup": 2, "repeats": 5, "latency_ms_p50": 1.0, "latency_ms_p95": 2.0,
    "images_per_s": 1000.0,
}  # fmt: skip


def test_a_seal_depends_on_every_value_and_on_the_key():
    content = {"a": 1, "b": [1.5, {"c": "x"}]}
    seal = seal_of(content, "00" * 32)
    assert seal == seal_of({"b": [1.5, {"c": "x"}], "a": 1, "seal": seal}, "00" * 32)
    assert seal != seal_of({"a": 1, "b": [1.5, {"c": "y"}]}, "00" * 32)
    assert seal != seal_of(content, "01" * 32)


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"repeats": 0}, {"extra": 1}, {"warmup": -1}])
def test_figures_have_limits_and_no_unknown_names(wrong):
    assert RunFigures.from_json(FIGURES).peak_memory_bytes is None
    with pytest.raises(ConfigError, match="config_value"):
        RunFigures.from_json({**FIGURES, **wrong})


def test_an_id_is_no_path():
    good = {
        "bundle": "b" + "0" * 12, "key": "0" * 64, "device": "d", "runtime": "onnxruntime",
        "created": 1.0, "scripts": {}, "models": (),
    }  # fmt: skip
    assert Issued.from_json(good).bundle
    with pytest.raises(ConfigError):
        Issued.from_json({**good, "bundle": "../../etc"})
