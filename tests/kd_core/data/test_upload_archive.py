import io
import struct
import zipfile

import pytest

from kd_core.data.upload_archive import count_members, open_archive
from kd_core.data.upload_common import Limits
from kd_core.errors import UploadError

MILLION = 1_000_000


def make_zip(members, method=zipfile.ZIP_DEFLATED, comment=b""):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.comment = comment
    return file


def million_members(declared):
    """A central directory with a million entries, all of one empty file; 47 MB."""
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, 1, 0) + b"a"
    entry = struct.pack(
        "<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0
    )
    entry += b"a"
    directory = entry * MILLION
    end = struct.pack(
        "<4s4H2LH", b"PK\x05\x06", 0, 0, declared, declared, len(directory), len(local), 0
    )
    return io.BytesIO(local + directory + end)


def million_members_zip64():
    """The same with the true count, which only the Zip64 record can hold."""
    file = million_members(0xFFFF)
    data = file.getvalue()
    size = len(data) - 22 - 31
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, MILLION, MILLION, size, 31)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(data) - 22, 1)
    return io.BytesIO(data[:-22] + record + locator + data[-22:])


def refused(file, limits=None):
    with pytest.raises(UploadError) as caught, open_archive(file, limits or Limits()):
        pass
    return caught.value


def test_an_ordinary_archive_opens():
    file = make_zip({"a.png": b"1", "b/c.png": b"22"}, comment=b"made by someone")
    assert count_members(file, "x", 10) == 2
    with open_archive(file, Limits()) as archive:
        assert archive.read("b/c.png") == b"22"


def test_an_empty_archive_opens():
    with open_archive(make_zip({}), Limits()) as archive:
        assert archive.namelist() == []


@pytest.mark.parametrize("declared", [1, 0xFFFF])
def test_a_million_members_are_counted_although_the_archive_hides_them(declared, monkeypatch):
    monkeypatch.setattr(zipfile, "ZipFile", lambda file: pytest.fail("opened"))
    error = refused(million_members(declared))
    assert error.code == "zip_members"
    assert error.fields["limit"] == Limits().members


def test_a_million_members_that_are_declared_are_refused(monkeypatch):
    monkeypatch.setattr(zipfile, "ZipFile", lambda file: pytest.fail("opened"))
    error = refused(million_members_zip64())
    assert (error.code, error.fields["members"]) == ("zip_members", MILLION)


def test_a_zip64_directory_is_counted_in_the_same_way():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for i in range(66_000):  # above 65,535 zipfile writes the Zip64 record
            archive.writestr(zipfile.ZipInfo(str(i)), b"")
    assert count_members(file, "x", 70_000) == 66_000
    with pytest.raises(UploadError):
        count_members(file, "x", 65_999)


@pytest.mark.parametrize("data", [b"a text, no archive", b"PK\x03\x04", b"x" * 100_000])
def test_what_is_no_archive_is_refused(data):
    assert refused(io.BytesIO(data)).code == "zip_broken"


def test_every_truncation_is_refused():
    data = make_zip({"a.png": b"some pixels", "b.png": b"more"}).getvalue()
    for length in range(1, len(data)):
        assert refused(io.BytesIO(data[:length])).code == "zip_broken"


def test_a_ratio_of_1_to_1000_is_refused():
    error = refused(make_zip({"bomb.png": bytes(10_000_000)}))
    assert error.code == "zip_ratio"
    assert error.fields["ratio"] > 900


def test_many_small_bombs_are_one_bomb():
    file = make_zip({f"{i}.png": bytes(50_000) for i in range(100)})
    assert refused(file).code == "zip_ratio"


def test_a_small_blank_file_is_no_bomb():
    with open_archive(make_zip({"a.bmp": bytes(900_000)}), Limits()):
        pass


def test_unpacked_size():
    file = make_zip({"a.png": b"x" * 600, "b.png": b"y" * 600}, zipfile.ZIP_STORED)
    assert refused(file, Limits(unpacked_bytes=1000)).code == "zip_unpacked"


def test_overlapping_members_are_refused():
    """Two entries share one packed member, as in archives that unpack to petabytes."""
    data = make_zip({"a.png": b"x" * 999, "b.png": b"y" * 10}, zipfile.ZIP_STORED).getvalue()
    start = data.index(b"PK\x01\x02")
    first = data[start : start + 46 + 5]
    directory = first + first.replace(b"a.png", b"c.png")
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, len(directory), start, 0)
    assert refused(io.BytesIO(data[:start] + directory + end)).code == "zip_broken"


def flip(data, signature, offset, value):
    """Overwrite two bytes at an offset behind each such signature."""
    data = bytearray(data)
    at = data.find(signature)
    while at >= 0:
        struct.pack_into("<H", data, at + offset, value)
        at = data.find(signature, at + 4)
    return io.BytesIO(bytes(data))


def test_encrypted_members_are_refused():
    data = make_zip({"a.png": b"secret"}).getvalue()
    assert refused(flip(data, b"PK\x01\x02", 8, 1)).code == "zip_encrypted"


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_rare_methods_are_refused(method):
    assert refused(make_zip({"a.png": b"x"}, method)).code == "zip_method"


def test_too_large_an_archive_is_refused():
    file = make_zip({"a.png": b"x" * 100}, zipfile.ZIP_STORED)
    assert refused(file, Limits(file_bytes=50)).code == "file_too_large"
