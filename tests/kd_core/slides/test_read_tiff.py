import io

import numpy as np
import pytest
import tifffile

from kd_core.data.uploads import Limits
from kd_core.errors import UploadError
from kd_core.slides.read_tiff import MAX_PAGES, is_tiff, open_tiff
from kd_core.slides.slide import ArraySlide
from kd_core.slides.tiff_slide import TiffSlide

IMAGE = np.random.default_rng(0).integers(0, 256, (300, 420, 3), dtype=np.uint8)


def opened(content, **limits):
    return open_tiff(content, "x.tif", None, Limits(**limits))


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("subifds", [False, True])
def test_levels_inside_the_page_and_beside_it(tiled, big, subifds):
    content = tiled(IMAGE, levels=2, big=big, subifds=subifds)
    slide = opened(content)
    assert is_tiff(content)
    assert [(level.width, level.height) for level in slide.levels] == [
        (420, 300),
        (210, 150),
        (105, 75),
    ]
    assert [level.downsample for level in slide.levels] == [1, 2, 4]
    assert (slide.region(0, 0, 105, 75, level=2) == IMAGE[::4, ::4]).all()
    assert not slide.notes


@pytest.mark.parametrize("compression", ["deflate", "lzw", "zstd", "jpeg2000", "webp", "jpegxl"])
def test_lossless_compressions(tiled, compression):
    image = IMAGE[:80, :100]  # some encoders are slow
    slide = opened(tiled(image, compression=compression))
    assert (slide.region(0, 0, 100, 80) == image).all()


def test_jpeg_tiles_come_as_red_green_blue(tiled):
    smooth = np.zeros((128, 128, 3), np.uint8) + np.array([200, 60, 120], np.uint8)
    seen = opened(tiled(smooth, compression="jpeg")).region(0, 0, 128, 128)
    assert np.abs(seen.astype(int) - smooth).max() <= 4


def test_a_slide_with_a_label_shows_neither_label_nor_thumbnail():
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:  # laid out as Aperio's scanners do
        about = "Aperio Image Library v11\n420x300 |AppMag = 20|MPP = 0.4990"
        writer.write(IMAGE, tile=(64, 64), photometric="rgb", description=about)
        writer.write(IMAGE[::3, ::3], photometric="rgb")
        writer.write(IMAGE[::2, ::2], tile=(64, 64), photometric="rgb")
        writer.write(IMAGE[:90, :50], photometric="rgb", description="label 50x90")
    slide = opened(file.getvalue())
    assert [level.width for level in slide.levels] == [420, 210]
    assert slide.um_per_px == pytest.approx(0.499)


@pytest.mark.parametrize(
    ("resolution", "unit", "expected"),
    [((20_000, 20_000), 3, 0.5), ((50_800, 50_800), 2, 0.5), ((72, 72), 2, None)],
)
def test_micrometres_on_a_pixel(tiled, resolution, unit, expected):
    slide = opened(tiled(IMAGE, resolution=resolution, resolutionunit=unit))
    assert slide.um_per_px == (expected and pytest.approx(expected))


def test_a_small_page_is_decoded_whole_and_a_large_one_by_tile(tiled):
    content = tiled(IMAGE, levels=0)
    assert isinstance(opened(content), ArraySlide)
    assert isinstance(opened(content, pixels=1000), TiffSlide)


def test_a_large_page_without_tiles_is_refused():
    file = io.BytesIO()
    tifffile.imwrite(file, IMAGE, photometric="rgb")
    with pytest.raises(UploadError) as caught:
        opened(file.getvalue(), pixels=1000)
    assert (caught.value.code, caught.value.fields["width"]) == ("slide_not_tiled", 420)


def test_pages_without_end():
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for _ in range(MAX_PAGES + 1):
            writer.write(IMAGE[:2, :2], photometric="rgb")
    with pytest.raises(UploadError, match="slide_pages"):
        opened(file.getvalue())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_page_that_lies_on_its_side(orientation):
    # PIL's own reader is the other implementation: it turns single pages upright
    small = np.arange(24, dtype=np.uint8).reshape(4, 6)
    tag = [(274, "H", 1, orientation, True)]
    alone, first = io.BytesIO(), io.BytesIO()
    tifffile.imwrite(alone, small, extratags=tag)
    with tifffile.TiffWriter(first) as writer:  # a second page makes tifffile read it
        writer.write(small, extratags=tag)
        writer.write(small[:1, :1])
    expected = opened(alone.getvalue())
    seen = opened(first.getvalue())
    assert (seen.width, seen.height) == (expected.width, expected.height)
    assert (seen.pixels == expected.pixels).all()


def test_a_pyramid_that_lies_on_its_side_is_refused(tiled):
    with pytest.raises(UploadError, match="slide_turned"):
        opened(tiled(IMAGE, extratags=[(274, "H", 1, 6, True)]))
