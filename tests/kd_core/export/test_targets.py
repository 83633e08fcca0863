import numpy as np
import onnx
import pytest
from onnx import helper

from kd_core.compress import COMPRESSORS, Subject
from kd_core.errors import ConfigError, ExportError
from kd_core.export import OnnxModel
from kd_core.export.targets import EXPORT_TARGETS, export_for, refusals
from tests.helpers_onnx import small_file, small_shop


@pytest.fixture
def shop(tmp_path):
    return small_shop(tmp_path)


@pytest.fixture
def file(tmp_path, shop):
    return small_file(tmp_path / "model.onnx", shop.data)


def int8(file, shop, **params):
    spec = COMPRESSORS["int8"]
    made = spec.apply(Subject(file), shop, spec.check({"images": 16, "weight_bits": "7", **params}))
    return made.file


@pytest.mark.parametrize("target", EXPORT_TARGETS)
def test_a_float_file_for_every_target(target, file, shop, tmp_path):
    assert refusals(file, target) == ()
    path = export_for(file, target, tmp_path / "out.onnx", batch=2)
    images = shop.images("val", 5)
    np.testing.assert_allclose(
        OnnxModel(path).predict(images)["logits"],
        OnnxModel(file).predict(images)["logits"],
        rtol=1e-4,
        atol=1e-5,
    )
    assert OnnxModel(path).contract == OnnxModel(file).contract
    first = onnx.load_model(path).graph.input[0].type.tensor_type.shape.dim[0]
    assert (first.dim_value == 2) == EXPORT_TARGETS[target].static


def test_tensorrt_wants_zero_points_of_0(file, shop, tmp_path):
    with pytest.raises(ExportError) as caught:
        export_for(int8(file, shop), "tensorrt", tmp_path / "out.onnx")
    assert caught.value.code == "target_zero_points"
    assert caught.value.fields["n"] > 0
    assert not (tmp_path / "out.onnx").exists()
    assert export_for(int8(file, shop, symmetric=True), "tensorrt", tmp_path / "out.onnx").exists()


def test_stm32_gets_signed_activations_with_the_same_answers(file, shop, tmp_path):
    source = int8(file, shop)
    path = export_for(source, "stm32", tmp_path / "out.onnx")
    types = {item.name: item.data_type for item in onnx.load_model(path).graph.initializer}
    assert onnx.TensorProto.UINT8 not in types.values()
    before = {item.data_type for item in onnx.load_model(source).graph.initializer}
    assert onnx.TensorProto.UINT8 in before
    images = shop.images("val", 8)
    one, two = (OnnxModel(p).predict(images)["logits"] for p in (source, path))
    np.testing.assert_allclose(one, two, atol=0.03 * np.abs(one).max())


def test_precisions(file, shop):
    half = COMPRESSORS["fp16"].apply(Subject(file), shop, {}).file
    assert [reason.id for reason in refusals(half, "stm32")] == ["error.target_precision"]
    assert refusals(half, "tensorrt") == ()


def test_operators_are_checked_before_anything_is_written(file, shop, tmp_path):
    spec = COMPRESSORS["int8_dynamic"]
    dynamic = spec.apply(Subject(file), shop, spec.check({})).file
    reasons = {reason.id: reason.params for reason in refusals(dynamic, "tensorrt")}
    assert {"ConvInteger", "DynamicQuantizeLinear"} <= set(
        reasons["error.target_operators"]["operators"]
    )
    assert refusals(dynamic, "onnxruntime") == ()
    fused = COMPRESSORS["ort_optimise"]
    made = fused.apply(Subject(file), shop, fused.check({})).file
    assert [r.id for r in refusals(made, "tensorrt")] == ["error.target_operators"]
    assert refusals(made, "ort-arm") == ()


def test_an_own_file_without_a_contract(file, tmp_path):
    model = onnx.load_model(file)
    del model.metadata_props[:]
    file.write_bytes(model.SerializeToString())
    assert export_for(file, "stm32", tmp_path / "out.onnx").exists()


def test_too_new_a_set_is_brought_down_and_too_old_refused(file, tmp_path):
    model = onnx.load_model(file)
    model.opset_import[0].version = 22
    file.write_bytes(model.SerializeToString())
    path = export_for(file, "stm32", tmp_path / "out.onnx")
    assert onnx.load_model(path).opset_import[0].version == 20
    old = helper.make_model(
        helper.make_graph(
            [
                helper.make_node("GlobalAveragePool", ["images"], ["p"]),
                helper.make_node("Flatten", ["p"], ["logits"]),
            ],
            "old",
            [helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, [1, 3, 8, 8])],
            [helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, [1, 3])],
        ),
        opset_imports=[helper.make_opsetid("", 8)],
        ir_version=4,
    )
    reasons = refusals(old.SerializeToString(), "tensorrt")
    assert [(r.id, r.params["found"]) for r in reasons] == [("error.target_opset", 8)]


def test_an_unknown_target(file, tmp_path):
    with pytest.raises(ConfigError):
        export_for(file, "toaster", tmp_path / "out.onnx")
