import io

import numpy as np
import pytest
import tifffile

from kd_core.data.uploads import Limits
from kd_core.errors import UploadError
from kd_core.slides import tiff_slide
from kd_core.slides.read_tiff import open_tiff

IMAGE = np.random.default_rng(0).integers(0, 256, (300, 420, 3), dtype=np.uint8)


def opened(content):
    return open_tiff(content, "x.tif", None, Limits(pixels=10_000))


def test_every_region_is_the_array_s(tiled):
    slide = opened(tiled(IMAGE, compression="deflate"))
    rng = np.random.default_rng(1)
    for _ in range(30):
        x, y = (int(v) for v in rng.integers(0, (400, 280)))
        w, h = (int(v) for v in rng.integers(1, (420 - x, 300 - y)))
        assert (slide.region(x, y, w, h) == IMAGE[y : y + h, x : x + w]).all()


def test_planes_of_their_own():
    file = io.BytesIO()
    planes = np.ascontiguousarray(IMAGE.transpose(2, 0, 1))
    tifffile.imwrite(
        file, planes, tile=(64, 64), photometric="rgb", planarconfig="separate", compression="zlib"
    )
    assert (opened(file.getvalue()).region(100, 50, 200, 200) == IMAGE[50:250, 100:300]).all()


def test_only_the_tiles_of_a_region_are_decoded(tiled, monkeypatch):
    slide = opened(tiled(IMAGE))
    decoded = []
    plain = slide._values
    monkeypatch.setattr(slide, "_values", lambda *key: decoded.append(key) or plain(*key))
    slide.region(70, 70, 50, 50)
    assert decoded == [(0, 8)]  # seven tiles across, so the second of the second row
    slide.region(70, 70, 100, 50)
    assert decoded == [(0, 8), (0, 9)]  # the first is still there


def test_the_cache_is_bounded(tiled, monkeypatch):
    monkeypatch.setattr(tiff_slide, "CACHE_BYTES", 3 * 64 * 64 * 3)
    slide = opened(tiled(IMAGE))
    assert (slide.region(0, 0, 420, 300) == IMAGE).all()
    assert len(slide._cache) == 3


def test_tiles_that_were_left_out_are_white(tiled):
    slide = opened(tiled(IMAGE))
    page = slide._pages[0]
    page.databytecounts = (0, *page.databytecounts[1:])
    assert (slide.region(0, 0, 64, 64) == 255).all()
    assert (slide.region(64, 0, 64, 64) == IMAGE[:64, 64:128]).all()


def test_a_damaged_tile_is_told_and_the_others_are_read(tiled):
    content = bytearray(tiled(IMAGE, levels=0, compression="deflate"))
    slide = opened(bytes(content))
    start, length = slide._pages[0].dataoffsets[0], slide._pages[0].databytecounts[0]
    content[start : start + length] = bytes(length)
    slide = opened(bytes(content))
    with pytest.raises(UploadError, match="image_broken"):
        slide.region(0, 0, 10, 10)
    assert (slide.region(64, 0, 64, 64) == IMAGE[:64, 64:128]).all()


def test_a_deep_grey_slide_has_one_window(tiled):
    ramp = np.repeat(np.linspace(1000, 9000, 400).astype(np.uint16)[None], 200, axis=0)
    slide = opened(tiled(ramp))
    whole = slide.region(0, 0, 400, 200)
    assert (np.diff(whole[0, :, 0].astype(int)) >= 0).all()  # no steps back between tiles
    assert (whole[0, 0, 0], whole[0, -1, 0]) == (0, 255)
    assert "slide.note.windowed" in [note.id for note in slide.notes]


def test_a_closed_slide_holds_nothing(tiled):
    slide = opened(tiled(IMAGE))
    slide.region(0, 0, 10, 10)
    slide.close()
    assert not slide._content
    assert not slide._cache
