import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from kd_core.errors import UploadError
from kd_core.slides.read_plain import eight_bits, notes_of, over_black, read_deep_png

COLOUR = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)


def save(image, kind="PNG"):
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def ids(image, kind="PNG"):
    return [note.id for note in notes_of(save(image, kind))[1]]


def test_nothing_to_say_of_a_plain_picture():
    assert notes_of(save(Image.fromarray(COLOUR), "BMP")) == ("bmp", [])


def test_what_was_done_to_the_colours():
    picture = Image.fromarray(COLOUR)
    assert ids(picture.convert("CMYK"), "JPEG") == ["slide.note.cmyk"]
    assert ids(picture.quantize(4)) == ["slide.note.palette"]
    assert ids(picture.convert("RGBA")) == ["slide.note.alpha"]
    assert ids(Image.fromarray(COLOUR[..., 0].astype(np.uint16))) == ["slide.note.windowed"]


def test_deep_colour_keeps_its_upper_bits():
    deep = imagecodecs.png_encode(COLOUR.astype(np.uint16) * 257 + 100)
    assert (read_deep_png(deep, "x") == COLOUR).all()


def test_deep_grey_with_alpha_is_laid_over_black():
    values = np.dstack([np.full((4, 4), 65535), np.zeros((4, 4))]).astype(np.uint16)
    values[0, 0, 1] = 65535
    seen = read_deep_png(imagecodecs.png_encode(values), "x")
    assert seen.shape == (4, 4, 3)
    assert seen.sum() == seen[0, 0].sum() == 3 * 255


def test_a_damaged_deep_png():
    data = imagecodecs.png_encode(COLOUR.astype(np.uint16))
    with pytest.raises(UploadError, match="image_broken"):
        read_deep_png(data[:60], "x")


def test_rounding_to_8_bits():
    every = np.arange(65536, dtype=np.uint16)
    assert (eight_bits(every) == np.round(every / 257)).all()
    assert eight_bits(COLOUR) is COLOUR


def test_half_transparent_over_black():
    assert over_black(np.array([[[200, 128]]], np.uint8)).tolist() == [[[100, 100, 100]]]
    assert over_black(COLOUR) is COLOUR
