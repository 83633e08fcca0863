import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from kd_core.errors import ExportError
from kd_core.explain.penultimate import Penultimate
from kd_core.export import FileContract
from kd_core.export.onnx_file import write_metadata

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 1, 16, 16), dtype=np.uint8)


def test_the_input_of_the_last_layer(corner):
    features = Penultimate(corner.path)
    assert not features.of_logits
    expected = np.maximum(corner.contract.normalise(IMAGES).reshape(5, -1), 0)
    assert np.allclose(features(IMAGES), expected, atol=1e-6)


def test_files_with_a_fixed_batch(a_corner):
    features = Penultimate(a_corner(batch=2).path)
    assert features(IMAGES).shape == (5, 256)


def toy(path, nodes, weights=()):
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, 16, 16])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    contract = FileContract(classes=("a", "b"), mean=(0.5,), std=(0.25,), size=16, channels=1)
    write_metadata(model, contract)
    onnx.save(model, path)
    return Penultimate(path), contract.normalise(IMAGES)


def test_a_convolution_as_the_last_layer(tmp_path):
    nodes = [
        helper.make_node("Relu", ["images"], ["maps"]),
        helper.make_node("Conv", ["maps", "w", "b"], ["c"]),
        helper.make_node("GlobalAveragePool", ["c"], ["p"]),
        helper.make_node("Flatten", ["p"], ["logits"]),
    ]
    weights = [("w", np.ones((2, 1, 1, 1))), ("b", [0, 1])]
    features, ready = toy(tmp_path / "m.onnx", nodes, weights)
    expected = np.maximum(ready, 0).mean((2, 3))
    assert np.allclose(features(IMAGES), expected, atol=1e-6)


def test_a_bias_of_its_own_after_the_last_layer(tmp_path):
    nodes = [
        helper.make_node("Flatten", ["images"], ["flat"]),
        helper.make_node("Relu", ["flat"], ["seen"]),
        helper.make_node("MatMul", ["seen", "w"], ["m"]),
        helper.make_node("Add", ["m", "b"], ["logits"]),
    ]
    weights = [("w", np.ones((256, 2))), ("b", [0, 1])]
    features, ready = toy(tmp_path / "m.onnx", nodes, weights)
    assert np.allclose(features(IMAGES), np.maximum(ready.reshape(5, -1), 0), atol=1e-6)


def test_a_file_without_a_last_layer_gives_its_logits(tmp_path):
    nodes = [
        helper.make_node("GlobalMaxPool", ["images"], ["p"]),
        helper.make_node("Flatten", ["p"], ["one"]),
        helper.make_node("Concat", ["one", "one"], ["logits"], axis=1),
    ]
    features, _ = toy(tmp_path / "m.onnx", nodes)
    assert features.of_logits
    assert features(IMAGES).shape == (5, 2)


def test_files_that_cannot_be_used(tmp_path):
    with pytest.raises(ExportError, match="file_missing"):
        Penultimate(tmp_path / "none.onnx")
