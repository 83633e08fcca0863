import json
import subprocess
import sys

import numpy as np
import pytest

from kd_core.compress import COMPRESSORS, Made, Subject, Workshop, quantise
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


def apply(name: str, file, shop: Workshop, **params) -> Made:
    spec = COMPRESSORS[name]
    return spec.apply(Subject(file), shop, spec.check({"images": 24, **params}))


def apart(one, two, images) -> float:
    """Largest difference of two files' answers, relative to the spread of the first."""
    a, b = (OnnxModel(path).predict(images)["logits"] for path in (one, two))
    return float(np.abs(a - b).max() / a.std())


def test_int8_answers_nearly_the_same_and_keeps_the_contract(file, shop):
    made = apply("int8", file, shop)
    assert apart(file, made.file, shop.images("val", 24)) < 0.15
    assert OnnxModel(made.file).contract == OnnxModel(file).contract
    assert precision_of(own_file(made.file)) == "int8"
    weights = {name: value.dtype for name, value in tensors(own_file(made.file)).items()}
    assert weights["stem.weight_quantized"] == np.int8
    assert json.loads(json.dumps(made.facts)) == made.facts
    assert made.facts["calibration"] == {"part": "train", "images": 24, "method": "minmax"}
    assert made.facts["counts"]["weighted_float"] == 0
    assert made.facts["cpu"]["vnni"] in (True, False, None)
    assert made.facts["scheme"]["weight_bits"] in (7, 8)
    assert any(note.id == "quantise.note.float_layers" for note in made.notes)  # the hard swish


def test_the_ranges_are_watched_on_training_images_only(file, shop, monkeypatch):
    asked = []

    def spy(self, part, n, seed=0):
        asked.append(part)
        return original(self, part, n, seed)

    original = Workshop.images
    monkeypatch.setattr(Workshop, "images", spy)
    for name in ("int8", "int8_mixed"):
        apply(name, file, shop)
    assert set(asked) == {"train"}


def test_test_images_are_never_read(file, shop):
    """The part is not even there."""
    parts = {name: part for name, part in shop.data.parts.items() if name == "train"}
    data = type(shop.data)(**{**vars(shop.data), "parts": parts})
    blind = Workshop(data=data, mean=shop.mean, std=shop.std, folder=shop.folder)
    assert apply("int8", file, blind).file is not None


def test_the_most_sensitive_layers_stay_in_float(file, shop):
    made = apply("int8_mixed", file, shop, layers=1)
    rows = {row["name"]: row for row in made.facts["layers"] if row["error"] is not None}
    assert set(rows) == {"stem", "depth", "point", "head"}
    worst = max(rows, key=lambda name: rows[name]["error"])
    chosen = [row["name"] for row in rows.values() if row["state"] == "float"]
    assert chosen == [worst]
    note = next(note for note in made.notes if note.id == "quantise.note.chosen")
    assert note.params["names"] == [worst]


def test_what_is_not_float_is_refused(file, shop):
    spec = COMPRESSORS["int8"]
    assert spec.refuses(Subject(file), spec.check({})) is None
    made = apply("int8", file, shop)
    refused = spec.refuses(Subject(made.file), spec.check({}))
    assert (refused.id, refused.params) == ("refuses.not_float", {"precision": "int8"})


@pytest.mark.parametrize(("vnni", "told"), [(False, True), (True, False), (None, False)])
def test_8_bits_without_vnni_are_tried_for_saturation(file, shop, monkeypatch, vnni, told):
    monkeypatch.setattr(quantise, "has_vnni", lambda: vnni)
    made = apply("int8", file, shop, weight_bits="8")
    assert ("saturation" in made.facts) == told
    assert ("quantise.note.may_saturate" in [note.id for note in made.notes]) == told
    if told:
        assert made.facts["saturation"]["images"] == 32


FRESH = """
import sys, numpy, onnxruntime
images = numpy.load(sys.argv[2])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
providers = ["CPUExecutionProvider"]
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=providers)
numpy.save(sys.argv[3], session.run(["logits"], {"images": images})[0])
assert "torch" not in sys.modules and "kd_core" not in sys.modules
"""


def test_a_fresh_process_with_onnxruntime_only_gives_the_same_answers(file, shop, tmp_path):
    made = apply("int8", file, shop, weight_bits="7")  # exact on every processor
    images = shop.images("val", 24)
    np.save(tmp_path / "images.npy", images)
    command = [sys.executable, "-c", FRESH, made.file, tmp_path / "images.npy", tmp_path / "out"]
    subprocess.run([str(word) for word in command], check=True, cwd=tmp_path)
    there = np.load(tmp_path / "out.npy")
    np.testing.assert_array_equal(there, OnnxModel(made.file).predict(images)["logits"])
