import json

import pytest
import torch

from kd_core.compress import COMPRESSORS, Subject
from kd_core.compress.factorise import layers_of, replay_factors
from kd_core.config import ModelSettings
from kd_core.errors import ModelError
from kd_core.models import build_model, load_checkpoint, save_checkpoint
from tests.helpers_compress import Recorder, apply, small_resnet, tiny_shop

METHODS = [name for name, spec in COMPRESSORS.items() if spec.family == "factorise"]


@pytest.mark.parametrize("name", METHODS)
def test_a_share_of_the_parameters_goes_and_the_file_gives_the_same_network(name, tmp_path):
    model = small_resnet()
    tune = Recorder()
    made = apply(name, model, tiny_shop(tmp_path, tune=tune), ratio=0.4)
    left = sum(p.numel() for p in made.network.parameters())
    assert left / sum(p.numel() for p in model.parameters()) == pytest.approx(0.6, abs=0.03)
    assert made.facts["params"][1] == left
    assert tune.shares == [1.0]
    save_checkpoint(tmp_path / "model.pt", made.network)
    back = load_checkpoint(tmp_path / "model.pt")
    images = torch.randn(2, 3, 16, 16)
    assert torch.equal(back(images)["logits"], made.network(images)["logits"])
    json.dumps(made.facts)


@pytest.mark.parametrize("name", METHODS)
def test_at_nearly_full_energy_the_answers_are_the_same(name, tmp_path):
    model = small_resnet()
    with torch.no_grad():  # a matrix of rank 2, so that two factors are exact and pay
        weight = model.network.layer4[0].conv2.weight
        weight.copy_((torch.randn(64, 2) @ torch.randn(2, 64 * 9) / 20).reshape(weight.shape))
    made = apply(name, model, tiny_shop(tmp_path), by="energy", energy=1.0)
    assert [x["layer"] for x in made.facts["layers"] if x["form"] != "whole"] != []
    images = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(
        made.network(images)["logits"], model(images)["logits"], rtol=1e-3, atol=1e-4
    )


def test_layers_where_factors_would_not_pay_stay(tmp_path):
    made = apply("low_rank_svd", small_resnet(), tiny_shop(tmp_path), by="energy", energy=0.9)
    for layer in made.facts["layers"]:
        assert layer["left"] <= layer["weights"]
        assert (layer["form"] == "whole") == (layer["left"] == layer["weights"])
    assert "factorise.left" in [note.id for note in made.notes]


def test_layers_that_are_not_called_are_left_alone():
    vit = build_model(ModelSettings(name="vit_b_16"), 3, 3, 32, seed=0)
    names = layers_of(vit)
    assert "encoder.layers.encoder_layer_0.mlp.0" in names
    assert not any(name.endswith("out_proj") for name in names)
    cnn = build_model(ModelSettings(name="tiny_cnn"), 3, 3, 32, seed=0)
    assert all(getattr(layer, "groups", 1) == 1 for layer in layers_of(cnn).values())


def test_reasons_are_given(tmp_path):
    spec, model = COMPRESSORS["low_rank_svd"], small_resnet()
    assert spec.refuses(Subject(tmp_path / "x"), spec.defaults()).id == "refuses.no_network"
    assert spec.refuses(Subject(tmp_path / "x", model), spec.defaults()) is None
    with pytest.raises(ModelError, match="history_unfit"):
        replay_factors(model, {"kind": "factorise", "layers": {"nowhere": ["svd", 2]}})
