import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from kd_core.compress.qat_graph import OPS, GraphNet, unknown_operators
from kd_core.compress.quantise_graph import prepare
from kd_core.export import OnnxModel
from tests.helpers_data import tiny_data
from tests.helpers_onnx import small_file, small_model

SHAPE = (2, 4, 6, 6)
# operator: its inputs beyond x, by value, and its attributes
CASES = {
    "Conv": ([np.ones((2, 4, 3, 3))], {"pads": [1, 0, 0, 1], "strides": [2, 1]}),
    "BatchNormalization": ([np.full(4, 1.5), np.ones(4), np.full(4, 0.2), np.full(4, 2.0)], {}),
    "Relu": ([], {}),
    "LeakyRelu": ([], {"alpha": 0.2}),
    "Clip": ([np.array(-0.5), np.array(0.7)], {}),
    "HardSwish": ([], {}),
    "HardSigmoid": ([], {"alpha": 1 / 6}),
    "Sigmoid": ([], {}),
    "Add": ([np.full((4, 1, 1), 0.5)], {}),
    "Sub": ([np.full((4, 1, 1), 0.5)], {}),
    "Mul": ([np.full((4, 1, 1), 0.5)], {}),
    "Div": ([np.full((4, 1, 1), 0.5)], {}),
    "MatMul": ([np.full((6, 3), 0.25)], {}),
    "Reshape": ([np.array([0, 2, -1])], {}),
    "Transpose": ([], {"perm": [0, 2, 3, 1]}),
    "Flatten": ([], {}),
    "Unsqueeze": ([np.array([2])], {}),
    "GlobalAveragePool": ([], {}),
    "MaxPool": ([], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    "AveragePool": ([], {"kernel_shape": [3, 3], "strides": [1, 1], "pads": [1, 1, 1, 1]}),
    "ReduceMean": ([np.array([2, 3])], {"keepdims": 0}),
    "Identity": ([], {}),
}


def one_node(op: str):
    values, attributes = CASES[op]
    held = [
        numpy_helper.from_array(v if v.dtype.kind == "i" else v.astype(np.float32), f"v{i}")
        for i, v in enumerate(values)
    ]
    node = helper.make_node(op, ["x", *(item.name for item in held)], ["y"], "node", **attributes)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "one", [x], [y], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@pytest.mark.parametrize("op", CASES)
def test_each_operator_computes_what_onnxruntime_computes(op):
    model = one_node(op)
    x = np.random.default_rng(0).standard_normal(SHAPE, np.float32)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    with torch.no_grad():
        given = GraphNet(model)(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(given, session.run(None, {"x": x})[0], rtol=1e-4, atol=1e-5)


def test_nearly_all_operators_have_a_case():
    assert set(OPS) - set(CASES) == {"Gemm", "Concat", "Split", "Squeeze"}  # in whole networks


def test_a_whole_network_and_its_trained_tensors(tmp_path):
    file = small_file(tmp_path / "model.onnx", tiny_data())
    network = GraphNet(prepare(file))
    images = np.random.default_rng(0).standard_normal((3, 3, 16, 16), np.float32)
    with torch.no_grad():
        given = network(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(given, OnnxModel(file).predict(images)["logits"], atol=1e-5)
    assert {"stem.weight", "stem.bias", "depth.weight", "head.weight"} <= set(network.trained())


def test_a_tensor_that_is_shift_and_mean_at_once_is_trained_as_the_shift():
    held = {"gamma": np.full(4, 1.5), "zeros": np.zeros(4), "var": np.full(4, 2.0)}
    graph = helper.make_graph(
        [helper.make_node("BatchNormalization", ["x", "gamma", "zeros", "zeros", "var"], ["y"])],
        "shared",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, SHAPE)],
        [numpy_helper.from_array(v.astype(np.float32), name) for name, v in held.items()],
    )
    net = GraphNet(helper.make_model(graph))
    net(torch.randn(SHAPE)).sum().backward()
    assert dict(net.named_parameters())["zeros"].grad.tolist() == [2.0 * 6 * 6] * 4


def test_what_cannot_be_trained_is_named():
    model = small_model()
    assert unknown_operators(model) == ()
    model.graph.node.append(helper.make_node("Gelu", ["s"], ["g"], "gelu"))
    assert unknown_operators(model) == ("Gelu",)
