import numpy as np
import pytest
from PIL import Image

from kd_core.data.sources import SOURCES
from kd_core.data.sources.image_folder import detects, read
from kd_core.errors import DataError
from kd_core.text import Msg
from tests.helpers_data import tiny_images, write_folder

OPTIONS = SOURCES["image_folder"].check({})


def test_folders_are_classes(tmp_path):
    write_folder(tmp_path, *tiny_images(9))
    found = read(tmp_path, OPTIONS)
    assert detects(tmp_path)
    assert found.classes == ("class0", "class1", "class2")
    assert found.parts is None
    assert np.bincount(found.targets).tolist() == [3, 3, 3]
    assert all(
        i.startswith(found.classes[k]) for i, k in zip(found.ids, found.targets, strict=True)
    )


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "valid", "Testing")])
def test_parts_above_the_classes(tmp_path, names):
    for n, name in zip((6, 3, 3), names, strict=True):
        write_folder(tmp_path / "wrapped" / name, *tiny_images(n))
    found = read(tmp_path, OPTIONS)
    assert found.classes == ("class0", "class1", "class2")
    parts, counts = np.unique(found.parts, return_counts=True)
    assert dict(zip(parts, counts, strict=True)) == {"train": 6, "val": 3, "test": 3}


def test_a_class_may_be_named_like_a_part(tmp_path):
    images, _ = tiny_images(4)
    write_folder(tmp_path, images, np.array([0, 1, 0, 1]))
    (tmp_path / "class0").rename(tmp_path / "test")
    found = read(tmp_path, OPTIONS)
    assert found.classes == ("class1", "test")
    assert found.parts is None


def test_folders_below_a_class_belong_to_it(tmp_path):
    write_folder(tmp_path / "sick" / "slide7", *tiny_images(2))
    write_folder(tmp_path / "well", *tiny_images(2))
    assert read(tmp_path, OPTIONS).classes == ("sick", "well")


def test_a_table_gives_patients(tmp_path):
    write_folder(tmp_path, *tiny_images(4, classes=2))
    (tmp_path / "labels.csv").write_text("file,patient,sex\nclass0/0000.png,P1,F\n0001.png,P2,M\n")
    found = read(tmp_path, OPTIONS)
    assert found.patients.tolist() == ["P1", "", "P2", ""]
    assert found.groups["sex"].tolist() == ["F", "", "M", ""]


def test_images_outside_the_classes_are_said(tmp_path):
    write_folder(tmp_path, *tiny_images(4, classes=2))
    Image.new("L", (4, 4)).save(tmp_path / "overview.png")
    found = read(tmp_path, OPTIONS)
    assert found.notes == (Msg("data.note.outside_classes", {"n": 1}),)
    assert len(found.ids) == len(found.images) == 4


def test_nothing_to_read(tmp_path):
    with pytest.raises(DataError, match="no_images"):
        read(tmp_path, OPTIONS)
    write_folder(tmp_path, *tiny_images(2, classes=1))
    assert not detects(tmp_path)
    with pytest.raises(DataError, match="no_classes"):
        read(tmp_path, OPTIONS)
