import io

import numpy as np
import pytest
import tifffile

from kd_core.errors import UploadError
from kd_core.slides.tiff_pixels import Samples

RNG = np.random.default_rng(0)


def page_of(values, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, values, **options)
    file.seek(0)
    return tifffile.TiffFile(file).pages[0]


def test_inks_become_light():
    inks = np.array([[[0, 0, 0, 0], [255, 0, 0, 0], [0, 0, 0, 255], [51, 102, 0, 128]]], np.uint8)
    samples = Samples.of(page_of(inks, photometric="separated"), "x")
    expected = [[255, 255, 255], [0, 255, 255], [0, 0, 0], [102, 76, 127]]
    assert samples.picture(inks)[0].tolist() == expected
    assert [note.id for note in samples.notes()] == ["slide.note.cmyk"]


def test_a_palette():
    colours = RNG.integers(0, 256, (3, 256)).astype(np.uint16) * 257
    values = RNG.integers(0, 256, (5, 4), dtype=np.uint8)
    samples = Samples.of(page_of(values, photometric="palette", colormap=colours), "x")
    seen = samples.picture(values[..., None])
    assert (seen == (colours // 257).T[values]).all()


def test_alpha_of_both_kinds():
    values = np.array([[[200, 100, 50, 128]]], np.uint8)
    straight = Samples.of(page_of(values, photometric="rgb", extrasamples=["unassalpha"]), "x")
    multiplied = Samples.of(page_of(values, photometric="rgb", extrasamples=["assocalpha"]), "x")
    assert straight.picture(values).tolist() == [[[100, 50, 25]]]
    assert multiplied.picture(values).tolist() == [[[200, 100, 50]]]


def test_more_channels_than_colours():
    values = RNG.integers(0, 256, (4, 4, 5), dtype=np.uint8)
    samples = Samples.of(page_of(values, photometric="rgb", planarconfig="contig"), "x")
    assert (samples.picture(values) == values[..., :3]).all()


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32])
def test_deep_grey_needs_a_window(dtype):
    assert Samples.of(page_of(np.ones((4, 4), dtype)), "x").windowed


def test_deep_colour_is_read_and_float_colour_is_not():
    deep = np.full((4, 4, 3), 65535, np.uint16)
    samples = Samples.of(page_of(deep, photometric="rgb"), "x")
    assert (samples.picture(deep) == 255).all()
    with pytest.raises(UploadError, match="slide_colour"):
        Samples.of(page_of(deep.astype(np.float32), photometric="rgb"), "x")
