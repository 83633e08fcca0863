import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from kd_core.data.upload_common import Limits
from kd_core.data.upload_image import check_image
from kd_core.errors import UploadError

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def encoded(kind="PNG", array=PIXELS, **options):
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind, **options)
    return file.getvalue()


def png(width, height, rows=b""):
    """A PNG with any declared size and any data."""

    def chunk(kind, data):
        crc = zlib.crc32(kind + data)
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", crc)

    head = struct.pack(">2L5B", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def refused(data, limits=None, decode=True):
    with pytest.raises(UploadError) as caught:
        check_image(data, limits, decode, name="x.png")
    return caught.value


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP"])
@pytest.mark.parametrize("decode", [True, False])
def test_the_four_formats(kind, decode):
    header = check_image(encoded(kind), decode=decode)
    assert (header.format, header.width, header.height) == (kind, 30, 20)
    assert (header.mode, header.bits) == ("RGB", 8)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_the_bit_depth_of_a_film(kind):
    assert check_image(encoded(kind, np.arange(600, dtype=np.uint16).reshape(20, 30))).bits == 16


def test_the_bit_depth_of_float_and_one_bit_images():
    assert check_image(encoded("TIFF", PIXELS[..., 0].astype(np.float32))).bits == 32
    assert check_image(encoded("PNG", PIXELS[..., 0] > 128)).bits == 1


def test_a_path_and_an_open_file(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded("PNG"))  # the content counts, not the name
    assert check_image(path).format == "PNG"
    with path.open("rb") as file:
        assert check_image(file).format == "PNG"
        assert not file.closed


@pytest.mark.parametrize("data", [b"just a text\n", b"GIF89a" + bytes(50), b"%PDF-1.7", b"x"])
def test_another_file_renamed_is_refused(data, tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    with pytest.raises(UploadError) as caught:
        check_image(path)
    assert (caught.value.code, caught.value.fields["name"]) == ("image_format", "photo.png")


def test_an_empty_file_is_refused():
    assert refused(b"").code == "file_empty"


@pytest.mark.filterwarnings("ignore:Truncated File Read")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_truncated_image_is_refused(kind, share):
    data = encoded(kind)
    assert refused(data[: int(len(data) * share)]).code == "image_broken"


def test_a_truncated_jpeg_has_a_sound_header():
    data = encoded("JPEG")
    assert check_image(data[: len(data) - 200], decode=False).width == 30
    assert refused(data[: len(data) - 200]).code == "image_broken"


def test_a_hundred_megapixels_are_refused_before_decoding():
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Pillow would warn here and go on
        error = refused(png(10_000, 10_000))
    assert error.code == "image_too_large"
    assert (error.fields["width"], error.fields["limit"]) == (10_000, 40_000_000)


def test_the_largest_legal_image_passes_the_header():
    assert check_image(png(8000, 5000), decode=False).width == 8000
    assert refused(png(8000, 5001), decode=False).code == "image_too_large"


def test_a_size_of_nothing_is_refused():
    assert refused(png(0, 10)).code in ("image_broken", "image_format")


@pytest.mark.parametrize("kind", ["TIFF", "PNG"])
def test_several_pages_are_refused(kind):
    page = Image.fromarray(PIXELS)
    other = Image.fromarray(255 - PIXELS)
    file = io.BytesIO()
    page.save(file, kind, save_all=True, append_images=[other])
    assert refused(file.getvalue()).code == "image_pages"


def test_too_many_bytes_are_refused():
    assert refused(encoded(), Limits(image_bytes=100)).code == "file_too_large"


def test_noise_behind_a_true_signature_is_refused():
    rng = np.random.default_rng(1)
    for magic in (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*", b"II+\x00", b"BM"):
        for _ in range(20):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow's remarks on odd tags
                error = refused(magic + rng.bytes(300))
            assert error.code in ("image_broken", "image_too_large")
