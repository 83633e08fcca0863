import json

import pytest
import torch

from kd_core.compress import COMPRESSORS, Subject
from kd_core.errors import ModelError
from kd_core.models import load_checkpoint, save_checkpoint
from kd_core.models.profile import profile
from tests.helpers_compress import Recorder, apply, small_resnet, tiny_shop
from tests.helpers_train import equal_weights

METHODS = [name for name, spec in COMPRESSORS.items() if spec.family == "prune"]


@pytest.fixture(scope="module")
def model():
    return small_resnet()


@pytest.mark.parametrize("name", METHODS)
def test_every_method_halves_the_work_and_can_be_read_back(name, model, tmp_path):
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    made = apply(name, model, tiny_shop(tmp_path), images=8)
    whole, left = (profile(m, 3, 16).macs for m in (model, made.network))
    assert left / whole == pytest.approx(0.5, abs=0.02)
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())
    save_checkpoint(tmp_path / "model.pt", made.network)
    back = load_checkpoint(tmp_path / "model.pt")
    images = torch.randn(2, 3, 16, 16)
    assert torch.equal(back(images)["logits"], made.network(images)["logits"])
    json.dumps(made.facts)


@pytest.mark.parametrize(
    ("target", "scope"), [("params", "global"), ("params", "uniform"), ("channels", "global")]
)
def test_other_aims_are_met(target, scope, model, tmp_path):
    made = apply("prune_l2", model, tiny_shop(tmp_path), target=target, scope=scope, ratio=0.4)
    assert made.facts["removed"][target] == pytest.approx(0.4, abs=0.03)
    assert made.facts["params"][1] == sum(p.numel() for p in made.network.parameters())


def test_it_goes_in_steps_with_fine_tuning_after_each(model, tmp_path):
    tune = Recorder()
    made = apply("prune_l2", model, tiny_shop(tmp_path, tune=tune), steps=3, target="params")
    assert tune.shares == pytest.approx([1 / 3] * 3)
    whole = sum(p.numel() for p in model.parameters())
    left = [params / whole for params in tune.params]
    assert left == pytest.approx([5 / 6, 4 / 6, 3 / 6], abs=0.03)
    assert len(made.network.history) == 1  # one change of shape, however many steps
    assert not made.facts["recalibrated"]


def test_what_a_person_says_by_layer_is_done_and_nothing_else(model, tmp_path):
    layers = json.dumps({"layer1.0.conv1": 0.5, "layer4.0.conv1": 0.25})
    made = apply("prune_l1", model, tiny_shop(tmp_path), layers=layers)
    changed = {x["layer"]: x["left"] for x in made.facts["layers"] if x["left"] != x["channels"]}
    assert changed == {"layer1.0.conv1": 4, "layer4.0.conv1": 48}


def test_channels_that_stay_are_a_multiple(model, tmp_path):
    made = apply("prune_l2", model, tiny_shop(tmp_path), round_to=8)
    assert {layer["left"] % 8 for layer in made.facts["layers"]} == {0}


def test_random_follows_the_seed(model, tmp_path):
    one, same, other = (
        apply("prune_random", model, tiny_shop(tmp_path, seed=seed), recalibrate=False).network
        for seed in (0, 0, 1)
    )
    assert equal_weights(one, same)
    assert one.history != other.history or not equal_weights(one, other)


def test_recalibration_changes_statistics_and_no_weight(model, tmp_path):
    raw, calibrated = (
        apply("prune_l2", model, tiny_shop(tmp_path), recalibrate=choice).network
        for choice in (False, True)
    )
    assert all(
        torch.equal(a, b) for a, b in zip(raw.parameters(), calibrated.parameters(), strict=True)
    )
    assert not torch.equal(raw.network.bn1.running_mean, calibrated.network.bn1.running_mean)


def test_an_aim_out_of_reach_is_said(model, tmp_path):
    made = apply("prune_l2", model, tiny_shop(tmp_path), ratio=0.9, max_ratio=0.3)
    assert "prune.missed" in [note.id for note in made.notes]


def test_reasons_are_given_before_anything_starts(model, tmp_path):
    spec = COMPRESSORS["prune_bn"]
    file = tmp_path / "model.onnx"
    assert spec.refuses(Subject(file), spec.defaults()).id == "refuses.no_network"
    assert spec.refuses(Subject(file, model, on_file=True), spec.defaults()) is not None
    assert spec.refuses(Subject(file, model), spec.defaults()) is None
    unknown = spec.check({"layers": '{"nowhere": 0.5}'})
    assert spec.refuses(Subject(file, model), unknown).id == "error.prune_layer_unknown"
    with pytest.raises(ModelError, match="compress_no_network"):
        spec.apply(Subject(file), tiny_shop(tmp_path), spec.defaults())
