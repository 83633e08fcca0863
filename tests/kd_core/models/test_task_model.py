import json

import torch

from kd_core.config import ModelSettings
from kd_core.models.build import build_model
from kd_core.models.task_model import NetworkSpec


def test_outputs_have_the_name_of_the_task():
    model = build_model(ModelSettings(name="tiny_cnn"), 3, 1, 28, seed=0, output="mask_logits")
    assert list(model(torch.zeros(1, 1, 28, 28))) == ["mask_logits"]


def test_specification_is_json():
    settings = ModelSettings(name="tiny_cnn", params={"width": 8}, dropout=0.1)
    model = build_model(settings, 3, 1, 28, seed=0)
    spec = NetworkSpec.from_json(json.loads(json.dumps(model.spec_json())))
    assert spec == model.spec
    assert spec.params == {"width": 8, "depth": 3, "block": "separable"}
    assert (spec.stem, spec.halvings_left_out, spec.dropout) == ("small", 2, 0.1)
