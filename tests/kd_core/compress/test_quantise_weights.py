import numpy as np
import onnx
import pytest

from kd_core.compress import COMPRESSORS, Made, Subject
from kd_core.compress.quantise_graph import own_file, tensors
from kd_core.export import OnnxModel
from kd_core.export.onnx_file import precision_of
from tests.helpers_onnx import small_file, small_shop


@pytest.fixture
def shop(tmp_path):
    return small_shop(tmp_path)


@pytest.fixture
def file(tmp_path, shop):
    return small_file(tmp_path / "model.onnx", shop.data)


def apply(name: str, file, shop, **params) -> Made:
    spec = COMPRESSORS[name]
    return spec.apply(Subject(file), shop, spec.check(params))


def apart(one, two, images) -> float:
    a, b = (OnnxModel(path).predict(images)["logits"] for path in (one, two))
    return float(np.abs(a - b).max() / a.std())


def bytes_of_weights(path) -> int:
    found = tensors(own_file(path)).items()
    return sum(value.nbytes for name, value in found if name.startswith(("stem", "head", "norm")))


def test_fp16_halves_the_weights_and_keeps_float32_at_both_ends(file, shop):
    made = apply("fp16", file, shop)
    assert bytes_of_weights(made.file) * 2 == bytes_of_weights(file)
    assert precision_of(own_file(made.file)) == "fp16"
    graph = own_file(made.file).graph
    ends = [value.type.tensor_type.elem_type for value in (graph.input[0], graph.output[0])]
    assert ends == [onnx.TensorProto.FLOAT] * 2
    assert apart(file, made.file, shop.images("val", 24)) < 0.02
    assert made.facts["weights_cut_off"] == 0
    assert OnnxModel(made.file).contract == OnnxModel(file).contract


@pytest.mark.parametrize(("layers", "integer"), [("all", 4), ("linear", 1)])
def test_dynamic_int8(file, shop, layers, integer):
    made = apply("int8_dynamic", file, shop, layers=layers)
    assert made.facts["counts"]["int8"] == integer
    assert apart(file, made.file, shop.images("val", 24)) < 0.3
    few = any(note.id == "quantise.note.few_weights" for note in made.notes)
    assert few == (layers == "linear")  # the head has few of the weights


def test_4_bits_for_linear_layers(file, shop):
    made = apply("int4", file, shop)
    assert len(made.facts["layers_in_4_bits"]) == 1
    assert "head" in made.facts["layers_in_4_bits"][0]
    assert precision_of(own_file(made.file)) == "int4"
    assert apart(file, made.file, shop.images("val", 24)) < 1


def test_4_bits_are_refused_without_linear_layers(file, shop):
    model = onnx.load_model(file)
    head = next(node for node in model.graph.node if node.name == "head")
    model.graph.node.remove(head)
    pooled = next(node for node in model.graph.node if node.name == "mean")
    pooled.output[0] = "logits"
    file.write_bytes(model.SerializeToString())
    refused = COMPRESSORS["int4"].refuses(Subject(file), {"symmetric": True})
    assert refused.id == "refuses.no_linear"
