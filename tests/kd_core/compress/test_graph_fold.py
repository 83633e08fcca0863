import numpy as np
import pytest
from onnx import helper, numpy_helper

from kd_core.compress.graph_fold import fold_batch_norms
from tests.helpers_onnx import small_model


def test_the_formula_by_hand():
    model = small_model()
    held = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    assert fold_batch_norms(model) == 1
    factor = held["norm.weight"] / np.sqrt(held["norm.var"] + 1e-5)
    after = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    np.testing.assert_allclose(
        after["point.weight"], held["point.weight"] * factor[:, None, None, None], rtol=1e-5
    )
    bias = held["norm.bias"] - held["norm.mean"] * factor  # the convolution had none
    point = next(node for node in model.graph.node if node.name == "point")
    np.testing.assert_allclose(after[point.input[2]], bias, rtol=1e-4, atol=1e-6)
    assert point.output[0] == "b"
    assert "norm.var" not in after


@pytest.mark.parametrize("reason", ["read twice", "weights shared"])
def test_what_another_node_needs_is_left_alone(reason):
    model = small_model()
    if reason == "read twice":
        model.graph.node.append(helper.make_node("Relu", ["c3"], ["other"], "other"))
    else:
        model.graph.node.append(helper.make_node("Relu", ["point.weight"], ["other"], "other"))
    assert fold_batch_norms(model) == 0
    assert any(node.op_type == "BatchNormalization" for node in model.graph.node)
