import numpy as np
import pytest

from kd_core.data.sources import detect
from kd_core.errors import DataError
from tests.helpers_data import tiny_images, write_dicom, write_folder, write_npz


def test_each_kind_is_told_from_the_others(tmp_path):
    write_folder(tmp_path / "folder", *tiny_images(4))
    (tmp_path / "folder" / "labels.csv").write_text("file,patient\n0000.png,P\n")
    write_folder(tmp_path / "table" / "images", *tiny_images(2, classes=1))
    (tmp_path / "table" / "labels.csv").write_text("file,label\n0000,a\n0001,b\n")
    write_dicom(tmp_path / "dicom" / "IM1", np.zeros((4, 4), np.uint16))
    write_npz(tmp_path / "set.npz", {"train": np.array([0, 1])})
    assert detect(tmp_path / "folder") == "image_folder"
    assert detect(tmp_path / "table") == "table"
    assert detect(tmp_path / "table" / "labels.csv") == "table"
    assert detect(tmp_path / "dicom") == "dicom"
    assert detect(tmp_path / "set.npz") == "npz"


def test_nothing_known(tmp_path):
    with pytest.raises(DataError, match="path_missing"):
        detect(tmp_path / "gone")
    with pytest.raises(DataError, match="source_unknown"):
        detect(tmp_path)
