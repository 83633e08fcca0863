import onnx
from onnx import TensorProto, helper

from kd_core.latency.work import work_of
from kd_core.latency.work_graph import Lives, peak
from tests.kd_core.latency.helpers_onnx import network


def test_an_unknown_operator_counts_as_moving_data():
    model = network()
    model.graph.node.insert(3, helper.make_node("Odd", ["a2"], ["z"], domain="some.where"))
    model.graph.node[4].input[0] = "z"
    model.opset_import.append(helper.make_opsetid("some.where", 1))
    model.graph.value_info.append(
        helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 8, 16, 16])
    )
    del model.graph.node[4:]
    model.graph.output[0].CopyFrom(onnx.helper.make_empty_tensor_value_info("z"))
    kinds = [op.kind for op in work_of(model).ops]
    assert kinds == ["stem", "memory"]


def test_the_peak_is_the_largest_set_that_lives_at_once():
    lives = Lives(
        size={"x": 4, "a": 10, "b": 3, "c": 1},
        born={"x": -1, "a": 0, "b": 1, "c": 2},
        last={"x": 0, "a": 1, "b": 2, "c": 3},
    )
    assert peak(lives) == 14  # x and a
    lives.last["x"] = 2  # a way around
    assert peak(lives) == 17  # x, a and b
