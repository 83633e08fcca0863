import numpy as np
import pytest
import torch
from torchdistill.losses.mid_level import DISTLoss

from kd_core.losses.response_correlation import dist, pearson_distance
from tests.kd_core.losses.test_response import logits

SHAPES = [(2, 3), (5, 4), (16, 100)]


@pytest.mark.parametrize("shape", SHAPES)
def test_distance_agrees_with_numpy(shape):
    first, second = (values.detach().numpy() for values in logits(shape))
    expected = [1 - np.corrcoef(a, b)[0, 1] for a, b in zip(first, second, strict=True)]
    ours = pearson_distance(torch.from_numpy(first), torch.from_numpy(second))
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_agrees_with_torchdistill_with_gradient(shape, temperature):
    student, teacher = logits(shape)
    ours = dist(student, teacher, temperature, 2.0, 3.0)
    library = DISTLoss("fc", "output", "fc", "output", beta=2.0, gamma=3.0, tau=temperature)
    theirs = library(*[{"fc": {"output": values}} for values in (student, teacher)])
    torch.testing.assert_close(ours, theirs)
    gradients = [torch.autograd.grad(loss, student)[0] for loss in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-7)


def test_a_sharper_teacher_asks_no_more_of_two_classes():
    # a line through two points: any student with the same order has correlation 1
    student = torch.tensor([[0.1, 0.0], [0.0, 0.1]])
    teacher = torch.tensor([[9.0, 0.0], [0.0, 9.0]])
    assert dist(student, teacher, 1.0, 2.0, 2.0).item() == pytest.approx(0.0, abs=1e-6)
