import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import kd_core.compress.graph as graph
from kd_core.compress import COMPRESSORS, Subject
from kd_core.errors import ExportError
from kd_core.export import OnnxModel, check_onnx_file
from tests.helpers_onnx import small_file, small_shop


@pytest.mark.parametrize("name", ["fold_batch_norm", "ort_optimise", "onnxslim"])
def test_the_answers_and_the_contract_stay(name, tmp_path):
    shop = small_shop(tmp_path)
    file = small_file(tmp_path / "model.onnx", shop.data)
    spec = COMPRESSORS[name]
    made = spec.apply(Subject(file), shop, spec.check({}))
    images = shop.images("val", 24)
    before, after = OnnxModel(file), OnnxModel(made.file)
    np.testing.assert_allclose(
        after.predict(images)["logits"], before.predict(images)["logits"], rtol=1e-4, atol=1e-5
    )
    assert after.contract == before.contract
    assert check_onnx_file(made.file).contract == before.contract
    assert made.facts["nodes"]["after"] <= made.facts["nodes"]["before"]
    assert made.facts["bytes"]["after"] == made.file.stat().st_size
    assert "BatchNormalization" in made.facts["ops"]["before"]
    assert "BatchNormalization" not in made.facts["ops"]["after"]
    assert made.facts["time"]["after_ms"] > 0


def test_a_change_of_nothing_says_so(tmp_path):
    shop = small_shop(tmp_path)
    file = small_file(tmp_path / "model.onnx", shop.data)
    folded = COMPRESSORS["fold_batch_norm"].apply(Subject(file), shop, {}).file
    file.write_bytes(folded.read_bytes())
    made = COMPRESSORS["fold_batch_norm"].apply(Subject(file), shop, {})
    assert [note.id for note in made.notes] == ["graph.note.unchanged"]


def test_other_answers_are_not_kept(tmp_path, monkeypatch):
    def spoil(path, params):
        model = onnx.load_model(path)
        bias = next(item for item in model.graph.initializer if item.name == "head.bias")
        bias.CopyFrom(numpy_helper.from_array(np.ones(3, np.float32) * 9, "head.bias"))
        return model

    shop = small_shop(tmp_path)
    file = small_file(tmp_path / "model.onnx", shop.data)
    with pytest.raises(ExportError) as caught:
        graph._changed(Subject(file), shop, {}, spoil)
    assert caught.value.code == "graph_changed_answers"
