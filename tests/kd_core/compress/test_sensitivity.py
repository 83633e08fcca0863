import json

import numpy as np
import pytest
import torch

from kd_core.compress.prune_gradients import labelled_images
from kd_core.compress.sensitivity import Curve, Sensitivity, as_param, propose, sensitivity
from kd_core.errors import JobError, ModelError
from tests.helpers_compress import apply, small_resnet, tiny_shop


def test_each_point_is_what_pruning_that_layer_alone_gives(tmp_path):
    model, ticks = small_resnet(), []
    shop = tiny_shop(tmp_path, tick=lambda *at: ticks.append(at))
    found = sensitivity(
        model, shop, metric="accuracy", ratios=(0.5, 0.25), images=20, layers=["layer1.0.conv1"]
    )
    (curve,) = found.curves
    assert curve.ratios == (0.25, 0.5)
    assert ticks == [("compress", done, 2) for done in (0, 1, 2)]
    layers = as_param({"layer1.0.conv1": 0.5})
    pruned = apply("prune_l2", model, shop, layers=layers, recalibrate=False).network
    images, targets = labelled_images(shop, "val", 20)
    with torch.no_grad():
        right = pruned(images)["logits"].argmax(1) == targets
        whole = model(images)["logits"].argmax(1) == targets
    assert curve.scores[1] == pytest.approx(float(right.float().mean()))
    assert found.whole == pytest.approx(float(whole.float().mean()))


def test_all_layers_have_a_curve_and_it_is_json(tmp_path):
    found = sensitivity(small_resnet(), tiny_shop(tmp_path), ratios=(0.5,), images=8)
    assert [curve.layer for curve in found.curves][:2] == ["conv1", "layer1.0.conv1"]
    assert Sensitivity.from_json(json.loads(json.dumps(found.to_json()))) == found


def curves(*scores) -> Sensitivity:
    curve = Curve(layer="a", channels=8, ratios=(0.25, 0.5, 0.75), scores=scores)
    return Sensitivity(method="prune_l2", metric="accuracy", whole=0.9, images=9, curves=(curve,))


def test_a_proposal_stops_at_the_first_loss_that_is_too_large():
    assert propose(curves(0.9, 0.8, 0.9), 0.05) == {"a": 0.25}
    assert propose(curves(0.8, 0.9, 0.9), 0.05) == {}
    assert propose(curves(0.95, 0.9, 0.85), 0.05) == {"a": 0.75}
    assert propose(curves(0.9, None, 0.9), 0.05) == {"a": 0.25}


def test_a_metric_where_less_is_better_is_read_the_other_way():
    found = curves(0.91, 0.97, 0.5).change(metric="brier")
    assert propose(found, 0.02) == {"a": 0.25}


def test_it_stops_when_it_is_told_to(tmp_path):
    def stop(*at):
        raise JobError("cancelled")

    with pytest.raises(JobError, match="cancelled"):
        sensitivity(small_resnet(), tiny_shop(tmp_path, tick=stop), images=8)


def test_a_layer_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ModelError, match="prune_layer_unknown"):
        sensitivity(small_resnet(), tiny_shop(tmp_path), layers=["nowhere"])


def test_undefined_scores_are_none(tmp_path):
    shop = tiny_shop(tmp_path)
    shop.data.parts["val"].targets[:] = np.zeros_like(shop.data.parts["val"].targets)
    found = sensitivity(
        small_resnet(), shop, metric="macro_auc", ratios=(0.5,), layers=["conv1"], images=8
    )
    assert found.whole is None
    assert propose(found, 0.1) == {}
