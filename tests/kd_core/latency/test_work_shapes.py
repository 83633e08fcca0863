import numpy as np
from onnx import TensorProto, helper, numpy_helper

from kd_core.latency.work_shapes import Shapes


def test_a_target_computed_from_another_shape_is_worked_out():
    two = numpy_helper.from_array(np.array([2], np.int64), "two")
    nodes = [
        helper.make_node("Shape", ["x"], ["s"], start=0, end=1),
        helper.make_node("Concat", ["s", "two", "rest"], ["t"], axis=0),
        helper.make_node("Reshape", ["x", "t"], ["y"]),
    ]
    rest = numpy_helper.from_array(np.array([-1], np.int64), "rest")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 6, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [x], [y], [two, rest])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    assert Shapes(model).all()["y"] == (1, 2, 12)
