import numpy as np
import pytest

from kd_core.errors import ExportError
from kd_core.export.onnx_file import write_metadata
from kd_core.export.onnx_model import OnnxModel

PIXELS = np.random.default_rng(0).integers(0, 256, (7, 1, 8, 8), np.uint8)


def test_answers_are_those_of_the_graph(ours, contract, by_hand):
    model = OnnxModel(ours)
    assert model.contract == contract()
    images = contract().normalise(PIXELS)
    np.testing.assert_allclose(model.predict(images)["logits"], by_hand(images), rtol=1e-5)


@pytest.mark.parametrize("batch", [1, 3, 7, 100])
def test_batches_give_the_rows_in_order(ours, contract, by_hand, batch):
    result = OnnxModel(ours).predict_uint8(PIXELS, batch=batch)["logits"]
    np.testing.assert_allclose(result, by_hand(contract().normalise(PIXELS)), rtol=1e-5)


def test_two_calls_are_equal_bit_for_bit(ours):
    first, second = (OnnxModel(ours, threads=2).predict_uint8(PIXELS) for _ in range(2))
    assert np.array_equal(first["logits"], second["logits"])


def test_memory_mapped_images_are_read(ours, tmp_path):
    np.save(tmp_path / "images.npy", PIXELS)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    model = OnnxModel(ours)
    expected = model.predict_uint8(PIXELS)["logits"]
    assert np.array_equal(model.predict_uint8(mapped)["logits"], expected)


@pytest.mark.parametrize("shape", [(0, 1, 8, 8), (2, 3, 8, 8), (2, 1, 8, 9), (1, 8, 8)])
def test_images_of_another_shape_are_refused(ours, shape):
    with pytest.raises(ExportError) as caught:
        OnnxModel(ours).predict_uint8(np.zeros(shape, np.uint8))
    assert caught.value.code == "images_shape"
    assert caught.value.fields["expected"] == [1, 8, 8]


def test_files_that_cannot_be_used_say_why(toy, contract, tmp_path):
    path = tmp_path / "m.onnx"
    with pytest.raises(ExportError, match="file_missing"):
        OnnxModel(path)
    path.write_bytes(b"rubbish")
    with pytest.raises(ExportError, match="session_failed"):
        OnnxModel(path)
    path.write_bytes(toy().SerializeToString())
    with pytest.raises(ExportError, match="contract_missing"):
        OnnxModel(path)
    model = toy(names=("pictures", "logits"))
    write_metadata(model, contract())
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ExportError, match="contract_missing"):
        OnnxModel(path)
