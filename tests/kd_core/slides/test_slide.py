import numpy as np
import pytest
from PIL import Image

from kd_core.errors import DataError
from kd_core.slides.slide import REGION_PIXELS, ArraySlide, Level, resize

IMAGE = np.random.default_rng(0).integers(0, 256, (60, 100, 3), dtype=np.uint8)


def test_a_region_beyond_the_edge_is_white_there():
    seen = ArraySlide(IMAGE).region(-5, -2, 20, 10)
    assert (seen[2:, 5:] == IMAGE[:8, :15]).all()
    assert (seen[:2] == 255).all()
    assert (seen[:, :5] == 255).all()


def test_a_region_outside_is_white():
    assert (ArraySlide(IMAGE).region(500, 500, 4, 4) == 255).all()


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, -1), (REGION_PIXELS, 2)])
def test_regions_that_cannot_be(width, height):
    with pytest.raises(DataError, match="slide_region"):
        ArraySlide(IMAGE).region(0, 0, width, height)


def test_a_thumbnail_keeps_the_shape_and_never_grows():
    assert ArraySlide(IMAGE).thumbnail(50).shape == (30, 50, 3)
    assert (ArraySlide(IMAGE).thumbnail(500) == IMAGE).all()


def test_a_thumbnail_is_pillow_s():
    expected = np.asarray(Image.fromarray(IMAGE).resize((50, 30), Image.Resampling.BILINEAR))
    assert (ArraySlide(IMAGE).thumbnail(50) == expected).all()


def test_a_thumbnail_in_bands_is_nearly_the_same(monkeypatch):
    smooth = np.repeat(np.linspace(0, 255, 600).astype(np.uint8)[:, None, None], 40, 1)
    expected = ArraySlide(smooth).thumbnail(60)
    monkeypatch.setattr("kd_core.slides.slide.REGION_PIXELS", 24_000)
    seen = ArraySlide(smooth).thumbnail(60)
    assert seen.shape == expected.shape
    assert np.abs(seen.astype(int) - expected).max() <= 5


def test_the_level_that_is_just_fine_enough():
    slide = ArraySlide(IMAGE)
    slide.levels = tuple(Level(100 // d, 60 // d, d) for d in (1, 4, 16))
    assert [slide.level_for(d) for d in (0.5, 1, 3, 4, 15, 16, 99)] == [0, 0, 0, 1, 1, 2, 2]


def test_grey_stays_grey():
    assert resize(IMAGE[..., :1], 10, 6).shape == (6, 10, 1)
    assert ArraySlide(IMAGE[..., :1]).channels == 1
