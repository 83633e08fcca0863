import math

import pytest
import torch
from torch import nn

from kd_core.config import ModelSettings
from kd_core.errors import ModelError
from kd_core.models.build import build_model
from kd_core.models.pairing import check_pairs, propose_pairs, shapes, stages
from kd_core.models.spec import MODELS

HEAVY = ("vgg16_bn", "convnext_tiny", "efficientnet_b3", "resnet50", "densenet121", "vit_b_16")
LIGHT = [name for name in MODELS if name not in HEAVY]
STUDENTS = [name for name in LIGHT if "student" in MODELS[name].roles]


def build(name, size=64):
    return build_model(ModelSettings(name=name), 3, 3, size, seed=0)


@pytest.fixture(scope="module")
def resnets():
    return {size: build("resnet18", size) for size in (28, 64)}


@pytest.mark.parametrize("size", [28, 64])
@pytest.mark.parametrize("name", STUDENTS)
def test_every_student_is_paired_with_a_resnet_stage_by_stage(name, size, resnets):
    teacher, student = resnets[size], build(name, size)
    student.train()
    pairs = propose_pairs(teacher, student, 3, size, "stages")
    assert student.training
    assert len(pairs) >= 3
    check_pairs(teacher, student, pairs, 3, size)
    theirs = shapes(teacher, [pair[0] for pair in pairs], 3, size)
    ours = shapes(student, [pair[1] for pair in pairs], 3, size)
    for one, two in zip(theirs[:-1], ours[:-1], strict=True):
        assert abs(math.log2(one[-1] / two[-1])) < 0.2  # the same stage, up to padding
    assert propose_pairs(teacher, student, 3, size) == pairs[-1:]
    assert pairs[-1][0] == "layer4"


@pytest.mark.parametrize("name", HEAVY)
def test_every_teacher_is_paired_with_a_small_student(name):
    teacher, student = build(name), build("mobilenet_v3_small")
    pairs = propose_pairs(teacher, student, 3, 64, "stages")
    assert [pair[1] for pair in pairs] == ["features.1", "features.3", "features.8", "features.11"]
    assert [pair[0] for pair in pairs] == list(MODELS[name].layers)


def test_a_stem_that_keeps_resolution_is_paired_by_side_and_the_last_with_the_last(resnets):
    # at 64 px TinyCNN keeps 64, 32, 16, 8 cells, the teacher 32, 16, 8, 4
    pairs = propose_pairs(resnets[64], build("tiny_cnn"), 3, 64, "stages")
    assert pairs == (("layer1", "stages.0"), ("layer2", "stages.1"), ("layer4", "stages"))


def test_a_network_of_timm_is_paired(resnets):
    student = build("timm:mobilenetv3_small_050")  # the published stem: half the side everywhere
    pairs = propose_pairs(resnets[64], student, 3, 64, "stages")
    assert [pair[0] for pair in pairs] == ["layer2", "layer3", "layer4"]
    check_pairs(resnets[64], student, pairs, 3, 64)


def test_transformers_are_paired_evenly_by_depth(resnets):
    student = build("timm:vit_tiny_patch16_224")
    pairs = propose_pairs(resnets[64], student, 3, 64, "stages")
    assert [pair[0] for pair in pairs] == ["layer1", "layer2", "layer3", "layer4"]
    assert [side for _, side in stages(student, 3, 64)] == [math.sqrt(17)] * 4  # 4 × 4 and a token


def test_maps_with_the_channels_last_are_turned():
    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(3, 9, 3, stride=2, padding=1), Turn())

        def forward(self, images):
            return self.body(images).mean((1, 2))

    class Turn(nn.Module):
        def forward(self, x):
            return x.permute(0, 2, 3, 1)

    assert shapes(Turned(), ["body.1"], 3, 8) == ((9, 4, 4),)


def test_asking_for_shapes_changes_nothing():
    network = build("mobilenet_v2")
    network.network.features[3].eval()  # one part is frozen
    before = {name: value.clone() for name, value in network.state_dict().items()}
    drawn = torch.get_rng_state()
    shapes(network, ["features.3"], 3, 64)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), drawn)
    assert not network.network.features[3].training
    assert network.network.features[4].training


def test_paths_of_a_persons_own_are_checked_on_either_side(resnets):
    teacher, student = resnets[64], build("tiny_cnn")
    check_pairs(teacher, student, (("layer3", "stages.1"),), 3, 64)
    for pairs, code, near in (
        ((("layer5", "stages"),), "teacher_layer_unknown", "layer4"),
        ((("layer4", "stage"),), "student_layer_unknown", "stages"),
    ):
        with pytest.raises(ModelError) as caught:
            check_pairs(teacher, student, pairs, 3, 64)
        assert caught.value.code == code
        assert near in caught.value.fields["near"]


def test_a_layer_that_no_image_passes_or_that_has_no_places_is_refused(resnets):
    vit = build("vit_b_16")
    out = "encoder.layers.encoder_layer_0.self_attention.out_proj"  # used by its weights only
    with pytest.raises(ModelError, match="layer_silent"):
        check_pairs(vit, resnets[64], ((out, "layer4"),), 3, 64)
    with pytest.raises(ModelError, match="layer_flat"):
        check_pairs(resnets[64], resnets[64], (("fc", "layer4"),), 3, 64)


def test_a_network_without_stages_is_refused(resnets):
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 3))
    with pytest.raises(ModelError) as caught:
        propose_pairs(resnets[64], flat, 3, 64)
    assert caught.value.code == "layers_none"
