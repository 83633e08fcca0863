import pytest
import timm
import torch
from safetensors.torch import save_file

from kd_core.config import ModelSettings, WeightSettings
from kd_core.errors import ModelError
from kd_core.models import timm_nets
from kd_core.models.build import build_model, get_spec
from kd_core.models.features import propose_layers


@pytest.mark.parametrize("name", ["resnet10t", "vit_tiny_patch16_224", "mobilenetv3_small_050"])
def test_any_timm_model_is_fitted(name):
    model = build_model(ModelSettings(name=f"timm:{name}", dropout=0.3), 5, 1, 64, seed=0).eval()
    with torch.no_grad():
        assert model(torch.zeros(2, 1, 64, 64))["logits"].shape == (2, 5)
    assert model.spec.stem == "standard"
    assert propose_layers(model, 1, 64)


def test_same_seed_same_weights():
    first, second = (
        build_model(ModelSettings(name="timm:resnet10t"), 5, 3, 64, seed=1) for _ in range(2)
    )
    assert first.training
    assert all(map(torch.equal, first.state_dict().values(), second.state_dict().values()))


def test_a_size_that_does_not_fit_is_an_error_of_ours():
    with pytest.raises(ModelError) as caught:
        build_model(ModelSettings(name="timm:densenet121"), 5, 3, 28, seed=0)
    assert caught.value.code == "timm_build_failed"


def test_a_wrong_tag_names_the_right_ones():
    with pytest.raises(ModelError, match=r"timm_unknown.*resnet10t\.c3_in1k"):
        build_model(ModelSettings(name="timm:resnet10t.not_a_tag_at_all"), 5, 3, 64, seed=0)


def test_published_weights_are_taken_over_with_a_new_head(tmp_path, monkeypatch):
    donor = timm.create_model("resnet10t", pretrained=False)
    save_file(donor.state_dict(), tmp_path / "model.safetensors")
    path = tmp_path / "model.safetensors"
    monkeypatch.setattr(timm_nets, "fetch_weights", lambda name, progress: path)
    weights = WeightSettings(kind="imagenet")
    settings = ModelSettings(name="timm:resnet10t", weights=weights)
    model = build_model(settings, 5, 1, 64, seed=0)
    state = donor.state_dict()
    assert torch.equal(model.network.layer4[0].conv1.weight, state["layer4.0.conv1.weight"])
    summed = state["conv1.0.weight"].sum(1, keepdim=True)
    torch.testing.assert_close(model.network.conv1[0].weight, summed)
    fresh = build_model(ModelSettings(name="timm:resnet10t"), 5, 1, 64, seed=0)
    assert torch.equal(model.network.fc.weight, fresh.network.fc.weight)


def test_weights_come_from_the_hub_as_safetensors(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(timm_nets, "fetch", lambda url, to, progress: asked.append((url, to)))
    timm_nets.fetch_weights("resnet10t.c3_in1k")
    ((url, to),) = asked
    assert url == "https://huggingface.co/timm/resnet10t.c3_in1k/resolve/main/model.safetensors"
    assert to == tmp_path / "hub" / "checkpoints" / "timm--resnet10t.c3_in1k.safetensors"


def test_names_can_be_searched():
    assert "mobilenetv3_small_050" in timm_nets.timm_names("mobilenetv3_small*")
    assert get_spec("timm:resnet10t").head == ("fc",)
