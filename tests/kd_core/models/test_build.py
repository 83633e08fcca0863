import pytest
import torch

from kd_core.config import ModelSettings
from kd_core.errors import ConfigError, ModelError
from kd_core.models.build import build_model, build_network, get_spec
from kd_core.models.spec import MODELS
from kd_core.models.stems import halvings_left_out
from kd_core.models.task_model import NetworkSpec

HEAVY = ("vgg16_bn", "vit_b_16", "convnext_tiny", "efficientnet_b3", "resnet50")


def build(name: str, size: int = 64, channels: int = 3, **settings) -> torch.nn.Module:
    return build_model(ModelSettings(name=name, **settings), 5, channels, size, seed=0)


@pytest.mark.parametrize("size", [28, 32, 64, 96, 224])
@pytest.mark.parametrize("name", [name for name in MODELS if name not in HEAVY])
def test_every_model_takes_every_usual_size(name, size):
    model = build(name, size, channels=1).eval()
    with torch.no_grad():
        outputs = model(torch.zeros(1, 1, size, size))
    assert {key: tuple(value.shape) for key, value in outputs.items()} == {"logits": (1, 5)}


@pytest.mark.parametrize("size", [28, 96])
@pytest.mark.parametrize("name", HEAVY)
def test_heavy_models_take_small_sizes(name, size):
    model = build(name, size).eval()
    with torch.no_grad():
        assert model(torch.zeros(1, 3, size, size))["logits"].shape == (1, 5)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "squeezenet1_1", "tiny_cnn"])
def test_seed_decides_the_weights_and_the_global_generator_is_left_alone(name):
    torch.manual_seed(123)
    before = torch.get_rng_state()
    first, again, other = build(name), build(name), build_seed(name, 1)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(map(torch.equal, first.state_dict().values(), again.state_dict().values()))
    assert not all(map(torch.equal, first.state_dict().values(), other.state_dict().values()))


def build_seed(name: str, seed: int) -> torch.nn.Module:
    return build_model(ModelSettings(name=name), 5, 3, 64, seed=seed)


def test_specification_alone_rebuilds_the_same_network():
    model = build("tiny_cnn", 32, channels=1, params={"width": 8, "depth": 2, "block": "plain"})
    again = build_network(NetworkSpec.from_json(model.spec_json()), seed=0)
    assert again.spec == model.spec
    assert all(map(torch.equal, model.state_dict().values(), again.state_dict().values()))


@pytest.mark.parametrize(
    ("name", "size", "channels", "stem", "code"),
    [
        ("resnet18", 64, 4, "auto", "channels_unsupported"),
        ("densenet121", 28, 3, "standard", "size_too_small"),
        ("vit_b_16", 30, 3, "auto", "size_not_multiple"),
        ("vit_b_16", 100, 3, "standard", "size_not_multiple"),
        ("timm:resnt18", 64, 3, "auto", "timm_unknown"),
        ("timm:hf-hub:someone/something", 64, 3, "auto", "timm_unknown"),
    ],
)
def test_what_does_not_fit_is_refused(name, size, channels, stem, code):
    with pytest.raises(ModelError) as caught:
        build(name, size, channels, stem=stem)
    assert caught.value.code == code


def test_unknown_name_and_bad_parameter():
    with pytest.raises(ConfigError, match="entry_unknown"):
        build("resnet19")
    with pytest.raises(ConfigError, match="param_range"):
        build("tiny_cnn", params={"width": 1000})


@pytest.mark.parametrize("stem", ["standard", "small"])
@pytest.mark.parametrize("name", [name for name in MODELS if name not in HEAVY])
def test_stated_smallest_sizes_work(name, stem):
    size = get_spec(name).min_size[stem == "small"]
    spec = NetworkSpec(
        name=name,
        params=get_spec(name).defaults(),
        n_outputs=2,
        channels=1,
        size=size,
        stem=stem,
        halvings_left_out=halvings_left_out(stem, size),
    )
    with torch.no_grad():
        outputs = build_network(spec).eval()(torch.zeros(1, 1, size, size))
    assert torch.isfinite(outputs["logits"]).all()
