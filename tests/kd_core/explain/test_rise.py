import numpy as np
import pytest

from kd_core.errors import JobError
from kd_core.explain.rise import random_masks, rise

IMAGE = np.full((1, 16, 16), 220, np.uint8)


@pytest.mark.parametrize("task", ["classification", "multilabel"])
def test_the_corner_that_is_read_lights_up(a_corner, share_in_corner, task):
    found = rise(a_corner(task=task), IMAGE, 1, masks=600)
    assert found.values.shape == (16, 16)
    assert found.values.min() == 0
    assert share_in_corner(found.values) > 0.6
    assert found.values[:8, :8].mean() > 5 * found.values[8:, 8:].mean()


def test_the_other_class_looks_away(corner):
    values = rise(corner, IMAGE, 0, masks=600).values
    assert values[8:, 8:].mean() > 2 * values[:6, :6].mean()


def test_equal_seeds_give_equal_maps(corner):
    one, same, other = (rise(corner, IMAGE, 1, masks=100, seed=s).values for s in (0, 0, 1))
    assert (one == same).all()
    assert (one != other).any()


def test_masks_leave_half_of_the_picture_and_have_no_favourite_place():
    masks = random_masks(np.random.default_rng(0), 3000, 28)
    assert masks.shape == (3000, 28, 28)
    assert (masks.min(), masks.max()) == (0, 1)
    assert np.abs(masks.mean(0) - 0.5).max() < 0.06


def test_progress_and_stopping(corner):
    calls = []
    rise(corner, IMAGE, 1, masks=100, tick=lambda *call: calls.append(call))
    assert calls == [(64, 100), (100, 100)]
    with pytest.raises(JobError, match="explain_stopped"):
        rise(corner, IMAGE, 1, masks=100, tick=lambda done, total: False)
