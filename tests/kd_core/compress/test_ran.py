import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kd_core.compress.ran import layers_run


def write(path, quantised: bool):
    """One convolution, with its weights and input through quantise and dequantise nodes or not."""
    weight = np.linspace(-1, 1, 4 * 3 * 9, dtype=np.float32).reshape(4, 3, 3, 3)
    nodes, names = [], ["images", "w"]
    initial = [numpy_helper.from_array(weight, "w")]
    if quantised:
        scale = numpy_helper.from_array(np.float32(0.01), "s")
        zero, zero8 = (
            numpy_helper.from_array(np.array(0, t), n)
            for t, n in ((np.uint8, "z"), (np.int8, "z8"))
        )
        whole = numpy_helper.from_array((weight * 100).astype(np.int8), "w8")
        initial = [scale, zero, zero8, whole]
        nodes = [
            helper.make_node("QuantizeLinear", ["images", "s", "z"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["x"]),
            helper.make_node("DequantizeLinear", ["w8", "s", "z8"], ["wd"]),
        ]
        names = ["x", "wd"]
    out = "y" if quantised else "logits"
    nodes.append(helper.make_node("Conv", names, [out], name="layer"))
    if quantised:
        nodes += [
            helper.make_node("QuantizeLinear", ["y", "s", "z"], ["yq"]),
            helper.make_node("DequantizeLinear", ["yq", "s", "z"], ["logits"]),
        ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 4, 6, 6])],
        initial,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)
    return path


def test_a_float_layer_is_float_and_a_quantised_one_is_an_integer_layer(tmp_path):
    assert [x.op for x in layers_run(write(tmp_path / "f.onnx", False))] == ["Conv"]
    (layer,) = layers_run(write(tmp_path / "q.onnx", True))
    assert layer.op == "QLinearConv"


def test_a_file_that_does_not_run_has_no_layers(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"nothing")
    assert layers_run(tmp_path / "x.onnx") == ()
