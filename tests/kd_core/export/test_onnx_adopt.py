import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from kd_core.errors import ModelError, UploadError
from kd_core.export.onnx_adopt import adopt
from kd_core.export.onnx_file import check_onnx_file, write_metadata
from kd_core.export.onnx_model import OnnxModel

IMAGES = np.random.default_rng(0).random((5, 1, 8, 8), np.float32)


@pytest.fixture
def place(tmp_path):
    def write(model: onnx.ModelProto):
        (tmp_path / "theirs.onnx").write_bytes(model.SerializeToString())
        return tmp_path / "theirs.onnx", tmp_path / "ours" / "model.onnx"

    return write


@pytest.mark.parametrize("names", [("x", "y"), ("images", "logits"), ("logits", "images")])
@pytest.mark.parametrize("closing", [None, "Softmax", "Sigmoid"])
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("batch", ["n", 1, 2])
def test_any_classifier_obeys_our_contract(
    toy, contract, place, by_hand, names, closing, layout, batch
):
    source, target = place(toy(names=names, closing=closing, layout=layout, batch=batch))
    model = OnnxModel.adopt(source, target, contract())
    outputs = model.predict(IMAGES)
    assert list(outputs) == ["logits"]
    np.testing.assert_allclose(outputs["logits"], by_hand(IMAGES), rtol=1e-5, atol=1e-6)
    info = check_onnx_file(target)
    assert (info.input_name, info.layout) == ("images", "nchw")
    assert info.contract == contract()


def test_half_precision_files_take_and_give_float32(toy, contract, place, by_hand):
    source, target = place(toy(half=True, closing="Softmax"))
    outputs = OnnxModel.adopt(source, target, contract()).predict(IMAGES)
    assert outputs["logits"].dtype == np.float32
    np.testing.assert_allclose(outputs["logits"], by_hand(IMAGES), atol=1e-2)


def test_a_second_output_is_left_out_with_what_leads_to_it(toy, contract, place, by_hand):
    model = toy(closing="Softmax")
    model.graph.node.append(helper.make_node("ArgMax", ["y"], ["label"], axis=1, keepdims=0))
    label = helper.make_tensor_value_info("label", TensorProto.INT64, ["n"])
    model.graph.output.insert(0, label)
    source, target = place(model)
    outputs = OnnxModel.adopt(source, target, contract()).predict(IMAGES)
    np.testing.assert_allclose(outputs["logits"], by_hand(IMAGES), rtol=1e-5, atol=1e-6)
    assert "ArgMax" not in {node.op_type for node in onnx.load_model(target).graph.node}


def test_a_file_of_ours_keeps_its_own_normalisation(toy, contract, place):
    model = toy()
    theirs = contract(mean=(0.1,), std=(0.9,), threshold=0.3, run="other")
    write_metadata(model, theirs)
    source, target = place(model)
    merged = adopt(source, target, contract(run="mine"))
    assert (merged.mean, merged.std, merged.threshold) == ((0.1,), (0.9,), 0.3)
    assert merged.run == "mine"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"size": 16}, "onnx_size_differs"),
        ({"channels": 3, "mean": (0.1,) * 3, "std": (0.1,) * 3}, "onnx_channels_differ"),
        ({"classes": ("a", "b")}, "onnx_outputs_differ"),
    ],
)
def test_what_does_not_fit_the_study_is_refused(toy, contract, place, changes, code):
    source, target = place(toy())
    with pytest.raises(ModelError) as caught:
        adopt(source, target, contract(**changes))
    assert caught.value.code == code
    assert not target.exists()


def test_a_file_for_other_classes_is_refused(toy, contract, place):
    model = toy()
    write_metadata(model, contract(classes=("x", "y", "z")))
    source, target = place(model)
    with pytest.raises(ModelError, match="onnx_classes_differ"):
        adopt(source, target, contract())


def test_free_dimensions_take_the_studys_size(toy, contract, place):
    model = toy()
    for index in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[index].dim_param = f"s{index}"
    source, target = place(model)
    model = OnnxModel.adopt(source, target, contract(size=12))
    assert model.predict(np.zeros((1, 1, 12, 12), np.float32))["logits"].shape == (1, 3)


def test_unsafe_files_are_refused_before_anything_is_written(toy, contract, place):
    model = toy()
    model.graph.node.append(helper.make_node("Run", ["x"], ["z"], domain="evil"))
    source, target = place(model)
    with pytest.raises(UploadError, match="onnx_custom_operators"):
        adopt(source, target, contract())
    assert not target.parent.exists()
