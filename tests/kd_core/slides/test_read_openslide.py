import importlib.util
import os
import stat
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kd_core.errors import DataError
from kd_core.slides import read_openslide
from kd_core.slides.read import open_slide

REAL = importlib.util.find_spec("openslide") is not None


class Fake:
    """What OpenSlide gives, on the file it was told to open."""

    level_dimensions = ((64, 32), (32, 16))
    level_downsamples = (1.0, 2.0)
    properties = {"openslide.mpp-x": "0.25", "openslide.vendor": "some"}  # noqa: RUF012

    def __init__(self, path):
        self.path = Path(path)
        if b"no slide" in self.path.read_bytes():
            raise sys.modules["openslide"].OpenSlideError("unknown")

    def read_region(self, corner, level, size):
        image = Image.new("RGBA", size, (10, 20, 30, 255))
        image.putpixel((0, 0), (*(c % 256 for c in corner), level, 255))
        image.putpixel((1, 0), (0, 0, 0, 0))
        return image

    def close(self):
        pass


@pytest.fixture
def fake(monkeypatch, tmp_path):
    module = types.ModuleType("openslide")
    module.OpenSlide = Fake
    module.OpenSlideError = type("OpenSlideError", (Exception,), {})
    monkeypatch.setitem(sys.modules, "openslide", module)
    monkeypatch.setattr(read_openslide.tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_slide_through_a_private_file_that_goes(fake):
    slide = read_openslide.open_with_openslide(b"content", "x.ndpi")
    (path,) = fake.glob("kdlab-slide-*")
    assert path.read_bytes() == b"content"
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [note.id for note in slide.notes] == ["slide.note.temporary_file"]
    slide.close()
    assert not path.exists()


def test_a_forgotten_slide_takes_its_file_with_it(fake):
    slide = read_openslide.open_with_openslide(b"content", "x.ndpi")
    del slide
    assert not list(fake.glob("kdlab-slide-*"))


def test_regions_in_pixels_of_their_level(fake):
    slide = read_openslide.open_with_openslide(b"content", "x.ndpi")
    assert (slide.width, slide.um_per_px, slide.kind) == (64, 0.25, "some")
    seen = slide.region(4, 6, 8, 5, level=1)
    assert seen.shape == (5, 8, 3)
    assert seen[0, 0].tolist() == [8, 12, 1]  # OpenSlide was asked in pixels of the finest level
    assert seen[0, 1].tolist() == [255, 255, 255]  # nothing was scanned there


def test_what_openslide_does_not_know(fake):
    assert read_openslide.open_with_openslide(b"no slide", "x") is None
    assert not list(fake.glob("kdlab-slide-*"))


def test_it_is_asked_for_what_tifffile_does_not_read(fake, monkeypatch):
    content = b"II*\0" + bytes(200)
    monkeypatch.setattr("kd_core.slides.read.can_open", lambda: False)
    with pytest.raises(DataError):
        open_slide(content)
    monkeypatch.setattr("kd_core.slides.read.can_open", lambda: True)
    assert open_slide(content).kind == "some"


@pytest.mark.skipif(not REAL, reason="the optional OpenSlide is not installed")
def test_the_real_library(tiled):
    image = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    with read_openslide.open_with_openslide(tiled(image, subifds=False), "x.tif") as slide:
        assert (slide.region(10, 20, 50, 40) == image[20:60, 10:60]).all()
