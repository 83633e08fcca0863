"""The bad files that people really bring, all through the one door."""

import io
import pickle
import stat
import zipfile

import numpy as np
import pytest
from PIL import Image

from kd_core.data import uploads
from kd_core.data.uploads import check_csv, check_image, check_npz, safe_unzip
from kd_core.errors import UploadError
from tests.kd_core.data.test_upload_archive import make_zip, million_members
from tests.kd_core.data.test_upload_image import png


def a_jpeg():
    file = io.BytesIO()
    Image.fromarray(np.arange(30_000, dtype=np.uint32).astype(np.uint8).reshape(100, 300)).save(
        file, "JPEG"
    )
    return file.getvalue()


def an_npz_with_a_pickle():
    file = io.BytesIO()
    np.savez(file, train_images=np.array([{"a": 1}], dtype=object))
    return file.getvalue()


def a_zip_with_a_link():
    link = zipfile.ZipInfo("a.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return make_zip({link: b"/etc/passwd"}).getvalue()


BAD_FILES = {
    "a text renamed .png": ("a.png", b"hello", check_image, "image_format"),
    "a truncated JPEG": ("a.jpg", a_jpeg()[:-400], check_image, "image_broken"),
    "100 megapixels": ("a.png", png(10_000, 10_000), check_image, "image_too_large"),
    "names with ../": ("a.zip", make_zip({"../a.png": b"1"}).getvalue(), None, "zip_name_unsafe"),
    "a symbolic link": ("a.zip", a_zip_with_a_link(), None, "zip_symlink"),
    "a million members": ("a.zip", million_members(9).getvalue(), None, "zip_members"),
    "1 to 1000": ("a.zip", make_zip({"a.png": bytes(5_000_000)}).getvalue(), None, "zip_ratio"),
    "pickled objects": ("a.npz", an_npz_with_a_pickle(), check_npz, "npz_pickle"),
    "a pickle": ("a.npz", pickle.dumps({"a": 1}), check_npz, "npz_not_zip"),
    "a broken row": ("a.csv", b"file,label\na.png,1\nb.png\n", check_csv, "csv_row"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_gives_one_code_and_changes_nothing(case, tmp_path):
    name, data, check, code = BAD_FILES[case]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(UploadError) as caught:
        check(path) if check else safe_unzip(path, tmp_path / "new")
    assert caught.value.code == code
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert path.read_bytes() == data


def test_the_door_offers_what_it_promises():
    for name in uploads.__all__:
        assert getattr(uploads, name) is not None
