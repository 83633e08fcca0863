import numpy as np
import pytest

from kd_core.data.smear.optics import (
    FIELD_PX_PER_UM,
    blurred,
    illuminated,
    photographed,
    quantised,
    transmission,
)
from kd_core.data.smear.patients import draw_patient


@pytest.fixture(scope="module")
def slide():
    return draw_patient(5, 0)[1][0]


def test_twice_the_stain_passes_the_square_of_the_light(slide):
    stains = np.random.default_rng(0).random((4, 6, 5))
    np.testing.assert_allclose(transmission(2.0 * stains, slide), transmission(stains, slide) ** 2)


def test_one_stain_alone_passes_ten_to_the_minus_density(slide):
    stains = np.zeros((4, 1, 1))
    stains[2] = 1.0
    np.testing.assert_allclose(transmission(stains, slide)[:, 0, 0], 10.0 ** -slide.spectra[2])


def test_an_empty_place_passes_all_light(slide):
    assert (transmission(np.zeros((4, 3, 3)), slide) == 1.0).all()


def test_blur_spreads_a_point_by_its_standard_deviation():
    light = np.zeros((3, 61, 61))
    light[:, 30, 30] = 1.0
    spread = blurred(light, 0.5, becke=0.0)[1]
    ticks = np.arange(61) - 30.0
    variance = (spread.sum(axis=0) * ticks**2).sum()
    assert np.sqrt(variance) == pytest.approx(0.5 * 0.96 * FIELD_PX_PER_UM, rel=0.05)
    assert spread.sum() == pytest.approx(1.0)


def test_the_becke_line_makes_edges_overshoot():
    light = np.ones((3, 40, 40))
    light[:, :, :20] = 0.5
    assert blurred(light, 0.3, becke=0.0).max() == pytest.approx(1.0)
    assert blurred(light, 0.3, becke=0.5).max() > 1.02


def test_light_falls_off_to_the_corners_and_changes_across(slide):
    ticks = np.linspace(-1.0, 1.0, 21)
    lit = illuminated(np.ones((3, 21, 21)), slide, ticks, ticks)
    np.testing.assert_allclose(lit[:, 10, 10], slide.background)
    corners = lit[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean(axis=1)
    np.testing.assert_allclose(corners, slide.background * (1.0 - slide.vignette))


def test_noise_grows_with_the_light(slide):
    rng = np.random.default_rng(0)
    light = np.full((3, 80, 80), 0.05)
    light[:, :, 40:] = 0.95
    picture = photographed(light, slide, rng)
    dark, bright = picture[:, :35].std(), picture[:, 45:].std()
    assert 1.3 < bright / dark < 3.0
    assert picture[:, 45:].mean() == pytest.approx(255.0 * 0.95, abs=0.5)


def test_quantised_keeps_to_its_steps():
    levels = quantised(np.linspace(-20.0, 300.0, 999), step=4)
    assert levels.dtype == np.uint8
    assert set(np.unique(levels)) == set(range(0, 253, 4))
