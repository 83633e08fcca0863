import pytest
import torch

from kd_core.losses.feature_review import Fusion, hierarchical, review
from tests.kd_core.losses.helpers_losses import MAPS, inputs_for


def test_equal_maps_cost_nothing_and_a_constant_gap_its_square():
    feature = torch.randn(2, 3, 8, 8)
    assert hierarchical(feature, feature).item() == 0
    assert hierarchical(feature + 3, feature).item() == pytest.approx(9.0, rel=1e-5)


def test_small_maps_have_fewer_levels():
    # noise that averages out costs less where it is pooled too: 1/(1 + ½ + ¼) of itself at 4 × 4
    checks = (torch.arange(16).reshape(4, 4) + torch.arange(4)[:, None]) % 2 * 2.0 - 1
    assert hierarchical(checks[None, None], torch.zeros(1, 1, 4, 4)).item() == pytest.approx(
        1 / 1.75
    )


def test_only_the_coarsest_stage_has_nothing_to_be_fused_with():
    inputs, _ = inputs_for("review", "classification")
    assert [fusion.attend is not None for fusion in inputs.helper] == [True, True, False]


def test_the_coarsest_stage_teaches_through_all_finer_ones():
    fusions = [Fusion(s[0], 8, t[0], i < 2) for i, (s, t) in enumerate(zip(*MAPS, strict=True))]
    student = [torch.randn(3, *shape) for shape in MAPS[0]]
    teacher = [torch.randn(3, *shape) for shape in MAPS[1]]
    student[2].requires_grad_()
    whole = torch.autograd.grad(review(student, teacher, fusions), student[2])[0]
    alone = torch.autograd.grad(review(student[2:], teacher[2:], fusions[2:]), student[2])[0]
    assert not torch.allclose(whole, alone)
