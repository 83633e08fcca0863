import numpy as np
import pytest

from kd_core.figures.lesson_maps import PANELS, maps_figure, maps_info
from tests.helpers_sample import say

OWN, MINE, THEIRS = (np.arange(6.0).reshape(2, 3) * k for k in (1, 2, 3))


def test_the_difference_is_projected_minus_teacher():
    info = maps_info(OWN, MINE, THEIRS, (1, 2))
    np.testing.assert_array_equal(info.difference, MINE - THEIRS)
    assert info == maps_info(OWN, MINE, THEIRS, (1, 2))


@pytest.mark.parametrize("dark", [False, True])
def test_student_and_teacher_share_their_colours_and_zero_is_in_the_middle(dark):
    drawn = maps_figure(maps_info(OWN, MINE, THEIRS, (1, 2)), say, dark)
    by_name = dict(zip(PANELS, drawn.data, strict=True))
    assert (by_name["projected"].zmin, by_name["projected"].zmax) == (0.0, 15.0)
    assert by_name["teacher"].zmax == 15.0
    assert by_name["difference"].zmin == -by_name["difference"].zmax == -5.0
    assert len(drawn.layout.shapes) == len(PANELS)
    assert {(s.x0, s.y0) for s in drawn.layout.shapes} == {(1.5, 0.5)}
    assert [a.text for a in drawn.layout.annotations] == [
        "student",
        "projected",
        "teacher",
        "difference",
    ]
