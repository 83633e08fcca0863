import errno
import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from kd_core.data import upload_zip
from kd_core.data.upload_common import Limits
from kd_core.data.upload_zip import read_zip, safe_unzip
from kd_core.errors import StoreError, UploadError


def make_zip(members):
    """Bytes of an archive; a member's name may be a ZipInfo."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def raw_name(name):
    """A member name that zipfile would clean while writing."""
    info = zipfile.ZipInfo("placeholder")
    info.filename = name
    return info


def unix(name, kind):
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    return info


@pytest.fixture
def place(tmp_path):
    """A folder that holds something; a refusal must leave it exactly so."""
    (tmp_path / "sets" / "mine").mkdir(parents=True)
    (tmp_path / "sets" / "mine" / "a.png").write_bytes(b"old")
    return tmp_path / "sets"


def tree(folder):
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if not p.is_dir()
    } | {str(p.relative_to(folder)) + "/": b"" for p in folder.rglob("*") if p.is_dir()}


def refused(data, place, limits=None, to="new"):
    before = tree(place.parent)
    with pytest.raises((UploadError, StoreError)) as caught:
        safe_unzip(io.BytesIO(data), place / to, limits)
    assert tree(place.parent) == before
    return caught.value


def test_what_is_wanted_is_unpacked_and_the_rest_left_out(place):
    dicom = bytes(128) + b"DICM" + bytes(20)
    data = make_zip(
        [
            ("set/cat/1.PNG", b"1"),
            ("set/cat/", b""),
            ("set\\dog\\2.jpg", b"2"),
            ("./set//labels.csv", b"file,label\n"),
            ("set/IM000001", dicom),
            ("set/1.2.840.113619", dicom),
            ("set/README", b"some text"),
            ("set/inner.zip", make_zip([("../x.png", b"")])),
            ("set/program.py", b"raise SystemExit"),
            ("__MACOSX/set/cat/._1.PNG", b"junk"),
            ("set/cat/.DS_Store", b"junk"),
            ("set/Thumbs.db", b"junk"),
            ("set/.hidden.png", b"junk"),
        ]
    )
    steps = []
    paths = safe_unzip(io.BytesIO(data), place / "new", progress=lambda *step: steps.append(step))
    names = ["cat/1.PNG", "dog/2.jpg", "labels.csv", "IM000001", "1.2.840.113619"]
    assert paths == [place / "new" / "set" / name for name in names]
    assert [p.read_bytes() for p in paths] == [b"1", b"2", b"file,label\n", dicom, dicom]
    assert sum(p.is_file() for p in (place / "new").rglob("*")) == 5
    assert steps[-1] == (317, 317)
    assert sorted(p.name for p in place.iterdir()) == ["mine", "new"]


def test_a_path_is_taken_like_an_upload(place, tmp_path):
    (tmp_path / "a.zip").write_bytes(make_zip([("1.png", b"1")]))
    assert safe_unzip(tmp_path / "a.zip", place / "new") == [place / "new" / "1.png"]


@pytest.mark.parametrize(
    "name",
    [
        "../evil.png",
        "set/../../evil.png",
        "..\\evil.png",
        "/etc/evil.png",
        "\\evil.png",
        "//server/share/evil.png",
        "C:\\evil.png",
        "c:evil.png",
        "a\nb.png",
        "..",
    ],
)
def test_names_that_lead_outside_are_refused(name, place):
    error = refused(make_zip([("good.png", b"1"), (raw_name(name), b"2")]), place)
    assert error.code == "zip_name_unsafe"
    assert "\n" not in error.fields["member"]


def test_a_name_with_a_null_byte_is_refused(place):
    """Readers that stop at the byte would see another name."""
    data = make_zip([("evil.png_x.txt", b"1")]).replace(b"evil.png_x.txt", b"evil.png\x00x.txt")
    assert refused(data, place).code == "zip_name_unsafe"


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_special_files_are_refused(kind, place):
    data = make_zip([("good.png", b"1"), (unix("link.png", kind), b"/etc/passwd")])
    assert refused(data, place).code == "zip_symlink"


def test_an_ordinary_unix_file_is_no_link(place):
    assert safe_unzip(io.BytesIO(make_zip([(unix("a.png", stat.S_IFREG), b"1")])), place / "new")


@pytest.mark.parametrize("name", ["a" * 300 + ".png", "d/" * 130 + "a.png", "é" * 130 + ".png"])
def test_long_names_are_refused(name, place):
    assert refused(make_zip([(name, b"1")]), place).code == "zip_name_long"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicates_are_refused(place):
    data = make_zip([("a.png", b"1"), ("./a.png", b"2")])
    assert refused(data, place).code == "zip_duplicate"
    assert refused(make_zip([("a.png", b"1"), ("a.png", b"2")]), place).code == "zip_duplicate"


@pytest.mark.parametrize("names", [("a.png", "a.png/b.png"), ("a.png/b.png", "a.png")])
def test_a_file_that_is_also_a_folder_is_refused(names, place):
    assert refused(make_zip([(n, b"1") for n in names]), place).code == "zip_duplicate"


@pytest.mark.parametrize(
    "names", [("a.png", "A.PNG"), ("Cat/1.png", "cat/2.png"), ("caf\u00e9.png", "cafe\u0301.png")]
)
def test_two_spellings_of_one_name_are_refused(names, place):
    error = refused(make_zip([(n, b"1") for n in names]), place)
    assert error.code == "zip_case_collision"
    assert {error.fields["member"].split("/")[0], error.fields["other"].split("/")[0]} == {
        n.split("/")[0] for n in names
    }


def test_a_member_above_its_own_limit_is_refused(place):
    data = make_zip([("a.png", b"123"), ("b.csv", b"12345")])
    assert refused(data, place, Limits(image_bytes=2)).fields["name"] == "a.png"
    assert refused(data, place, Limits(csv_bytes=4)).fields["name"] == "b.csv"


def test_an_archive_without_images_is_refused(place):
    assert refused(make_zip([("notes.txt", b"1"), ("x.zip", b"2")]), place).code == "zip_nothing"
    assert refused(make_zip([]), place).code == "zip_nothing"


def test_a_bomb_is_refused(place):
    assert refused(make_zip([("a.png", bytes(10_000_000))]), place).code == "zip_ratio"


def lie_about_size(data, size):
    """The same archive whose directory and local header declare another unpacked size."""
    data = bytearray(data)
    struct.pack_into("<L", data, data.index(b"PK\x03\x04") + 22, size)
    struct.pack_into("<L", data, data.index(b"PK\x01\x02") + 24, size)
    return bytes(data)


@pytest.mark.parametrize("size", [10, 4000])
def test_a_declared_size_that_lies_is_found_while_writing(size, place):
    data = lie_about_size(make_zip([("a.png", b"0123456789" * 100)]), size)
    assert refused(data, place).code == "zip_broken"


def test_a_damaged_member_leaves_nothing(place):
    data = make_zip([("a.png", b"1" * 500), ("b.png", bytes(range(256)) * 40)])
    at = data.rindex(b"b.png", 0, data.index(b"PK\x01\x02")) + 20
    damaged = data[:at] + bytes(20) + data[at + 20 :]
    assert refused(damaged, place).code == "zip_broken"


def test_an_existing_folder_is_kept(place):
    assert refused(make_zip([("a.png", b"new")]), place, to="mine").code == "folder_exists"


def test_a_full_disk_is_found_before_anything_is_written(place, monkeypatch):
    def full(path, size):
        raise StoreError("disk_full", path=str(path), free_bytes=0, needed_bytes=size)

    monkeypatch.setattr(upload_zip, "need_space", full)
    error = refused(make_zip([("a.png", b"12345")]), place)
    assert (error.code, error.fields["needed_bytes"]) == ("disk_full", 5)


def test_a_disk_that_fills_up_meanwhile_leaves_nothing(place, monkeypatch):
    real = Path.open

    def opens(path, mode="r", *args):
        if mode == "xb" and path.name == "b.png":
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, mode, *args)

    monkeypatch.setattr(Path, "open", opens)
    assert refused(make_zip([("a.png", b"1"), ("b.png", b"2")]), place).code == "disk_full"


def test_the_same_files_are_read_in_memory_and_nothing_is_written(place):
    data = make_zip([("a/1.png", b"one"), ("a/notes.txt", b"no"), ("2.jpg", b"two")])
    before = tree(place)
    found = [(str(path), n, content) for path, n, content in read_zip(io.BytesIO(data))]
    assert found == [("a/1.png", 2, b"one"), ("2.jpg", 2, b"two")]
    assert tree(place) == before


@pytest.mark.parametrize("name", ["../out.png", "/etc/x.png"])
def test_reading_in_memory_refuses_the_same_names(name):
    with pytest.raises(UploadError) as caught:
        list(read_zip(io.BytesIO(make_zip([(raw_name(name), b"x")]))))
    assert caught.value.code == "zip_name_unsafe"
