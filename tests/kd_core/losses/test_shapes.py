import pytest
import torch

from kd_core.errors import ConfigError
from kd_core.losses.shapes import (
    layout,
    maps,
    meet,
    need_grid,
    need_places,
    over_pairs,
    pooled,
    project,
    projections,
)
from kd_core.losses.spec import Inputs


def test_tokens_lie_on_their_grid_row_by_row_without_what_stands_before_them():
    grid = torch.arange(2 * 9 * 3.0).reshape(2, 9, 3)
    for extra in (0, 1, 2):
        tokens = torch.cat([torch.full((2, extra, 3), -1.0), grid], 1)
        laid = maps(tokens)
        assert laid.shape == (2, 3, 3, 3)
        assert laid[1, 2, 0].tolist() == [grid[1, place, 2].item() for place in range(3)]
        assert laid.min() == 0


def test_vectors_are_maps_of_one_place_and_their_own_mean():
    vectors = torch.randn(4, 5)
    assert maps(vectors).shape == (4, 5, 1, 1)
    assert pooled(vectors).equal(vectors)


def test_means_over_places_and_over_tokens():
    feature = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(pooled(feature), feature.flatten(2).mean(2))
    tokens = torch.randn(2, 7, 3)
    torch.testing.assert_close(pooled(tokens), tokens.mean(1))


def test_half_precision_is_widened():
    assert pooled(torch.ones(1, 2, 2, 2, dtype=torch.bfloat16)).dtype == torch.float32
    assert maps(torch.ones(1, 2, 2, 2, dtype=torch.bfloat16)).dtype == torch.float32


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: layout((1, 2, 3, 4)), "feature_shape"),
        (lambda: pooled(torch.ones(3)), "feature_shape"),
        (lambda: maps(torch.ones(2, 7, 3)), "feature_tokens"),
        (lambda: need_grid(((8, 4, 4), (7, 3))), "feature_tokens"),
        (lambda: need_places(((7, 3),), "attention"), "feature_tokens"),
        (lambda: need_places(((8, 4, 4), (8, 1, 1)), "attention"), "feature_places"),
        (lambda: need_places(((8,),), "attention"), "feature_places"),
    ],
)
def test_what_has_no_places_is_refused_with_the_reason(call, code):
    with pytest.raises(ConfigError) as caught:
        call()
    assert caught.value.code == code


def test_sizes_meet_at_the_smaller_side_by_means():
    wide, high = torch.randn(1, 2, 4, 8), torch.randn(1, 3, 8, 4)
    a, b = meet(wide, high)
    assert a.shape == (1, 2, 4, 4)
    assert b.shape == (1, 3, 4, 4)
    torch.testing.assert_close(a[0, 0, 1, 1], wide[0, 0, 1, 2:4].mean())
    assert meet(wide, wide)[0] is wide


def test_projections_only_where_widths_differ():
    assert projections(((8, 4, 4), (8,)), ((8, 2, 2), (8, 1, 1))) is None
    made = projections(((8, 4, 4), (17, 6)), ((8, 4, 4), (10, 2, 2)))
    feature = torch.randn(2, 8, 4, 4)
    assert project(made, 0, feature) is feature
    assert project(made, 1, torch.randn(2, 6, 4, 4)).shape == (2, 10, 4, 4)
    assert sum(p.numel() for p in made.parameters()) == 6 * 10 + 10
    assert project(None, 1, feature) is feature


def test_pairs_are_added():
    features = (torch.ones(1, 2), torch.ones(1, 3))
    inputs = Inputs({}, {}, student_features=features, teacher_features=features)
    assert over_pairs(inputs, lambda number, s, t: number + s.sum() + t.sum()).item() == 11
