import numpy as np
import onnx
import pytest

from kd_core.compress.quantise_graph import keep, layers, pieces, prepare
from kd_core.errors import ExportError
from kd_core.export import OnnxModel
from tests.helpers_data import tiny_data
from tests.helpers_onnx import small_file


@pytest.fixture
def file(tmp_path):
    return small_file(tmp_path / "model.onnx", tiny_data())


def test_a_prepared_model_answers_the_same(file, tmp_path):
    model = prepare(file)
    ops = [node.op_type for node in model.graph.node]
    assert "BatchNormalization" not in ops
    assert "ReduceMean" not in ops
    assert "GlobalAveragePool" in ops
    names = [node.name for node in model.graph.node]
    assert all(names)
    assert len(set(names)) == len(names)
    kept = keep(model, file, tmp_path / "prepared.onnx")
    images = np.random.default_rng(0).standard_normal((5, 3, 16, 16), np.float32)
    np.testing.assert_allclose(
        OnnxModel(kept).predict(images)["logits"],
        OnnxModel(file).predict(images)["logits"],
        rtol=1e-4,
        atol=1e-5,
    )
    assert OnnxModel(kept).contract == OnnxModel(file).contract


def test_layers_have_the_names_of_their_modules(file):
    found = {layer.name: layer for layer in layers(prepare(file))}
    assert {"stem", "depth", "point", "head"} <= set(found)
    assert found["depth"].depthwise
    assert not found["point"].depthwise
    assert found["h"].op == "HardSwish"


def test_an_old_operator_set_is_refused(file):
    model = onnx.load_model(file)
    model.opset_import[0].version = 11
    for node in list(model.graph.node):  # what that set does not have
        if node.op_type in ("HardSwish", "ReduceMean", "Gemm"):
            model.graph.node.remove(node)
    del model.graph.output[:]
    model.graph.output.append(
        onnx.helper.make_tensor_value_info("o", onnx.TensorProto.FLOAT, ["n", 8])
    )
    model.graph.node.append(onnx.helper.make_node("Identity", ["c2"], ["h"]))
    model.graph.node.append(onnx.helper.make_node("GlobalAveragePool", ["s"], ["g"]))
    model.graph.node.append(onnx.helper.make_node("Flatten", ["g"], ["o"]))
    order = {name: at for at, name in enumerate(["c1", "r1", "c2", "h", "c3", "b", "s", "g", "o"])}
    nodes = sorted(model.graph.node, key=lambda node: order[node.output[0]])
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    file.write_bytes(model.SerializeToString())
    with pytest.raises(ExportError) as caught:
        prepare(file)
    assert (caught.value.code, caught.value.fields["found"]) == ("opset_too_old", 11)


def test_batches_are_full():
    images = np.arange(5, dtype=np.float32)[:, None, None, None]
    assert [piece[:, 0, 0, 0].tolist() for piece in pieces(images, 2)] == [[0, 1], [2, 3]]
    assert len(next(pieces(images, 8))) == 8
