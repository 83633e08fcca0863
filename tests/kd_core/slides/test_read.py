"""Every accepted format, whole and malformed: the right picture, or one clear sentence."""

import contextlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from kd_core.data.uploads import Limits
from kd_core.data.windows import Window
from kd_core.errors import DataError
from kd_core.slides.read import open_slide
from kd_core.text import Msg, load_catalogue
from tests.helpers_data import write_dicom

pytestmark = pytest.mark.filterwarnings("ignore")  # Pillow's and pydicom's remarks on bad files

TEXTS = load_catalogue(Path(__file__).parents[3] / "app" / "locale")
RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (30, 40, 3), dtype=np.uint8)
GREY = COLOUR[..., :1]
SMOOTH = np.repeat(np.linspace(0, 255, 40).astype(np.uint8)[None, :, None], 30, 0).repeat(3, 2)
FILM = np.arange(1200, dtype=np.uint16).reshape(30, 40) * 50
ALPHA = np.dstack([COLOUR, np.full((30, 40), 255, np.uint8)])
ALPHA[:, :20, 3] = 0
ON_BLACK = np.where(ALPHA[..., 3:] == 0, 0, COLOUR)


def save(array, kind="PNG", **options):
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def tiff(array, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, array, **options)
    return file.getvalue()


def deep_png(values, kind=2):
    """A PNG with 16 bits a channel, which Pillow cannot write."""
    height, width = values.shape[:2]

    def chunk(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = values.astype(">u2").reshape(height, -1)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def turned(kind):
    """A picture that lies on its side and says so."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° to the right
    return save(np.rot90(SMOOTH), kind, exif=exif.tobytes(), **LOSSLESS.get(kind, {}))


def dicom(pixels, tmp_path, **tags):
    return write_dicom(tmp_path / "film.dcm", pixels, **tags).read_bytes()


LOSSLESS = {"JPEG": {"quality": 100, "subsampling": 0}}
INKS = Image.fromarray(COLOUR).convert("CMYK")
PALETTE = Image.fromarray(COLOUR).quantize(16)

# what is in the file, what must be seen, the largest difference, the note that says what was done
GOOD = {
    "png": (save(COLOUR), COLOUR, 0, None),
    "png grey": (save(COLOUR[..., 0]), GREY, 0, None),
    "png 16-bit grey": (save(Image.fromarray(FILM)), None, 0, "slide.note.windowed"),
    "png 16-bit colour": (deep_png(COLOUR.astype(int) * 257), COLOUR, 0, "slide.note.deep_colour"),
    "png 1-bit": (
        save(Image.fromarray(GREY[..., 0] > 127)),
        np.where(GREY > 127, 255, 0),
        0,
        None,
    ),
    "png palette": (save(PALETTE), np.asarray(PALETTE.convert("RGB")), 0, "slide.note.palette"),
    "png alpha": (save(ALPHA), ON_BLACK, 0, "slide.note.alpha"),
    "png exif": (turned("PNG"), SMOOTH, 0, "slide.note.turned"),
    "jpeg": (save(SMOOTH, "JPEG", **LOSSLESS["JPEG"]), SMOOTH, 3, None),
    "jpeg exif": (turned("JPEG"), SMOOTH, 3, "slide.note.turned"),
    "jpeg cmyk": (
        save(Image.fromarray(SMOOTH).convert("CMYK"), "JPEG", quality=100),
        SMOOTH,
        6,
        "slide.note.cmyk",
    ),
    "bmp": (save(COLOUR, "BMP"), COLOUR, 0, None),
    "tiff": (save(COLOUR, "TIFF"), COLOUR, 0, None),
    "tiff lzw": (tiff(COLOUR, photometric="rgb", compression="lzw"), COLOUR, 0, None),
    "tiff big": (tiff(COLOUR, photometric="rgb", bigtiff=True), COLOUR, 0, None),
    "tiff big-endian": (tiff(COLOUR, photometric="rgb", byteorder=">"), COLOUR, 0, None),
    "tiff tiled": (tiff(COLOUR, photometric="rgb", tile=(16, 16)), COLOUR, 0, None),
    "tiff planes": (
        tiff(COLOUR.transpose(2, 0, 1), photometric="rgb", planarconfig="separate"),
        COLOUR,
        0,
        None,
    ),
    "tiff jpeg 2000": (tiff(COLOUR, photometric="rgb", compression="jpeg2000"), COLOUR, 0, None),
    "tiff 16-bit colour": (
        tiff(COLOUR.astype(np.uint16) * 257, photometric="rgb"),
        COLOUR,
        0,
        "slide.note.deep_colour",
    ),
    "tiff 16-bit grey": (tiff(FILM), None, 0, "slide.note.windowed"),
    "tiff float": (tiff(FILM.astype(np.float32)), None, 0, "slide.note.windowed"),
    "tiff white is zero": (tiff(GREY[..., 0], photometric="miniswhite"), 255 - GREY, 0, None),
    "tiff cmyk": (save(INKS, "TIFF"), COLOUR, 0, None),
    "tiff palette": (save(PALETTE, "TIFF"), np.asarray(PALETTE.convert("RGB")), 0, None),
    "tiff alpha": (
        tiff(ALPHA, photometric="rgb", extrasamples=["unassalpha"]),
        ON_BLACK,
        0,
        None,
    ),
    "tiff pages": (
        tiff(np.stack([COLOUR, 255 - COLOUR]), photometric="rgb"),
        COLOUR,
        0,
        "slide.note.page",
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_the_right_picture(name):
    content, expected, slack, note = GOOD[name]
    with open_slide(content, name) as slide:
        seen = slide.region(0, 0, slide.width, slide.height)
        assert (slide.width, slide.height) == (40, 30)
        if expected is None:  # 16-bit grey: all its levels, from black to white
            assert (seen[0, 0, 0], seen[-1, -1, 0]) == (0, 255)
            assert (np.diff(seen[..., 0].ravel().astype(int)) >= 0).all()
            assert len(np.unique(seen)) > 200
        else:
            assert np.abs(seen.astype(int) - expected).max() <= slack
        assert note is None or note in [told.id for told in slide.notes]
        assert all(TEXTS.render(told) != told.id for told in slide.notes)


def test_a_page_of_a_file_is_named():
    small, large = COLOUR[:8, :8], COLOUR
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for page in (small, large, small):
            writer.write(page, photometric="rgb")
    slide = open_slide(file.getvalue())
    assert (slide.region(0, 0, 40, 30) == COLOUR).all()
    assert slide.notes == (Msg("slide.note.page", {"page": 2, "pages": 3}),)


def looked_at(content, name="image", limits=None):
    slide = open_slide(content, name, limits=limits)
    return slide.region(0, 0, min(slide.width, 1000), min(slide.height, 1000))


def bomb_png():
    """Sixteen gigabytes of zeros in a few bytes of header."""
    head = struct.pack(">IIBBBBB", 65_000, 65_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def changed_tag(content, tag, value):
    """A little-endian TIFF with another value in one tag of its first page."""
    data = bytearray(content)
    (at,) = struct.unpack_from("<I", data, 4)
    (n,) = struct.unpack_from("<H", data, at)
    for i in range(n):
        entry = at + 2 + 12 * i
        code, kind = struct.unpack_from("<HH", data, entry)
        if code == tag:
            struct.pack_into("<I" if kind == 4 else "<H", data, entry + 8, value)
    return bytes(data)


PLAIN = tiff(COLOUR, photometric="rgb")
TILED = tiff(COLOUR, photometric="rgb", tile=(16, 16), compression="deflate")

BAD = {
    "nothing": (b"", {"file_empty"}),
    "a text": (b"just a text\n", {"image_format"}),
    "a gif named png": (b"GIF89a" + bytes(50), {"image_format"}),
    "a pdf": (b"%PDF-1.7\n" + bytes(50), {"image_format"}),
    "png half": (save(COLOUR)[:1500], {"image_broken"}),
    "png of a few bytes": (save(COLOUR)[:20], {"image_broken"}),
    "png bomb": (bomb_png(), {"image_too_large"}),
    "png animated": (
        save(COLOUR, save_all=True, append_images=[Image.fromarray(255 - COLOUR)]),
        {"image_pages"},
    ),
    "jpeg half": (save(COLOUR, "JPEG")[:700], {"image_broken"}),
    "bmp half": (save(COLOUR, "BMP")[:1000], {"image_broken"}),
    "tiff half": (PLAIN[: len(PLAIN) // 2], {"image_broken"}),
    "tiff head only": (PLAIN[:8], {"image_broken"}),
    "tiff tiled half": (TILED[: len(TILED) // 2], {"image_broken"}),
    "tiff strips bomb": (
        changed_tag(changed_tag(PLAIN, 256, 60_000), 257, 60_000),
        {"slide_not_tiled"},
    ),
    "tiff tile bomb": (
        changed_tag(
            changed_tag(changed_tag(changed_tag(TILED, 256, 60_000), 257, 60_000), 322, 32_768),
            323,
            32_768,
        ),
        {"slide_tile_too_large"},
    ),
    "tiff without size": (changed_tag(PLAIN, 256, 0), {"image_broken"}),
    "tiff odd colours": (changed_tag(PLAIN, 262, 32803), {"slide_colour"}),
    "noise behind png": (b"\x89PNG\r\n\x1a\n" + RNG.bytes(300), {"image_broken"}),
    "noise behind tiff": (b"II*\0" + RNG.bytes(300), {"image_broken"}),
    "noise behind bigtiff": (b"II+\0" + RNG.bytes(300), {"image_broken"}),
    "noise behind dicom": (bytes(128) + b"DICM" + RNG.bytes(300), {"dicom_no_image"}),
}


@pytest.mark.parametrize("name", BAD)
def test_one_clear_sentence(name):
    content, codes = BAD[name]
    with pytest.raises(DataError) as caught:
        looked_at(content, name)
    assert caught.value.code in codes
    sentence = TEXTS.render(caught.value.msg)
    assert not sentence.startswith("error.")
    assert "{" not in sentence


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_tiff_gives_a_picture_or_an_error_of_ours(seed):
    rng = np.random.default_rng(seed)
    data = bytearray(TILED if seed % 2 else tiff(COLOUR, photometric="rgb", tile=(16, 16)))
    for at in rng.integers(4, len(data), 12):
        data[at] = rng.integers(256)
    with contextlib.suppress(DataError):
        assert looked_at(bytes(data), limits=Limits(pixels=1_000_000)).dtype == np.uint8


def test_a_film_by_its_own_window(tmp_path):
    content = dicom(FILM, tmp_path, WindowCenter=30000, WindowWidth=20000, PatientName="Doe^Jane")
    slide = open_slide(content, "film")
    seen = slide.region(0, 0, 40, 30)[..., 0]
    assert slide.kind == "dicom"
    assert (seen[FILM <= 20000] == 0).all()
    assert (seen[FILM >= 40000] == 255).all()
    assert "Doe" not in f"{slide.notes}{vars(slide)}"


def test_a_film_as_the_training_images_were_read(tmp_path):
    slide = open_slide(dicom(FILM, tmp_path), window=Window(kind="fixed", low=0, high=59950))
    assert (slide.region(0, 0, 40, 30)[..., 0] == np.round(FILM * (255 / 59950))).all()


def test_a_film_without_the_window_that_training_used(tmp_path):
    slide = open_slide(dicom(FILM, tmp_path), window=Window(kind="stored"))
    assert np.ptp(slide.region(0, 0, 40, 30)) == 255


def test_a_film_that_is_cut_off(tmp_path):
    content = dicom(FILM, tmp_path)
    with pytest.raises(DataError, match="image_broken"):
        open_slide(content[: len(content) // 2])


def test_files_that_are_too_large():
    with pytest.raises(DataError, match="file_too_large"):
        open_slide(save(COLOUR), limits=Limits(image_bytes=100))
