import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from kd_core.data.images import decode, is_grey, prepare_image, read_image, to_channels
from kd_core.data.windows import Window
from kd_core.errors import DataError

RNG = np.random.default_rng(0)
FILM = (np.arange(64 * 64).reshape(64, 64) * 10).astype(np.uint16)  # 0 … 40950
COLOUR = RNG.integers(0, 256, (12, 10, 3), dtype=np.uint8)


def encode(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values)
    return buffer.getvalue()


def png(width: int, height: int, bits: int, kind: int, rows: bytes) -> bytes:
    """A PNG written by hand, for forms that Pillow cannot write."""

    def chunk(name: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + crc

    head = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def deep_png(values: np.ndarray, kind: int) -> bytes:
    height, width = values.shape[:2]
    rows = values.astype(">u2").reshape(height, -1)
    return png(width, height, 16, kind, b"".join(b"\0" + row.tobytes() for row in rows))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_16_bit_film_keeps_its_grey_levels(kind):
    image = read_image(encode(Image.fromarray(FILM), kind), Window(kind="full"))
    assert image.shape == (64, 64, 1)
    expected = np.round(FILM * (255 / FILM.max()))
    assert (image[..., 0] == expected).all()
    assert len(np.unique(image)) == 256


@pytest.mark.parametrize("dtype", [">u2", "<i2", "<u4", "<f4"])
def test_numbers_of_other_kinds_are_read(dtype):
    data = tiff((FILM % 30000).astype(dtype))
    image = read_image(data, Window(kind="fixed", low=0, high=30000))
    assert (image[..., 0] == np.round((FILM % 30000) * (255 / 30000))).all()


def test_nan_in_a_float_image_is_black_and_moves_no_window():
    values = np.linspace(0, 1, 100, dtype=np.float32).reshape(10, 10)
    values[0, 0] = np.nan
    image = read_image(tiff(values), Window(kind="full"))
    assert image[0, 0, 0] == 0
    assert image.max() == 255


def test_8_bit_images_are_never_windowed():
    grey = RNG.integers(100, 120, (9, 9), dtype=np.uint8)
    for window in (Window(), Window(kind="fixed", low=0, high=1)):
        assert (read_image(encode(Image.fromarray(grey)), window)[..., 0] == grey).all()
        assert (read_image(encode(Image.fromarray(COLOUR)), window) == COLOUR).all()


def test_alpha_shows_black():
    alpha = np.full((12, 10, 1), 255, np.uint8)
    alpha[0] = 0
    rgba = Image.fromarray(np.concatenate([COLOUR, alpha], axis=2))
    image = read_image(encode(rgba))
    assert (image[1:] == COLOUR[1:]).all()
    assert (image[0] == 0).all()
    grey = read_image(encode(Image.fromarray(COLOUR[..., 0]).convert("LA")))
    assert (grey == COLOUR[..., :1]).all()


def test_palettes_cmyk_and_bits_become_rgb_or_grey():
    flat = Image.fromarray(COLOUR).quantize(4)
    assert (read_image(encode(flat)) == np.asarray(flat.convert("RGB"))).all()
    flat.info["transparency"] = 0
    assert read_image(encode(flat, transparency=0)).shape == (12, 10, 3)
    cmyk = Image.new("CMYK", (4, 4), (255, 0, 0, 0))
    assert read_image(encode(cmyk, "JPEG", quality=100))[0, 0].tolist() == pytest.approx(
        [0, 255, 255], abs=3
    )
    bits = Image.fromarray(COLOUR[..., 0] > 127).convert("1")
    assert set(np.unique(read_image(encode(bits)))) == {0, 255}
    assert read_image(encode(bits)).shape == (12, 10, 1)


def test_a_turned_photo_is_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held at 90°
    turned = read_image(encode(Image.fromarray(COLOUR), "PNG", exif=exif))
    assert (turned == np.rot90(COLOUR, -1)).all()


@pytest.mark.parametrize("kind", [2, 4, 6])  # PNG's RGB, grey with alpha, RGB with alpha
def test_16_bit_colour_is_refused_instead_of_cut(kind):
    values = RNG.integers(0, 250, (6, 5, {2: 3, 4: 2, 6: 4}[kind]))
    with pytest.raises(DataError, match="image_deep_colour"):
        read_image(deep_png(values, kind))


def test_16_bit_colour_tiff_is_refused_instead_of_cut():
    with pytest.raises(DataError, match="image_deep_colour"):
        read_image(tiff(np.zeros((6, 5, 3), np.uint16)))


def test_bad_files_get_a_code():
    cases = {
        "image_format": b"this is text, whatever its name",
        "image_broken": encode(
            Image.fromarray(RNG.integers(0, 256, (99, 99, 3), np.uint8)), "JPEG"
        )[:2000],
        "image_too_large": png(10_000, 10_000, 8, 2, b""),
        "file_empty": b"",
    }
    for code, data in cases.items():
        with pytest.raises(DataError, match=code):
            read_image(data, name="x.png")


def test_decode_reports_what_the_file_holds(tmp_path):
    path = tmp_path / "film.png"
    Image.fromarray(FILM).save(path)
    raw = decode(path)
    assert (raw.bits, raw.windowed, raw.inverted) == (16, True, False)
    assert (raw.known_values().min(), raw.known_values().max()) == (0, 40950)


def test_grey_is_seen_in_colour_files():
    assert is_grey(np.repeat(COLOUR[..., :1], 3, axis=2))
    assert not is_grey(COLOUR)


def test_channels_follow_pillow_and_lose_nothing_of_grey():
    luma = np.asarray(Image.fromarray(COLOUR).convert("L"))
    assert (to_channels(COLOUR, 1)[..., 0] == luma).all()
    back = to_channels(to_channels(COLOUR[..., :1], 3), 1)
    assert (back == COLOUR[..., :1]).all()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(12, 10), (40, 40), (200, 33)])
def test_prepare_image_is_pillows_antialiased_resize(shape, channels):
    image = RNG.integers(0, 256, (*shape, 3), dtype=np.uint8)
    prepared = prepare_image(image, 16, channels)
    flat = Image.fromarray(image).convert("L" if channels == 1 else "RGB")
    expected = np.asarray(flat.resize((16, 16), Image.Resampling.BILINEAR)).reshape(16, 16, -1)
    assert prepared.shape == (channels, 16, 16)
    assert (prepared == expected.transpose(2, 0, 1)).all()


def test_prepare_image_leaves_the_right_size_alone():
    image = RNG.integers(0, 256, (16, 16), dtype=np.uint8)
    assert (prepare_image(image, 16, 1)[0] == image).all()


@pytest.mark.parametrize("bad", [np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4, 3))])
def test_prepare_image_refuses_other_arrays(bad):
    with pytest.raises(DataError, match="image_shape"):
        prepare_image(bad, 8, 3)
