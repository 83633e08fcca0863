import pytest
import torch

from kd_core.errors import ConfigError
from kd_core.losses import LOSSES
from kd_core.losses.feature import attention, attention_map, hint
from kd_core.losses.spec import Shapes
from tests.kd_core.losses.helpers_losses import inputs_for


def test_equal_features_cost_nothing():
    feature = torch.randn(3, 4, 5, 5)
    assert hint(feature, feature).item() == 0
    assert attention(feature, feature, 2.0).item() == 0


def test_attention_does_not_see_strength_or_width():
    feature = torch.randn(3, 4, 5, 5)
    wide = torch.cat([feature, feature], 1)
    assert attention(7 * wide, feature, 2.0).item() < 1e-12


def test_attention_of_one_channel_by_hand():
    feature = torch.tensor([[[[3.0, 4.0], [0.0, 0.0]]]])  # squares 9 and 16
    expected = torch.tensor([[9.0, 16.0, 0.0, 0.0]]) / 337**0.5
    torch.testing.assert_close(attention_map(feature, 2.0), expected)


def test_the_authors_beta_stands_before_a_mean_over_places():
    # β/2 · ‖·‖² of the paper is 500 times a mean over places for β = 1000 in its code
    one, two = torch.randn(2, 3, 4, 4, 4)
    apart = [attention_map(one, 2.0) - attention_map(two, 2.0)]
    torch.testing.assert_close(attention(one, two, 2.0) * 16, apart[0].square().sum(1).mean())


@pytest.mark.parametrize("task", LOSSES["hint"].forms)
def test_a_student_equal_to_its_teacher_needs_no_projection(task):
    shapes = (((4, 2, 2),), ((4, 2, 2),))
    inputs, _ = inputs_for("hint", task, shapes=shapes)
    assert inputs.helper is None
    same = type(inputs)(
        inputs.student,
        inputs.teacher,
        student_features=inputs.teacher_features,
        teacher_features=inputs.teacher_features,
    )
    assert LOSSES["hint"].forms[task](same, {}).item() == 0


def test_attention_needs_places():
    shapes = Shapes(((8, 4, 4),), ((8, 1, 1),), torch.zeros(4), 2)
    with pytest.raises(ConfigError) as caught:
        LOSSES["attention"].helper(shapes, {"power": 2.0})
    assert caught.value.code == "feature_places"
