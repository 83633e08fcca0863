import numpy as np
import pytest

from kd_core.compress.quantise_calibrate import calibrate
from kd_core.compress.quantise_graph import keep, prepare
from kd_core.compress.quantise_layers import layer_errors, layer_table
from kd_core.compress.quantise_qdq import Scheme, write_qdq
from tests.helpers_onnx import small_file, small_shop


@pytest.fixture
def case(tmp_path):
    shop = small_shop(tmp_path)
    file = small_file(tmp_path / "model.onnx", shop.data)
    model, images = prepare(file), shop.images("train", 16)
    return file, model, images, calibrate(model, images)


def test_what_fell_back_to_float_is_listed_with_the_reason(case, tmp_path):
    file, model, _, ranges = case
    path = keep(write_qdq(model, ranges, Scheme(weight_bits=7)), file, tmp_path / "int8.onnx")
    rows = {row["name"]: row for row in layer_table(model, path)}
    assert {rows[name]["state"] for name in ("stem", "depth", "point", "head")} == {"int8"}
    assert rows["h"]["state"] == "float"
    assert rows["h"]["why"] == {"id": "quantise.why.no_kernel", "params": {"op": "HardSwish"}}
    assert rows["s"]["state"] == "int8"  # the sum
    assert rows["depth"]["depthwise"]


def test_a_layer_left_in_float_on_purpose(case, tmp_path):
    file, model, _, ranges = case
    written = write_qdq(model, ranges, Scheme(weight_bits=7), floats=["point"])
    path = keep(written, file, tmp_path / "int8.onnx")
    rows = {row["name"]: row for row in layer_table(model, path, ["point"], {"point": 0.25})}
    assert rows["point"]["state"] == "float"
    assert rows["point"]["why"]["id"] == "quantise.why.chosen"
    assert rows["point"]["error"] == 0.25
    assert rows["stem"]["state"] == "int8"


def test_the_layer_whose_range_is_wrong_has_the_largest_error(case):
    _, model, images, ranges = case
    fair = layer_errors(model, ranges, Scheme(), images)
    assert set(fair) == {"stem", "depth", "point", "head"}
    assert all(0 < error < 0.2 for error in fair.values())
    low, high = ranges["m"]
    wrong = {**ranges, "m": (low * 0.1, high * 0.1)}  # what the head reads is cut off
    spoilt = layer_errors(model, wrong, Scheme(), images)
    assert max(spoilt, key=lambda node: spoilt[node]) == "head"
    assert spoilt["head"] > 3 * fair["head"]
    np.testing.assert_allclose(spoilt["depth"], fair["depth"])
