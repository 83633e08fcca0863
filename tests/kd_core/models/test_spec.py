import pytest

from kd_core.config import ModelSettings
from kd_core.models.build import build_model
from kd_core.models.spec import MODELS

HEAVY = ("vgg16_bn", "vit_b_16", "resnet50")
REQUIRED = (
    "resnet18 resnet50 densenet121 efficientnet_b0 efficientnet_b3 convnext_tiny vgg16_bn vit_b_16"
    " mobilenet_v2 mobilenet_v3_small mobilenet_v3_large shufflenet_v2_x0_5 shufflenet_v2_x1_0"
    " squeezenet1_1 mnasnet0_5 regnet_y_400mf tiny_cnn resnet_narrow"
)


def test_all_required_models_are_there():
    assert set(REQUIRED.split()) <= set(MODELS)


@pytest.mark.parametrize("name", list(MODELS))
def test_entry_is_complete(name):
    entry = MODELS[name]
    assert entry.source
    assert entry.roles
    assert entry.family


@pytest.mark.parametrize(
    "name", [n for n in MODELS if n not in ("vgg16_bn", "vit_b_16", "resnet50")]
)
def test_entry_names_modules_that_exist(name):
    network = build_model(ModelSettings(name=name), 7, 3, 64, seed=0).network
    entry = MODELS[name]
    for path in (entry.first, *entry.head, *entry.layers):
        network.get_submodule(path)
    state = network.state_dict()
    heads = [n for n in state if any(n.startswith(p + ".") for p in entry.head)]
    assert {state[name].shape[0] for name in heads} == {7}
