import numpy as np

from kd_core.explain.maps import blended, coloured, difference, same_scale, stretched

PEAK = np.zeros((4, 4), np.float32)
PEAK[0, 0] = 8


def test_maps_of_different_units_on_one_scale():
    small, large = same_scale([PEAK, PEAK * 1000])
    assert (small == large).all()
    assert (small.min(), small.max()) == (0, 1)
    assert same_scale([-PEAK])[0].max() == 0


def test_equal_maps_have_no_difference():
    assert (difference(PEAK, 3 * PEAK) == 0).all()


def test_a_difference_says_who_looks_where():
    other = PEAK[::-1, ::-1]
    gap = difference(PEAK, other)
    assert (gap[0, 0], gap[3, 3]) == (-1, 1)
    assert gap[1, 1] == 0


def test_maps_of_different_sizes():
    assert difference(PEAK, np.ones((6, 2), np.float32)).shape == (6, 4)
    assert stretched(np.full((2, 2), 0.5, np.float32), 8, 6).tolist() == [[0.5] * 8] * 6


def test_colours_of_both_kinds():
    heat = coloured(np.array([[0.0, 0.5, 1.0]]))
    assert heat.sum(2)[0].tolist() == sorted(heat.sum(2)[0].tolist())  # lighter is more
    both = coloured(np.array([[-1.0, 0.0, 1.0]]), diverging=True)[0]
    assert both[0].argmax() == 2
    assert both[2].argmax() == 0
    assert np.ptp(both[1]) == 0


def test_opacity():
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    assert (blended(image, PEAK / 8, 0.0) == image).all()
    assert (blended(image, PEAK / 8, 1.0) == coloured(stretched(PEAK / 8, 8, 8))).all()
    assert blended(image[..., :1], PEAK / 8).shape == (8, 8, 3)
    clear = blended(image, np.zeros((2, 2), np.float32), 1.0, diverging=True)
    assert (clear == image).all()
