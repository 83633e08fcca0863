import json

import pytest

from kd_core.compress import quantise_outlook
from kd_core.compress.quantise_outlook import Kind, Outlook, outlook
from tests.helpers_data import tiny_data
from tests.helpers_onnx import small_file


def test_a_network_is_profiled_in_both_formats(tmp_path):
    found = outlook(small_file(tmp_path / "model.onnx", tiny_data()))
    kinds = {kind.kind: kind for kind in found.kinds}
    assert {"convolution", "depthwise", "linear"} <= set(kinds)
    assert kinds["depthwise"].ms > 0
    assert kinds["depthwise"].int8_ms > 0
    assert sum(kind.share for kind in found.kinds) == pytest.approx(1)
    # stem 27 · 8 · 256, depthwise 9 · 8 · 256, point 64 · 256, head 24
    multiplications = 55296 + 18432 + 16384 + 24
    assert kinds["depthwise"].macs_share == pytest.approx(18432 / multiplications)
    assert json.loads(json.dumps(found.to_json()))["times_as_fast"] == found.times_as_fast


def test_the_sentence_names_the_kind_that_decides():
    kinds = (
        Kind("depthwise", ms=8.7, int8_ms=9.0, share=0.87, macs_share=0.1),
        Kind("convolution", ms=1.3, int8_ms=0.6, share=0.13, macs_share=0.9),
        Kind("converting", ms=0.0, int8_ms=0.4, share=0.0, macs_share=0.0),
    )
    little = Outlook(kinds, ms=10.0, int8_ms=10.0)
    assert not little.helps
    assert little.msg.id == "outlook.little"
    assert little.msg.params["share"] == 0.87
    assert little.msg.params["kind"].id == "outlook.kind.depthwise"
    assert little.msg.params["converting"] == pytest.approx(0.04)
    assert Outlook(kinds, ms=10.0, int8_ms=5.0).msg.id == "outlook.helps"
    assert quantise_outlook.HELPS > 1
