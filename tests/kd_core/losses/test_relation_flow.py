import pytest
import torch

from kd_core.losses import LOSSES
from kd_core.losses.relation_flow import flow, flow_of_solution
from kd_core.losses.spec import Inputs, Shapes


def test_a_step_by_hand():
    first = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])  # one channel; its largest is 4
    second = torch.tensor([[[[5.0]], [[-1.0]]]])  # two channels of one place
    assert flow(first, second).tolist() == [[[20.0, -4.0]]]


def test_places_may_be_shuffled_alike_in_both_layers():
    layers = [torch.randn(3, 4, 5, 5), torch.randn(3, 6, 5, 5)]
    order = torch.randperm(25)
    moved = [x.flatten(2)[:, :, order].reshape(x.shape) for x in layers]
    assert flow_of_solution(moved, layers).item() == pytest.approx(0, abs=1e-10)
    assert flow_of_solution([moved[0], layers[1]], layers).item() > 1e-3


def test_a_student_of_another_width_is_projected():
    student, teacher = ((2, 4, 4), (3, 2, 2)), ((5, 4, 4), (3, 2, 2))
    helper = LOSSES["fsp"].helper(Shapes(student, teacher, torch.zeros(4), 2), {})
    features = [tuple(torch.randn(2, *s) for s in shapes) for shapes in (student, teacher)]
    inputs = Inputs({}, {}, student_features=features[0], teacher_features=features[1],
                    helper=helper)  # fmt: skip
    assert LOSSES["fsp"].forms["classification"](inputs, {}).isfinite()
    assert [type(m).__name__ for m in helper] == ["Conv2d", "Identity"]
