import json

import numpy as np
import pytest

from kd_core.compress import COMPRESSORS, Subject
from kd_core.compress.wizard import search
from kd_core.errors import JobError
from kd_core.export import OnnxModel
from tests.helpers_onnx import small_file, small_shop


@pytest.fixture
def shop(tmp_path):
    return small_shop(tmp_path)


@pytest.fixture
def file(tmp_path, shop):
    return small_file(tmp_path / "model.onnx", shop.data)


def right(path, shop) -> float:
    part = shop.data.parts["val"]
    return float(
        (OnnxModel(path).predict_uint8(part.images)["logits"].argmax(1) == part.targets).mean()
    )


@pytest.mark.parametrize("bound", [0.0, 0.05, 1.0])
def test_what_is_returned_keeps_the_bound(file, shop, bound):
    found = search(file, shop, bound, "smallest", metric="accuracy", images=16)
    assert right(file, shop) - right(found.file, shop) <= bound + 1e-9
    for trial in found.trials:
        assert trial.keeps == (trial.loss is not None and trial.loss <= bound + 1e-9)
    assert found.trials[found.chosen].keeps
    assert {"fp16", "int8_dynamic", "int8"} <= {trial.method for trial in found.trials}
    smallest = min(trial.size_bytes for trial in found.trials if trial.keeps)
    assert found.file.stat().st_size == smallest
    assert json.loads(json.dumps(found.to_json()))["bound"] == bound


def test_a_bound_that_nothing_keeps_returns_the_float_file(file, shop):
    found = search(file, shop, -1.0, metric="accuracy", images=16)  # better by a whole point of 1
    assert found.chosen == 0
    assert found.file == file
    assert found.verdict is None
    layers = [t.params.get("layers") for t in found.trials if t.method == "int8_mixed"]
    assert layers == [1, 2]  # of four layers: leaving all in float is no INT8


def test_as_a_step_of_a_chain(file, shop):
    spec = COMPRESSORS["int8_auto"]
    params = spec.check({"points": 20.0, "goal": "smallest", "images": 16})
    made = spec.apply(Subject(file), shop, params)
    assert json.loads(json.dumps(made.facts))["wizard"]["metric"]
    images = shop.images("val", 8)
    assert np.isfinite(OnnxModel(made.file).predict(images)["logits"]).all()
    assert made.notes[0].id in ("wizard.chosen", "wizard.none")


def test_it_stops_when_asked(file, tmp_path):
    def stop(stage, done, total):
        raise JobError("cancelled")

    (tmp_path / "again").mkdir()
    shop = small_shop(tmp_path / "again", tick=stop)
    with pytest.raises(JobError):
        search(file, shop, images=16)
