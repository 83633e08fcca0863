import math

import pytest

from kd_core.figures.lesson_triangles import Triangles, triangle_info, triangles_figure
from tests.helpers_sample import say

RIGHT = triangle_info("teacher", (3.0, 4.0, 5.0), (0.0, 0.6, 0.8))
EVEN = triangle_info("student", (1.0, 1.0, 1.0), (0.5, 0.5, 0.5))


def test_corners_have_the_sides_and_angles():
    a, b, c = RIGHT.corners
    assert (math.dist(a, b), math.dist(a, c)) == pytest.approx((3, 4))
    assert math.dist(b, c) == pytest.approx(5)
    assert sum(RIGHT.degrees) == pytest.approx(180)


def test_a_cosine_just_beyond_one_is_an_angle_of_nothing():
    flat = triangle_info("teacher", (1.0, 2.0, 1.0), (1.0000001, -1.0, 1.0))
    assert flat.degrees == (0.0, 180.0, 0.0)


def test_both_are_drawn_closed_with_their_letters():
    drawn = triangles_figure(Triangles((RIGHT, EVEN), ("ring", "ring", "healthy")), say)
    teacher, student, letters, others = drawn.data
    assert (teacher.x[0], teacher.y[0]) == (teacher.x[3], teacher.y[3]) == (0.0, 0.0)
    assert teacher.line.dash != student.line.dash
    assert teacher.customdata[2] == "C (healthy): 36.9°"
    assert list(letters.text) == ["<b>A</b>", "<b>B</b>", "<b>C</b>"]
    assert list(others.text) == ["<b>B</b>", "<b>C</b>"]
