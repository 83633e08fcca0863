import io
import pickle
import zipfile

import numpy as np
import pytest
from numpy.lib import format as npy

from kd_core.data.upload_common import Limits
from kd_core.data.upload_npz import check_npz, load_npz
from kd_core.errors import UploadError


def saved(compressed=True, **arrays):
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file


def claimed(shape, descr="|u1", data=b"", name="train_images.npy"):
    """An archive with one array whose header says anything."""
    head = io.BytesIO()
    npy.write_array_header_1_0(head, {"descr": descr, "fortran_order": False, "shape": shape})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, head.getvalue() + data)
    return file


def refused(file, limits=None):
    with pytest.raises(UploadError) as caught:
        check_npz(file, limits)
    return caught.value


@pytest.mark.parametrize("compressed", [True, False])
def test_headers_and_arrays(compressed):
    images = np.arange(4 * 28 * 28, dtype=np.uint8).reshape(4, 28, 28)
    file = saved(compressed, train_images=images, train_labels=np.zeros((4, 1), np.int64))
    headers = check_npz(file)
    assert headers["train_images"].shape == (4, 28, 28)
    assert headers["train_images"].size_bytes == images.nbytes
    assert headers["train_labels"].dtype == "<i8"
    np.testing.assert_array_equal(load_npz(file)["train_images"], images)


def test_text_scalars_and_empty_arrays_are_sound():
    headers = check_npz(saved(names=np.array(["a", "bc"]), n=np.array(3), none=np.zeros((0, 5))))
    assert headers["names"].dtype == "<U2"
    assert (headers["n"].shape, headers["none"].size_bytes) == ((), 0)


class Exploit:
    def __reduce__(self):
        return pytest.fail, ("a pickle was opened",)


def test_pickled_objects_are_refused_without_being_opened():
    assert refused(saved(train_images=np.array([Exploit()], dtype=object))).code == "npz_pickle"


def test_a_record_with_an_object_inside_is_refused():
    array = np.zeros(2, dtype=[("a", "i4"), ("b", "O")])
    assert refused(saved(x=array)).code == "npz_pickle"


@pytest.mark.parametrize("dtype", ["c8", "M8[s]", [("a", "i4")], "V3"])
def test_other_kinds_of_values_are_refused(dtype):
    assert refused(saved(x=np.zeros(2, dtype=dtype))).code == "npz_dtype"


@pytest.mark.parametrize(
    "data", [pickle.dumps(Exploit()), b"\x93NUMPY\x01\x00", b"text"], ids=["pickle", "npy", "text"]
)
def test_what_is_no_archive_is_refused(data):
    assert refused(io.BytesIO(data)).code == "npz_not_zip"


def test_a_huge_claim_is_refused_without_memory():
    assert refused(claimed((10**6, 10**4, 10**4))).code == "npz_broken"
    assert refused(claimed((10**30,))).code == "npz_broken"
    assert refused(claimed((-5,))).code == "npz_broken"


def test_memory_is_limited():
    file = saved(a=np.zeros(600, np.uint8), b=np.zeros(600, np.uint8))
    assert refused(file, Limits(array_bytes=1000)).code == "npz_too_large"


def test_data_that_do_not_fit_the_header_are_refused():
    assert refused(claimed((4, 4), data=bytes(15))).code == "npz_broken"
    assert refused(claimed((4, 4), data=bytes(17))).code == "npz_broken"
    assert check_npz(claimed((4, 4), data=bytes(16)))["train_images"].shape == (4, 4)


def test_a_bomb_is_refused():
    file = saved(train_images=np.zeros((1000, 100, 100), np.uint8))
    assert refused(file).code == "zip_ratio"


def test_members_that_are_no_arrays_are_refused():
    assert refused(claimed((1,), data=b"a", name="program.py")).code == "npz_member"


def test_many_members_are_refused():
    file = saved(compressed=False, **{f"a{i}": np.zeros(1) for i in range(1001)})
    assert refused(file).code == "zip_members"


def test_broken_headers_are_refused():
    data = claimed((2, 2), data=bytes(4)).getvalue()
    for old, new in ((b"NUMPY", b"NUMPX"), (b"(2, 2)", b"(2,((("), (b"|u1", b"!!!")):
        file = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            raw = archive.read("train_images.npy").replace(old, new)
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("train_images.npy", raw)
        assert refused(file).code == "npz_broken"


def test_damaged_data_are_refused_when_loaded():
    file = saved(compressed=False, x=np.arange(100))
    data = bytearray(file.getvalue())
    data[300] ^= 255
    with pytest.raises(UploadError) as caught:
        load_npz(io.BytesIO(bytes(data)))
    assert caught.value.code == "zip_broken"


def test_every_truncation_is_refused():
    data = saved(x=np.arange(10)).getvalue()
    for length in range(len(data)):
        assert refused(io.BytesIO(data[:length])).code in ("npz_not_zip", "zip_broken")
