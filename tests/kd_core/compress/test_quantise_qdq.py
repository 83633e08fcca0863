"""The one writer of INT8 files, against a hand computation for a network of one convolution."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from kd_core import hardware
from kd_core.compress import quantise_qdq
from kd_core.compress.quantise_graph import prepare, tensors
from kd_core.compress.quantise_qdq import Scheme, bits_for_this_cpu, quantisable, write_qdq
from tests.helpers_data import tiny_data
from tests.helpers_onnx import small_file

RANGES = {"images": (-2.0, 3.0), "y": (-5.0, 6.0)}


def one_conv() -> tuple:
    """A 1×1 convolution from two channels to three, and its weights (3, 2)."""
    weight = np.array([[0.5, -1.0], [0.02, 0.01], [3.0, 0.25]], np.float32)
    node = helper.make_node("Conv", ["images", "w"], ["y"], "conv")
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 2, 1, 1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 1, 1])
    held = [numpy_helper.from_array(weight[:, :, None, None], "w")]
    graph = helper.make_graph([node], "one", [image], [out], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return model, weight


def by_hand(x: np.ndarray, weight: np.ndarray, scheme: Scheme) -> np.ndarray:
    """What the file must answer to one pixel x (2,), in float64 from the definitions."""

    def grid(values, low, high):
        if scheme.symmetric:
            scale, zero, first, last = 2 * max(-low, high) / 254, 0, -127, 127
        else:
            scale = (high - low) / 255
            zero, first, last = round(-low / scale), 0, 255
        stored = np.clip(np.round(values / scale) + zero, first, last)
        return (stored - zero) * scale

    top = 127 if scheme.weight_bits == 8 else 64
    axis = 1 if scheme.per_channel else None
    scale = np.abs(weight).max(axis=axis, keepdims=True) / top
    weight = np.round(weight / scale) * scale
    return grid(weight @ grid(x, *RANGES["images"]), *RANGES["y"])


@pytest.mark.parametrize("scheme", [Scheme(), Scheme(per_channel=False), Scheme(symmetric=True)])
@pytest.mark.parametrize("bits", [8, 7])
def test_numbers_by_hand(scheme, bits):
    scheme = Scheme(scheme.per_channel, scheme.symmetric, bits)
    model, weight = one_conv()
    written = write_qdq(model, RANGES, scheme).SerializeToString()
    session = onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
    step = 12.1 / 254  # of the coarser output grid: a tie of rounding may go either way
    for x in ([1.0, -1.5], [2.9, 0.3], [-2.0, 3.0], [9.0, 0.0]):  # the last one is cut off at 3
        pixel = np.array(x, np.float32).reshape(1, 2, 1, 1)
        given = session.run(None, {"images": pixel})[0].reshape(3)
        np.testing.assert_allclose(given, by_hand(np.array(x), weight, scheme), atol=step)


def test_a_scale_of_its_own_keeps_small_channels():
    model, weight = one_conv()

    def error(per_channel):
        held = tensors(write_qdq(model, RANGES, Scheme(per_channel=per_channel)))
        stored, scale = held["w_quantized"].reshape(3, 2), held["w_scale"].reshape(-1, 1)
        return np.abs(stored * scale - weight)[1].max()  # the channel with the small weights

    assert error(per_channel=True) < 0.0001
    assert error(per_channel=False) > 0.001


def test_zero_points():
    model, _ = one_conv()
    held = tensors(write_qdq(model, RANGES, Scheme(symmetric=True)))
    assert all(not value.any() for name, value in held.items() if name.endswith("zero_point"))
    held = tensors(write_qdq(model, RANGES, Scheme()))
    assert (held["images_zero_point"], held["images_zero_point"].dtype) == (102, np.uint8)
    assert not held["w_zero_point"].any()


def test_seven_bits_cannot_overflow_16():
    model, _ = one_conv()
    stored = tensors(write_qdq(model, RANGES, Scheme(weight_bits=7)))["w_quantized"]
    assert 2 * 255 * np.abs(stored.astype(int)).max() <= 2**15
    full = tensors(write_qdq(model, RANGES, Scheme()))["w_quantized"]
    assert 2 * 255 * np.abs(full.astype(int)).max() > 2**15


@pytest.mark.parametrize(
    ("machine", "features", "bits"),
    [("x86_64", ["avx2"], 7), ("x86_64", ["avx2", "avx_vnni"], 8), ("aarch64", ["asimd"], 8)],
)
def test_bits_follow_the_processor(monkeypatch, machine, features, bits):
    monkeypatch.setattr(quantise_qdq.platform, "machine", lambda: machine)
    monkeypatch.setattr(hardware, "cpu", lambda: {"features": features})
    assert bits_for_this_cpu() == bits


def test_the_model_given_stays_float_and_only_asked_nodes_change(tmp_path):
    model = prepare(small_file(tmp_path / "model.onnx", tiny_data()))
    before = model.SerializeToString()
    values = (*model.graph.value_info, *model.graph.input, *model.graph.output)
    ranges = {value.name: (-1.0, 1.0) for value in values}
    held = tensors(write_qdq(model, ranges, Scheme(), only=["point"]))
    assert [name for name in held if name.endswith("weight_quantized")] == [
        "point.weight_quantized"
    ]
    held = tensors(write_qdq(model, ranges, Scheme(), floats=["point"]))
    assert "point.weight_quantized" not in held
    assert {"stem.weight_quantized", "head.weight_quantized"} <= set(held)
    assert model.SerializeToString() == before
    assert "HardSwish" not in quantisable(model)
