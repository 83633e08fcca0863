import numpy as np

from kd_core.figures.heat_overlay import (
    SIDE_PX,
    HeatOverlay,
    colour_bar,
    common_limit,
    difference,
    heat_picture,
)

GREY = np.full((8, 16, 1), 100, np.uint8)


def test_without_opacity_the_image_is_left_alone() -> None:
    picture = heat_picture(HeatOverlay(GREY, np.ones((2, 2)), 1.0), 0.0)
    assert picture.shape == (SIDE_PX // 2, SIDE_PX, 3)
    assert (picture == 100).all()


def test_full_opacity_shows_the_colours_alone_and_half_is_the_mean() -> None:
    info = HeatOverlay(GREY, np.full((2, 2), 3.0), 3.0)
    full, half = heat_picture(info, 1.0), heat_picture(info, 0.5)
    assert (full == colour_bar()[0, -1]).all()
    np.testing.assert_allclose(half, (full / 2 + 50).round(), atol=1)


def test_one_scale_for_all_maps() -> None:
    low, high = np.full((2, 2), 1.0), np.full((2, 2), 2.0)
    limit = common_limit([low, high])
    assert limit == 2
    first = heat_picture(HeatOverlay(GREY, low, limit), 1.0)
    second = heat_picture(HeatOverlay(GREY, high, limit), 1.0)
    assert first[0, 0].sum() < second[0, 0].sum()  # dark is little


def test_a_difference_is_signed_around_the_middle() -> None:
    more = difference(GREY, np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]))
    picture = heat_picture(more, 1.0)
    left, right = picture[0, 0].astype(int), picture[0, -1].astype(int)
    assert left[0] > left[2]  # red: the first is higher
    assert right[2] > right[0]


def test_maps_of_nothing_have_a_scale() -> None:
    assert common_limit([np.zeros((2, 2))]) == 1.0
    assert common_limit([]) == 1.0
