import numpy as np

from kd_core.data.raw import RawImage


def raw(values, **more):
    return RawImage(np.array(values)[..., None], bits=16, windowed=True, **more)


def test_a_window_is_found_from_finite_values_that_are_not_padding():
    assert raw([[1, 2], [3, 4]]).known_values().tolist() == [1, 2, 3, 4]
    assert raw([[1.0, np.nan], [np.inf, 4.0]]).known_values().tolist() == [1, 4]
    assert raw([[-2000, 2], [3, -2000]], padding=-2000).known_values().tolist() == [2, 3]


def test_an_image_of_padding_alone_is_not_empty():
    assert raw([[-1, -1]], padding=-1).known_values().tolist() == [-1, -1]
