import pytest

from kd_core.data.sources.files import FileIndex, is_dicom_file, list_files, unwrap

DICOM = b"\0" * 128 + b"DICM"


def touch(root, *names, content=b"x"):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def test_images_are_listed_in_order_without_hidden_files(tmp_path):
    touch(tmp_path, "b/2.PNG", "b/10.jpg", "a/x.tiff", "notes.txt", ".git/x.png", "b/._2.png")
    touch(tmp_path, "__MACOSX/b/2.png")
    assert list_files(tmp_path) == ("a/x.tiff", "b/10.jpg", "b/2.PNG")


@pytest.mark.parametrize(
    ("files", "inner"),
    [
        (["data/cells/a/1.png", "data/cells/b/1.png"], "data/cells"),
        (["wrapped/train/a/1.png", "__MACOSX/x"], "wrapped"),
        (["only/1.png"], "only"),
        (["labels.csv", "images/1.png"], "."),
    ],
)
def test_folders_around_the_data_are_passed(tmp_path, files, inner):
    touch(tmp_path, *files)
    assert unwrap(tmp_path) == tmp_path / inner


def test_a_train_folder_is_no_wrapping(tmp_path):
    touch(tmp_path, "Train/a/1.png", "Train/b/1.png")
    assert unwrap(tmp_path) == tmp_path


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("images/a.png", "images/a.png"),
        ("CheXpert/images/a.png", "images/a.png"),
        (r"images\a.png", "images/a.png"),
        ("b.png", "images/b.png"),
        (" b ", "images/b.png"),
        ("a.png", None),  # there are two
        ("../../etc/passwd", None),
        ("", None),
    ],
)
def test_tables_name_files_in_many_ways(text, file):
    assert FileIndex(["images/a.png", "images/b.png", "other/a.png"]).find(text) == file


def test_dicom_is_known_by_suffix_or_content(tmp_path):
    touch(tmp_path, "a.dcm", "notes", "b.png")
    touch(tmp_path, "IM0001", "1.2.840.5", content=DICOM)
    assert list_files(tmp_path, is_dicom_file) == ("1.2.840.5", "IM0001", "a.dcm")
