import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from kd_core.errors import UploadError
from kd_core.export.onnx_file import OnnxLimits, check_onnx_file, precision_of, write_metadata


def refused(model_or_bytes, limits=None) -> UploadError:
    content = model_or_bytes
    if isinstance(content, onnx.ModelProto):
        content = content.SerializeToString()
    with pytest.raises(UploadError) as caught:
        check_onnx_file(content, limits)
    return caught.value


def test_a_good_file_is_described(toy, contract, tmp_path):
    model = toy()
    write_metadata(model, contract())
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    info = check_onnx_file(tmp_path / "m.onnx")
    assert (info.input_name, info.input_shape, info.layout) == ("x", (None, 1, 8, 8), "nchw")
    assert info.outputs == {"y": (None, 3)}
    assert (info.opset, info.precision, info.channels, info.side) == (20, "fp32", 1, 8)
    assert info.contract == contract()
    assert check_onnx_file(toy().SerializeToString()).contract is None


def test_channels_last_are_recognised(toy):
    info = check_onnx_file(toy(layout="nhwc").SerializeToString())
    assert (info.layout, info.channels, info.side) == ("nhwc", 1, 8)


def test_shapes_are_inferred_where_the_file_has_none(toy):
    model = toy()
    model.graph.output[0].type.tensor_type.shape.dim[1].Clear()
    assert check_onnx_file(model.SerializeToString()).outputs["y"][1] == 3


def test_external_data_is_refused_wherever_it_hides(toy):
    model = toy()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    error = refused(model)
    assert (error.code, error.fields) == ("onnx_external_data", {"tensor": "w"})

    hidden = TensorProto(name="inner", data_type=TensorProto.FLOAT, dims=[1])
    hidden.data_location = TensorProto.EXTERNAL
    hidden.external_data.add(key="location", value="weights.bin")
    model = toy()
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=hidden))
    assert refused(model).code == "onnx_external_data"

    inner = helper.make_graph([helper.make_node("Constant", [], ["c"], value=hidden)], "g", [], [])
    model = toy()
    branches = {"then_branch": inner, "else_branch": inner}
    model.graph.node.append(helper.make_node("If", ["x"], ["z"], **branches))
    assert refused(model).code == "onnx_external_data"


@pytest.mark.parametrize(
    ("domain", "op"), [("evil", "Run"), ("com.microsoft", "Tokenizer"), ("ai.onnx.ml", "Scaler")]
)
def test_custom_operators_are_refused(toy, domain, op):
    model = toy()
    model.graph.node.append(helper.make_node(op, ["x"], ["z"], domain=domain))
    model.opset_import.append(helper.make_opsetid(domain, 1))
    error = refused(model)
    assert error.code == "onnx_custom_operators"
    assert error.fields["operators"] == [f"{domain}.{op}"]


def test_custom_operators_inside_branches_are_refused(toy):
    node = helper.make_node("Run", [], ["c"], domain="evil")
    inner = helper.make_graph([node], "g", [], [])
    model = toy()
    branches = {"then_branch": inner, "else_branch": inner}
    model.graph.node.append(helper.make_node("If", ["x"], ["z"], **branches))
    assert refused(model).code == "onnx_custom_operators"


def test_operators_that_quantising_adds_are_known(toy):
    model = toy()
    model.graph.node[-1].output[0] = "before"
    node = helper.make_node("Gelu", ["before"], ["y"], domain="com.microsoft")
    model.graph.node.append(node)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    assert check_onnx_file(model.SerializeToString()).outputs["y"] == (None, 3)


@pytest.mark.parametrize("content", [b"", b"hello, this is text", b"\x08\x0a", b"PK\x03\x04 zip"])
def test_rubbish_is_refused(content):
    assert refused(content).code == "onnx_unreadable"


def test_a_cut_file_is_refused(toy):
    content = toy().SerializeToString()
    assert refused(content[: len(content) // 2]).code in ("onnx_unreadable", "onnx_invalid")


def test_an_invalid_graph_is_refused(toy):
    model = toy()
    model.graph.node[0].input[0] = "nowhere"
    assert refused(model).code == "onnx_invalid"


def test_limits(toy):
    size = len(toy().SerializeToString())
    error = refused(toy(), OnnxLimits(size_bytes=size - 1))
    assert (error.code, error.fields["size"]) == ("onnx_too_large", size)
    assert refused(toy(), OnnxLimits(nodes=2)).code == "onnx_too_many_nodes"


def test_files_that_take_no_images_are_refused(toy):
    model = toy()
    del model.graph.input[0].type.tensor_type.shape.dim[2:]
    model.graph.node[0].op_type = "Identity"
    assert refused(model).code == "onnx_input"
    assert refused(toy(channels=5)).code == "onnx_input"

    model = toy()
    second = helper.make_tensor_value_info("age", TensorProto.FLOAT, ["n", 1])
    model.graph.input.append(second)
    assert refused(model).fields["found"] == 2


def test_files_that_give_no_row_of_numbers_are_refused(toy):
    model = toy()
    del model.graph.node[1:]
    del model.graph.initializer[:]
    model.graph.node[0].output[0] = "y"
    model.graph.output[0].CopyFrom(
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1, 1, 1])
    )
    assert refused(model).code == "onnx_output"


def test_precision_is_read_from_the_weights(toy):
    assert precision_of(toy()) == "fp32"
    assert precision_of(toy(half=True)) == "fp16"
    model = toy()
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.zeros((1, 3), np.int8), "w"))
    assert precision_of(model) == "int8"
