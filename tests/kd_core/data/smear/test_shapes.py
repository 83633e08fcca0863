import numpy as np
import pytest

from kd_core.data.smear.shapes import Outline, Plane, filled, soft_step, spot, wobble

STEP = 0.02  # µm between points of the test grid


@pytest.fixture(scope="module")
def plane() -> Plane:
    ticks = np.arange(-3.0, 3.0, STEP) + STEP / 2.0
    return Plane(*np.meshgrid(ticks, ticks))


def area(amount: np.ndarray) -> float:
    return float(amount.sum()) * STEP**2


def test_the_area_of_a_disc(plane):
    assert area(filled(plane, Outline(1.5), 0.1)) == pytest.approx(np.pi * 1.5**2, rel=0.01)
    assert area(spot(plane, 1.5, 0.1)) == pytest.approx(np.pi * 1.5**2, rel=0.01)


def test_a_squeezed_disc_keeps_its_area_and_has_the_ratio(plane):
    ellipse = spot(plane.squeezed(2.0, 0.0), 1.2, 0.02) > 0.5
    assert area(ellipse) == pytest.approx(np.pi * 1.2**2, rel=0.01)
    width, height = ellipse.any(axis=0).sum(), ellipse.any(axis=1).sum()
    assert width / height == pytest.approx(2.0, rel=0.02)


def test_the_long_axis_lies_in_the_given_direction(plane):
    ellipse = spot(plane.squeezed(2.0, np.pi / 4.0), 1.2, 0.02) > 0.5
    assert np.cov(plane.x[ellipse], plane.y[ellipse])[0, 1] > 0.1


def test_an_outline_is_its_fourier_series():
    outline = Outline(2.0, ((2, 0.1 + 0.2j), (5, -0.03j)))
    theta = np.linspace(0.0, 6.0, 50)
    expected = 2.0 * (
        1.0 + 0.1 * np.cos(2 * theta) - 0.2 * np.sin(2 * theta) + 0.03 * np.sin(5 * theta)
    )
    np.testing.assert_allclose(outline.along(np.exp(1j * theta)), expected)
    assert outline.at_angle(6.0) == pytest.approx(expected[-1])


def test_moving_the_plane_moves_the_shape(plane):
    moved = spot(plane.at(1.0, -0.5), 0.8, 0.05)
    centre = [float((moved * axis).sum() / moved.sum()) for axis in (plane.x, plane.y)]
    assert centre == pytest.approx([1.0, -0.5], abs=0.01)


def test_the_middle_of_a_plane_has_no_division_by_zero():
    point = Plane(np.zeros((1, 1)), np.zeros((1, 1)))
    assert np.isfinite(filled(point, Outline(1.0, ((2, 0.1j),)), 0.1)).all()


def test_a_soft_step_rises_from_nought_to_one():
    values = soft_step(np.array([-9.0, -0.1, 0.0, 0.1, 9.0]), 0.1)
    assert (np.diff(values) > 0.0).all()
    assert values[[0, -1]] == pytest.approx([0.0, 1.0])


def test_wobbles_have_the_given_size_and_fall():
    rng = np.random.default_rng(0)
    waves = [wobble(rng, 0.1, (2, 4), fall=2.0) for _ in range(4000)]
    amplitudes = np.abs([[amplitude for _, amplitude in wave] for wave in waves])
    rms = np.sqrt((amplitudes**2).mean(axis=0))
    assert rms == pytest.approx([0.1, 0.1 / 4.0], rel=0.05)
