from torch import nn

from kd_core.config import ModelSettings
from kd_core.models import build_model
from kd_core.models.layer_list import layer_list
from kd_core.models.pairing import propose_pairs


def test_what_is_proposed_can_be_chosen() -> None:
    teacher = build_model(ModelSettings(name="resnet_narrow"), 3, 3, 32, seed=0)
    student = build_model(ModelSettings(name="tiny_cnn"), 3, 3, 32, seed=0)
    of_teacher, of_student = layer_list(teacher, 3, 32), layer_list(student, 3, 32)
    for t, s in propose_pairs(teacher, student, 3, 32, "stages"):
        assert t in of_teacher
        assert s in of_student


def test_what_cannot_be_read_is_left_out() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.Sequential(nn.ReLU())), nn.Flatten())
    net.unused = nn.Conv2d(3, 4, 3)
    net.forward = lambda x: net[2](net[1](net[0](x)))
    assert list(layer_list(net, 3, 8)) == ["0", "1", "1.0"]
