import numpy as np
import pytest

from kd_core.data.sources import SOURCES, LabelCounts
from kd_core.data.sources.table import detects, read
from kd_core.errors import DataError
from tests.helpers_data import tiny_images, write_folder

CHEXPERT = """Path,Sex,Edema,Mass
set/class0/0000.png,F,1.0,
set/class1/0001.png,M,-1.0,0.0
set/class0/0002.png,F,0.0,1.0
set/class1/0003.png,M,-1.0,
"""


@pytest.fixture
def folder(tmp_path):
    """Four images: class0/0000, class0/0002, class1/0001, class1/0003."""
    root = tmp_path / "data"
    write_folder(root, *tiny_images(4, classes=2))
    return root


def from_table(folder, text, **options):
    (folder / "labels.csv").write_text(text)
    return read(folder / "labels.csv", SOURCES["table"].check(options))


@pytest.mark.parametrize(("policy", "edema"), [("ignore", np.nan), ("ones", 1), ("zeros", 0)])
def test_policies_for_uncertain_labels(folder, policy, edema):
    found = from_table(folder, CHEXPERT, uncertain=policy)
    assert found.task == "multilabel"
    assert found.classes == ("Edema", "Mass")
    assert found.targets.dtype == np.float32
    expected = [[1, 0], [0, 1], [edema, 0], [edema, 0]]  # in the order of the files
    assert np.array_equal(found.targets, np.array(expected, np.float32), equal_nan=True)
    assert found.groups["Sex"].tolist() == ["F", "F", "M", "M"]


def test_counts_under_each_policy(folder):
    found = from_table(folder, CHEXPERT)
    edema, mass = found.uncertain
    assert edema == LabelCounts("Edema", positive=1, negative=1, uncertain=2, blank=0)
    assert mass == LabelCounts("Mass", positive=1, negative=1, uncertain=0, blank=2)
    assert edema.under("ones") == {"positive": 3, "negative": 1, "ignored": 0}
    assert edema.under("zeros") == {"positive": 1, "negative": 3, "ignored": 0}
    assert edema.under("ignore") == {"positive": 1, "negative": 1, "ignored": 2}


def test_blank_cells_can_be_ignored(folder):
    found = from_table(folder, CHEXPERT, blank="ignore", uncertain="ones")
    assert np.isnan(found.targets[:, 1]).tolist() == [True, False, False, True]


def test_one_label_column(folder):
    text = (
        "image;label;split;patient\n0000;10;train;a\n0001;9;test;b\n0002;9;train;a\n0003;x;val;\n"
    )
    found = from_table(folder, text)
    assert found.task == "classification"
    assert found.classes == ("9", "10", "x")
    assert found.targets.tolist() == [1, 0, 0, 2]  # 0000, 0002, 0001, 0003
    assert found.parts.tolist() == ["train", "train", "test", "val"]
    assert found.patients.tolist() == ["a", "a", "b", ""]
    assert found.uncertain == ()


def test_columns_by_name(folder):
    text = "key,image,grade,split\n0000,?,1,?\n0001,?,2,?\n0002,?,1,?\n0003,?,2,?\n"
    found = from_table(folder, text, file_column="key", label_columns="grade", split_column="-")
    assert found.classes == ("1", "2")
    assert found.parts is None


def test_labels_are_not_taken_from_columns_with_another_use(folder):
    text = "file,sex,patient,Edema,Mass\n0000,0,1,1,0\n0001,1,0,0,0\n"
    assert from_table(folder, text).classes == ("Edema", "Mass")


@pytest.mark.parametrize(
    ("code", "line", "text"),
    [
        ("csv_image_missing", 3, "file,label\n0000,a\n0009,b\n"),
        ("csv_image_missing", 2, "file,label\n../../secret.png,a\n"),
        ("csv_image_twice", 4, "file,label\n0000,a\n0001,b\nclass0/0000.png,b\n"),
        ("csv_label_blank", 3, "file,label\n0000,a\n0001,\n"),
        ("csv_label_value", 3, "file,Edema,Mass\n0000,1,0\n0001,2,0\n"),
        ("csv_row", 3, "file,label\n0000,a\n0001\n"),
        ("split_unknown", 2, "file,label,split\n0000,a,fold7\n"),
    ],
)
def test_bad_rows_are_named_by_their_line(folder, code, line, text):
    options = {"label_columns": "Edema,Mass"} if "Edema" in text else {}
    with pytest.raises(DataError, match=code) as caught:
        from_table(folder, text, **options)
    assert caught.value.fields["line"] == line


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("no_file_column", "who,label\n0000,a\n"),
        ("no_label_column", "file,colour\n0000,red\n"),
    ],
)
def test_columns_that_are_not_there(folder, code, text):
    with pytest.raises(DataError, match=code):
        from_table(folder, text)


def test_folders_with_a_table(folder, tmp_path):
    assert not detects(folder)
    with pytest.raises(DataError, match="no_table"):
        read(folder, SOURCES["table"].check({}))
    from_table(folder, CHEXPERT)
    assert detects(tmp_path)
    assert detects(folder / "labels.csv")
    alone = tmp_path / "alone"
    alone.mkdir()
    with pytest.raises(DataError, match="no_images"):
        from_table(alone, CHEXPERT)
