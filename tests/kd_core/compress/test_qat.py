import json

import numpy as np
import onnx
import pytest
from onnx import helper

from kd_core.compress import COMPRESSORS, Subject
from kd_core.compress.quantise_graph import own_file
from kd_core.config import ModelSettings
from kd_core.export import OnnxModel
from kd_core.export.onnx_file import precision_of
from kd_core.models import build_model
from kd_core.train import fit
from tests.helpers_onnx import small_file, small_shop
from tests.helpers_train import tiny_run


@pytest.fixture
def network():
    """Only its specification and its place as a parent are used."""
    return build_model(ModelSettings(name="tiny_cnn"), 3, 3, 16, seed=0)


@pytest.mark.parametrize("ranges", ["moving", "learned"])
def test_training_with_rounding_learns_and_leaves_an_int8_file(tmp_path, network, ranges):
    def tune(model, share):
        run = tiny_run(epochs=6, lr=0.02)
        folder = tmp_path / "fit"
        return fit(run, shop.data, model, folder=folder, cache=tmp_path / "cache").network

    shop = small_shop(tmp_path, tune=tune)
    file = small_file(tmp_path / "model.onnx", shop.data)
    spec = COMPRESSORS["qat"]
    params = spec.check({"images": 24, "ranges": ranges})
    assert spec.refuses(Subject(file, network), params) is None
    made = spec.apply(Subject(file, network), shop, params)
    part = shop.data.parts["train"]

    def right(path):
        answers = OnnxModel(path).predict_uint8(part.images)["logits"].argmax(1)
        return float((answers == part.targets).mean())

    assert precision_of(own_file(made.file)) == "int8"
    assert right(made.file) > right(file) + 0.2  # the drawn network knew nothing
    assert made.facts["simulation"]["changed"] <= 2
    assert made.facts["counts"]["weighted_float"] == 0
    assert made.facts["ranges"]["kind"] == ranges
    assert made.facts["ranges"]["changed"] > 0
    assert OnnxModel(made.file).contract == OnnxModel(file).contract
    assert json.loads(json.dumps(made.facts)) == made.facts


def test_the_same_writer_as_static(tmp_path, network):
    """Without any training, and with ranges that stay, the file is static INT8."""
    shop = small_shop(tmp_path, tune=lambda model, share: model)
    file = small_file(tmp_path / "model.onnx", shop.data)
    values = {"images": 24}
    trained = COMPRESSORS["qat"].apply(
        Subject(file, network), shop, COMPRESSORS["qat"].check(values)
    )
    logits = OnnxModel(trained.file).predict(shop.images("val", 8))["logits"]
    static = COMPRESSORS["int8"].apply(Subject(file), shop, COMPRESSORS["int8"].check(values))
    np.testing.assert_allclose(
        logits, OnnxModel(static.file).predict(shop.images("val", 8))["logits"], atol=1e-5
    )


def test_refusals(tmp_path, network):
    shop = small_shop(tmp_path)
    file = small_file(tmp_path / "model.onnx", shop.data)
    refuses = COMPRESSORS["qat"].refuses
    assert refuses(Subject(file), {}).id == "refuses.no_network_to_train"
    model = onnx.load_model(file)
    swish = next(node for node in model.graph.node if node.op_type == "HardSwish")
    swish.CopyFrom(helper.make_node("Gelu", swish.input, swish.output, "swish"))
    file.write_bytes(model.SerializeToString())
    refused = refuses(Subject(file, network), {})
    assert (refused.id, refused.params) == ("refuses.qat_operators", {"ops": ["Gelu"]})
