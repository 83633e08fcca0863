import pytest
import torch

from kd_core.losses.response import softmax_kl
from kd_core.losses.response_levels import SPREAD, multi_level
from tests.kd_core.losses.test_response import logits


def test_the_papers_temperatures():
    assert [4 * factor for factor in SPREAD] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("several", [False, True])
def test_a_student_equal_to_its_teacher_costs_nothing(several):
    _, teacher = logits((5, 4))
    assert multi_level(teacher, teacher, 4.0, several).item() == 0


def test_one_image_of_two_classes_by_hand():
    student, teacher = torch.zeros(1, 2), torch.tensor([[2.0, 0.0]])
    total = 0.0
    for heat in (2, 3, 4, 5, 6):
        p, q = torch.softmax(teacher[0] / heat, 0), torch.tensor([0.5, 0.5])
        images = (p @ p - q @ q) ** 2
        classes = (p[:, None] * p - q[:, None] * q).square().sum() / 2
        total = total + softmax_kl(student, teacher, heat) + images + classes
    torch.testing.assert_close(multi_level(student, teacher, 4.0, several=False), total)
